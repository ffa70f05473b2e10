/*
 * rider - one client of a journey: its connection, perhaps a live socket, what
 * it has kept, and the step it is at.
 *
 * The journey (journey.c) polls for all of them and says when a round begins;
 * a rider goes from step to step until the round has ended.
 */
#ifndef OPS_RIDER_H
#define OPS_RIDER_H

#include "load/client.h"
#include "load/ledger.h"
#include "ops/journey.h"

#define RIDER_VARS_MAX 8
#define RIDER_VALUE_MAX 2047
#define RIDER_TEXT_MAX 8192

enum rider_end {
	RIDER_GOES_ON,
	RIDER_ANSWERED,
	RIDER_REFUSED, /* status says with what */
	RIDER_LOST
};

struct rider_var {
	char name[PLAN_NAME_MAX + 1];
	char value[RIDER_VALUE_MAX + 1];
};

struct rider {
	uint32_t index;
	const struct addrinfo *where;
	struct client http;
	struct client socket;
	struct rider_var vars[RIDER_VARS_MAX];
	size_t nvars;
	const struct steps *steps; /* NULL: idle */
	size_t at;
	uint64_t round;
	uint64_t due_us;   /* of the round */
	uint64_t limit_us; /* of the step */
	unsigned status;   /* of the answer that refused */
	struct edge_in heard;
};

void rider_init(struct rider *r, uint32_t index, const struct addrinfo *where);
void rider_fini(struct rider *r);
/* The value of a kept text changes, or it is kept from now on. */
void rider_set(struct rider *r, const char *name, const char *value);

/* Begins the steps; from now on rider_turn. */
enum rider_end rider_begin(
    struct rider *r, const struct steps *steps, uint64_t now_us);
/*
 * Reads and writes what it can, and goes on.  Each frame of its socket that is
 * no answer to a step is passed to on_frame.
 */
enum rider_end rider_turn(struct rider *r, uint64_t now_us,
    void (*on_frame)(void *ctx, struct rider *r, struct bytes text), void *ctx);

#endif
