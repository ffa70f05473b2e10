/*
 * supervisor - what happens when an actor fails.
 *
 * Its open requests are refused, its state is thrown away, and it starts
 * again after a pause, its address and its mailbox kept.  The pause doubles
 * with every failure inside the window, give or take a quarter; past the
 * intensity the actor is quarantined: it refuses everything, and the node is
 * told, which exits so that its parent starts it afresh.
 *
 * The strategy says who starts again with it: nobody, all actors of the
 * node, or those that were spawned after it.  The names are Erlang/OTP's.
 */
#ifndef RUNTIME_SUPERVISOR_H
#define RUNTIME_SUPERVISOR_H

#include <stdatomic.h>

#include "runtime/parcel.h"
#include "runtime/timer.h"

enum strategy { ONE_FOR_ONE, ONE_FOR_ALL, REST_FOR_ONE };

#define SUPERVISOR_INTENSITY 5u /* failures let pass in a window */
#define SUPERVISOR_WINDOW_US 30000000u
#define SUPERVISOR_PAUSE_US 10000u /* before the first restart */
#define SUPERVISOR_PAUSE_MAX_US 5000000u

struct actor;

struct supervisor_config {
	enum strategy strategy;
	uint32_t intensity;
	uint64_t window_us;
	uint64_t pause_us;
	uint64_t pause_max_us;
};

extern const struct supervisor_config supervisor_default;

/* Of one actor; embedded in it. */
struct supervised {
	uint32_t failures; /* in the window that began at since_us */
	uint64_t since_us;
	struct timer_node restart;
	struct parcel parcel; /* a restart asked for by another loop */
	atomic_bool asked;
};

void supervised_init(struct supervised *s);

#endif
