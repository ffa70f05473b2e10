/*
 * replica - tells every gateway that follows what has changed, and waits.
 *
 * The contract is the head of protocols/replica.def.  Changes are numbered
 * and kept in a ring as ids; what is sent is looked up when it is sent, in
 * batches, one batch at a time to each gateway.  A gateway that does not
 * apply a batch hears no more beats, so that it stops letting anybody in
 * before the registry stops waiting for it.  One that does not follow is
 * asked to at every beat; after a start nothing is known of any, and each
 * is waited for until it joins or the longest lease is over.  When every
 * gateway has a revocation, the ticket-store drops the tickets of that session.
 *
 * Bounds:  GATEWAYS_MAX, CHANGES_MAX
 */
#ifndef ACTORS_REPLICA_H
#define ACTORS_REPLICA_H

#include "actors/session_registry.h"
#include "runtime/base/list.h"

enum change_kind {
	CHANGE_ACCOUNT,
	CHANGE_REVOKED,
	CHANGE_PRUNED,
	CHANGE_KEYS,
	CHANGE_KEY
};

struct change {
	struct uuid id;
	enum change_kind kind;
};

/* A gateway, or the ticket-store. */
struct member {
	uint64_t address;
	uint64_t joined; /* which join this is; 0: vacant */
	uint64_t acked;  /* changes it has applied */
	uint64_t sent;
	bool in_flight;   /* acked to sent */
	bool silent;      /* it missed one: no beats, no changes */
	bool is_stranger; /* it follows another registry, or none: beat 0 */
	uint64_t sent_at_us;
	uint64_t lease_until_us;
};

struct replica {
	uint64_t epoch;
	uint64_t head; /* number of the newest change; 0: none yet */
	uint64_t joins;
	struct change changes[CHANGES_MAX];
	struct member gateways[GATEWAYS_MAX];
	struct member tickets;
	struct list waiting; /* of struct replica_wait, oldest first */
	struct timer beat;
};

/* all: false when the deadline came first. */
typedef enum status (*replica_then_fn)(
    struct actor *self, struct op *op, bool all);

/* The first member of the data of an op that waits. */
struct replica_wait {
	struct list link;
	struct op *op;
	uint64_t change;
	replica_then_fn then;
};

/* Starts the beats. */
void replica_open(struct actor *self);

/* More than half of the changes that may be on their way are not. */
bool replica_has_room(const struct replica *r);

/*
 * A change has been made in memory: it goes out with the next batch, at the
 * latest when somebody waits for it.  FULL at CHANGES_MAX on their way.
 */
MUST_CHECK enum status replica_tell(
    struct replica *r, enum change_kind kind, const struct uuid *id);

/* Sends what is not on its way yet. */
enum status replica_go_on(struct actor *self);

/* Calls then when every change told so far is applied everywhere. */
enum status replica_wait_for(
    struct actor *self, struct op *op, replica_then_fn then);

enum status replica_on_join(struct actor *self, const struct msg *in);
enum status replica_on_agree(struct actor *self, const struct msg *in);
enum status replica_on_read(struct actor *self, const struct msg *in);

#endif
