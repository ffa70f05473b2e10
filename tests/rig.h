/*
 * rig - a node without threads, a clock you turn, and probes.
 *
 * The actors under test are the real ones, on the real runtime, through the
 * real codec.  A probe stands in for any other actor: it keeps every message
 * it hears until the test takes it, and answers what the test tells it to.
 */
#ifndef TESTS_RIG_H
#define TESTS_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/actor.h"
#include "runtime/base/log.h"
#include "runtime/node.h"

#define RIG_PROBES_MAX 16
#define RIG_HEARD_MAX 12288
#define RIG_WAITING_MAX 4096 /* of them */
#define RIG_LINES_MAX 16384
#define RIG_ARENA_SIZE (16u << 20)
#define RIG_WALL_US INT64_C(1775210400000000) /* 2026-04-03T10:00:00Z */

/* A message a probe has heard. */
struct heard {
	uint16_t id;
	uint8_t kind;
	uint64_t from;
	const void *body; /* lives as long as the rig */
	struct op *op;    /* of a request that waits for its answer */
	uint64_t tag;     /* of the ask this answers, as rig_ask returned it */
	bool taken;
};

struct probe {
	struct rig *rig;
	struct actor *actor;
	uint32_t number;
	struct heard *heard;
	size_t heard_count;
};

struct rig {
	struct node *node;
	struct clock clock;
	uint64_t now_us;
	int64_t wall_us;
	uint64_t seed;
	struct probe probes[RIG_PROBES_MAX];
	size_t probe_count;
	struct net *net; /* NULL: none */
	struct arena arena;
	uint64_t next_tag;
	enum event_id logged[RIG_LINES_MAX];
	char *lines[RIG_LINES_MAX];
	size_t line_count;
};

void rig_init(struct rig *r);
/* With settings for the actors; they outlive the rig. */
void rig_init_with(struct rig *r, const struct config *config);
/* Before rig_start: sockets in memory, whose far ends the test holds. */
struct net *rig_net(struct rig *r);
/* Stops and frees everything; fails the test if a mail or an op leaked. */
void rig_fini(struct rig *r);

/* Before rig_start: the actor under test, and stand-ins for the others. */
uint64_t rig_spawn(
    struct rig *r, const struct actor_class *class, uint32_t number);
void rig_probe(struct rig *r, uint32_t number);
/* OK when every actor is ready; slow starts may need answers first. */
enum status rig_start(struct rig *r);

/* Turns the clock on, firing what falls due on the way. */
void rig_advance_ms(struct rig *r, uint64_t ms);
void rig_settle(struct rig *r);

/* From a probe to an actor by number.  rig_ask: its answer has this tag. */
uint64_t rig_ask(struct rig *r, uint32_t from, uint32_t to, uint16_t id,
    const void *body, uint64_t within_us);
void rig_send(
    struct rig *r, uint32_t from, uint32_t to, uint16_t id, const void *body);

/* The oldest untaken message of that id the probe heard; fails if none. */
struct heard *rig_take(struct rig *r, uint32_t at, uint16_t id);
/* NULL if there is none. */
struct heard *rig_peek(struct rig *r, uint32_t at, uint16_t id);
/* The answer to an ask, whatever it is; NULL while there is none. */
struct heard *rig_answer_to(struct rig *r, uint32_t at, uint64_t tag);
/* How many untaken ones there are, of any id. */
size_t rig_waiting(struct rig *r, uint32_t at);
void rig_answer(struct rig *r, struct heard *h, uint16_t id, const void *body);
void rig_refuse(struct rig *r, struct heard *h, enum status st,
    uint32_t problem, const char *detail);

/* Log lines of an event since the start; the nth of them. */
size_t rig_logged(struct rig *r, enum event_id event);
const char *rig_line(struct rig *r, enum event_id event, size_t nth);

#define RIG_WITHIN_US 5000000

#define RIG_ASK(r, from, to, type, ...)                              \
	rig_ask(r, ACTOR_NUMBER(from), ACTOR_NUMBER(to), MSG_##type, \
	    &(struct type){ __VA_ARGS__ }, RIG_WITHIN_US)
#define RIG_SEND(r, from, to, type, ...)                              \
	rig_send(r, ACTOR_NUMBER(from), ACTOR_NUMBER(to), MSG_##type, \
	    &(struct type){ __VA_ARGS__ })
#define RIG_TAKE(r, at, type) rig_take(r, ACTOR_NUMBER(at), MSG_##type)
#define RIG_BODY(h, type) ((const struct type *)(h)->body)
#define RIG_ANSWER(r, h, type, ...) \
	rig_answer(r, h, MSG_##type, &(struct type){ __VA_ARGS__ })
/* The body of the answer to an ask; fails unless it is of that type. */
#define RIG_REPLIED(r, at, tag, type) \
	((const struct type *)rig_replied(r, ACTOR_NUMBER(at), tag, MSG_##type))
const void *rig_replied(struct rig *r, uint32_t at, uint64_t tag, uint16_t id);

#endif
