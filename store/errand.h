/*
 * errand - one request on its way through the store's threads and back.
 *
 * It is made on the actor's loop, runs on a store thread, perhaps more than
 * once, and comes back to the loop as a call.  The request's own message goes
 * with it and is read again there; the reply comes back encoded, so nothing
 * of a transaction's memory outlives it.
 */
#ifndef STORE_ERRAND_H
#define STORE_ERRAND_H

#include "runtime/actor.h"
#include "store/commit.h"
#include "store/requests.h"

#define ERRAND_SMALL                                             \
	512 /* bytes of a reply that need no memory of their own \
	     */

/* What came of it: a body of `id`, or a refusal. */
struct errand_result {
	uint16_t id;
	struct wire_out reply;
	struct wire_out event; /* a hub_committed; used 0: none */
	enum status st;
	uint32_t problem;
	char why[TXN_WHY_SIZE];
};

struct errand {
	struct job job;
	struct actor_call call;
	struct actor *actor;
	actor_call_fn on_back;
	uint64_t op;       /* handle of the op to answer */
	struct mail *mail; /* the request */
	const struct request *request;
	struct errand_result result;
	unsigned char small[ERRAND_SMALL];
};

/* NULL without memory.  Takes mail only if it succeeds. */
struct errand *errand_create(struct actor *actor, const struct request *request,
    uint64_t op, struct mail *mail, actor_call_fn on_back);
/* Its mail must have been dropped. */
void errand_destroy(struct errand *e);

struct errand *errand_of(struct actor_call *c);

#endif
