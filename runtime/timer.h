/*
 * timer - many timers, one wheel.
 *
 * Four levels of 64 slots, one millisecond a slot at the lowest: starting and
 * stopping cost the same whatever the number (G. Varghese, T. Lauck, "Hashed
 * and Hierarchical Timing Wheels", 1987).  A timer fires in the first whole
 * millisecond that is not before its time; beyond TIMER_SPAN_MS it is looked
 * at again each span.  Timers belong to whoever embeds them.  One thread.
 */
#ifndef RUNTIME_TIMER_H
#define RUNTIME_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/list.h"

#define TIMER_LEVELS 4
#define TIMER_SLOTS 64
#define TIMER_SPAN_MS (UINT64_C(1) << 24) /* 64^4: about 4.6 hours */

struct timer_node;
typedef void (*timer_node_fn)(struct timer_node *t);

struct timer_node {
	struct list link; /* to itself when not running */
	uint64_t due_ms;
	timer_node_fn fn;
};

struct wheel {
	struct list slots[TIMER_LEVELS][TIMER_SLOTS];
	uint64_t used[TIMER_LEVELS]; /* a bit per slot that may hold some */
	struct list soon;            /* for the next turn */
	uint64_t now_ms;             /* all before it have fired */
	uint32_t count;
};

void wheel_init(struct wheel *w, uint64_t now_us);
void timer_node_init(struct timer_node *t, timer_node_fn fn);
bool timer_node_is_running(const struct timer_node *t);

/* Starts, or starts anew. */
void wheel_start(struct wheel *w, struct timer_node *t, uint64_t due_us);
/* In the next turn, whatever the time: after others had theirs. */
void wheel_start_soon(struct wheel *w, struct timer_node *t);
/* Fine if it is not running. */
void wheel_stop(struct wheel *w, struct timer_node *t);

/*
 * Fires those that were to be soon, then all that are due, in the order of
 * their milliseconds.
 */
void wheel_turn(struct wheel *w, uint64_t now_us);

/* When to call wheel_turn next; UINT64_MAX: no timer runs.  Never late. */
uint64_t wheel_next_us(const struct wheel *w);

#endif
