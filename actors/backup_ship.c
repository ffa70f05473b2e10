#include "actors/backup_ship.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/backup_inside.h"
#include "actors/backup_ship_file.h"
#include "runtime/base/log.h"

#define TIMELINE_SHIFT 11 /* it fits a double, as an epoch does */
#define SECOND_US 1000000u
#define MINUTE_US (UINT64_C(60) * SECOND_US)

struct look_data {
	const struct backup_place *place;
	uint64_t timeline;
	bool found;
};

static struct ship *
ship_of(struct actor *self)
{
	return &((struct backup_self *)actor_state(self))->ship;
}

static uint64_t
ship_number(struct actor *self, enum setting_id id)
{
	struct backup_self *s = actor_state(self);

	return live_number(&s->live, self, id);
}

/* ---- rounds ---- */

static enum status ship_on_tick(struct actor *self, struct timer *t);

static void
ship_later(struct actor *self, uint64_t us)
{
	timer_start(self, &ship_of(self)->tick, us, ship_on_tick);
}

static void
ship_flushed(struct actor *self)
{
	struct ship *s = ship_of(self);
	enum status (*fn)(struct actor *, void *) = s->on_flushed;

	s->on_flushed = NULL;
	if (fn != NULL)
		(void)fn(self, s->ctx);
}

/* Told once when it begins and once when it ends. */
static void
ship_failed(struct actor *self, const char *why)
{
	struct ship *s = ship_of(self);

	if (!s->failing)
		LOG(BACKUP_SHIP_FAILED, KV("error", why),
		    KU("lag_seconds", ship_lag_us(self) / SECOND_US));
	s->failing = true;
	s->failures++;
	s->offset = 0;
	if (s->on_flushed != NULL &&
	    actor_now_us(self) - s->flush_from_us > SHIP_FLUSH_US)
		ship_flushed(self);
	ship_later(self, SHIP_AGAIN_US);
}

static void
ship_went(struct actor *self)
{
	struct ship *s = ship_of(self);

	if (s->failing)
		LOG(BACKUP_SHIP_RECOVERED,
		    KU("lag_seconds", ship_lag_us(self) / SECOND_US));
	s->failing = false;
}

/* Everything that was committed when the round began is safe. */
static void
ship_is_level(struct actor *self)
{
	struct ship *s = ship_of(self);

	ship_went(self);
	s->caught_up_us = s->asked_us;
	if (s->on_flushed != NULL && s->asked_us >= s->flush_from_us)
		ship_flushed(self);
}

static enum status
ship_on_told(struct actor *self, struct op *op, const struct msg *reply)
{
	(void)self;
	(void)reply; /* it is told again with the next part */
	return op_close(op);
}

static void
ship_tell(struct actor *self)
{
	struct ship *s = ship_of(self);
	struct op *op = op_open(self, NULL);

	if (op != NULL)
		(void)OP_ASK(op, backup_run_store(self), store_redo_shipped,
		    ship_on_told, .timeline = s->timeline, .txid = s->shipped);
}

static bool
segment_is_done(struct actor *self, const struct ship_file *f)
{
	uint64_t age = actor_now_us(self) - f->opened_us;

	return f->out != NULL &&
	       (segment_bytes(f->out) >=
		       ship_number(self, SETTING_backup_ship_segment_bytes) ||
		   age >= MINUTE_US * ship_number(self,
					  SETTING_backup_ship_segment_minutes));
}

static enum status
ship_on_written(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct ship_data *d = op_data(op);
	struct ship *s = ship_of(self);
	struct ship_file *f = d->file;
	uint64_t next = d->next_txid, newest = d->newest;
	uint32_t offset = d->next_offset;
	int64_t at = d->newest_at;
	enum status st = reply->id == MSG_refused ? ST_TIMEOUT : f->st;

	(void)op_close(op);
	if (st == ST_TIMEOUT) { /* it is the worker's now, if it ever ends */
		ship_file_let_go(s->file);
		s->file = NULL;
		ship_failed(self, "the disk does not answer");
		return ST_OK;
	}
	if (st != ST_OK) {
		ship_failed(self, f->why);
		return ST_OK;
	}
	s->parts++;
	s->bytes += f->bytes.size;
	s->txid = next;
	s->offset = offset;
	if (offset == 0 && next - 1 > s->shipped) {
		s->shipped = next - 1;
		s->shipped_at = next > newest ? at : s->shipped_at;
		ship_tell(self);
	}
	if (next > newest)
		ship_is_level(self);
	ship_later(self, next > newest ? SHIP_EACH_US : 0);
	return ST_OK;
}

/* A segment begins with a record, and a round never ends one inside. */
static enum status
ship_write(
    struct actor *self, struct op *op, const struct store_redo_part *part)
{
	struct backup_self *b = actor_state(self);
	struct ship_data *d = op_data(op);
	struct ship *s = ship_of(self);
	struct ship_file *f =
	    s->file != NULL ? s->file : ship_file_make(&b->place);

	if (f == NULL) {
		ship_failed(self, "out of memory");
		return op_close(op);
	}
	s->file = f;
	f->ends =
	    f->timeline != part->stand.timeline ||
	    (part->offset == 0 && (f->first == 0 || segment_is_done(self, f)));
	if (f->out == NULL || f->ends) {
		f->opened_us = actor_now_us(self);
		f->timeline = part->stand.timeline;
		f->first = part->txid;
		f->now = actor_wall_us(self);
	}
	memcpy(f->room, part->bytes.at, part->bytes.size);
	f->bytes = (struct bytes){ f->room, part->bytes.size };
	*d = (struct ship_data){ .file = f,
		.next_txid = part->next_txid,
		.next_offset = part->next_offset,
		.newest = part->stand.txid,
		.newest_at = part->stand.at };
	atomic_fetch_add(&f->holders, 1);
	return op_work(op, WORK_DISK, ship_file_write, ship_on_written);
}

/* ---- a timeline and its base ---- */

static void
look_work(void *data)
{
	struct look_data *d = data;
	char why[BACKUP_WHY_SIZE];
	struct backup_entry *all = NULL;
	struct backup_keys *keys = NULL;
	size_t count = 0;

	d->found = false;
	if (backup_keys_load(d->place->keys, false, &keys, why) != ST_OK ||
	    backup_entries_read(d->place->root, &all, &count) != ST_OK)
		count = 0;
	backup_keys_prove(keys, all, count);
	for (size_t i = 0; i < count && !d->found; i++)
		d->found = !all[i].is_disputed &&
			   all[i].trust == TRUST_SIGNED &&
			   all[i].facts.point.timeline == d->timeline;
	backup_keys_destroy(keys);
	free(all);
}

static enum status
ship_on_looked(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct look_data *d = op_data(op);
	struct ship *s = ship_of(self);

	if (reply->id == MSG_done && d->timeline == s->timeline) {
		s->has_base = d->found;
		if (!s->has_base)
			backup_want_base(self);
	}
	return op_close(op);
}

static void
ship_look(struct actor *self)
{
	struct backup_self *b = actor_state(self);
	struct ship *s = ship_of(self);
	struct op *op = op_open(self, NULL);
	struct look_data *d;

	if (op == NULL)
		return;
	s->looked_us = actor_now_us(self);
	d = op_data(op);
	d->place = &b->place;
	d->timeline = s->timeline;
	(void)op_work(op, WORK_DISK, look_work, ship_on_looked);
}

static void
ship_adopt(struct actor *self, const struct redo_stand *stand, uint64_t txid)
{
	struct ship *s = ship_of(self);

	s->timeline = stand->timeline;
	s->txid = txid;
	s->offset = 0;
	s->shipped = txid - 1;
	s->shipped_at = stand->at;
	s->has_base = false;
	s->is_told = false;
	ship_look(self);
}

static enum status
ship_on_begun(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_redo_stands *stands = reply->body;
	struct ship *s = ship_of(self);

	if (reply->id != MSG_store_redo_stands) {
		ship_failed(self, "the store does not begin a log");
		return op_close(op);
	}
	s->timelines++;
	LOG(BACKUP_SHIP_BEGUN, KU("timeline", stands->stand.timeline),
	    KU("txid", stands->stand.txid));
	ship_adopt(self, &stands->stand, stands->stand.txid + 1);
	ship_later(self, 0);
	return op_close(op);
}

static enum status
ship_begin(struct actor *self, struct op *op)
{
	uint64_t random;

	actor_random(self, &random, sizeof(random));
	return OP_ASK(op, backup_run_store(self), store_redo_begin,
	    ship_on_begun, .timeline = (random >> TIMELINE_SHIFT) | 1,
	    .tail_bytes_max = ship_number(self, SETTING_backup_ship_tail_bytes),
	    .now = actor_wall_us(self));
}

static enum status
ship_on_probed(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct ship_data *d = op_data(op);

	if (reply->id == MSG_done && d->file->st == ST_OK)
		return ship_begin(self, op);
	ship_failed(self, "nothing can be written beside the backups");
	return op_close(op);
}

static enum status
ship_probe(struct actor *self, struct op *op)
{
	struct backup_self *b = actor_state(self);
	struct ship *s = ship_of(self);
	struct ship_data *d = op_data(op);

	if (s->file == NULL)
		s->file = ship_file_make(&b->place);
	if (s->file == NULL) {
		ship_failed(self, "out of memory");
		return op_close(op);
	}
	d->file = s->file;
	atomic_fetch_add(&s->file->holders, 1);
	return op_work(op, WORK_DISK, ship_file_probe, ship_on_probed);
}

void
backup_want_base(struct actor *self)
{
	static const enum backup_component store_alone[] = {
		COMPONENT_PERSISTENCE
	};
	struct backup_self *s = actor_state(self);
	struct backup_run *r;
	bool has_store = false;

	s->wants_base = s->run != NULL;
	if (s->run != NULL || s->is_closing)
		return;
	r = backup_run_open(self, RUN_CREATE);
	if (r == NULL)
		return; /* the next look will tell again */
	for (uint32_t i = 0; i < s->include_count; i++)
		has_store |= s->include[i] == COMPONENT_PERSISTENCE;
	backup_job_init(self, &r->main, TRIGGER_SCHEDULED,
	    has_store ? s->include : store_alone,
	    has_store ? s->include_count : 1);
	(void)backup_run_create(self, r);
}

/* ---- what the store has ---- */

/* All before the first of them is safe, however long ago that was. */
static void
ship_know_lag(struct actor *self, const struct store_redo_part *part)
{
	struct ship *s = ship_of(self);
	struct redo_head h;
	int64_t age;

	if (part->offset != 0 || redo_read_head(part->bytes, &h) != ST_OK)
		return;
	age = actor_wall_us(self) - h.at;
	if (age > 0)
		s->caught_up_us = s->asked_us > (uint64_t)age
				      ? s->asked_us - (uint64_t)age
				      : 1;
}

static enum status
ship_on_part(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_redo_part *part = reply->body;
	struct ship *s = ship_of(self);

	if (reply->id != MSG_store_redo_part) {
		ship_failed(self, "the store does not answer");
		return op_close(op);
	}
	if (part->stand.timeline == 0) {
		if (s->timeline != 0)
			LOG(BACKUP_SHIP_ENDED, KU("timeline", s->timeline),
			    KU("txid", s->shipped));
		s->timeline = 0;
		return ship_probe(self, op);
	}
	if (part->stand.timeline != s->timeline || part->txid != s->txid) {
		ship_adopt(self, &part->stand, part->txid);
		ship_know_lag(self, part);
	}
	if (part->bytes.size > 0)
		return ship_write(self, op, part);
	ship_is_level(self);
	ship_later(self, SHIP_EACH_US);
	return op_close(op);
}

static enum status
ship_on_ended(struct actor *self, struct op *op, const struct msg *reply)
{
	struct ship *s = ship_of(self);

	s->is_told = reply->id == MSG_store_redo_stands;
	ship_later(self, SHIP_AGAIN_US);
	return op_close(op);
}

/* Nobody ships: the store is to know, once. */
static void
ship_rest(struct actor *self)
{
	struct ship *s = ship_of(self);
	struct op *op;

	s->timeline = 0;
	s->failing = false;
	s->caught_up_us = 0;
	if (s->on_flushed != NULL)
		ship_flushed(self);
	op = s->is_told ? NULL : op_open(self, NULL);
	if (op == NULL)
		ship_later(self, SHIP_AGAIN_US);
	else
		(void)OP_ASK(op, backup_run_store(self), store_redo_end,
		    ship_on_ended, 0);
}

static enum status
ship_on_tick(struct actor *self, struct timer *t)
{
	struct backup_self *b = actor_state(self);
	struct ship *s = ship_of(self);
	struct op *op;

	(void)t;
	if (!b->is_recovered || !b->is_watched) {
		ship_later(self, SHIP_EACH_US);
		return ST_OK;
	}
	if (!ship_is_on(self)) {
		ship_rest(self);
		return ST_OK;
	}
	s->asked_us = actor_now_us(self);
	if (s->caught_up_us == 0)
		s->caught_up_us = s->asked_us; /* since it is on */
	if (s->timeline != 0 && s->asked_us - s->looked_us > SHIP_LOOK_US)
		ship_look(self);
	op = op_open(self, NULL);
	if (op == NULL) {
		ship_later(self, SHIP_EACH_US);
		return ST_OK;
	}
	return OP_ASK(op, backup_run_store(self), store_redo_read, ship_on_part,
	    .timeline = s->timeline, .txid = s->txid, .offset = s->offset,
	    .limit = REDO_PART_MAX);
}

/* ---- from outside ---- */

/* What has ended may have been one. */
void
backup_look_for_base(struct actor *self)
{
	struct backup_self *s = actor_state(self);

	if (s->wants_base && s->run == NULL && s->ship.timeline != 0)
		ship_look(self);
	s->wants_base = false;
}

void
ship_start(struct actor *self)
{
	struct ship *s = ship_of(self);

	/* A moment for the first words of the settings. */
	timer_start(self, &s->tick, SHIP_EACH_US, ship_on_tick);
}

void
ship_stop(struct actor *self)
{
	struct ship *s = ship_of(self);

	ship_file_let_go(s->file);
	s->file = NULL;
}

bool
ship_is_on(struct actor *self)
{
	const struct backup_self *s = actor_state(self);

	return live_number(&s->live, self, SETTING_backup_ship_enabled) != 0;
}

enum status
ship_flush(struct actor *self, enum status (*fn)(struct actor *self, void *ctx),
    void *ctx)
{
	struct ship *s = ship_of(self);

	if (!ship_is_on(self) || s->on_flushed != NULL)
		return fn(self, ctx);
	s->on_flushed = fn;
	s->ctx = ctx;
	s->flush_from_us = actor_now_us(self);
	return ST_OK;
}

uint64_t
ship_lag_us(struct actor *self)
{
	const struct backup_self *b = actor_state(self);
	uint64_t since = b->ship.caught_up_us;

	return since == 0 ? 0 : actor_now_us(self) - since;
}
