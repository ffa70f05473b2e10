/*
 * twins - two nodes joined by bridges, on a network under a test's control.
 *
 * A gateway lives on edge; the tasks and a store, which answer pings, on core.
 * The clock of core is an hour ahead.  setup and teardown are cmocka's; every
 * test begins with two nodes that do not run.
 */
#ifndef TESTS_TWINS_H
#define TESTS_TWINS_H

#include "tests/check.h"

#include "runtime/bridge.h"
#include "tests/link_net.h"

#define TWINS_STEP_US 1000 /* of virtual time */
#define TWINS_STEPS_MAX 20000
#define TWINS_TRIP_US (20 * TWINS_STEP_US) /* there and back, in plenty */
#define TWINS_APART_US UINT64_C(3600000000)
#define TWINS_WITHIN_US UINT64_C(60000000)
#define TWINS_ANSWERS_MAX (2 * BRIDGE_HELD_MAX)
#define TWINS_NEWS_MAX 8

enum { EDGE, CORE, TWINS };

/* What to do with a ping is in its number; others are echoed too. */
enum { TWINS_KEEP = 1, TWINS_ASK_BACK, TWINS_ECHO };

struct twin {
	struct clock clock;
	uint64_t ahead_us;
	struct node *node; /* NULL: it does not run */
	struct bridge *bridge;
	struct link_end *end; /* its keys and names */
};

/* What the gateway was answered. */
struct answer {
	uint64_t asked;
	uint64_t number; /* of a pong */
	uint16_t id;
	enum status status; /* of a refusal */
};

struct twins {
	struct link_net net;
	struct link_end ends[LINK_ENDS];
	struct twin sides[TWINS];

	struct actor *asker; /* at the gateway's place */
	struct answer answers[TWINS_ANSWERS_MAX];
	size_t answered;
	struct node_changed news[TWINS_NEWS_MAX];
	size_t told;

	uint64_t heard;   /* pings at core */
	uint64_t left_us; /* of the last one's deadline */
	struct op *kept;
};

extern struct twins twins;

int twins_setup(void **state);
int twins_teardown(void **state);

void twins_open(uint16_t number);
void twins_close(uint16_t number);
/* As when it is killed: nobody hears its last words. */
void twins_crash(uint16_t number);

/* Everybody turns, then time passes; also links without a node at edge. */
void twins_step(void);
void twins_run_us(uint64_t us);
enum link_state twins_state(uint16_t number);
/* Until both are UP, and the news of it told. */
void twins_run_until_up(void);

/* A ping from the gateway; its answer is kept. */
void twins_ask(uint64_t to, uint64_t number, uint64_t within_us);

#endif
