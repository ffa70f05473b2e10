/*
 * scheduler_inside - the state that scheduler.c and scheduler_plan.c share.
 *
 * scheduler_plan.c owns what is durable of it: the rows of the table
 * schedules, read once after a start, and written whenever a service has
 * another time to run next, one row at a time.
 */
#ifndef ACTORS_SCHEDULER_INSIDE_H
#define ACTORS_SCHEDULER_INSIDE_H

#include "actors/service.h"
#include "runtime/live.h"

struct scheduler_state {
	struct service services[SERVICES_MAX];
	uint32_t count;
	struct live live;
	struct timer watch;
	struct timer keep;
	bool is_closing;
	bool has_drained;
	bool has_rows;     /* the store has told them */
	bool is_keeping;   /* a row is on its way */
	uint32_t changing; /* schedule_put under way */
	uint32_t dirty;    /* bit n: services[n] is not as its row */
};

_Static_assert(SERVICES_MAX <= 32, "a bit of dirty for each");

/* NULL: in has been refused. */
struct service *scheduler_find(struct actor *self, const struct msg *in,
    const struct principal *caller, const char *name);

/* Asks the store for the rows, until it answers. */
void scheduler_restore(struct actor *self);
/* For service.on_planned. */
void scheduler_note_planned(struct actor *self, struct service *s);

enum status scheduler_on_schedule_list(
    struct actor *self, const struct msg *in);
enum status scheduler_on_schedule_put(struct actor *self, const struct msg *in);

#endif
