/*
 * link_pair - two ends of a link on a network under a test's control.
 *
 * setup and teardown are cmocka's; every test begins with two ends that are
 * configured and not open, on a network that loses nothing.
 */
#ifndef TESTS_LINK_PAIR_H
#define TESTS_LINK_PAIR_H

#include "tests/link_net.h"

#define PAIR_STEP_US 1000 /* of virtual time */
#define PAIR_STEPS_MAX 200000

struct link_pair {
	struct link_net net;
	struct link_end ends[LINK_ENDS];
	size_t refused_lines; /* link.refused in the log */
};

extern struct link_pair pair;

/* Ends number 0 and 1. */
#define A (&pair.ends[0])
#define B (&pair.ends[1])

int pair_setup(void **state);
int pair_teardown(void **state);

void pair_begin(uint64_t seed);
void pair_end(void);

void pair_open(struct link_end *e);
void pair_close(struct link_end *e);

/* Opens both and waits until both are UP. */
void pair_open_both(void);

/* One turn of both, then time passes. */
void pair_step(void);
void pair_run_us(uint64_t us);

/* Fails the test if they are not both UP in PAIR_STEPS_MAX. */
void pair_run_until_up(void);

const struct link_change *pair_last(const struct link_end *e);

#endif
