/*
 * channel - the names of channels, and who may hear which.
 *
 * A shared channel is one of hub.def's closed list.  A private channel is
 * "user:" and the id of its owner, who alone may hear it, whatever anybody's
 * role.  Restricted shared channels stand in one table in channel.c.
 * Pure functions, any thread: the same one decides what may be subscribed
 * and, once more, what is delivered.
 */
#ifndef PROTOCOLS_CHANNEL_H
#define PROTOCOLS_CHANNEL_H

#include <stdbool.h>

#include "protocols/messages.h"
#include "runtime/base/status.h"

#define CHANNELS_SHARED (CHANNEL_RATELIMIT + 1)
#define CHANNEL_PRIVATE_PREFIX "user:"

enum channel_kind {
	CHANNEL_UNKNOWN, /* also a private one of a blank id */
	CHANNEL_SHARED,
	CHANNEL_PRIVATE
};

struct channel_ref {
	enum channel_kind kind;
	enum channel shared; /* of a shared one */
	struct bytes owner;  /* of a private one; lies in the name */
};

struct channel_ref channel_parse(struct bytes name);

/* Shared, or private with an id. */
bool channel_is_valid(const char *name);

/* The text of a shared one. */
const char *channel_name(enum channel c);

/* INVALID for a blank id, FULL for one that is too long. */
MUST_CHECK enum status channel_private_name(
    const char *user_id, char ret_name[CHANNEL_MAX + 1]);

/* Every role of a person: may open a socket. */
bool channel_role_reads(enum role role);

bool channel_allows(
    const struct channel_ref *c, enum role role, const char *user_id);

#endif
