/*
 * channel - the names of channels, and who may hear and tell which.
 *
 * A shared channel is one of hub.def's closed list.  The others are made by
 * naming them, a family and an id: "user:" and its owner, who alone may hear
 * it, whatever anybody's role; "session:" and the log-in that alone may hear
 * it; "project:" and a project, for the roles that event_stream.project_read
 * lets in.  Restricted shared channels stand in one table in channel.c.
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
#define CHANNEL_SESSION_PREFIX "session:"
#define CHANNEL_PROJECT_PREFIX "project:"

enum channel_kind {
	CHANNEL_UNKNOWN, /* also one of a family, with a blank id */
	CHANNEL_SHARED,
	CHANNEL_PRIVATE,
	CHANNEL_SESSION,
	CHANNEL_PROJECT
};

/* Roles as the settings name them: each lets in those before it too. */
#define CHANNEL_ROLE_SETS(X) X(CEO) X(STEER) X(WRITE) X(READ)

enum channel_roles {
#define X(set) CHANNEL_ROLES_##set,
	CHANNEL_ROLE_SETS(X)
#undef X
};

/* Somebody who listens, and what the settings say of such. */
struct hearer {
	enum role role;
	const char *user_id;
	const char *session_id;
	enum channel_roles projects; /* who may hear them */
};

struct channel_ref {
	enum channel_kind kind;
	enum channel shared; /* of a shared one */
	struct bytes owner;  /* the id, of a family; lies in the name */
};

struct channel_ref channel_parse(struct bytes name);

/* Shared, or of a family, with an id. */
bool channel_is_valid(const char *name);
bool channel_is_shared(const char *name);

/* The text of a shared one. */
const char *channel_name(enum channel c);

/* INVALID for a blank id, FULL for one that is too long. */
MUST_CHECK enum status channel_private_name(
    const char *user_id, char ret_name[CHANNEL_MAX + 1]);

/* Every role of a person: may open a socket. */
bool channel_role_reads(enum role role);

/* Of ceo, steer (ceo and manager), write, read. */
bool channel_role_is_in(enum role role, enum channel_roles set);
/* The set that a setting names; READ for a text that none of them is. */
enum channel_roles channel_roles_of(const char *text);

bool channel_allows(const struct channel_ref *c, const struct hearer *who);

/* May this role tell events there?  A session's own are the program's. */
bool channel_may_tell(const struct channel_ref *c, enum role role);

/*
 * Which shard of the hub has a channel, or a user's presence: everybody who
 * speaks to the hub computes the same.
 */
uint32_t channel_shard(const char *name, uint32_t shards);

#endif
