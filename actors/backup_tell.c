#include <stdio.h>
#include <string.h>

#include "actors/backup_shelf.h"
#include "actors/id.h"
#include "protocols/json.h"
#include "runtime/audit_by.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

#define PAYLOAD_SIZE 1024
#define SECOND_US UINT64_C(1000000)
#define HOUR_US (INT64_C(3600) * 1000000)
#define NEWS_US 1000000u /* a gateway that has begun anew hears it by then */

#define RUN_KIND_WORD(id, word) word,
static const char *const run_words[] = { RUN_KINDS(RUN_KIND_WORD) };
#undef RUN_KIND_WORD

#define RUN_KIND_VERB(id, word) "backup." word,
static const char *const run_verbs[] = { RUN_KINDS(RUN_KIND_VERB) };
#undef RUN_KIND_VERB

const char *
backup_run_word(enum run_kind kind)
{
	return run_words[kind];
}

void
backup_tell_caller(struct backup_run *r, const struct principal *who)
{
	struct run_caller *c = &r->caller;

	r->by_somebody = true;
	text_fit(c->user_id, sizeof(c->user_id), who->user_id);
	text_fit(c->username, sizeof(c->username), who->username);
	audit_by_digits(who, c->session);
	text_fit(c->address, sizeof(c->address), who->address);
	c->role = who->role;
	c->method = who->method;
}

struct principal
backup_tell_who(const struct run_caller *c)
{
	return (struct principal){ .user_id = c->user_id,
		.username = c->username,
		.session_id = c->session,
		.address = c->address,
		.user_agent = "",
		.role = c->role,
		.method = c->method };
}

/* ---- events ---- */

static enum status
tell_on_published(struct actor *self, struct op *op, const struct msg *reply)
{
	(void)self;
	(void)reply;
	return op_close(op);
}

void
backup_tell_event(struct actor *self, enum event_type_id type,
    const char *backup_id, const char *phase, uint64_t size_bytes, bool good)
{
	char payload[PAYLOAD_SIZE];
	struct op *op = op_open(self, NULL);
	struct event event = { .event_type = event_type_name(type),
		.channel = event_type_channel(type),
		.timestamp = actor_wall_us(self),
		.event_id = id_make(self),
		.payload = payload };

	if (op == NULL)
		return;
	snprintf(payload, sizeof(payload),
	    "{\"backup_id\":\"%s\",\"phase\":\"%s\",\"size_bytes\":%llu,"
	    "\"ok\":%s}",
	    backup_id, phase, (unsigned long long)size_bytes,
	    good ? "true" : "false");
	(void)OP_ASK(op, actor_find(self, ACTOR_NUMBER(event_hub), 0),
	    hub_publish, tell_on_published, .event = event);
}

static void
tell_event(
    struct actor *self, const struct backup_run *r, enum event_type_id type)
{
	backup_tell_event(self, type, r->main.facts.backup_id, r->phase,
	    r->main.facts.size_bytes, r->main.st == ST_OK);
}

static void
tell_audit(struct actor *self, const struct backup_run *r)
{
	struct backup_self *s = actor_state(self);
	struct principal by = backup_tell_who(&r->caller);
	struct audit_note note = audit_note_by(
	    self, &by, run_verbs[r->kind], r->main.facts.backup_id);
	uint32_t http = problem_find(r->main.problem)->http;

	if (!r->by_somebody)
		return;
	if (r->main.st != ST_OK) {
		note.result = http >= 500 ? AUDIT_FAILED : AUDIT_REFUSED;
		note.detail = problem_find(r->main.problem)->title;
	} else if (r->kind == RUN_RESTORE) {
		note.detail = r->main.safety_id;
	}
	auditor_say(self, &s->auditor, &note);
}

static void
components_text(const struct backup_run *r, char *ret, size_t size)
{
	size_t used = 0;

	ret[0] = '\0';
	for (uint32_t i = 0; i < r->main.facts.count && used < size; i++)
		used += (size_t)snprintf(ret + used, size - used, "%s%s",
		    i == 0 ? "" : ",",
		    backup_component_text(r->main.facts.components[i]));
}

void
backup_tell_begun(struct actor *self, const struct backup_run *r)
{
	char components[64];

	components_text(r, components, sizeof(components));
	if (r->kind == RUN_RESTORE)
		LOG(RESTORE_STARTED, KV("backup_id", r->main.facts.backup_id),
		    KV("components", r->main.chose ? "chosen" : "all"));
	else
		LOG(BACKUP_STARTED, KV("backup_id", "-"),
		    KV("trigger", backup_trigger_text(r->main.facts.trigger)),
		    KV("components", components));
	tell_event(self, r,
	    r->kind == RUN_RESTORE ? EVENT_RESTORE_STARTED
				   : EVENT_BACKUP_STARTED);
}

enum status
backup_tell_news(struct actor *self, struct timer *t)
{
	struct backup_self *s = actor_state(self);
	uint64_t hours =
	    live_number(&s->live, self, SETTING_backup_drill_max_age_hours);
	bool counts =
	    hours > 0 && live_number(&s->live, self, SETTING_backup_enabled);
	int64_t since =
	    s->last_proven_at != 0 ? s->last_proven_at : s->started_at;
	uint64_t lag_max = SECOND_US * live_number(&s->live, self,
					   SETTING_backup_ship_max_lag_seconds);
	int64_t stale_at = counts ? since + (int64_t)hours * HOUR_US : 0;

	for (uint32_t i = 0; i < actor_shards(self, ACTOR_NUMBER(gateway)); i++)
		(void)SEND(self, actor_find(self, ACTOR_NUMBER(gateway), i),
		    backup_news, .last_proven_at = s->last_proven_at,
		    .stale_at = stale_at,
		    .failing = s->has_proof && !s->proof.proven &&
			       s->proof_id[0] != '\0',
		    .lagging = lag_max > 0 && ship_lag_us(self) > lag_max,
		    .behind = second_is_late(self));
	timer_start(self, t, NEWS_US, backup_tell_news);
	return ST_OK;
}

static void
tell_drill(struct actor *self, const struct backup_run *r)
{
	struct backup_self *s = actor_state(self);
	const struct backup_job *j = &r->main;
	uint64_t ms = (actor_now_us(self) - r->started_us) / 1000;

	snprintf(s->proof_id, sizeof(s->proof_id), "%s", j->facts.backup_id);
	text_fit(
	    s->proof_why, sizeof(s->proof_why), j->st == ST_OK ? "" : j->why);
	s->proof = (struct backup_proof){ .backup_id = s->proof_id,
		.proven = j->st == ST_OK,
		.at = actor_wall_us(self),
		.duration_ms = ms,
		.size_bytes = j->entry.facts.size_bytes,
		.rows = r->rows,
		.entries = r->entries,
		.why = s->proof_why,
		.where = j->where };
	s->has_proof = true;
	if (j->st == ST_OK)
		s->last_proven_at = s->proof.at;
	(void)backup_tell_news(self, &s->news);
	if (j->st == ST_OK)
		LOG(BACKUP_DRILLED, KV("backup_id", s->proof_id),
		    KU("duration_ms", ms), KU("rows", r->rows));
	else
		LOG(BACKUP_DRILL_FAILED, KV("backup_id", s->proof_id),
		    KV("error", j->why));
}

static void
tell_restore(struct actor *self, const struct backup_run *r)
{
	struct backup_self *s = actor_state(self);
	const struct backup_job *j = &r->main;
	uint64_t us = actor_now_us(self) - r->started_us;

	snprintf(
	    s->restored_id, sizeof(s->restored_id), "%s", j->facts.backup_id);
	s->restore_error =
	    j->st == ST_OK ? NULL : problem_find(j->problem)->title;
	if (j->st != ST_OK) {
		s->counts.unrestored++;
	} else {
		s->counts.restored++;
		timing_observe(&s->counts.restore_seconds, us);
	}
	if (j->st == ST_OK)
		LOG(RESTORE_COMPLETED, KV("backup_id", j->facts.backup_id),
		    KV("safety_backup_id", j->safety_id),
		    KU("duration_ms", us / 1000));
	else if (r->attempted)
		LOG(RESTORE_FAILED, KV("backup_id", j->facts.backup_id),
		    KV("error", j->why));
	else
		LOG(RESTORE_REFUSED, KV("backup_id", j->facts.backup_id),
		    KV("error", j->why));
}

void
backup_tell_ended(struct actor *self, const struct backup_run *r)
{
	static const enum event_type_id good[] = { EVENT_BACKUP_COMPLETED,
		EVENT_RESTORE_COMPLETED, EVENT_BACKUP_PROVEN };
	static const enum event_type_id bad[] = { EVENT_BACKUP_FAILED,
		EVENT_RESTORE_FAILED, EVENT_BACKUP_NOT_PROVEN };

	if (r->kind == RUN_PRUNE) {
		if (!r->main.dry)
			tell_audit(self, r);
		return;
	}
	if (r->kind == RUN_DRILL)
		tell_drill(self, r);
	if (r->kind == RUN_RESTORE)
		tell_restore(self, r);
	tell_event(self, r, r->main.st == ST_OK ? good[r->kind] : bad[r->kind]);
	tell_audit(self, r);
}

/* ---- answers ---- */

/* Of a refusal, why; of a failure, a phrase that gives nothing away. */
static const char *
detail_of(const struct backup_run *r)
{
	const struct problem *p = problem_find(r->main.problem);

	if (p->http < 500)
		return r->main.why;
	if (r->main.problem == PROBLEM_ROLLBACK_FAILED)
		return r->main.safety_id;
	return "it failed; the log says why";
}

static void
answer_create(struct backup_run *r, struct op *op)
{
	struct backup_view v;

	backup_facts_view(&r->main.facts, &v);
	(void)OP_REPLY(op, backup_made, .manifest = v.manifest);
}

static void
answer_restore(struct backup_run *r, struct op *op)
{
	const char *restored[BACKUP_COMPONENTS_MAX];
	struct backup_view v;

	for (uint32_t i = 0; i < r->main.wanted_count; i++)
		restored[i] = backup_component_text(r->main.wanted[i]);
	backup_facts_view(&r->main.entry.facts, &v);
	(void)OP_REPLY(op, backup_restored, .manifest = v.manifest,
	    .restored_components = restored,
	    .restored_components_count = r->main.wanted_count,
	    .safety_backup_id = r->main.safety_id, .restart_required = false,
	    .point = r->main.to.is_set ? &r->main.way.now : NULL,
	    .where = r->main.where);
}

static void
answer_one(struct actor *self, struct backup_run *r, struct op *op)
{
	struct backup_self *s = actor_state(self);
	uint32_t number = actor_number_of(op_caller(op));

	if (r->main.st != ST_OK && r->kind != RUN_DRILL) {
		(void)op_refuse_with(
		    op, &(struct refused){ .status = (uint32_t)r->main.st,
			    .problem = r->main.problem,
			    .detail = detail_of(r) });
		return;
	}
	if (number == ACTOR_NUMBER(scheduler))
		(void)OP_REPLY(op, service_ran,
		    .generation = *(uint64_t *)op_data(op), .count = 1);
	else if (r->kind == RUN_PRUNE)
		backup_prune_answer(self, r, op);
	else if (r->kind == RUN_CREATE)
		answer_create(r, op);
	else if (r->kind == RUN_RESTORE)
		answer_restore(r, op);
	else if (r->main.problem == PROBLEM_BACKUP_NOT_FOUND)
		(void)OP_REFUSE(op, BACKUP_NOT_FOUND, "no such backup");
	else
		(void)OP_REPLY(op, backup_drilled, .proof = s->proof);
}

void
backup_answer_all(struct actor *self, struct backup_run *r)
{
	for (uint32_t i = 0; i < r->waiters_count; i++) {
		struct op *op = op_find(self, r->waiters[i]);

		if (op == NULL)
			continue; /* it waited no longer */
		op_resume(op);
		answer_one(self, r, op);
	}
	r->waiters_count = 0;
}

enum status
backup_run_end(struct actor *self, struct backup_run *r)
{
	struct backup_self *s = actor_state(self);

	s->counts.second_used += r->main.where == WHERE_SECOND;
	backup_tell_ended(self, r);
	backup_answer_all(self, r);
	backup_run_close(self, r);
	return ST_OK;
}
