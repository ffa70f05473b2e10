/*
 * service - one periodic service: its loop, its life cycle, its record.
 *
 * For the scheduler alone.  The loop is a timer or a run under way, never
 * both.  Durations come from the scheduler through struct service_times.
 */
#ifndef ACTORS_SERVICE_H
#define ACTORS_SERVICE_H

#include "protocols/setting.h"
#include "runtime/actor.h"
#include "runtime/base/cron.h"
#include "runtime/lifecycle.h"

#define SERVICE_LOOK_US 60000000 /* at the wall clock, while cron waits */

/* What a service does while its setting is false. */
enum service_off { SERVICE_TICKS, SERVICE_STOPS };

struct service_def {
	const char *name;
	uint32_t owner; /* number in actors.def */
	enum setting_id interval;
	uint64_t unit_ms;
	enum setting_id enabled;
	enum service_off off;
	const char *purpose;
};

/* As the settings are now. */
struct service_times {
	uint64_t interval_us;
	uint64_t drain_us;
	bool enabled;
};

/* What was decided of its times; all zero: as its setting says. */
struct service_plan {
	struct cron cron;
	char line[SCHEDULE_CRON_MAX + 1]; /* of cron; empty: by interval */
	uint64_t interval_us;             /* 0: as its setting says */
	uint64_t jitter_us;
	enum missed_policy missed;
};

struct service {
	const struct service_def *def;
	struct actor *actor;
	struct lifecycle life;
	struct service_times times;
	struct service_plan plan;
	struct timer wait;
	struct timer drain;
	bool is_at_work;
	bool is_awoken;    /* run again without waiting */
	bool is_wanted;    /* as its setting says */
	int64_t resume_at; /* where it goes on once it is started; 0: anew */
	uint64_t due_us;   /* on the runtime's clock */
	uint32_t shard;    /* of the owner that works now */
	uint64_t runs;
	uint64_t items; /* what its runs have done, as they count it */
	uint64_t failures;
	int64_t last_run_at;
	int64_t next_run_at;
	char last_error[REFUSED_DETAIL_MAX + 1];
	void (*on_settled)(struct actor *self); /* a stop is through */
	/* next_run_at is another; may be NULL. */
	void (*on_planned)(struct actor *self, struct service *s);
};

/* Lives in the data of an op that is kept; see service_ask. */
struct service_wish {
	struct lifecycle_wish wish;
	struct service *service;
	struct op *op;
};

void service_init(struct service *s, struct actor *actor,
    const struct service_def *def, const struct service_times *times);

/* A start or a stop for in, which is answered when it is granted. */
enum status service_ask(
    struct service *s, const struct msg *in, bool wants_start);

/* Run now rather than later; false if it does not run at all. */
bool service_wake(struct service *s, bool *ret_already);

/* A wait under way begins anew if its length is another; no run starts. */
void service_retime(struct service *s, const struct service_times *times);
/* Likewise, from now on. */
void service_replan(struct service *s, const struct service_plan *plan);

/*
 * Goes on where an earlier process stood: a run that was due while nothing
 * ran is made up for or passed over, as the plan says.
 */
void service_resume(
    struct service *s, const struct service_plan *plan, int64_t next_run_at);

/* The settings are known: what does not run by now has nothing to make up. */
void service_forget_due(struct service *s);

/* Between two runs, where there is no cron. */
uint64_t service_interval_us(const struct service *s);

void service_show(const struct service *s, struct service_state *ret_state);

#endif
