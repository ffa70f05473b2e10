#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/channel.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"
#include "runtime/config.h"
#include "runtime/metric.h"
#include "store/journal.h"
#include "store/memory.h"
#include "store/migrate.h"
#include "store/store_inside.h"

#define STORE_WHY_SIZE 320
#define STORE_LOOK_US 50000u /* until a full hub is told again */

/* An op that waits for the database to be closed. */
struct closing {
	struct closing *next;
	uint64_t op;
	bool asked_to_close; /* else it came too late, and is refused */
};

/* ---- the database: open and close ---- */

uint64_t
store_new_epoch(struct actor *self)
{
	uint64_t epoch;

	actor_random(self, &epoch, sizeof(epoch));
	return (epoch >> JOURNAL_EPOCH_SHIFT) | 1;
}

enum status
store_migrate_now(struct actor *self, struct migrate_result *ret_result)
{
	struct store_state *s = actor_state(self);
	struct migrate_world world = { .now_us = actor_wall_us(self),
		.epoch = store_new_epoch(self) };
	enum status st;

	st = migrate_run(s->backend, &migrate_plan, &world, ret_result);
	if (st == ST_OK && ret_result->from != ret_result->to)
		st = redo_log_stop(s->backend); /* its steps are not in it */
	if (st == ST_OK)
		s->schema = ret_result->to;
	return st;
}

static void
store_options(struct actor *self, struct backend_options *ret_options)
{
	const struct config *c = actor_config(self);
	struct store_state *s = actor_state(self);

	snprintf(s->path, sizeof(s->path), "%s", MEMORY_PATH);
	*ret_options = (struct backend_options){ .path = s->path };
	if (c == NULL)
		return;
	if (config_path(c, SETTING_persistence_lmdb_path, s->path,
		sizeof(s->path)) != ST_OK)
		s->path[0] = '\0';
	s->has_files =
	    s->path[0] != '\0' && s->path[0] != ':' &&
	    strcmp(config_text(c, SETTING_persistence_backend), "lmdb") == 0;
	ret_options->map_bytes =
	    config_u64(c, SETTING_persistence_lmdb_map_size);
	ret_options->readers_max =
	    (uint32_t)config_u64(c, SETTING_persistence_lmdb_max_readers);
	ret_options->verify = config_bool(c, SETTING_persistence_lmdb_verify);
	ret_options->durability = (enum durability)config_choice(
	    c, SETTING_persistence_lmdb_durability);
}

static const struct backend_class *
store_backend_class(const struct actor *self)
{
	const struct config *c = actor_config(self);

	return backend_find(
	    c == NULL ? "memory" : config_text(c, SETTING_persistence_backend));
}

enum status
store_open(struct actor *self)
{
	struct store_state *s = actor_state(self);
	const struct backend_class *class = store_backend_class(self);
	struct backend_options options;
	struct commit_options threads = { .inline_only =
					      !actor_is_threaded(self) };
	enum status st;

	if (s->backend != NULL)
		return ST_OK;
	store_options(self, &options);
	LOG(PERSISTENCE_BACKEND_CONNECTING, KV("path", s->path));
	st = backend_open(class, &options, &s->backend);
	if (st == ST_OK) {
		threads.backend = s->backend;
		st = commit_start(&threads, &s->commit);
		if (st != ST_OK && backend_close(s->backend) != ST_OK)
			LOG(PERSISTENCE_BACKEND_DISCONNECT_ERROR,
			    KV("path", s->path), KV("error", backend_why()));
	}
	if (st != ST_OK) {
		s->backend = NULL;
		LOG(PERSISTENCE_BACKEND_CONNECTION_FAILED, KV("path", s->path),
		    KV("error", backend_why()));
		return st;
	}
	store_tell_connected(s);
	return ST_OK;
}

/* True: the close itself went well. */
bool
store_close(struct store_state *s)
{
	enum status st;

	if (s->backend == NULL)
		return true;
	LOG(PERSISTENCE_BACKEND_DISCONNECTING, KV("path", s->path));
	commit_stop(s->commit);
	st = backend_close(s->backend);
	s->commit = NULL;
	s->backend = NULL;
	if (st == ST_OK)
		LOG(PERSISTENCE_BACKEND_DISCONNECTED, KV("path", s->path));
	else
		LOG(PERSISTENCE_BACKEND_DISCONNECT_ERROR, KV("path", s->path),
		    KV("error", backend_why()),
		    KV("error_type", status_name(st)));
	return st == ST_OK;
}

static enum status
store_start(struct actor *self)
{
	struct store_state *s = actor_state(self);
	struct migrate_result result;
	char why[STORE_WHY_SIZE];
	enum status st;

	s->closing_end = &s->closing;
	st = store_recover_swap(self);
	if (st == ST_OK)
		st = store_open(self);
	if (st == ST_OK)
		st = store_migrate_now(self, &result);
	if (st == ST_OK)
		return ST_OK;
	snprintf(why, sizeof(why), "cannot use the database %.160s: %s: %.80s",
	    s->path,
	    st == ST_NEWER ? "it was written by a newer version of this program"
			   : status_text(st),
	    backend_why());
	actor_give_up(self, why);
	return ST_OK;
}

static void
store_stop(struct actor *self)
{
	struct store_state *s = actor_state(self);

	(void)store_close(s);
	while (s->closing != NULL) {
		struct closing *c = s->closing;

		s->closing = c->next;
		free(c);
	}
}

/* ---- requests, to the threads and back ---- */

enum status
store_on_late(struct actor *self, struct op *op, const struct msg *why)
{
	(void)self;
	return op_pass(op, why);
}

static enum status
store_refuse_closed(struct op *op, uint16_t id)
{
	LOG(PERSISTENCE_BACKEND_NOT_CONNECTED,
	    KV("operation", catalogue_find(id)->name));
	return op_refuse_with(
	    op, &(struct refused){ .status = ST_UNAVAILABLE,
		    .problem = PROBLEM_UNAVAILABLE,
		    .detail = "not_connected: the database is not open" });
}

/* Waits its turn behind what was asked before the database was closed. */
static enum status
store_wait_for_close(struct actor *self, struct op *op, bool asked_to_close)
{
	struct store_state *s = actor_state(self);
	struct closing *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return OP_REFUSE(op, OVERLOADED, "out of memory");
	c->op = op_handle(op);
	c->asked_to_close = asked_to_close;
	*s->closing_end = c;
	s->closing_end = &c->next;
	return op_keep(op, store_on_late);
}

static void
store_closing_answer(struct actor *self, const struct closing *c, bool clean)
{
	struct op *op = op_find(self, c->op);

	if (op == NULL)
		return;
	op_resume(op);
	if (c->asked_to_close)
		(void)OP_REPLY(op, store_disconnected, .clean = clean);
	else
		(void)store_refuse_closed(op, MSG_store_health);
}

/* The last errand has come back: close, and answer those who waited. */
static void
store_finish_closing(struct actor *self)
{
	struct store_state *s = actor_state(self);
	bool clean;

	if (s->closing == NULL || s->asked > 0)
		return;
	clean = store_close(s);
	while (s->closing != NULL) {
		struct closing *c = s->closing;

		s->closing = c->next;
		store_closing_answer(self, c, clean);
		free(c);
	}
	s->closing_end = &s->closing;
}

/* A hub that could not be told reads the journals once it can. */
static enum status
store_on_look(struct actor *self, struct timer *t)
{
	uint32_t shards = actor_shards(self, ACTOR_NUMBER(event_hub));
	bool again = false;

	for (uint32_t i = 0; i < shards; i++) {
		uint64_t hub = actor_find(self, ACTOR_NUMBER(event_hub), i);
		enum status st = SEND(self, hub, hub_look, 0);

		again |= st != ST_OK && st != ST_NOT_FOUND;
	}
	if (again)
		timer_start(self, t, STORE_LOOK_US, store_on_look);
	return ST_OK;
}

static void
store_look_later(struct actor *self)
{
	struct store_state *s = actor_state(self);

	if (!timer_is_running(&s->look))
		timer_start(self, &s->look, STORE_LOOK_US, store_on_look);
}

/* The shard of the hub that has the event's channel. */
static uint64_t
store_hub_of(struct actor *self, const struct hub_committed *batch)
{
	uint32_t shards = actor_shards(self, ACTOR_NUMBER(event_hub));
	const char *channel =
	    batch->events_count == 0 ? "" : batch->events[0].channel;

	return actor_find(
	    self, ACTOR_NUMBER(event_hub), channel_shard(channel, shards));
}

static void
store_tell_event(struct actor *self, const struct errand *e)
{
	const void *body;

	if (e->result.event.used == 0)
		return;
	if (wire_decode(CATALOGUE_TYPE(hub_committed), actor_arena(self),
		e->result.event.bytes, e->result.event.used, &body) != ST_OK ||
	    actor_send(self, store_hub_of(self, body), MSG_hub_committed,
		body) != ST_OK)
		store_look_later(self);
}

static void
store_answer(struct op *op, const struct errand *e)
{
	enum status st = e->result.st;

	if (st == ST_OK) {
		(void)op_reply_encoded(op, e->result.id,
		    (struct bytes){
			e->result.reply.bytes, e->result.reply.used });
		return;
	}
	if (st == ST_IO || st == ST_NO_SPACE || st == ST_CORRUPT ||
	    st == ST_NO_MEMORY)
		LOG(PERSISTENCE_QUERY_FAILED,
		    KV("operation", catalogue_find(e->request->id)->name),
		    KV("error", status_name(st)), KV("why", e->result.why));
	(void)op_refuse_with(op, &(struct refused){ .status = (uint32_t)st,
				     .problem = e->result.problem,
				     .detail = store_words(e) });
}

static void
store_on_back(struct actor *self, struct actor_call *call)
{
	struct store_state *s = actor_state(self);
	struct errand *e = errand_of(call);
	struct op *op = op_find(self, e->op);

	if (s->asked > 0)
		s->asked--;
	if (e->result.st == ST_OK)
		store_tell_event(self, e);
	store_note(self, e);
	if (op != NULL) {
		op_resume(op);
		store_answer(op, e);
	}
	actor_drop_mail(self, e->mail);
	errand_destroy(e);
	store_finish_closing(self);
	store_go_on_swapping(self);
	store_heal(self);
}

static enum status
store_on_turn(struct actor *self, struct timer *t)
{
	struct store_state *s = actor_state(self);

	(void)t;
	while (s->commit != NULL && commit_turn(s->commit))
		;
	return ST_OK;
}

static enum status
store_push(struct actor *self, struct op *op, struct errand *e)
{
	struct store_state *s = actor_state(self);
	enum status st = e->request->writes ? commit_write(s->commit, &e->job)
					    : commit_read(s->commit, &e->job);

	if (st != ST_OK) {
		actor_drop_mail(self, e->mail);
		errand_destroy(e);
		return OP_REFUSE(op, OVERLOADED, "the store's queue is full");
	}
	s->asked++;
	if (!actor_is_threaded(self))
		timer_start(self, &s->turn, 0, store_on_turn);
	return op_keep(op, store_on_late);
}

static enum status
store_on_request(struct actor *self, const struct msg *in)
{
	struct store_state *s = actor_state(self);
	struct op *op = op_open(self, in);
	struct errand *e;
	struct mail *mail;

	if (op == NULL)
		return ST_OK;
	if (s->closing != NULL)
		return store_wait_for_close(self, op, false);
	if (s->swap.state != SWAP_NONE)
		return OP_REFUSE(op, UNAVAILABLE,
		    "restoring: the database is being replaced");
	if (s->backend == NULL || backend_is_broken(s->backend))
		return store_refuse_closed(op, in->id);
	mail = actor_keep_mail(self, in);
	e = mail == NULL ? NULL
			 : errand_create(self, request_find(in->id),
			       op_handle(op), mail, store_on_back);
	if (e == NULL) {
		if (mail != NULL)
			actor_drop_mail(self, mail);
		return OP_REFUSE(op, OVERLOADED, "out of memory");
	}
	return store_push(self, op, e);
}

/* ---- the life of the database itself ---- */

static enum status
store_on_connect(struct actor *self, const struct msg *in)
{
	enum status st = store_open(self);

	if (st == ST_OK)
		return REPLY(self, in, done, .nothing = 0);
	return actor_refuse_with(self, in,
	    &(struct refused){ .status = (uint32_t)st,
		.problem = PROBLEM_UNAVAILABLE,
		.detail = backend_why() });
}

static enum status
store_on_disconnect(struct actor *self, const struct msg *in)
{
	struct op *op = op_open(self, in);
	enum status st;

	if (op == NULL)
		return ST_OK;
	st = store_wait_for_close(self, op, true);
	store_finish_closing(self);
	return st;
}

static enum status
store_on_migrate(struct actor *self, const struct msg *in)
{
	struct store_state *s = actor_state(self);
	struct migrate_result result;
	enum status st;

	if (s->backend == NULL)
		return store_refuse_closed(op_open(self, in), in->id);
	st = store_migrate_now(self, &result);
	if (st == ST_OK)
		return REPLY(self, in, store_migrated, .from = result.from,
		    .to = result.to);
	return actor_refuse_with(self, in,
	    &(struct refused){ .status = (uint32_t)st,
		.problem = PROBLEM_STORE_FAILED,
		.detail = backend_why() });
}

static enum status
store_on_health(struct actor *self, const struct msg *in)
{
	struct store_state *s = actor_state(self);
	struct backend_usage usage = { 0 };
	uint32_t version = 0;
	bool healthy = s->backend != NULL &&
		       migrate_version(s->backend, &version) == ST_OK;

	if (s->backend != NULL)
		backend_usage(s->backend, &usage);
	LOG(PERSISTENCE_BACKEND_HEALTH_CHECK, KU("healthy", healthy));
	return REPLY(self, in, store_healthy, .healthy = healthy,
	    .backend = s->backend == NULL ? "" : backend_name(s->backend),
	    .schema = version, .used_bytes = usage.used_bytes,
	    .map_bytes = usage.map_bytes);
}

static void
store_measure(struct actor *self, struct metric_page *to)
{
	struct store_state *s = actor_state(self);
	struct commit_stats stats = { 0 };

	if (s->commit != NULL)
		commit_stats(s->commit, &stats);
#define METRIC(id, name, type, labels, doc) \
	metric_add(                         \
	    to, &(struct metric){ name, METRIC_##type, doc }, stats.id, NULL);
#define HISTOGRAM(id, name, scale, labels, doc) \
	metric_add_timing(to, name, doc, TIMING_##scale, &stats.id, NULL);
#include "store/metric.def"
#undef METRIC
#undef HISTOGRAM
}

#define REQUEST(type) ON(type, store_on_request)

static const struct handler store_on[] = {
	ON(store_connect, store_on_connect),
	ON(store_disconnect, store_on_disconnect),
	ON(store_migrate, store_on_migrate),
	ON(store_health, store_on_health),
	REQUEST(store_user_create),
	REQUEST(store_user_find),
	REQUEST(store_user_list),
	REQUEST(store_session_create),
	REQUEST(store_session_get),
	REQUEST(store_session_list),
	REQUEST(store_session_revoke),
	REQUEST(store_session_revoke_user),
	REQUEST(store_revoked_list),
	REQUEST(store_session_clean),
	REQUEST(store_refresh_rotate),
	REQUEST(store_setting_history),
	REQUEST(store_setting_put),
	REQUEST(store_setting_delete),
	REQUEST(store_setting_get),
	REQUEST(store_setting_list),
	REQUEST(store_task_create),
	REQUEST(store_task_save),
	REQUEST(store_task_get),
	REQUEST(store_task_list),
	REQUEST(store_task_delete),
	REQUEST(store_task_change),
	REQUEST(store_task_remove),
	REQUEST(store_message_save),
	REQUEST(store_message_get),
	REQUEST(store_message_history),
	REQUEST(store_project_cost_list),
	REQUEST(store_journal_read),
	REQUEST(store_journal_channels),
	REQUEST(store_cost_add),
	REQUEST(store_project_cost_get),
	REQUEST(store_cost_list),
	REQUEST(store_cost_sum),
	REQUEST(store_price_put),
	REQUEST(store_price_list),
	REQUEST(store_budget_create),
	REQUEST(store_budget_get),
	REQUEST(store_budget_list),
	REQUEST(store_budget_change),
	REQUEST(store_budget_delete),
	REQUEST(store_budget_check),
	REQUEST(store_hold_add),
	REQUEST(store_hold_settle),
	REQUEST(store_hold_void),
	REQUEST(store_hold_expire),
	REQUEST(store_hold_get),
	REQUEST(store_hold_list),
	REQUEST(store_decision_put),
	REQUEST(store_decision_get),
	REQUEST(store_cost_trend),
	REQUEST(store_cost_breakdown),
	REQUEST(store_cost_forecast),
	REQUEST(store_event_append),
	REQUEST(store_events_append),
	REQUEST(store_journal_sweep),
	REQUEST(store_channels_forget),
	ON(store_copy, store_on_copy),
	ON(store_verify, store_on_verify),
	ON(store_prove, store_on_prove),
	ON(store_stage, store_on_stage),
	ON(store_swap, store_on_swap),
	ON(store_settle, store_on_settle),
	REQUEST(store_backup_mark),
	REQUEST(store_backup_find),
	REQUEST(store_audit_append),
	REQUEST(store_audit_list),
	REQUEST(store_audit_prune),
	REQUEST(store_schedule_put),
	REQUEST(store_schedule_list),
	REQUEST(store_user_change),
	REQUEST(store_user_delete),
	REQUEST(store_session_range),
	REQUEST(store_session_touch),
	REQUEST(store_session_idle),
	REQUEST(store_key_create),
	REQUEST(store_key_delete),
	REQUEST(store_key_list),
	REQUEST(store_redo_begin),
	REQUEST(store_redo_end),
	REQUEST(store_redo_shipped),
	REQUEST(store_redo_read),
	ON(store_replay, store_on_replay),
	{ 0 },
};

const struct actor_class store_class = {
	.name = "store",
	.state_size = sizeof(struct store_state),
	.mailbox_max = STORE_ASKED_MAX,
	.mailbox_bytes_max = 64u << 20,
	.ops_max = STORE_ASKED_MAX,
	.start = store_start,
	.stop = store_stop,
	.measure = store_measure,
	.on = store_on,
};
