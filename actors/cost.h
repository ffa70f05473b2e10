/*
 * cost - what the files of the cost-aggregator share.  For them alone.
 *
 * A job is a request that outlives its handler with its message kept: it is
 * among those the store has been asked for, or in the outbox, from which the
 * store is asked again, one at a time and in order, until it answers.  What
 * the store cannot take, though it answers, lets the others pass.
 */
#ifndef ACTORS_COST_H
#define ACTORS_COST_H

#include "actors/access.h"
#include "actors/auditor.h"
#include "actors/cost_window.h"
#include "actors/id.h"
#include "runtime/actor.h"
#include "runtime/base/list.h"
#include "runtime/timing.h"

#define COST_JOBS_MAX 131072
#define COST_REPLAY_US 250000
#define HOLD_RETRY_US 1000000
#define HOLD_LOOK_US 60000000 /* at least so often, if clocks are set */

struct cost_job {
	struct list link;
	struct mail *mail; /* a cost_add, or a budget_check */
	bool remembered;   /* the window has it because of this */
	struct uuid record_id;
	struct uuid event_id;
	int64_t timestamp;
	int64_t now;       /* when it was recorded, however often it is sent */
	uint64_t asked_us; /* when the store was asked first */
};

struct cost_counts {
#define METRIC(id, name, type, words, doc) uint64_t id;
#define HISTOGRAM(id, name, scale, words, doc) struct timing id;
#include "actors/cost_metric.def"
#undef METRIC
#undef HISTOGRAM
};

struct cost_state {
	struct cost_window window;
	struct cost_job *jobs;
	struct list jobs_free;
	struct list jobs_asked;
	struct list outbox;
	uint32_t outbox_count;
	uint32_t outbox_max;
	uint64_t window_us;
	uint64_t deadline_us;
	uint64_t keep_us;
	bool fails_closed;
	bool reconciles; /* a total in memory counts if it is more */
	bool audits;     /* records, too */
	char currency[CURRENCY_MAX + 1];
	struct timer replay;
	bool replays;         /* the head of the outbox is under way */
	uint32_t passed_over; /* in the outbox, one behind the other */
	struct timer expiry;
	int64_t expiry_at; /* what it is set to; INT64_MAX: nothing known */
	bool expires;      /* the store has been asked */
	struct cost_counts counts;
};

uint64_t cost_store(const struct actor *self);

/* True: refused already. */
bool cost_denies(struct actor *self, const struct msg *in,
    const struct principal *who, enum access what);
/* The one given, else the setting's; NULL: neither, or not ISO 4217. */
const char *cost_currency(struct cost_state *s, const char *given);
bool cost_blank_if_given(const char *text);
enum status cost_refuse_decision(
    struct op *op, const struct budget_decision *d);
/* Not what was hoped for: no answer, or none that can be read, or a store that
 * could not; false: it was asked for what may not be. */
bool cost_store_failed(const struct msg *reply);

/* Asks the store for in, with an op that knows who asks. */
enum status cost_ask(struct actor *self, const struct msg *in,
    const struct principal *who, uint16_t id, const void *body, op_fn on_reply);
#define COST_ASK(self, in, who, type, on_reply, ...)                       \
	cost_ask(self, in, who, MSG_##type, &(struct type){ __VA_ARGS__ }, \
	    on_reply)
/* The answer to such an op: the store's, and a refusal that says 402, 409 or
 * 429 names a decision that is kept. */
enum status cost_explain(
    struct actor *self, struct op *op, const struct msg *reply);

/* NULL: as many as there may be.  Takes the message in hand. */
struct cost_job *cost_job_take(struct actor *self, const struct msg *in);
void cost_job_drop(struct actor *self, struct cost_job *job);
/* Its message again; NULL if the turn's memory is full. */
const void *cost_job_body(
    struct actor *self, const struct cost_job *job, const struct wire_type *t);

/*
 * The first 16 bytes of a digest of whose key it is, and for what: the record
 * that a hold becomes has the hold's id, so one key may not make both.
 */
struct uuid cost_key_id(
    const struct principal *who, const char *what, const struct once *once);

/* A hold has been made, or may have ended. */
void cost_expiry_look(struct actor *self, int64_t at);
void cost_replay_later(struct actor *self);

#define COST_TAKES(X)                                  \
	X(cost_add, record_on_add)                     \
	X(cost_project_total, check_on_total)          \
	X(cost_project_records, check_on_records)      \
	X(budget_check, check_on_check)                \
	X(budget_baseline, check_on_baseline)          \
	X(budget_create, manage_on_create)             \
	X(budget_get, manage_on_get)                   \
	X(budget_list, manage_on_list)                 \
	X(budget_change, manage_on_change)             \
	X(budget_delete, manage_on_delete)             \
	X(decision_get, manage_on_decision)            \
	X(price_put, manage_on_price)                  \
	X(price_list, manage_on_prices)                \
	X(hold_create, hold_on_create)                 \
	X(hold_get, hold_on_get)                       \
	X(hold_list, hold_on_list)                     \
	X(hold_settle, hold_on_settle)                 \
	X(hold_void, hold_on_void)                     \
	X(cost_list, report_on_list)                   \
	X(cost_sum, report_on_sum)                     \
	X(cost_project_get, report_on_project)         \
	X(project_list, report_on_projects)            \
	X(cost_trend, report_on_trend)                 \
	X(cost_breakdown, report_on_breakdown)         \
	X(cost_trend_csv, report_on_trend_csv)         \
	X(cost_breakdown_csv, report_on_breakdown_csv) \
	X(cost_forecast, report_on_forecast)

#define X(message, fn) enum status fn(struct actor *self, const struct msg *in);
COST_TAKES(X)
#undef X

#endif
