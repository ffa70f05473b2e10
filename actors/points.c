#include "actors/points.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/decimal.h"
#include "runtime/base/text.h"
#include "runtime/base/whole.h"

#define RECORDS_MODE 0600
#define FLOOR_STEP 1000000000u /* past a segment that cannot be read */
#define FLOOR_MAX INT64_MAX    /* no store counts so far; a liar may say so */

/* ---- a point ---- */

bool
point_read(const char *text, struct point *ret)
{
	struct point p = { true, false, UINT64_MAX, INT64_MAX };

	p.by_txid = decimal_parse(text, UINT64_MAX - 1, &p.txid);
	if (!p.by_txid && clock_parse(text, strlen(text), &p.at) != ST_OK)
		return false;
	*ret = p;
	return true;
}

void
point_text(const struct point *p, char ret[POINT_TEXT_MAX])
{
	if (p->by_txid)
		snprintf(ret, POINT_TEXT_MAX, "%" PRIu64, p->txid);
	else
		clock_text(p->at, ret);
}

/* ---- what there is ---- */

struct stock {
	struct backup_entry *entries;
	size_t entries_count;
	struct segment *segments;
	size_t count;
};

static void
stock_fini(struct stock *s)
{
	free(s->entries);
	free(s->segments);
}

static enum status
stock_read(const char *root, const struct backup_keys *keys, struct stock *s)
{
	enum status st;

	*s = (struct stock){ 0 };
	st = backup_entries_read(root, &s->entries, &s->entries_count);
	if (st == ST_OK)
		backup_keys_prove(keys, s->entries, s->entries_count);
	if (st == ST_OK)
		st = segments_read(root, &s->segments, &s->count);
	if (st != ST_OK)
		stock_fini(s);
	return st;
}

/* What is not ours may say anything of its point. */
static bool
is_ours(const struct backup_entry *e)
{
	return e->trust == TRUST_SIGNED;
}

static bool
is_before(const struct backup_point *b, const struct point *p)
{
	return b->timeline != 0 && b->txid <= p->txid && b->at <= p->at;
}

/* The newest that lies before p, or the one that was named. */
static const struct backup_entry *
stock_best(
    const struct stock *s, const struct point *p, const char *id, bool ours)
{
	const struct backup_entry *best = NULL;

	for (size_t i = 0; i < s->entries_count; i++) {
		const struct backup_facts *f = &s->entries[i].facts;

		if (s->entries[i].is_disputed || !is_before(&f->point, p) ||
		    (ours && !is_ours(&s->entries[i])) ||
		    (id[0] != '\0' && strcmp(id, f->backup_id) != 0))
			continue;
		if (best == NULL || f->point.txid > best->facts.point.txid)
			best = &s->entries[i];
	}
	return best;
}

/* Ours before what may be forged. */
static const struct backup_entry *
stock_base(const struct stock *s, const struct point *p, const char *id)
{
	const struct backup_entry *best = stock_best(s, p, id, true);

	return best != NULL ? best : stock_best(s, p, id, false);
}

/* The last transaction that the newest of a timeline's segments holds. */
static bool
stock_last(const struct stock *s, const char *root,
    const struct backup_keys *keys, uint64_t timeline,
    struct redo_head *ret_last)
{
	char path[SEGMENT_PATH_SIZE], why[BACKUP_WHY_SIZE];

	for (size_t i = s->count; i > 0; i--) {
		if (s->segments[i - 1].timeline != timeline)
			continue;
		segment_path(root, s->segments[i - 1].name, path);
		if (segment_last(path, keys, ret_last, why) == ST_OK)
			return true;
	}
	return false;
}

static uint64_t
stock_floor(
    const struct stock *s, const char *root, const struct backup_keys *keys)
{
	struct redo_head last;
	uint64_t floor = 0;

	for (size_t i = 0; i < s->entries_count; i++) {
		uint64_t txid = s->entries[i].facts.point.txid;

		if (is_ours(&s->entries[i]) && txid > floor &&
		    txid <= FLOOR_MAX)
			floor = txid;
	}
	if (s->count == 0)
		return floor;
	if (!stock_last(
		s, root, keys, s->segments[s->count - 1].timeline, &last))
		last.txid = s->segments[s->count - 1].first + FLOOR_STEP;
	return last.txid > floor && last.txid <= FLOOR_MAX ? last.txid : floor;
}

uint64_t
points_floor(const char *root, const struct backup_keys *keys)
{
	struct stock s;
	uint64_t floor;

	if (stock_read(root, keys, &s) != ST_OK)
		return 0;
	floor = stock_floor(&s, root, keys);
	stock_fini(&s);
	return floor;
}

/* ---- a way ---- */

/* Another timeline has begun since; what came between is not known. */
static bool
stock_has_heir(const struct stock *s, const struct backup_point *base)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->segments[i].timeline != base->timeline &&
		    s->segments[i].first > base->txid)
			return true;
	for (size_t i = 0; i < s->entries_count; i++) {
		const struct backup_point *p = &s->entries[i].facts.point;

		if (is_ours(&s->entries[i]) && p->timeline != 0 &&
		    p->timeline != base->timeline && p->txid > base->txid)
			return true;
	}
	return false;
}

/* All of the timeline that may hold something after the base. */
static enum status
way_fill(struct way *r, const struct stock *s, const struct point *p)
{
	r->segments = calloc(s->count + 1, sizeof(*r->segments));
	if (r->segments == NULL)
		return ST_NO_MEMORY;
	for (size_t i = 0; i < s->count; i++) {
		const struct segment *one = &s->segments[i];

		if (one->timeline != r->base.timeline || one->first > p->txid)
			continue;
		/* What ends before the base is of no use. */
		if (one->first <= r->base.txid + 1)
			r->count = 0;
		r->segments[r->count++] = *one;
	}
	r->named = r->count;
	return ST_OK;
}

enum status
way_find(const char *root, const struct backup_keys *keys,
    const struct point *p, char backup_id[BACKUP_ID_LENGTH + 1],
    struct way *ret, char *ret_why)
{
	const struct backup_entry *base;
	struct way r = { 0 };
	struct stock s;
	enum status st = stock_read(root, keys, &s);

	if (st != ST_OK) {
		text_fit(
		    ret_why, BACKUP_WHY_SIZE, "the backup root cannot be read");
		return st;
	}
	base = stock_base(&s, p, backup_id);
	if (base == NULL) {
		text_fit(ret_why, BACKUP_WHY_SIZE,
		    backup_id[0] == '\0'
			? "no backup is from before that"
			: "that backup is none from before that");
		st = ST_NOT_FOUND;
	} else {
		memcpy(backup_id, base->facts.backup_id, BACKUP_ID_LENGTH + 1);
		r.base = r.now = base->facts.point;
		r.has_heir = stock_has_heir(&s, &r.base);
		st = way_fill(&r, &s, p);
	}
	stock_fini(&s);
	if (st == ST_OK)
		*ret = r;
	return st;
}

void
way_fini(struct way *r)
{
	free(r->segments);
	*r = (struct way){ 0 };
}

static enum status
unseal_into(struct segment_in *in, int fd)
{
	struct bytes piece;
	enum status st;

	while ((st = segment_read(in, &piece)) == ST_OK)
		if ((st = whole_write(fd, piece.at, piece.size)) != ST_OK)
			return st;
	return st == ST_NOT_FOUND ? ST_OK : st;
}

static enum status
name_it(const struct segment *s, enum status st, char *ret_why)
{
	char why[BACKUP_WHY_SIZE];

	text_fit(why, sizeof(why), ret_why);
	snprintf(ret_why, BACKUP_WHY_SIZE, "segment %s: %.160s", s->name, why);
	return st;
}

enum status
way_unseal(struct way *r, const char *root, const struct backup_keys *keys,
    const char *file, char *ret_why)
{
	const struct segment *s = &r->segments[r->next];
	char path[SEGMENT_PATH_SIZE];
	struct segment_in *in = NULL;
	enum status st;
	int fd;

	segment_path(root, s->name, path);
	st = segment_open(path, keys, &in, ret_why);
	if (st != ST_OK)
		return name_it(s, st, ret_why);
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	    RECORDS_MODE);
	st = fd < 0 ? ST_IO : unseal_into(in, fd);
	text_fit(ret_why, BACKUP_WHY_SIZE,
	    st == ST_IO ? strerror(errno) : "it is damaged");
	if (fd >= 0 && close(fd) != 0 && st == ST_OK)
		st = ST_IO;
	if (st != ST_OK)
		st = name_it(s, st, ret_why);
	r->was_cut = segment_ended(in) != SEGMENT_ENDED;
	segment_in_destroy(in);
	r->named = r->next++;
	return st;
}

enum status
way_check(const struct way *r, const struct point *p, char *ret_why)
{
	char when[CLOCK_TEXT_SIZE];

	if (p->by_txid ? r->now.txid == p->txid : r->reached || !r->has_heir)
		return ST_OK;
	clock_text(r->now.at, when);
	snprintf(ret_why, BACKUP_WHY_SIZE,
	    "the log that reaches there ends at transaction %" PRIu64
	    ", %.26s%s",
	    r->now.txid, when,
	    r->was_cut ? ": its last segment is cut short" : "");
	return ST_NOT_FOUND;
}

/* ---- windows ---- */

static bool
window_has(const struct backup_window *all, size_t count, uint64_t timeline)
{
	for (size_t i = 0; i < count; i++)
		if (all[i].timeline == timeline)
			return true;
	return false;
}

/* The oldest backup of a timeline begins it, its last record ends it. */
static struct backup_window
window_of(const struct stock *s, const char *root,
    const struct backup_keys *keys, uint64_t timeline)
{
	struct backup_window w = { .timeline = timeline,
		.from_txid = UINT64_MAX };
	struct redo_head last;

	for (size_t i = 0; i < s->entries_count; i++) {
		const struct backup_point *p = &s->entries[i].facts.point;

		if (p->timeline != timeline || !is_ours(&s->entries[i]))
			continue;
		w.backups++;
		if (p->txid < w.from_txid) {
			w.from_txid = p->txid;
			w.from_at = p->at;
		}
		if (p->txid >= w.txid) {
			w.txid = p->txid;
			w.at = p->at;
		}
	}
	for (size_t i = 0; i < s->count; i++) {
		if (s->segments[i].timeline != timeline)
			continue;
		w.segments++;
		w.segment_bytes += s->segments[i].bytes;
	}
	if (stock_last(s, root, keys, timeline, &last) && last.txid > w.txid) {
		w.txid = last.txid;
		w.at = last.at;
	}
	return w;
}

static int
window_compare(const void *a, const void *b)
{
	const struct backup_window *x = a, *y = b;

	return x->from_txid < y->from_txid ? -1 : x->from_txid > y->from_txid;
}

/* Newest entries first: where there are too many, the newest count. */
enum status
points_windows(const char *root, const struct backup_keys *keys,
    struct backup_window *ret, size_t max, size_t *ret_count)
{
	struct stock s;
	enum status st = stock_read(root, keys, &s);

	*ret_count = 0;
	if (st != ST_OK)
		return st;
	for (size_t i = 0; i < s.entries_count && *ret_count < max; i++) {
		uint64_t timeline = s.entries[i].facts.point.timeline;

		if (timeline != 0 && is_ours(&s.entries[i]) &&
		    !window_has(ret, *ret_count, timeline))
			ret[(*ret_count)++] =
			    window_of(&s, root, keys, timeline);
	}
	stock_fini(&s);
	qsort(ret, *ret_count, sizeof(*ret), window_compare);
	return ST_OK;
}

/* ---- what may go ---- */

enum status
points_prune(const char *root, uint32_t *ret_count)
{
	struct backup_entry *all = NULL;
	uint64_t oldest = UINT64_MAX;
	size_t count = 0;
	enum status st = backup_entries_read(root, &all, &count);

	*ret_count = 0;
	for (size_t i = 0; st == ST_OK && i < count; i++) {
		const struct backup_point *p = &all[i].facts.point;

		if (p->timeline != 0 && p->txid < oldest)
			oldest = p->txid;
		if (all[i].is_disputed)
			oldest = 0; /* who knows what it starts from */
	}
	free(all);
	/* Without a backup they are no use, and no harm: one may come back. */
	if (st != ST_OK || oldest == UINT64_MAX)
		return st;
	return segments_prune(root, oldest, ret_count);
}
