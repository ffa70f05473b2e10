#include "runtime/base/log.h"
#include "store/store_inside.h"

#define STORE_HEAL_US 1000000u /* until it is tried again */

/*
 * A database that is broken serves nothing until it is closed and opened.
 * What was asked comes back refused, nothing more is let in, and with the
 * last of it the database is opened again: what was committed is in it.
 */

static enum status
store_on_heal(struct actor *self, struct timer *t)
{
	struct store_state *s = actor_state(self);

	if (s->backend == NULL && store_open(self) != ST_OK)
		timer_start(self, t, STORE_HEAL_US, store_on_heal);
	return ST_OK;
}

void
store_heal(struct actor *self)
{
	struct store_state *s = actor_state(self);

	if (s->backend == NULL || !backend_is_broken(s->backend) ||
	    s->asked > 0 || s->copies > 0 || s->swap.state != SWAP_NONE)
		return;
	(void)store_close(s);
	(void)store_on_heal(self, &s->heal);
}
