/* node_inside - what a node is made of; for runtime/ alone. */
#ifndef RUNTIME_NODE_INSIDE_H
#define RUNTIME_NODE_INSIDE_H

#include <pthread.h>

#include "runtime/cut.h"
#include "runtime/loop.h"
#include "runtime/node.h"
#include "runtime/work.h"

struct bridge;

/* Where an actor of this node is; the number of its loop is for any thread. */
struct place {
	_Atomic uint32_t loop_plus_1; /* 0: nobody */
	struct actor *actor;          /* for its own loop */
};

struct node {
	struct node_config config;
	_Atomic(const struct config *) settings; /* what actors read now */
	struct loop *loops;
	struct place
	    *listed[ADDRESS_LISTED_MAX]; /* an array of shards, or NULL */
	uint32_t listed_shards[ADDRESS_LISTED_MAX];
	struct place *spawned; /* NODE_SPAWNED_MAX of them */
	_Atomic uint32_t spawned_count;
	struct actor *actors; /* the one spawned last; fixed after node_start */
	struct work_queue work[WORK_POOLS];
	struct drivers *drivers; /* if threaded */
	bool driven;             /* their threads run */
	struct cut *cut;
	size_t edges_off; /* in the last check; the checker's */

	/* Frames for other nodes go to loop 0, which calls this.  NULL: none.
	 */
	void (*remote)(struct bridge *b, struct loop *l, struct mail *m);
	struct bridge *bridge;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	uint32_t starting;
	uint32_t draining;
	uint32_t ended;
	bool failed;
	char failed_why[ACTOR_NAME_MAX + 2 + ACTOR_WHY_MAX + 1];
	char announced[NODE_ANNOUNCED_MAX + 1];
};

static inline struct place *
node_place_of(struct node *n, uint64_t address)
{
	uint32_t number = address_number(address);
	uint32_t shard = address_shard(address);

	if (number >= ADDRESS_SPAWNED)
		return number - ADDRESS_SPAWNED < NODE_SPAWNED_MAX
			   ? &n->spawned[number - ADDRESS_SPAWNED]
			   : NULL;
	return shard < n->listed_shards[number] ? &n->listed[number][shard]
						: NULL;
}

/* Somebody is past help; the first one is kept and told. */
void node_failed(struct node *n, const char *actor, const char *why);
void node_actor_ready(struct node *n);
/* "?" for an address nobody has. */
const char *node_name_of(struct node *n, uint64_t address);
/* For timed waits on n->changed. */
struct timespec node_time_after(uint64_t us);
void node_actor_drained(struct node *n);

/* ---- driver.c: a thread with libuv for each loop ---- */
/* The libuv loops, before anything is on them. */
MUST_CHECK enum status drivers_create(struct node *n);
/* All threads or none. */
MUST_CHECK enum status drivers_start(struct node *n);
void drivers_stop(struct node *n);
/* Nothing may be left on the libuv loops. */
void drivers_destroy(struct node *n);

#endif
