/*
 * node - one process of a topology: loops, the actors on them, worker pools.
 *
 * Made by one thread, in this order: node_create, node_spawn for each actor
 * in the order of actors.def, node_start; later node_drain, node_stop,
 * node_destroy.  A node that is not threaded has no thread of its own: a
 * test turns it with node_turn and owns its clock.
 */
#ifndef RUNTIME_NODE_H
#define RUNTIME_NODE_H

#include <pthread.h>

#include "runtime/actor.h"
#include "runtime/supervisor.h"

#define NODE_SPAWNED_MAX 4096u /* actors beside those of actors.def */
#define NODE_NAME_MAX 63
#define NODE_LOOK_US 100000 /* between two questions to is_wanted */
#define NODE_ANNOUNCED_MAX 1023
#define WORK_QUEUE_MAX 1024u /* jobs that wait, per pool */
#define WORK_CPU_YIELD 5     /* log-ins take a third of what others want */
#define WORK_THREADS_MAX 16u

typedef void (*random_fn)(void *ctx, void *ret_bytes, size_t size);

/* Fills from the kernel. */
void random_system(void *ctx, void *ret_bytes, size_t size);

struct links;
struct loop;
struct node;

struct node_config {
	uint32_t number; /* of this node in its topology, from 0 */
	const char *name;
	const struct clock *clock;
	random_fn random;
	void *random_ctx;
	const struct config *config; /* what actors read; may be NULL */
	uint32_t loops;
	bool threaded;
	/* NULL: pthread_create.  A test's may fail. */
	int (*thread_create)(
	    pthread_t *thread, void *(*run)(void *arg), void *arg);
	uint32_t work_threads[WORK_POOLS];   /* 0: jobs run in node_turn */
	struct supervisor_config supervisor; /* all zero: the default */
	/* Which node an actor of actors.def lives on, and its shards. */
	uint32_t (*where)(void *ctx, uint32_t number, uint32_t shard);
	uint32_t (*shards)(void *ctx, uint32_t number);
	void *topology;
	/* Called once, on any thread, when an actor is past help; may be NULL.
	 */
	void (*on_failed)(void *ctx, const char *actor, const char *why);
	/* Asked now and then while node_start waits: false ends the wait, as
	 * an actor may wait for another node for ever.  May be NULL. */
	bool (*is_wanted)(void *ctx);
	void *calls_ctx;
};

/* Copies c, but not what it points to. */
MUST_CHECK enum status node_create(
    const struct node_config *c, struct node **ret_node);
void node_destroy(struct node *n);

/* Before node_start: another supervisor than the configuration's. */
void node_supervise(struct node *n, const struct supervisor_config *c);

/* Before node_start.  number 0: an unlisted actor; its address in ret. */
MUST_CHECK enum status node_spawn(struct node *n,
    const struct actor_class *class, uint32_t number, uint32_t shard,
    uint32_t loop, uint64_t *ret_address);

/*
 * Runs the loops; returns when every actor is ready.  UNAVAILABLE: one is past
 * help.  CLOSED: is_wanted said no.  node_stop comes next in any case.
 */
MUST_CHECK enum status node_start(struct node *n);

/* A signal from nobody, from any thread: how the outside starts something. */
enum status node_signal(
    struct node *n, uint64_t to, uint16_t id, const void *body);

/*
 * Actors read c from now on, which must live until the node is destroyed; so
 * must the one they read so far.  Any thread.
 */
void node_reconfigure(struct node *n, const struct config *c);
const struct config *node_config(struct node *n);

/* Lets actors finish what they have, at most until within_us have passed. */
void node_drain(struct node *n, uint64_t within_us);
/* Ends every actor, in reverse order, then the loops. */
void node_stop(struct node *n);

/* Not threaded: one turn of every loop; true if any has more to do. */
bool node_turn(struct node *n);
/* Not threaded: turns until nothing is left to do at this time. */
void node_settle(struct node *n);
/* Not threaded: when node_turn has something to do by itself. */
uint64_t node_next_us(const struct node *n);

/* What actors have announced, as " key=value key=value"; after node_start. */
const char *node_announced(const struct node *n);
/* Why node_start failed, or on_failed was called; "" if neither. */
const char *node_failure(const struct node *n);

/* The loop a thread is wanted on: loop 0 has the links. */
struct loop *node_loop(struct node *n, uint32_t index);

struct book_row {
	const char *name;
	uint64_t address;
	const char *phase;
	uint64_t queued;
	uint64_t books[16];
};
/* Of every actor; exact when the node stands still. Returns rows written. */
size_t node_books(struct node *n, struct book_row *ret_rows, size_t rows_max);

/* The same of every actor on the loop of self, which asks; exact. */
size_t actor_books(
    struct actor *self, struct book_row *ret_rows, size_t rows_max);

struct node_stuck {
	const char *name;
	uint64_t us;
};
/* A handler that has run for longer than us.  Any thread. */
bool node_find_stuck(struct node *n, uint64_t us, struct node_stuck *ret_stuck);

/* Writes each actor's flight recorder to fd; for a crash or on demand. */
void node_dump_flight(struct node *n, int fd);

#endif
