/*
 * channel - the names of channels, and who may hear what is told on them.
 *
 * A channel is shared, if it stands in enum channel, or private: user: and a
 * user's id.  Anything else is no channel.  Stateless; any thread.
 */
#ifndef PROTOCOLS_CHANNEL_H
#define PROTOCOLS_CHANNEL_H

#include <stdbool.h>

#include "protocols/messages.h"

#define CHANNEL_PRIVATE "user:"

bool channel_is_shared(const char *name);

/* The id within the name; NULL if it is not private, or the id is blank. */
const char *channel_user(const char *name);

/* Shared, or private with an id. */
bool channel_is_valid(const char *name);

/* INVALID for a blank id, FULL if the name would pass CHANNEL_MAX. */
MUST_CHECK enum status channel_of_user(
    const char *user_id, char ret_name[CHANNEL_MAX + 1]);

/*
 * A private channel is its owner's and nobody else's, whatever the role; a
 * restricted one is for ceo and manager; any other for all who read.
 */
bool channel_is_allowed(const char *name, const char *user_id, enum role role);

#endif
