#include "actors/backup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/access.h"
#include "actors/backup_shelf.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"
#include "runtime/config.h"

#define WATCH_AGAIN_US 5000000u /* after the settings did not answer */
#define SPACE "backup"
#define SCHEDULE_NAME "backup-scheduler"

/* "persistence,memory": each a component, each once. */
static enum status
include_init(struct actor *self, char *ret_why)
{
	struct backup_self *s = actor_state(self);
	const char *texts[BACKUP_COMPONENTS_MAX + 1], *why = NULL;
	char text[128], *at = text, *end;
	uint32_t count = 0;

	text_fit(text, sizeof(text),
	    config_text(actor_config(self), SETTING_backup_include));
	while (at != NULL && count <= BACKUP_COMPONENTS_MAX) {
		end = strchr(at, ',');
		if (end != NULL)
			*end++ = '\0';
		at += strspn(at, " ");
		at[strcspn(at, " ")] = '\0';
		texts[count++] = at;
		at = end;
	}
	if (!backup_components_read(texts, count, s->include, &why)) {
		text_fit(ret_why, BACKUP_WHY_SIZE, why);
		return ST_INVALID;
	}
	s->include_count = count;
	return ST_OK;
}

/* ---- what waits for the lock ---- */

static bool
backup_begin_own(struct actor *self, enum backup_trigger trigger)
{
	struct backup_self *s = actor_state(self);
	struct backup_run *r = backup_run_open(self, RUN_CREATE);

	if (r == NULL)
		return false;
	backup_job_init(self, &r->main, trigger, s->include, s->include_count);
	return backup_run_create(self, r) == ST_OK;
}

static void
backup_close(struct actor *self)
{
	struct backup_self *s = actor_state(self);

	s->has_closed = true;
	auditor_drain(self, &s->auditor);
}

void
backup_go_on(struct actor *self)
{
	struct backup_self *s = actor_state(self);

	if (!s->is_closing || s->has_closed || s->run != NULL)
		return;
	if (live_number(&s->live, self, SETTING_backup_on_shutdown) == 0 ||
	    !s->is_recovered || s->place.root[0] == '\0') {
		backup_close(self);
		return;
	}
	/* Once: the next time round there is nothing left to do. */
	s->live.overrides[SETTING_backup_on_shutdown].is_set = true;
	s->live.overrides[SETTING_backup_on_shutdown].number = 0;
	if (!backup_begin_own(self, TRIGGER_SHUTDOWN))
		backup_close(self);
}

static void
backup_drain(struct actor *self)
{
	struct backup_self *s = actor_state(self);

	s->is_closing = true;
	backup_go_on(self);
}

static void
backup_stop(struct actor *self)
{
	struct backup_self *s = actor_state(self);

	if (s->run != NULL) {
		atomic_store(&s->run->main.pace.cancelled, true);
		atomic_store(&s->run->safety.pace.cancelled, true);
	}
	ship_stop(self);
	second_stop(self);
}

/* ---- settings ---- */

/* Not before what a crash left has been swept away: it would go with it. */
void
backup_start_once(struct actor *self)
{
	struct backup_self *s = actor_state(self);

	if (s->has_started || s->run != NULL || !s->is_watched ||
	    !s->is_recovered)
		return;
	s->has_started = true;
	if (live_number(&s->live, self, SETTING_backup_on_startup) != 0)
		(void)backup_begin_own(self, TRIGGER_STARTUP);
}

static enum status backup_watch(struct actor *self, struct timer *t);

static enum status
backup_on_overrides(struct actor *self, struct op *op, const struct msg *reply)
{
	struct backup_self *s = actor_state(self);

	if (reply->id == MSG_setting_overrides) {
		live_replace(&s->live, reply->body);
		s->is_watched = true;
		backup_start_once(self);
	} else {
		timer_start(self, &s->watch, WATCH_AGAIN_US, backup_watch);
	}
	return op_close(op);
}

static enum status
backup_watch(struct actor *self, struct timer *t)
{
	struct op *op = op_open(self, NULL);

	if (op == NULL) {
		timer_start(self, t, WATCH_AGAIN_US, backup_watch);
		return ST_OK;
	}
	return OP_ASK(op, actor_find(self, ACTOR_NUMBER(settings), 0),
	    setting_watch, backup_on_overrides, 0);
}

static enum status
backup_on_setting_changed(struct actor *self, const struct msg *in)
{
	struct backup_self *s = actor_state(self);
	const struct setting_changed *news = in->body;

	if (strcmp(news->namespace, SPACE) != 0)
		return ST_OK;
	live_change(&s->live, news->namespace, news->key, news->value);
	LOG(SETTINGS_SUBSCRIBER_NOTIFIED, KV("subscriber", "backup"),
	    KV("namespace", news->namespace), KV("key", news->key),
	    KV("note", "taken note of"));
	if (strcmp(news->key, "schedule_hours") == 0)
		LOG(BACKUP_SCHEDULER_RESCHEDULED,
		    KU("interval_hours", live_number(&s->live, self,
					     SETTING_backup_schedule_hours)));
	return ST_OK;
}

static enum status
backup_on_setting_restarted(struct actor *self, const struct msg *in)
{
	struct backup_self *s = actor_state(self);

	(void)in;
	return backup_watch(self, &s->watch);
}

static enum status
backup_start(struct actor *self)
{
	struct backup_self *s = actor_state(self);
	char why[BACKUP_WHY_SIZE] = "it has no configuration";
	enum status st = ST_UNAVAILABLE;

	s->started_at = actor_wall_us(self);
	s->clock.wall_us = s->started_at;
	s->clock.mono_us = actor_now_us(self);
	if (actor_config(self) != NULL)
		st = backup_place_init(actor_config(self), &s->place, why);
	if (st == ST_OK)
		st = include_init(self, why);
	if (st != ST_OK) {
		LOG(BACKUP_UNAVAILABLE, KV("why", why));
		s->place.root[0] = '\0';
		actor_ready(self);
		return ST_OK;
	}
	(void)backup_watch(self, &s->watch);
	ship_start(self);
	second_start(self);
	return backup_recover(self);
}

/* ---- requests ---- */

/* False: it has been refused. */
bool
backup_admits(
    struct actor *self, const struct msg *in, const struct principal *caller)
{
	struct backup_self *s = actor_state(self);
	uint32_t problem = access_check(caller, ACCESS_SERVICES);

	if (problem != 0)
		(void)actor_refuse(self, in, problem, "for the ceo alone");
	else if (s->place.root[0] == '\0' || !s->is_recovered)
		(void)REFUSE(self, in, BACKUP_UNAVAILABLE,
		    "backups are not configured or not ready");
	else
		return true;
	return false;
}

static enum status
backup_is_busy(struct actor *self, struct op *op, const char *operation)
{
	(void)self;
	LOG(BACKUP_REJECTED, KV("operation", operation),
	    KV("reason", "in_progress"));
	return OP_REFUSE(op, BACKUP_IN_PROGRESS,
	    "a backup, a restore or a drill is in progress");
}

/* ---- create ---- */

/* What a keyed create keeps while the store looks its key up: a run that is
 * none, of which the caller, the key and the components count. */

static bool
is_same_key(const struct backup_run *r, const struct backup_run *about)
{
	return r->kind == RUN_CREATE && r->key[0] != '\0' &&
	       strcmp(r->key, about->key) == 0 &&
	       strcmp(r->caller.user_id, about->caller.user_id) == 0;
}

static enum status
create_join(struct actor *self, struct op *op, const struct backup_run *about)
{
	struct backup_self *s = actor_state(self);

	if (memcmp(s->run->hash, about->hash, sizeof(about->hash)) != 0)
		return OP_REFUSE(op, IDEMPOTENCY_REUSE,
		    "the key is in use with another request");
	return backup_run_join(self, s->run, op);
}

static enum status
create_now(struct actor *self, struct op *op, const struct backup_run *about)
{
	struct backup_self *s = actor_state(self);
	const struct backup_facts *f = &about->main.facts;
	struct backup_run *r;
	enum status st;

	if (s->run != NULL && is_same_key(s->run, about))
		return create_join(self, op, about);
	if (s->run != NULL || s->is_closing)
		return backup_is_busy(self, op, "create");
	r = backup_run_open(self, RUN_CREATE);
	if (r == NULL)
		return OP_REFUSE(op, OVERLOADED, "out of memory");
	r->by_somebody = true;
	r->caller = about->caller;
	memcpy(r->key, about->key, sizeof(r->key));
	memcpy(r->hash, about->hash, sizeof(r->hash));
	backup_job_init(
	    self, &r->main, TRIGGER_MANUAL, f->components, f->count);
	st = backup_run_wait(self, r, op);
	return st == ST_OK ? backup_run_create(self, r) : st;
}

static enum status
create_replay(struct op *op, const struct backup_manifest *m,
    const struct backup_run *about)
{
	if (backup_id_is_good(m->backup_id))
		return OP_REPLY(op, backup_made, .manifest = *m);
	LOG(BACKUP_FAILED, KV("scope", "backup"),
	    KV("idempotency_key", about->key), KV("endpoint", "backup.create"));
	return OP_REFUSE(op, INTERNAL, "it failed; the log says why");
}

/* A row that does not decode is ours to hide. */
static enum status
create_on_found(struct actor *self, struct op *op, const struct msg *reply)
{
	struct backup_run *about = *(struct backup_run **)op_data(op);
	const struct store_backup_found *found = reply->body;
	const struct refused *why = reply->body;
	enum status st;

	if (reply->id == MSG_store_backup_found)
		st = found->manifest == NULL
			 ? create_now(self, op, about)
			 : create_replay(op, found->manifest, about);
	else if (why->status == ST_CORRUPT || why->status == ST_NEWER)
		st = create_replay(
		    op, &(struct backup_manifest){ .backup_id = "" }, about);
	else
		st = op_pass(op, reply);
	free(about);
	return st;
}

/* NULL: it has been refused. */
static struct backup_run *
create_read(struct actor *self, const struct msg *in)
{
	const struct backup_create *ask = in->body;
	struct backup_self *s = actor_state(self);
	struct backup_run *about = calloc(1, sizeof(*about));
	struct backup_facts *f;
	const char *why = NULL;

	if (about == NULL) {
		(void)REFUSE(self, in, OVERLOADED, "out of memory");
		return NULL;
	}
	f = &about->main.facts;
	f->count = ask->components_count;
	if (f->count == 0) {
		f->count = s->include_count;
		memcpy(f->components, s->include, sizeof(f->components));
	} else if (!backup_components_read(ask->components,
		       ask->components_count, f->components, &why)) {
		(void)REFUSE(self, in, BAD_REQUEST, why);
		free(about);
		return NULL;
	}
	backup_tell_caller(about, &ask->caller);
	text_fit(about->key, sizeof(about->key), ask->once.key);
	memcpy(about->hash, ask->once.body_hash.at,
	    ask->once.body_hash.size < sizeof(about->hash)
		? ask->once.body_hash.size
		: sizeof(about->hash));
	return about;
}

static enum status
backup_on_create(struct actor *self, const struct msg *in)
{
	const struct backup_create *ask = in->body;
	struct backup_self *s = actor_state(self);
	struct backup_run *about;
	struct op *op;

	if (!backup_admits(self, in, &ask->caller))
		return ST_OK;
	if (text_is_blank(ask->once.key))
		return REFUSE(self, in, KEY_REQUIRED,
		    "the header Idempotency-Key is required, and not blank");
	about = create_read(self, in);
	if (about == NULL)
		return ST_OK;
	op = op_open(self, in);
	if (op == NULL || (s->run != NULL && !is_same_key(s->run, about))) {
		enum status st =
		    op == NULL ? ST_OK : backup_is_busy(self, op, "create");

		free(about);
		return st;
	}
	*(struct backup_run **)op_data(op) = about;
	return OP_ASK(op, backup_run_store(self), store_backup_find,
	    create_on_found, .principal = ask->caller.user_id,
	    .once = ask->once, .now = actor_wall_us(self));
}

/* ---- restore and drill ---- */

static const char *
restore_read(const struct backup_restore *ask, struct backup_job *ret)
{
	const char *why = NULL;

	bool has_id = !text_is_blank(ask->backup_id);

	if (ask->at != NULL && !point_read(ask->at, &ret->to))
		return "at: an instant with an offset, or a transaction's "
		       "number";
	if ((has_id || !ret->to.is_set) &&
	    (!has_id || !backup_id_is_good(ask->backup_id)))
		return "backup_id: 12 lower-case hex digits";
	if (has_id)
		memcpy(ret->facts.backup_id, ask->backup_id,
		    sizeof(ret->facts.backup_id));
	ret->chose = ask->components_count > 0;
	ret->wanted_count = ask->components_count;
	if (ret->chose && !backup_components_read(ask->components,
			      ask->components_count, ret->wanted, &why))
		return why;
	if (!ret->to.is_set)
		return NULL;
	if (ret->chose &&
	    (ret->wanted_count != 1 || ret->wanted[0] != COMPONENT_PERSISTENCE))
		return "components: persistence alone has a log";
	ret->chose = true;
	ret->wanted_count = 1;
	ret->wanted[0] = COMPONENT_PERSISTENCE;
	return NULL;
}

/* The op must wait before the run begins: it may end at once. */
enum status
backup_begin(struct actor *self, struct op *op, enum run_kind kind,
    const struct principal *caller, const struct backup_job *about)
{
	struct backup_self *s = actor_state(self);
	struct backup_run *r;

	if (s->run != NULL || s->is_closing)
		return backup_is_busy(self, op, backup_run_word(kind));
	r = backup_run_open(self, kind);
	if (r == NULL)
		return OP_REFUSE(op, OVERLOADED, "out of memory");
	if (caller != NULL)
		backup_tell_caller(r, caller);
	backup_job_init(self, &r->main, TRIGGER_MANUAL, NULL, 0);
	snprintf(r->main.facts.backup_id, sizeof(r->main.facts.backup_id),
	    "%.12s", about->facts.backup_id);
	r->main.to = about->to;
	r->main.dry = about->dry;
	r->main.chose = about->chose;
	r->main.wanted_count = about->wanted_count;
	memcpy(r->main.wanted, about->wanted, sizeof(r->main.wanted));
	(void)backup_run_wait(self, r, op);
	if (kind == RUN_PRUNE)
		return backup_run_prune(self, r);
	return kind == RUN_RESTORE ? backup_run_restore(self, r)
				   : backup_run_drill(self, r);
}

static enum status
backup_on_restore(struct actor *self, const struct msg *in)
{
	const struct backup_restore *ask = in->body;
	struct backup_job about = { 0 };
	const char *mistake;
	struct op *op;

	if (!backup_admits(self, in, &ask->caller))
		return ST_OK;
	if (!ask->has_confirm || !ask->confirm)
		return REFUSE(self, in, CONFIRM_REQUIRED,
		    "confirm must be true: live data is replaced");
	mistake = restore_read(ask, &about);
	if (mistake != NULL)
		return REFUSE(self, in, BAD_REQUEST, mistake);
	if (about.to.is_set && !about.to.by_txid &&
	    about.to.at > actor_wall_us(self))
		return REFUSE(self, in, BAD_REQUEST, "at: that is yet to come");
	op = op_open(self, in);
	return op == NULL
		   ? ST_OK
		   : backup_begin(self, op, RUN_RESTORE, &ask->caller, &about);
}

static enum status
backup_on_drill(struct actor *self, const struct msg *in)
{
	const struct backup_drill *ask = in->body;
	struct backup_job about = { 0 };
	struct op *op;

	if (!backup_admits(self, in, &ask->caller))
		return ST_OK;
	if (ask->backup_id != NULL && !backup_id_is_good(ask->backup_id))
		return REFUSE(self, in, BAD_REQUEST,
		    "backup_id: 12 lower-case hex digits");
	if (ask->backup_id != NULL)
		snprintf(about.facts.backup_id, sizeof(about.facts.backup_id),
		    "%.12s", ask->backup_id);
	op = op_open(self, in);
	return op == NULL
		   ? ST_OK
		   : backup_begin(self, op, RUN_DRILL, &ask->caller, &about);
}

/* ---- the scheduler's runs ---- */

static enum status
backup_on_service_run(struct actor *self, const struct msg *in)
{
	const struct service_run *ask = in->body;
	struct backup_self *s = actor_state(self);
	bool makes = strcmp(ask->service, SCHEDULE_NAME) == 0;
	struct backup_job about = { 0 };
	struct backup_run *r;
	struct op *op;

	if (s->place.root[0] == '\0' || !s->is_recovered)
		return REFUSE(self, in, BACKUP_UNAVAILABLE, "not ready");
	op = op_open(self, in);
	if (op == NULL)
		return ST_OK;
	*(uint64_t *)op_data(op) = ask->generation;
	if (!makes)
		return backup_begin(self, op, RUN_DRILL, NULL, &about);
	LOG(BACKUP_SCHEDULER_TICK, KV("service", ask->service));
	r = s->run == NULL && !s->is_closing ? backup_run_open(self, RUN_CREATE)
					     : NULL;
	if (r == NULL) {
		LOG(BACKUP_FAILED, KV("trigger", "scheduled"),
		    KV("error", "in progress"));
		return backup_is_busy(self, op, "scheduled");
	}
	backup_job_init(
	    self, &r->main, TRIGGER_SCHEDULED, s->include, s->include_count);
	(void)backup_run_wait(self, r, op);
	return backup_run_create(self, r);
}

static enum status
backup_on_service_cancel(struct actor *self, const struct msg *in)
{
	struct backup_self *s = actor_state(self);

	(void)in;
	/* A restore is never cut between set aside and settled. */
	if (s->run != NULL && !s->run->by_somebody && !s->run->attempted)
		atomic_store(&s->run->at->pace.cancelled, true);
	return ST_OK;
}

static enum status
backup_on_status(struct actor *self, const struct msg *in)
{
	const struct backup_status *ask = in->body;
	struct backup_self *s = actor_state(self);
	const struct backup_run *r = s->run;
	struct backup_second second;

	if (!backup_admits(self, in, &ask->caller))
		return ST_OK;
	return REPLY(self, in, backup_state,
	    .doing = r == NULL ? "" : backup_run_word(r->kind),
	    .backup_id = r == NULL ? "" : r->main.facts.backup_id,
	    .phase = r == NULL ? "" : r->phase,
	    .done_bytes = r == NULL ? 0 : atomic_load(&r->at->pace.done),
	    .total_bytes = r == NULL ? 0 : atomic_load(&r->at->total),
	    .last_success_at = s->last_success_at,
	    .has_last_success_at = s->last_success_at != 0,
	    .last_proof = s->has_proof ? &s->proof : NULL,
	    .last_restored = s->restored_id[0] == '\0' ? NULL : s->restored_id,
	    .last_restore_error = s->restore_error,
	    .second = second_state(self, &second) ? &second : NULL);
}

static const struct handler backup_on[] = {
	ON(backup_create, backup_on_create),
	ON(backup_list, backup_on_list),
	ON(backup_get, backup_on_get),
	ON(backup_delete, backup_on_delete),
	ON(backup_restore, backup_on_restore),
	ON(backup_drill, backup_on_drill),
	ON(backup_status, backup_on_status),
	ON(backup_points, backup_on_points),
	ON(backup_prune, backup_on_prune),
	ON(backup_hold, backup_on_hold),
	ON(backup_release, backup_on_release),
	ON(service_run, backup_on_service_run),
	ON(service_cancel, backup_on_service_cancel),
	ON(setting_changed, backup_on_setting_changed),
	ON(setting_restarted, backup_on_setting_restarted),
	{ 0 },
};

const struct actor_class backup_class = {
	.name = "backup",
	.state_size = sizeof(struct backup_self),
	.ops_max = 512,
	.starts_slowly = true,
	.start = backup_start,
	.stop = backup_stop,
	.drain = backup_drain,
	.measure = backup_measure,
	.on = backup_on,
};
