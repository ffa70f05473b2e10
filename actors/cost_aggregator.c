#include "actors/cost_aggregator.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/cost.h"
#include "actors/option.h"
#include "runtime/base/currency.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"
#include "runtime/config.h"
#include "runtime/metric.h"
#include "runtime/seal.h"

#define SERVICE_NAME "cost-prune"
#define COST_EXPIRE_MAX 100
#define KEY_WHAT_MAX 8

/* ---- what the other files need ---- */

uint64_t
cost_store(const struct actor *self)
{
	return actor_find(self, ACTOR_NUMBER(store), 0);
}

bool
cost_denies(struct actor *self, const struct msg *in,
    const struct principal *who, enum access what)
{
	uint32_t problem = access_check(who, what);

	if (problem != 0)
		(void)actor_refuse(
		    self, in, problem, "your role may not do this with money");
	return problem != 0;
}

const char *
cost_currency(struct cost_state *s, const char *given)
{
	const char *code = given != NULL ? given : s->currency;

	return currency_known(code) ? code : NULL;
}

bool
cost_blank_if_given(const char *text)
{
	return text != NULL && text_is_blank(text);
}

enum status
cost_refuse_decision(struct op *op, const struct budget_decision *d)
{
	char code[16];

	snprintf(code, sizeof(code), "%u", d->problem);
	LOG(BUDGET_LIMIT_REFUSED, KV("rule", d->rule), KV("problem", code),
	    KV("decision", d->id));
	return op_refuse_with(
	    op, &(struct refused){ .status = ST_CONFLICT,
		    .problem = d->problem,
		    .detail = d->detail,
		    .decision = d->id[0] == '\0' ? NULL : d->id });
}

bool
cost_store_failed(const struct msg *reply)
{
	const struct refused *why = reply->body;

	if (reply->id != MSG_refused)
		return true;
	switch ((enum status)why->status) {
	case ST_INVALID:
	case ST_CONFLICT:
	case ST_EXISTS:
	case ST_NOT_FOUND:
		return why->problem == 0 ? why->status == ST_NOT_FOUND : false;
	default:
		return true;
	}
}

struct cost_job *
cost_job_take(struct actor *self, const struct msg *in)
{
	struct cost_state *s = actor_state(self);
	struct list *node = list_first(&s->jobs_free);
	struct cost_job *job;

	if (node == NULL) {
		s->counts.overloaded++;
		return NULL;
	}
	job = LIST_OF(node, struct cost_job, link);
	job->mail = actor_keep_mail(self, in);
	if (job->mail == NULL)
		return NULL;
	list_remove(node);
	list_append(&s->jobs_asked, node);
	job->remembered = false;
	job->asked_us = actor_now_us(self);
	return job;
}

void
cost_job_drop(struct actor *self, struct cost_job *job)
{
	struct cost_state *s = actor_state(self);

	actor_drop_mail(self, job->mail);
	job->mail = NULL;
	list_remove(&job->link);
	list_append(&s->jobs_free, &job->link);
}

const void *
cost_job_body(
    struct actor *self, const struct cost_job *job, const struct wire_type *t)
{
	struct bytes bytes = actor_mail_body(job->mail);
	const void *body = NULL;

	if (wire_decode(t, actor_arena(self), bytes.at, bytes.size, &body) !=
	    ST_OK)
		return NULL;
	return body;
}

struct uuid
cost_key_id(
    const struct principal *who, const char *what, const struct once *once)
{
	const char *const parts[] = { who->user_id, what, once->key };
	uint8_t text[ID_MAX + KEY_WHAT_MAX + IDEMPOTENCY_MAX + 3];
	uint8_t digest[SEAL_DIGEST_SIZE];
	struct uuid id;
	size_t n = 0;

	assert(strlen(what) <= KEY_WHAT_MAX);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t size = strlen(parts[i]) + 1; /* its NUL ends it */

		memcpy(text + n, parts[i], size);
		n += size;
	}
	seal_digest((struct bytes){ text, n }, digest);
	memcpy(id.octets, digest, sizeof(id.octets));
	id.octets[6] = (uint8_t)((id.octets[6] & 0x0f) | 0x80);
	id.octets[8] = (uint8_t)((id.octets[8] & 0x3f) | 0x80);
	return id;
}

/* ---- holds that run out ---- */

static enum status cost_on_expiry(struct actor *self, struct timer *t);

static void
cost_expiry_set(struct actor *self, int64_t at)
{
	struct cost_state *s = actor_state(self);
	int64_t now = actor_wall_us(self);
	uint64_t wait = HOLD_LOOK_US;

	s->expiry_at = at;
	if (at <= now)
		wait = 0;
	else if ((uint64_t)(at - now) < wait)
		wait = (uint64_t)(at - now);
	timer_start(self, &s->expiry, wait, cost_on_expiry);
}

void
cost_expiry_look(struct actor *self, int64_t at)
{
	struct cost_state *s = actor_state(self);

	if (!s->expires && at < s->expiry_at)
		cost_expiry_set(self, at);
}

static enum status
cost_on_expired(struct actor *self, struct op *op, const struct msg *reply)
{
	struct cost_state *s = actor_state(self);
	const struct store_hold_expired *got = reply->body;

	s->expires = false;
	if (reply->id != MSG_store_hold_expired) {
		s->expiry_at = 0;
		timer_start(self, &s->expiry, HOLD_RETRY_US, cost_on_expiry);
		return op_close(op);
	}
	if (got->count > 0)
		LOG(BUDGET_HOLDS_EXPIRED, KU("count", got->count));
	cost_expiry_set(self, got->has_next_at ? got->next_at : INT64_MAX);
	return op_close(op);
}

static enum status
cost_on_expiry(struct actor *self, struct timer *t)
{
	struct cost_state *s = actor_state(self);
	struct op *op;

	(void)t;
	op = op_open(self, NULL);
	if (op == NULL) {
		timer_start(self, &s->expiry, HOLD_RETRY_US, cost_on_expiry);
		return ST_OK;
	}
	s->expires = true;
	return OP_ASK(op, cost_store(self), store_hold_expire, cost_on_expired,
	    .now = actor_wall_us(self), .limit = COST_EXPIRE_MAX);
}

/* ---- life ---- */

static void
cost_settings(struct actor *self)
{
	const struct config *c = actor_config(self);
	struct cost_state *s = actor_state(self);

	s->window_us =
	    option_u64(self, SETTING_cost_retention_window_s) * 1000000;
	s->deadline_us =
	    option_u64(self, SETTING_cost_durable_deadline_ms) * 1000;
	s->keep_us = option_u64(self, SETTING_cost_dedupe_ttl_s) * 1000000;
	s->audits = option_u64(self, SETTING_cost_audit_records) != 0;
	s->outbox_max = (uint32_t)option_u64(self, SETTING_cost_outbox_max);
	if (c == NULL)
		return;
	s->fails_closed = config_choice(c, SETTING_budget_fail_mode) == 1;
	s->reconciles = config_choice(c, SETTING_cost_reconcile) == 1;
	(void)text_fit(s->currency, sizeof(s->currency),
	    config_text(c, SETTING_budget_currency));
}

static enum status
cost_start(struct actor *self)
{
	struct cost_state *s = actor_state(self);
	uint64_t seed;
	size_t jobs;

	list_init(&s->jobs_free);
	list_init(&s->jobs_asked);
	list_init(&s->outbox);
	cost_settings(self);
	jobs = option_u64(self, SETTING_cost_max_inflight_increments) +
	       s->outbox_max;
	s->jobs = calloc(jobs, sizeof(*s->jobs));
	if (s->jobs == NULL)
		return ST_NO_MEMORY;
	for (size_t i = 0; i < jobs; i++)
		list_append(&s->jobs_free, &s->jobs[i].link);
	actor_random(self, &seed, sizeof(seed));
	cost_expiry_set(self, 0);
	return cost_window_init(&s->window,
	    (uint32_t)option_u64(self, SETTING_cost_max_window_records), seed);
}

static void
cost_drop_all(struct actor *self, struct list *jobs)
{
	struct list *node;

	while (jobs->next != NULL && (node = list_first(jobs)) != NULL)
		cost_job_drop(self, LIST_OF(node, struct cost_job, link));
}

static void
cost_stop(struct actor *self)
{
	struct cost_state *s = actor_state(self);

	cost_drop_all(self, &s->jobs_asked);
	cost_drop_all(self, &s->outbox);
	free(s->jobs);
	cost_window_fini(&s->window);
}

static enum status
cost_on_service_run(struct actor *self, const struct msg *in)
{
	const struct service_run *ask = in->body;
	struct cost_state *s = actor_state(self);
	int64_t cutoff = actor_wall_us(self) - (int64_t)s->window_us;

	if (strcmp(ask->service, SERVICE_NAME) != 0)
		return REFUSE(self, in, NOT_FOUND, "no such service");
	return REPLY(self, in, service_ran, .generation = ask->generation,
	    .count = cost_window_prune(&s->window, cutoff));
}

/* A run is one turn: it is over before anybody can cancel it. */
static enum status
cost_on_service_cancel(struct actor *self, const struct msg *in)
{
	(void)self;
	(void)in;
	return ST_OK;
}

static void
cost_measure(struct actor *self, struct metric_page *to)
{
	const struct cost_state *s = actor_state(self);
	struct cost_counts c = s->counts;

	c.evicted = s->window.evicted;
	c.nameless = s->window.nameless;
	c.outbox = s->outbox_count;
	c.window = s->window.count;
#define METRIC(id, name, type, words, doc) \
	metric_add(                        \
	    to, &(struct metric){ name, METRIC_##type, doc }, c.id, NULL);
#define HISTOGRAM(id, name, scale, words, doc) \
	metric_add_timing(to, name, doc, TIMING_##scale, &c.id, NULL);
#include "actors/cost_metric.def"
#undef METRIC
#undef HISTOGRAM
}

static const struct handler cost_on[] = {
#define X(message, fn) ON(message, fn),
	COST_TAKES(X)
#undef X
	    ON(service_run, cost_on_service_run),
	ON(service_cancel, cost_on_service_cancel),
	{ 0 },
};

const struct actor_class cost_aggregator_class = {
	.name = "cost-aggregator",
	.state_size = sizeof(struct cost_state),
	.mailbox_max = 16384,
	.mailbox_bytes_max = 64u << 20,
	.ops_max = 16384,
	.start = cost_start,
	.stop = cost_stop,
	.measure = cost_measure,
	.on = cost_on,
};
