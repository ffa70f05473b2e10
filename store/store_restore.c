#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/fault.h"
#include "runtime/base/log.h"
#include "runtime/base/processor.h"
#include "runtime/config.h"
#include "store/carry.h"
#include "store/copy.h"
#include "store/prove.h"
#include "store/replay.h"
#include "store/store_inside.h"
#include "store/swap.h"

#define SWAP_LATE_US 60000000u /* then a swap nobody settled is undone */

#define WHY_SIZE 256

enum disk_what { DISK_COPY, DISK_VERIFY, DISK_PROVE, DISK_STAGE, DISK_REPLAY };

/*
 * What takes a while, on a thread of its own.  Its worker and its op hold it,
 * and the last of the two lets it go: a worker may end after its deadline.
 */
struct errands_of_disk {
	_Atomic int holders;
	struct actor_call back; /* of a worker that was late */
	struct actor *actor;
	enum disk_what what;
	struct backend *backend;
	struct pace pace;
	char file[BACKUP_PATH_MAX + 1];
	char folder[BACKEND_PATH_MAX];
	uint64_t bytes;
	struct proven proven; /* a verify fills the first part */
	bool ours;
	char records[BACKUP_PATH_MAX + 1];
	struct replay_limit limit;
	struct replayed replayed; /* of a copy: where its log stands */
	enum status st;
	char why[WHY_SIZE];
};

struct disk_op {
	struct errands_of_disk *work;
};

static const char *
store_data_dir(struct actor *self)
{
	const struct config *c = actor_config(self);

	return c == NULL ? "." : config_text(c, SETTING_runtime_data_dir);
}

/* ---- copy, verify, stage ---- */

/* The snapshot alone knows what it shows. */
static enum status
disk_copy(struct errands_of_disk *w)
{
	enum status st = copy_live(w->backend, w->file, &w->pace, &w->bytes);
	struct redo_place live;

	if (st == ST_OK)
		st = redo_place_of(w->backend, &live);
	if (st == ST_OK && live.timeline != 0)
		st = replay_file(w->file, "", &w->limit, NULL, &w->replayed);
	return st;
}

static void
disk_do(void *arg)
{
	struct errands_of_disk *w = arg;

	switch (w->what) {
	case DISK_COPY:
		w->st = disk_copy(w);
		break;
	case DISK_REPLAY:
		w->st = replay_file(
		    w->file, w->records, &w->limit, &w->pace, &w->replayed);
		break;
	case DISK_VERIFY:
		w->st = verify_file(w->file, &w->pace, &w->proven.verified);
		break;
	case DISK_PROVE:
		w->st = prove_file(w->file, w->ours, &w->pace, &w->proven);
		break;
	case DISK_STAGE:
		w->st = swap_stage(w->folder, w->file, w->ours, &w->pace);
		break;
	}
	if (w->st != ST_OK)
		snprintf(w->why, sizeof(w->why), "%s", backend_why());
}

static void
disk_end(struct actor *self, struct errands_of_disk *w)
{
	struct store_state *s = actor_state(self);

	if (w->what == DISK_COPY && s->backend == w->backend && s->copies > 0)
		s->copies--;
	free(w);
	store_go_on_swapping(self);
	store_heal(self);
}

static void
disk_on_back(struct actor *self, struct actor_call *c)
{
	disk_end(self, LIST_OF(c, struct errands_of_disk, back));
}

static bool
disk_let_go(struct errands_of_disk *w)
{
	return atomic_fetch_sub(&w->holders, 1) == 1;
}

static void
disk_run(void *data)
{
	struct errands_of_disk *w = ((struct disk_op *)data)->work;

	background_run(disk_do, w, w->pace.soon);
	if (disk_let_go(w))
		actor_call(w->actor, &w->back, disk_on_back);
}

static enum status
disk_refuse(struct op *op, const struct errands_of_disk *w)
{
	return op_refuse_with(op,
	    &(struct refused){ .status = (uint32_t)w->st, .detail = w->why });
}

static enum status
disk_answer(struct actor *self, struct op *op, const struct errands_of_disk *w)
{
	struct store_state *s = actor_state(self);
	const struct redo_place *p = &w->replayed.place;
	const struct verified *v = &w->proven.verified;

	if (w->st != ST_OK)
		return disk_refuse(op, w);
	if (w->what == DISK_COPY)
		return OP_REPLY(op, store_copied, .size_bytes = w->bytes,
		    .schema = s->schema,
		    .point = { p->timeline, p->txid, p->at });
	if (w->what == DISK_REPLAY)
		return OP_REPLY(op, store_replayed,
		    .stand = { .timeline = p->timeline,
			.txid = p->txid,
			.at = p->at,
			.from = p->from },
		    .done = w->replayed.done, .reached = w->replayed.reached);
	if (w->what == DISK_VERIFY)
		return OP_REPLY(op, store_verified, .schema = v->schema,
		    .rows = v->rows, .pages = v->pages);
	if (w->what == DISK_PROVE)
		return OP_REPLY(op, store_proven, .schema = v->schema,
		    .rows = v->rows, .entries = w->proven.entries,
		    .pages = v->pages);
	return OP_REPLY(op, done, 0);
}

/* A worker that is late still reads the database: it is waited for. */
static enum status
disk_on_done(struct actor *self, struct op *op, const struct msg *reply)
{
	struct disk_op d = *(struct disk_op *)op_data(op);
	const struct refused *why = reply->body;
	enum status st;

	if (reply->id == MSG_refused && why->status == ST_TIMEOUT) {
		atomic_store(&d.work->pace.cancelled, true);
		st = op_pass(op, reply);
		if (disk_let_go(d.work))
			disk_end(self, d.work);
		return st;
	}
	st = reply->id == MSG_refused ? op_pass(op, reply)
				      : disk_answer(self, op, d.work);
	disk_end(self, d.work);
	return st;
}

/* NULL: in has been answered.  Else disk_begin it, once it has all it needs. */
static struct errands_of_disk *
disk_make(struct actor *self, const struct msg *in, enum disk_what what,
    const char *file, struct op **ret_op)
{
	struct store_state *s = actor_state(self);
	struct op *op = op_open(self, in);
	struct errands_of_disk *w;

	*ret_op = op;
	if (op == NULL)
		return NULL;
	w = s->has_files ? calloc(1, sizeof(*w)) : NULL;
	if (w == NULL) {
		(void)(s->has_files ? OP_REFUSE(op, OVERLOADED, "out of memory")
				    : OP_REFUSE(op, UNAVAILABLE,
					  "the memory backend has no files"));
		return NULL;
	}
	w->actor = self;
	atomic_init(&w->holders, 2);
	w->backend = s->backend;
	w->what = what;
	snprintf(w->file, sizeof(w->file), "%s", file);
	snprintf(w->folder, sizeof(w->folder), "%s", s->path);
	((struct disk_op *)op_data(op))->work = w;
	return w;
}

static enum status
disk_begin(struct op *op)
{
	return op_work(op, WORK_DISK, disk_run, disk_on_done);
}

enum status
store_on_copy(struct actor *self, const struct msg *in)
{
	const struct store_copy *ask = in->body;
	struct store_state *s = actor_state(self);
	struct errands_of_disk *w;
	struct op *op;

	if (s->backend == NULL || s->swap.state != SWAP_NONE)
		return REFUSE(self, in, UNAVAILABLE, "it is not open");
	w = disk_make(self, in, DISK_COPY, ask->file, &op);
	if (w == NULL)
		return ST_OK;
	pace_init(&w->pace, ask->bytes_per_second);
	w->pace.soon = ask->soon;
	s->copies++;
	return disk_begin(op);
}

enum status
store_on_verify(struct actor *self, const struct msg *in)
{
	const struct store_verify *ask = in->body;
	struct op *op;

	if (disk_make(self, in, DISK_VERIFY, ask->file, &op) == NULL)
		return ST_OK;
	return disk_begin(op);
}

enum status
store_on_prove(struct actor *self, const struct msg *in)
{
	const struct store_prove *ask = in->body;
	struct op *op;
	struct errands_of_disk *w =
	    disk_make(self, in, DISK_PROVE, ask->file, &op);

	if (w == NULL)
		return ST_OK;
	w->ours = ask->ours;
	pace_init(&w->pace, ask->bytes_per_second);
	pace_bound_cpu(&w->pace, ask->cpu_percent);
	return disk_begin(op);
}

enum status
store_on_replay(struct actor *self, const struct msg *in)
{
	const struct store_replay *ask = in->body;
	struct op *op;
	struct errands_of_disk *w =
	    disk_make(self, in, DISK_REPLAY, ask->file, &op);

	if (w == NULL)
		return ST_OK;
	w->limit = (struct replay_limit){ ask->txid_max, ask->at_max };
	snprintf(w->records, sizeof(w->records), "%s", ask->records);
	return disk_begin(op);
}

enum status
store_on_stage(struct actor *self, const struct msg *in)
{
	const struct store_stage *ask = in->body;
	struct op *op;
	struct errands_of_disk *w =
	    disk_make(self, in, DISK_STAGE, ask->file, &op);

	if (w == NULL)
		return ST_OK;
	w->ours = ask->ours;
	pace_init(&w->pace, ask->bytes_per_second);
	return disk_begin(op);
}

/* ---- swap and settle ---- */

static enum status
store_open_again(struct actor *self)
{
	struct migrate_result result;
	enum status st = store_open(self);

	return st == ST_OK ? store_migrate_now(self, &result) : st;
}

/* Whatever it takes to serve what was there before. */
static enum status
store_undo_swap(struct actor *self)
{
	struct store_state *s = actor_state(self);
	enum status st;

	(void)store_close(s);
	st = swap_back(s->path);
	if (st == ST_OK)
		st = store_open_again(self);
	LOG(STORE_SWAPPED, KV("outcome", "rolled_back"),
	    KV("status", status_name(st)));
	s->swap.state = SWAP_NONE;
	if (st != ST_OK)
		actor_give_up(self, "the database could not be brought back");
	return st;
}

/* Without what was revoked it is not opened to anybody. */
static enum status
store_swap_with(struct actor *self, const struct carry *carry)
{
	struct store_state *s = actor_state(self);
	struct carry_new to = { store_new_epoch(self), s->swap.txid_floor,
		actor_wall_us(self) };
	enum status st;

	(void)store_close(s);
	st = swap_go(s->path);
	if (st == ST_OK && fault_fails("swap.open"))
		st = ST_CORRUPT;
	if (st == ST_OK)
		st = store_open_again(self);
	if (st == ST_OK)
		st = carry_put(s->backend, carry, &to);
	fault_point("swap.carried");
	return st;
}

static enum status
store_do_swap(struct actor *self)
{
	struct store_state *s = actor_state(self);
	struct carry *carry = NULL;
	enum status st = carry_take(s->backend, &carry);

	if (st == ST_OK)
		st = store_swap_with(self, carry);
	carry_destroy(carry);
	return st;
}

/* Everybody forgets what they have read. */
static void
store_tell_restored(struct actor *self)
{
	static const uint32_t hearers[] = {
		ACTOR_NUMBER(session_registry),
		ACTOR_NUMBER(settings),
		ACTOR_NUMBER(event_hub),
	};

	for (size_t i = 0; i < sizeof(hearers) / sizeof(hearers[0]); i++)
		(void)SEND(
		    self, actor_find(self, hearers[i], 0), store_restored, 0);
}

static enum status
store_keep_swap(struct actor *self)
{
	struct store_state *s = actor_state(self);
	enum status st = swap_mark_kept(store_data_dir(self));

	if (st != ST_OK)
		return st;
	s->swap.state = SWAP_NONE;
	LOG(STORE_SWAPPED, KV("outcome", "kept"), KV("status", "OK"));
	if (swap_keep(s->path) != ST_OK) /* the next start tries again */
		LOG(PERSISTENCE_BACKEND_DISCONNECT_ERROR, KV("path", s->path),
		    KV("error", backend_why()));
	store_tell_restored(self);
	return ST_OK;
}

/* Nobody has settled it in time: the intent knows. */
static enum status
store_on_swap_late(struct actor *self, struct timer *t)
{
	bool kept = false, ours = false;
	struct store_state *s = actor_state(self);

	(void)t;
	if (s->swap.state != SWAP_SWAPPED)
		return ST_OK;
	if (swap_read_intent(store_data_dir(self), &kept, &ours) == ST_OK &&
	    kept)
		return store_keep_swap(self);
	return store_undo_swap(self);
}

/* With nobody inside the database any more. */
void
store_go_on_swapping(struct actor *self)
{
	struct store_state *s = actor_state(self);
	struct op *op;
	enum status st;

	if (s->swap.state != SWAP_QUIET || s->asked > 0 || s->copies > 0)
		return;
	op = op_find(self, s->swap.op);
	st = op == NULL ? ST_TIMEOUT : store_do_swap(self);
	if (st == ST_OK) {
		s->swap.state = SWAP_SWAPPED;
		timer_start(
		    self, &s->swap.late, SWAP_LATE_US, store_on_swap_late);
	} else {
		(void)store_undo_swap(self);
	}
	if (op == NULL)
		return;
	op_resume(op);
	if (st == ST_OK)
		(void)OP_REPLY(op, done, 0);
	else
		(void)op_refuse_with(
		    op, &(struct refused){ .status = (uint32_t)st,
			    .detail = "the copy did not open" });
}

enum status
store_on_swap(struct actor *self, const struct msg *in)
{
	struct store_state *s = actor_state(self);
	struct op *op = op_open(self, in);
	enum status st;

	if (op == NULL)
		return ST_OK;
	if (s->swap.state != SWAP_NONE || s->backend == NULL ||
	    s->closing != NULL || !s->has_files)
		return OP_REFUSE(op, CONFLICT, "it cannot be swapped now");
	s->swap.state = SWAP_QUIET;
	s->swap.op = op_handle(op);
	s->swap.txid_floor = ((const struct store_swap *)in->body)->txid_floor;
	st = op_keep(op, store_on_late);
	store_go_on_swapping(self);
	return st;
}

/* Whoever is not of the new epoch by now lets nobody in. */
static enum status
store_on_agreed(struct actor *self, struct op *op, const struct msg *reply)
{
	struct op *settle = op_find(self, *(uint64_t *)op_data(op));

	(void)reply;
	if (settle != NULL) {
		op_resume(settle);
		(void)OP_REPLY(settle, done, 0);
	}
	return op_close(op);
}

static enum status
store_on_settle_late(struct actor *self, struct op *op, const struct msg *why)
{
	(void)self;
	return op_pass(op, why);
}

/*
 * The registry starts over, and what we ask of it after that comes after
 * that: so nobody is told of a restore while a gateway still lets people in
 * on what was there before.
 */
static enum status
store_wait_agreed(struct actor *self, const struct msg *in)
{
	struct op *settle = op_open(self, in);
	struct op *op = settle == NULL ? NULL : op_open(self, NULL);

	if (op == NULL)
		return settle == NULL ? ST_OK : OP_REPLY(settle, done, 0);
	*(uint64_t *)op_data(op) = op_handle(settle);
	(void)op_keep(settle, store_on_settle_late);
	return OP_ASK(op, actor_find(self, ACTOR_NUMBER(session_registry), 0),
	    replica_agree, store_on_agreed, .nothing = 0);
}

enum status
store_on_settle(struct actor *self, const struct msg *in)
{
	const struct store_settle *ask = in->body;
	struct store_state *s = actor_state(self);
	enum status st = ST_OK;

	if (s->swap.state != SWAP_SWAPPED && ask->keep)
		return REFUSE(self, in, CONFLICT, "nothing was swapped");
	timer_stop(&s->swap.late);
	if (ask->keep)
		st = store_keep_swap(self);
	else if (s->swap.state == SWAP_SWAPPED)
		st = store_undo_swap(self);
	else if (s->has_files)
		st = swap_keep(s->path); /* what was staged, if anything */
	if (st == ST_OK)
		return ask->keep ? store_wait_agreed(self, in)
				 : REPLY(self, in, done, 0);
	return actor_refuse_with(self, in,
	    &(struct refused){
		.status = (uint32_t)st, .detail = backend_why() });
}

enum status
store_recover_swap(struct actor *self)
{
	const struct config *c = actor_config(self);
	char path[BACKEND_PATH_MAX];

	if (c == NULL ||
	    strcmp(config_text(c, SETTING_persistence_backend), "lmdb") != 0)
		return ST_OK;
	if (config_path(c, SETTING_persistence_lmdb_path, path, sizeof(path)) !=
		ST_OK ||
	    path[0] == ':')
		return ST_OK;
	return swap_recover(store_data_dir(self), path);
}
