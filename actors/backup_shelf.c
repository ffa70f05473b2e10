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
	bool is_there; /* a copy on the second target is known */
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

/* Where the keys cannot be read, none of them is known. */
static void
list_work(void *data)
{
	struct shelf *f = ((struct shelf_data *)data)->shelf;
	char why[BACKUP_WHY_SIZE] = "";
	struct backup_keys *keys = NULL;

	f->st = backup_entries_read(f->place->root, &f->entries, &f->count);
	if (backup_keys_load(f->place->keys, false, &keys, why) != ST_OK)
		LOG(BACKUP_UNAVAILABLE, KV("why", why));
	backup_keys_prove(keys, f->entries, f->count);
	backup_keys_destroy(keys);
}

static int
id_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* One conversion from a manifest to an item of the list. */
static struct backup_info
info_of(const struct backup_entry *e, enum backup_where where,
    struct backup_view *v)
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
		.where = where,
		.trust = e->trust,
	};
}

static enum backup_where
where_is(struct actor *self, const struct backup_entry *here)
{
	const struct backup_entry *there =
	    second_find(self, here->facts.backup_id);

	return there != NULL && second_is_copy(here, there) ? WHERE_BOTH
							    : WHERE_LOCAL;
}

static int
newest_first(const void *a, const void *b)
{
	return backup_entry_compare(*(const struct backup_entry *const *)a,
	    *(const struct backup_entry *const *)b);
}

/* Those that are left on the second target alone, newest first. */
static size_t
list_there(struct actor *self, const struct shelf *f, const char **ids,
    struct backup_entry **ret)
{
	struct backup_self *s = actor_state(self);
	size_t count = 0;

	for (size_t i = 0; i < f->count; i++)
		ids[i] = f->entries[i].facts.backup_id;
	if (f->count > 0)
		qsort(ids, f->count, sizeof(*ids), id_compare);
	for (size_t i = 0; i < s->second.there_count; i++) {
		struct backup_entry *e = &s->second.there[i];
		const char *id = e->facts.backup_id;

		if (f->count == 0 || bsearch(&id, ids, f->count, sizeof(*ids),
					 id_compare) == NULL)
			ret[count++] = e;
	}
	if (count > 0)
		qsort(ret, count, sizeof(*ret), newest_first);
	return count;
}

/* Both, newest first, as far as they fit. */
static size_t
list_unite(struct actor *self, const struct shelf *f,
    struct backup_entry *const *there, size_t there_count,
    struct backup_info *infos, struct backup_view *views)
{
	size_t i = 0, k = 0, n = 0;

	for (; n < BACKUPS_PAGE_MAX; n++) {
		const struct backup_entry *e =
		    i < f->count ? &f->entries[i] : NULL;

		if (k < there_count &&
		    (e == NULL || backup_entry_compare(there[k], e) < 0)) {
			infos[n] = info_of(there[k++], WHERE_SECOND, &views[n]);
		} else if (e != NULL) {
			infos[n] = info_of(e, where_is(self, e), &views[n]);
			i++;
		} else {
			break;
		}
	}
	return n;
}

static enum status
list_answer(struct actor *self, struct op *op, const struct shelf *f)
{
	struct backup_self *s = actor_state(self);
	size_t most = s->second.there_count, count;
	size_t page = f->count + most < BACKUPS_PAGE_MAX ? f->count + most
							 : BACKUPS_PAGE_MAX;
	struct arena *a = actor_arena(self);
	struct backup_info *infos = arena_take(a, (page + 1) * sizeof(*infos));
	struct backup_view *views = arena_take(a, (page + 1) * sizeof(*views));
	struct backup_entry **there =
	    arena_take(a, (most + 1) * sizeof(*there));
	const char **ids = arena_take(a, (f->count + 1) * sizeof(*ids));

	if (infos == NULL || views == NULL || there == NULL || ids == NULL)
		return OP_REFUSE(op, OVERLOADED, "too many for one answer");
	count = list_unite(
	    self, f, there, list_there(self, f, ids, there), infos, views);
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
get_answer(struct op *op, const struct backup_entry *e, enum backup_where where)
{
	struct backup_view v;

	backup_facts_view(&e->facts, &v);
	v.manifest.where = where;
	v.manifest.has_where = true;
	return OP_REPLY(op, backup_made, .manifest = v.manifest);
}

static enum status
get_on_worked(struct actor *self, struct op *op, const struct msg *reply)
{
	struct shelf *f = shelf_of(op);
	struct backup_entry *there = second_find(self, f->id);
	enum status st;

	if (shelf_is_late(op, reply))
		return ST_OK;
	if (f->st == ST_OK) {
		st = get_answer(op, &f->entry, where_is(self, &f->entry));
	} else if (there != NULL) {
		st = get_answer(op, there, WHERE_SECOND);
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

	f->st = ST_DENIED;
	if (backup_is_held(f->place->root, f->id) ||
	    (f->is_there && backup_is_held(f->place->second, f->id)))
		return;
	f->st = backup_entry_remove(f->place->root, f->id);
	if (f->is_there && (f->st == ST_OK || f->st == ST_NOT_FOUND))
		f->st = backup_entry_remove(f->place->second, f->id);
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
	} else if (f->st == ST_MALFORMED) {
		st = OP_REFUSE(op, BACKUP_INVALID, "its backup_id is disputed");
	} else {
		if (f->st == ST_OK) {
			LOG(BACKUP_DELETED, KV("backup_id", f->id),
			    KV("user_id", f->caller.user_id));
			second_forget(self, f->id);
		}
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
	if (!second_call_off(self, ask->backup_id))
		return REFUSE(self, in, BACKUP_IN_PROGRESS,
		    "its copy is being put in place");
	f = shelf_open(self, in, ask->backup_id, &op);
	if (f == NULL)
		return ST_OK;
	f->is_there = second_find(self, ask->backup_id) != NULL;
	shelf_note_caller(f, &ask->caller);
	return op_work(op, WORK_DISK, delete_work, delete_on_worked);
}

/* ---- hold ---- */

static void
hold_work(void *data)
{
	struct shelf *f = ((struct shelf_data *)data)->shelf;

	f->st = backup_hold(f->place->root, f->id, f->held);
	if (!f->is_there || (f->st != ST_OK && f->st != ST_NOT_FOUND))
		return;
	/* A hold gets there with the next look, a release by request alone. */
	if (f->st == ST_NOT_FOUND || !f->held)
		f->st = backup_hold(f->place->second, f->id, f->held);
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
		if (f->st == ST_OK && second_find(self, f->id) != NULL)
			second_find(self, f->id)->is_held = f->held;
		st = shelf_done(op, f);
		second_nudge(self);
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
	f->is_there = second_find(self, id) != NULL;
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
