/*
 * lifecycle - starts and stops one background service, one wish at a time.
 *
 *   IDLE --start--> STARTING --started--> RUNNING --stop--> DRAINING
 *    ^                 |                     |                |   |
 *    |                 +-------> DEAD <------+      ended     |   | deadline
 *    +------------------------------------------------------- +   v
 *                                                               FAILED
 *
 * A service has at most one loop alive, named by its generation; a tick or an
 * end of another generation is dropped and counted.  A start or a stop that
 * comes while another is under way waits its turn, first come first served,
 * except that a stop joins the stop under way when nothing waits before it.
 * FAILED means that a loop did not stop in time: no start succeeds any more,
 * also after that loop has ended at last, so that a second one is never
 * stacked upon an orphan.  Only a new lifecycle is clean.
 *
 * No clock, no actor, no memory of its own: what must be done it asks of its
 * owner through struct lifecycle_calls.  Wishes are the owner's records,
 * linked in here until they are granted, so their bound is the owner's.  One
 * thread; a call may call back into the lifecycle it came from.
 */
#ifndef RUNTIME_LIFECYCLE_H
#define RUNTIME_LIFECYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/list.h"
#include "runtime/base/status.h"

#define LIFECYCLE_STATES(X) \
	X(IDLE) X(STARTING) X(RUNNING) X(DRAINING) X(FAILED) X(DEAD)

enum lifecycle_state {
#define X(s) LIFECYCLE_##s,
	LIFECYCLE_STATES(X)
#undef X
};

/* Somebody who wants the service to run, or not to. */
struct lifecycle_wish {
	struct list link;
	bool wants_start;
};

enum lifecycle_news {
	LIFECYCLE_DIED,    /* the loop ended without being told to */
	LIFECYCLE_SPOILT,  /* it ended when told to, but with an error */
	LIFECYCLE_STUCK,   /* it did not end in time */
	LIFECYCLE_REFUSED, /* a start of an unrestartable service */
};

struct lifecycle_calls {
	/* Make the loop of this generation; then lifecycle_started. */
	void (*spawn)(void *ctx, uint64_t generation);
	/* Let it finish what it has, and then lifecycle_ended. */
	void (*signal)(void *ctx, uint64_t generation);
	/* Cut it short: once, after the deadline. */
	void (*cancel)(void *ctx, uint64_t generation);
	/* Call lifecycle_deadline after the drain limit; or never mind. */
	void (*arm)(void *ctx, uint64_t generation);
	void (*disarm)(void *ctx);
	/*
	 * A wish is granted and forgotten here: OK (already: nothing had to be
	 * done), TIMEOUT (it did not stop), CONFLICT (unrestartable), or the
	 * status its loop ended with before it had started.
	 */
	void (*answer)(void *ctx, struct lifecycle_wish *wish, enum status st,
	    bool already);
	/* For the log: before the answers that follow from it. */
	void (*tell)(void *ctx, enum lifecycle_news news, enum status st);
	void (*changed)(void *ctx, enum lifecycle_state was,
	    enum lifecycle_state now, const char *why);
};

struct lifecycle {
	const struct lifecycle_calls *calls;
	void *ctx;
	enum lifecycle_state state;
	uint64_t generation; /* of the newest loop; 0: none yet */
	uint64_t stale;      /* ticks and ends that were dropped */
	bool alive;          /* the loop; FAILED: an orphan */
	bool armed;          /* the deadline is on its way */
	bool serving;
	struct lifecycle_wish *starter; /* NULL: nobody waits for STARTING */
	struct list stoppers;           /* share the stop under way */
	struct list queue;              /* wait for what is under way */
};

void lifecycle_init(
    struct lifecycle *lc, const struct lifecycle_calls *calls, void *ctx);

/*
 * Each wish is answered once, maybe at once.  NULL: nobody wants an answer,
 * and while another wish is under way nothing is done.
 */
void lifecycle_start(struct lifecycle *lc, struct lifecycle_wish *wish);
void lifecycle_stop(struct lifecycle *lc, struct lifecycle_wish *wish);

/* The asker has gone: no answer.  What it asked for goes on. */
void lifecycle_forget(struct lifecycle *lc, struct lifecycle_wish *wish);

/* False: of another generation, or there was nothing to do with it. */
bool lifecycle_started(struct lifecycle *lc, uint64_t generation);
/* st: what it ended with; CANCELLED and OK are no errors. */
bool lifecycle_ended(struct lifecycle *lc, uint64_t generation, enum status st);
bool lifecycle_deadline(struct lifecycle *lc, uint64_t generation);
/* May the loop of this generation begin a piece of work now? */
bool lifecycle_tick(struct lifecycle *lc, uint64_t generation);

/* While a loop is alive, be it an orphan. */
bool lifecycle_is_running(const struct lifecycle *lc);
const char *lifecycle_state_text(enum lifecycle_state state);

#endif
