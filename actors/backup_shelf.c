#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/backup_shelf.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

/* List, get, delete and hold: one look at the disk each, and no lock. */

struct shelf {
	const struct backup_place *place;
	char id[BACKUP_ID_LENGTH + 1];
	struct run_caller caller;
	struct backup_entry *entries;
	size_t count;
	struct backup_entry entry;
	bool held;
	enum status st;
	char why[BACKUP_WHY_SIZE];
};

struct shelf_data {
	struct shelf *shelf;
};

static struct shelf *
shelf_of(struct op *op)
{
	return ((struct shelf_data *)op_data(op))->shelf;
}

static void
shelf_free(struct shelf *f)
{
	free(f->entries);
	free(f);
}

/* NULL: in has been answered. */
static struct shelf *
shelf_open(struct actor *self, const struct msg *in, const char *id,
    struct op **ret_op)
{
	struct backup_self *s = actor_state(self);
	struct op *op = op_open(self, in);
	struct shelf *f;

	*ret_op = op;
	if (op == NULL)
		return NULL;
	f = calloc(1, sizeof(*f));
	if (f == NULL) {
		(void)OP_REFUSE(op, OVERLOADED, "out of memory");
		return NULL;
	}
	f->place = &s->place;
	snprintf(f->id, sizeof(f->id), "%s", id);
	((struct shelf_data *)op_data(op))->shelf = f;
	return f;
}

static enum status
shelf_begin(struct actor *self, const struct msg *in, const char *id,
    work_fn work, op_fn on_done)
{
	struct op *op;

	if (shelf_open(self, in, id, &op) == NULL)
		return ST_OK;
	return op_work(op, WORK_DISK, work, on_done);
}

static void
shelf_note_caller(struct shelf *f, const struct principal *caller)
{
	struct backup_run about = { 0 };

	backup_tell_caller(&about, caller);
	f->caller = about.caller;
}

/* True: there is nothing to answer with; a late worker keeps its memory. */
static bool
shelf_is_late(struct op *op, const struct msg *reply)
{
	const struct refused *why = reply->body;

	if (reply->id != MSG_refused)
		return false;
	if (why->status != ST_TIMEOUT)
		shelf_free(shelf_of(op));
	(void)op_pass(op, reply);
	return true;
}

static enum status
shelf_missing(struct op *op, const char *operation)
{
	LOG(BACKUP_NOT_FOUND, KV("operation", operation));
	return OP_REFUSE(op, BACKUP_NOT_FOUND, "there is no such backup");
}

static void
shelf_audit(struct actor *self, const struct shelf *f, const char *action)
{
	struct backup_self *s = actor_state(self);
	struct principal by = backup_tell_who(&f->caller);
	struct audit_note note = audit_note_by(self, &by, action, f->id);

	if (f->st != ST_OK)
		note.result = AUDIT_FAILED;
	auditor_say(self, &s->auditor, &note);
}

/* What was asked is done, or it could not be. */
static enum status
shelf_done(struct op *op, const struct shelf *f)
{
	return f->st == ST_OK
		   ? OP_REPLY(op, done, 0)
		   : OP_REFUSE(op, INTERNAL, "it failed; the log says why");
}

/* ---- list ---- */

static void
list_work(void *data)
{
	struct shelf *f = ((struct shelf_data *)data)->shelf;

	f->st = backup_entries_read(f->place->root, &f->entries, &f->count);
}

/* One conversion from a manifest to an item of the list. */
static struct backup_info
info_of(const struct backup_entry *e, struct backup_view *v)
{
	backup_facts_view(&e->facts, v);
	return (struct backup_info){
		.backup_id = e->facts.backup_id,
		.timestamp = e->facts.timestamp,
		.trigger = e->facts.trigger,
		.components = v->components,
		.components_count = e->facts.count,
		.size_bytes = e->facts.size_bytes,
		.compressed = e->is_archive,
		.encrypted = e->is_sealed,
		.stored_bytes = e->stored_bytes,
		.held = e->is_held,
	};
}

static enum status
list_answer(struct actor *self, struct op *op, const struct shelf *f)
{
	size_t count =
	    f->count < BACKUPS_PAGE_MAX ? f->count : BACKUPS_PAGE_MAX;
	struct arena *a = actor_arena(self);
	struct backup_info *infos = arena_take(a, (count + 1) * sizeof(*infos));
	struct backup_view *views = arena_take(a, (count + 1) * sizeof(*views));

	if (infos == NULL || views == NULL)
		return OP_REFUSE(op, OVERLOADED, "too many for one answer");
	for (size_t i = 0; i < count; i++)
		infos[i] = info_of(&f->entries[i], &views[i]);
	LOG(BACKUP_LISTED, KU("count", f->count));
	return OP_REPLY(op, backup_infos, .backups = infos,
	    .backups_count = (uint32_t)count);
}

static enum status
list_on_worked(struct actor *self, struct op *op, const struct msg *reply)
{
	struct shelf *f = shelf_of(op);
	enum status st;

	if (shelf_is_late(op, reply))
		return ST_OK;
	if (f->st == ST_OK) {
		st = list_answer(self, op, f);
	} else {
		LOG(BACKUP_UNAVAILABLE, KV("why", status_text(f->st)));
		st = OP_REFUSE(op, INTERNAL, "it failed; the log says why");
	}
	shelf_free(f);
	return st;
}

enum status
backup_on_list(struct actor *self, const struct msg *in)
{
	const struct backup_list *ask = in->body;

	if (!backup_admits(self, in, &ask->caller))
		return ST_OK;
	return shelf_begin(self, in, "", list_work, list_on_worked);
}

/* ---- get ---- */

static void
get_work(void *data)
{
	struct shelf *f = ((struct shelf_data *)data)->shelf;

	f->st = backup_entry_find(f->place->root, f->id, &f->entry, f->why);
}

static enum status
get_on_worked(struct actor *self, struct op *op, const struct msg *reply)
{
	struct shelf *f = shelf_of(op);
	struct backup_view v;
	enum status st;

	(void)self;
	if (shelf_is_late(op, reply))
		return ST_OK;
	if (f->st == ST_OK) {
		backup_facts_view(&f->entry.facts, &v);
		st = OP_REPLY(op, backup_made, .manifest = v.manifest);
	} else if (f->st == ST_NOT_FOUND) {
		st = shelf_missing(op, "get");
	} else if (f->st == ST_IO || f->st == ST_NO_MEMORY) {
		st = OP_REFUSE(op, INTERNAL, "it failed; the log says why");
	} else {
		st = OP_REFUSE(op, BACKUP_INVALID, f->why);
	}
	shelf_free(f);
	return st;
}

enum status
backup_on_get(struct actor *self, const struct msg *in)
{
	const struct backup_get *ask = in->body;

	if (!backup_admits(self, in, &ask->caller))
		return ST_OK;
	if (!backup_id_is_good(ask->backup_id))
		return REFUSE(
		    self, in, BACKUP_NOT_FOUND, "there is no such backup");
	return shelf_begin(self, in, ask->backup_id, get_work, get_on_worked);
}

/* ---- delete ---- */

static void
delete_work(void *data)
{
	struct shelf *f = ((struct shelf_data *)data)->shelf;

	f->st = backup_is_held(f->place->root, f->id)
		    ? ST_DENIED
		    : backup_entry_remove(f->place->root, f->id);
}

static enum status
delete_on_worked(struct actor *self, struct op *op, const struct msg *reply)
{
	struct shelf *f = shelf_of(op);
	enum status st;

	if (shelf_is_late(op, reply))
		return ST_OK;
	if (f->st == ST_NOT_FOUND) {
		st = shelf_missing(op, "delete");
	} else if (f->st == ST_DENIED) {
		st = OP_REFUSE(op, BACKUP_HELD, "it is held: let it go first");
	} else {
		if (f->st == ST_OK)
			LOG(BACKUP_DELETED, KV("backup_id", f->id),
			    KV("user_id", f->caller.user_id));
		shelf_audit(self, f, "backup.delete");
		st = shelf_done(op, f);
	}
	shelf_free(f);
	return st;
}

/* It is being made, or is the source or the safety of a restore. */
static bool
delete_is_in_use(const struct backup_self *s, const char *id)
{
	const struct backup_run *r = s->run;

	return r != NULL && (strcmp(r->main.facts.backup_id, id) == 0 ||
				strcmp(r->safety.facts.backup_id, id) == 0);
}

enum status
backup_on_delete(struct actor *self, const struct msg *in)
{
	const struct backup_delete *ask = in->body;
	struct backup_self *s = actor_state(self);
	struct op *op;
	struct shelf *f;

	if (!backup_admits(self, in, &ask->caller))
		return ST_OK;
	if (!backup_id_is_good(ask->backup_id))
		return REFUSE(
		    self, in, BACKUP_NOT_FOUND, "there is no such backup");
	if (delete_is_in_use(s, ask->backup_id))
		return REFUSE(self, in, BACKUP_IN_PROGRESS,
		    "it is in use by what is in progress");
	f = shelf_open(self, in, ask->backup_id, &op);
	if (f == NULL)
		return ST_OK;
	shelf_note_caller(f, &ask->caller);
	return op_work(op, WORK_DISK, delete_work, delete_on_worked);
}

/* ---- hold ---- */

static void
hold_work(void *data)
{
	struct shelf *f = ((struct shelf_data *)data)->shelf;

	f->st = backup_hold(f->place->root, f->id, f->held);
}

static enum status
hold_on_worked(struct actor *self, struct op *op, const struct msg *reply)
{
	struct shelf *f = shelf_of(op);
	enum status st;

	if (shelf_is_late(op, reply))
		return ST_OK;
	if (f->st == ST_NOT_FOUND) {
		st = shelf_missing(op, f->held ? "hold" : "release");
	} else {
		shelf_audit(
		    self, f, f->held ? "backup.hold" : "backup.release");
		st = shelf_done(op, f);
	}
	shelf_free(f);
	return st;
}

static enum status
hold_begin(struct actor *self, const struct msg *in,
    const struct principal *caller, const char *id, bool held)
{
	struct shelf *f;
	struct op *op;

	if (!backup_admits(self, in, caller))
		return ST_OK;
	if (!backup_id_is_good(id))
		return REFUSE(
		    self, in, BACKUP_NOT_FOUND, "there is no such backup");
	f = shelf_open(self, in, id, &op);
	if (f == NULL)
		return ST_OK;
	shelf_note_caller(f, caller);
	f->held = held;
	return op_work(op, WORK_DISK, hold_work, hold_on_worked);
}

enum status
backup_on_hold(struct actor *self, const struct msg *in)
{
	const struct backup_hold *ask = in->body;

	return hold_begin(self, in, &ask->caller, ask->backup_id, true);
}

enum status
backup_on_release(struct actor *self, const struct msg *in)
{
	const struct backup_release *ask = in->body;

	return hold_begin(self, in, &ask->caller, ask->backup_id, false);
}
