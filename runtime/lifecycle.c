#include "runtime/lifecycle.h"

#include <assert.h>
#include <stddef.h>

/*
 * Calls may come back in here: a loop that has nothing to finish ends within
 * its signal, a spawn within its start.  So every function changes the state
 * first and calls last, and lifecycle_serve, which never runs within itself,
 * looks at the state anew for each wish that it takes from the queue.
 */

static void
lifecycle_become(
    struct lifecycle *lc, enum lifecycle_state now, const char *why)
{
	enum lifecycle_state was = lc->state;

	lc->state = now;
	lc->calls->changed(lc->ctx, was, now, why);
}

static void
lifecycle_answer(struct lifecycle *lc, struct lifecycle_wish *wish,
    enum status st, bool already)
{
	if (wish == NULL)
		return;
	list_remove(&wish->link);
	lc->calls->answer(lc->ctx, wish, st, already);
}

static struct lifecycle_wish *
lifecycle_first(const struct list *wishes)
{
	struct list *link = list_first(wishes);

	return link == NULL ? NULL : LIST_OF(link, struct lifecycle_wish, link);
}

static void
lifecycle_answer_stoppers(struct lifecycle *lc, enum status st)
{
	struct lifecycle_wish *wish;

	while ((wish = lifecycle_first(&lc->stoppers)) != NULL)
		lifecycle_answer(lc, wish, st, false);
}

static void
lifecycle_arm(struct lifecycle *lc)
{
	if (lc->armed)
		return;
	lc->armed = true;
	lc->calls->arm(lc->ctx, lc->generation);
}

static void
lifecycle_disarm(struct lifecycle *lc)
{
	if (!lc->armed)
		return;
	lc->armed = false;
	lc->calls->disarm(lc->ctx);
}

static void
lifecycle_begin_start(struct lifecycle *lc, struct lifecycle_wish *wish)
{
	switch (lc->state) {
	case LIFECYCLE_RUNNING:
		lifecycle_answer(lc, wish, ST_OK, true);
		return;
	case LIFECYCLE_FAILED:
		lc->calls->tell(lc->ctx, LIFECYCLE_REFUSED, ST_CONFLICT);
		lifecycle_answer(lc, wish, ST_CONFLICT, false);
		return;
	case LIFECYCLE_IDLE:
	case LIFECYCLE_DEAD:
	case LIFECYCLE_STARTING: /* wishes wait in these: see the assertion */
	case LIFECYCLE_DRAINING:
		break;
	}
	assert(!lc->alive && lc->starter == NULL);
	lc->generation++;
	lc->alive = true;
	lc->starter = wish;
	lifecycle_become(lc, LIFECYCLE_STARTING, "start");
	lc->calls->spawn(lc->ctx, lc->generation);
}

static void
lifecycle_begin_stop(struct lifecycle *lc, struct lifecycle_wish *wish)
{
	if (!lc->alive) {
		lifecycle_answer(lc, wish, ST_OK, true);
		return;
	}
	if (wish != NULL)
		list_append(&lc->stoppers, &wish->link);
	if (lc->state == LIFECYCLE_FAILED) {
		lifecycle_arm(lc);
		return;
	}
	assert(lc->state == LIFECYCLE_RUNNING);
	lifecycle_become(lc, LIFECYCLE_DRAINING, "stop");
	lifecycle_arm(lc);
	lc->calls->signal(lc->ctx, lc->generation);
}

static bool
lifecycle_is_busy(const struct lifecycle *lc)
{
	return lc->state == LIFECYCLE_STARTING ||
	       lc->state == LIFECYCLE_DRAINING;
}

/* The wishes that waited, until one of them is under way itself. */
static void
lifecycle_serve(struct lifecycle *lc)
{
	struct lifecycle_wish *wish;

	if (lc->serving)
		return;
	lc->serving = true;
	while (!lifecycle_is_busy(lc) &&
	       (wish = lifecycle_first(&lc->queue)) != NULL) {
		list_remove(&wish->link);
		if (wish->wants_start)
			lifecycle_begin_start(lc, wish);
		else
			lifecycle_begin_stop(lc, wish);
	}
	lc->serving = false;
}

void
lifecycle_init(
    struct lifecycle *lc, const struct lifecycle_calls *calls, void *ctx)
{
	*lc = (struct lifecycle){ .calls = calls, .ctx = ctx };
	list_init(&lc->stoppers);
	list_init(&lc->queue);
}

static void
lifecycle_wish_init(struct lifecycle_wish *wish, bool wants_start)
{
	if (wish == NULL)
		return;
	list_init(&wish->link);
	wish->wants_start = wants_start;
}

void
lifecycle_start(struct lifecycle *lc, struct lifecycle_wish *wish)
{
	lifecycle_wish_init(wish, true);
	if (!lifecycle_is_busy(lc))
		lifecycle_begin_start(lc, wish);
	else if (wish != NULL)
		list_append(&lc->queue, &wish->link);
}

void
lifecycle_stop(struct lifecycle *lc, struct lifecycle_wish *wish)
{
	lifecycle_wish_init(wish, false);
	if (!lifecycle_is_busy(lc)) {
		lifecycle_begin_stop(lc, wish);
		return;
	}
	if (wish == NULL)
		return;
	if (lc->state == LIFECYCLE_DRAINING && list_empty(&lc->queue))
		list_append(&lc->stoppers, &wish->link);
	else
		list_append(&lc->queue, &wish->link);
}

void
lifecycle_forget(struct lifecycle *lc, struct lifecycle_wish *wish)
{
	if (lc->starter == wish)
		lc->starter = NULL;
	list_remove(&wish->link);
}

static bool
lifecycle_is_stale(struct lifecycle *lc, uint64_t generation)
{
	if (lc->alive && generation == lc->generation)
		return false;
	lc->stale++;
	return true;
}

bool
lifecycle_started(struct lifecycle *lc, uint64_t generation)
{
	struct lifecycle_wish *starter = lc->starter;

	if (lifecycle_is_stale(lc, generation) ||
	    lc->state != LIFECYCLE_STARTING)
		return false;
	lc->starter = NULL;
	lifecycle_become(lc, LIFECYCLE_RUNNING, "started");
	lifecycle_answer(lc, starter, ST_OK, false);
	lifecycle_serve(lc);
	return true;
}

static bool
lifecycle_is_error(enum status st)
{
	return st != ST_OK && st != ST_CANCELLED;
}

/* Ended by itself, before or after it had started. */
static void
lifecycle_die(struct lifecycle *lc, enum status st)
{
	struct lifecycle_wish *starter = lc->starter;

	lc->starter = NULL;
	lifecycle_become(lc, LIFECYCLE_DEAD, "ended by itself");
	if (st != ST_CANCELLED)
		lc->calls->tell(lc->ctx, LIFECYCLE_DIED, st);
	lifecycle_answer(lc, starter, st == ST_OK ? ST_CLOSED : st, false);
}

bool
lifecycle_ended(struct lifecycle *lc, uint64_t generation, enum status st)
{
	if (lifecycle_is_stale(lc, generation))
		return false;
	lc->alive = false;
	lifecycle_disarm(lc);
	if (lc->state == LIFECYCLE_RUNNING || lc->state == LIFECYCLE_STARTING) {
		lifecycle_die(lc, st);
	} else {
		if (lifecycle_is_error(st))
			lc->calls->tell(lc->ctx, LIFECYCLE_SPOILT, st);
		if (lc->state == LIFECYCLE_DRAINING)
			lifecycle_become(lc, LIFECYCLE_IDLE, "drained");
		lifecycle_answer_stoppers(lc, ST_OK);
	}
	lifecycle_serve(lc);
	return true;
}

/* Those that queued behind a stop that failed shared it. */
static void
lifecycle_answer_queued_stops(struct lifecycle *lc)
{
	struct list *link = lc->queue.next;

	while (link != &lc->queue) {
		struct lifecycle_wish *wish =
		    LIST_OF(link, struct lifecycle_wish, link);

		link = link->next;
		if (!wish->wants_start)
			lifecycle_answer(lc, wish, ST_TIMEOUT, false);
	}
}

bool
lifecycle_deadline(struct lifecycle *lc, uint64_t generation)
{
	bool first = lc->state == LIFECYCLE_DRAINING;

	if (lifecycle_is_stale(lc, generation) || !lc->armed)
		return false;
	lc->armed = false;
	if (first) {
		lifecycle_become(lc, LIFECYCLE_FAILED, "drain deadline");
		lc->calls->tell(lc->ctx, LIFECYCLE_STUCK, ST_TIMEOUT);
	}
	lifecycle_answer_stoppers(lc, ST_TIMEOUT);
	lifecycle_answer_queued_stops(lc);
	lifecycle_serve(lc);
	if (first)
		lc->calls->cancel(lc->ctx, generation);
	return true;
}

bool
lifecycle_tick(struct lifecycle *lc, uint64_t generation)
{
	if (lifecycle_is_stale(lc, generation))
		return false;
	return lc->state == LIFECYCLE_RUNNING;
}

bool
lifecycle_is_running(const struct lifecycle *lc)
{
	return lc->alive;
}

const char *
lifecycle_state_text(enum lifecycle_state state)
{
	static const char *const texts[] = {
#define X(s) [LIFECYCLE_##s] = #s,
		LIFECYCLE_STATES(X)
#undef X
	};

	assert((unsigned)state < sizeof(texts) / sizeof(texts[0]));
	return texts[state];
}
