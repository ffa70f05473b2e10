#include "store/marks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/seal.h"
#include "store/backend_class.h"
#include "store/row.h"

#define SLOTS_MIN 1024u
#define SLOTS_MAX (UINT64_C(1) << 25)
#define SWEEP_EVERY 8 /* marks, for each of which two may go */
#define SWEEP_MAX 16
#define MARKS_HURRY (MARKS_MAX / 8 * 7) /* from here on the oldest go */
#define LOW_BITS UINT64_C(0xffffffff)

/*
 * Open addressing: a slot is a piece of the id's hash above and the place,
 * less base, below; 0 is a free one.  Several slots may look alike.
 */
struct marks {
	uint64_t *slots;
	uint64_t size; /* a power of 2 */
	uint64_t used;
	uint64_t base;
	uint64_t salt[2];
};

static void
mark_key(struct key *k, uint64_t seq, const struct uuid *id)
{
	key_init(k);
	key_number(k, seq);
	key_raw(k, (struct bytes){ id->octets, sizeof(id->octets) });
}

static uint64_t
mix(uint64_t n)
{
	n = (n ^ n >> 33) * UINT64_C(0xff51afd7ed558ccd);
	n = (n ^ n >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return n ^ n >> 33;
}

/* Clients choose ids: whoever does not know the salt cannot make them meet. */
static uint32_t
mark_print(const struct marks *m, const struct uuid *id)
{
	uint64_t a, b;

	memcpy(&a, id->octets, sizeof(a));
	memcpy(&b, id->octets + sizeof(a), sizeof(b));
	return (uint32_t)(mix(mix(a ^ m->salt[0]) + (b ^ m->salt[1])) >> 32);
}

void
marks_destroy(struct marks *m)
{
	if (m == NULL)
		return;
	free(m->slots);
	free(m);
}

static void
slot_put(struct marks *m, uint64_t slot)
{
	uint64_t at = (slot >> 32) & (m->size - 1);

	while (m->slots[at] != 0)
		at = (at + 1) & (m->size - 1);
	m->slots[at] = slot;
	m->used++;
}

/* In so many slots, without those whose mark has been swept away. */
static bool
marks_resize(struct marks *m, uint64_t size, uint64_t first)
{
	struct marks next = { .slots = calloc(size, sizeof(uint64_t)),
		.size = size };

	if (next.slots == NULL)
		return false;
	for (uint64_t i = 0; i < m->size; i++)
		if (m->slots[i] != 0 &&
		    m->base + (m->slots[i] & LOW_BITS) >= first)
			slot_put(&next, m->slots[i]);
	free(m->slots);
	m->slots = next.slots;
	m->size = size;
	m->used = next.used;
	return true;
}

/* The place of the first mark there is; UINT64_MAX: none. */
static uint64_t
marks_first(struct txn *t)
{
	uint64_t first = UINT64_MAX;
	struct backend_entry entry;
	struct scan s;

	scan_open(&s, t, TABLE_COST_APPLIED, NULL);
	if (scan_first(&s, &entry))
		first = key_first_number(entry.key);
	scan_close(&s);
	return first;
}

static bool
marks_is_crowded(const struct marks *m)
{
	return m->used + 1 > m->size / 4 * 3;
}

static void
marks_add(struct txn *t, struct marks *m, uint64_t seq, const struct uuid *id)
{
	uint64_t first;

	if (marks_is_crowded(m)) {
		first = marks_first(t);
		if (!marks_resize(m, m->size, first) ||
		    (m->used > m->size / 2 && m->size < SLOTS_MAX &&
			!marks_resize(m, 2 * m->size, first))) {
			(void)txn_fail(t, ST_NO_MEMORY, "marks");
			return;
		}
	}
	if (marks_is_crowded(m) || seq - m->base > LOW_BITS) {
		(void)txn_fail(
		    t, ST_FULL, "too many record ids are remembered");
		return;
	}
	slot_put(m, (uint64_t)mark_print(m, id) << 32 | (seq - m->base));
}

static bool
marks_fill(struct txn *t, struct marks *m)
{
	struct backend_entry entry;
	struct scan s;
	bool found;

	scan_open(&s, t, TABLE_COST_APPLIED, NULL);
	found = scan_first(&s, &entry);
	for (; found; found = scan_next(&s, &entry)) {
		struct key_reader r;
		struct uuid id;
		uint64_t seq;

		key_read(&r, entry.key);
		seq = key_read_number(&r);
		if (r.failed || r.rest.size != sizeof(id.octets)) {
			row_is_corrupt(t, TABLE_COST_APPLIED, entry.key);
			break;
		}
		memcpy(id.octets, r.rest.at, sizeof(id.octets));
		if (m->used == 0)
			m->base = seq - 1;
		marks_add(t, m, seq, &id);
	}
	scan_close(&s);
	return txn_status(t) == ST_OK;
}

/* NULL: stuck. */
static struct marks *
marks_load(struct txn *t)
{
	struct marks *m = calloc(1, sizeof(*m));

	if (m != NULL)
		seal_random(m->salt, sizeof(m->salt));
	if (m != NULL && marks_resize(m, SLOTS_MIN, 0)) {
		if (marks_fill(t, m))
			return m;
	} else {
		(void)txn_fail(t, ST_NO_MEMORY, "marks");
	}
	marks_destroy(m);
	return NULL;
}

/* Those of the database; seq: a place that they must be able to say. */
static struct marks *
marks_of(struct txn *t, uint64_t seq)
{
	struct backend *b = t->inner->backend;

	assert(t->inner->writes);
	if (b->marks != NULL && seq > b->marks->base &&
	    seq - b->marks->base > LOW_BITS) {
		marks_destroy(b->marks);
		b->marks = NULL;
	}
	if (b->marks == NULL && txn_status(t) == ST_OK)
		b->marks = marks_load(t);
	return txn_status(t) == ST_OK ? b->marks : NULL;
}

const struct cost_applied *
marks_find(struct txn *t, const struct uuid *id)
{
	struct marks *m = marks_of(t, 0);
	const struct cost_applied *found;
	uint32_t print;
	struct key k;
	uint64_t at;

	if (m == NULL)
		return NULL;
	print = mark_print(m, id);
	for (at = print & (m->size - 1); m->slots[at] != 0;
	     at = (at + 1) & (m->size - 1)) {
		if (m->slots[at] >> 32 != print)
			continue;
		mark_key(&k, m->base + (m->slots[at] & LOW_BITS), id);
		found = ROW_GET(t, TABLE_COST_APPLIED, &k, cost_applied);
		if (found != NULL || txn_status(t) != ST_OK)
			return found;
	}
	return NULL;
}

/* The oldest goes, if it was made by then; one that cannot be read is as old
 * as the next that can. */
static bool
marks_sweep_one(struct txn *t, int64_t until)
{
	size_t room = txn_mark(t);
	const struct cost_applied *row = NULL;
	struct backend_entry entry;
	int unread = -1;
	struct scan s;
	bool due, found;
	struct key k;

	key_init(&k);
	scan_open(&s, t, TABLE_COST_APPLIED, NULL);
	found = scan_first(&s, &entry);
	if (found)
		key_raw(&k, entry.key);
	for (; found && row == NULL && unread < SWEEP_MAX; unread++) {
		row = row_peek(t, CATALOGUE_TYPE(cost_applied), entry.value);
		found = scan_next(&s, &entry);
	}
	scan_close(&s);
	due = row != NULL && row->at <= until;
	txn_release(t, room);
	if (!due || !txn_delete(t, TABLE_COST_APPLIED, &k))
		return false;
	if (unread > 0)
		row_tell(TABLE_COST_APPLIED, key_bytes(&k), ST_CORRUPT);
	t->swept++;
	return true;
}

/* Only marks that are there count: m->used has those that went, too. */
static void
marks_sweep(struct txn *t, int64_t until)
{
	if (txn_count(t, TABLE_COST_APPLIED) >= MARKS_HURRY)
		until = INT64_MAX;
	for (int i = 0; i < SWEEP_MAX; i++)
		if (!marks_sweep_one(t, until))
			break;
}

void
marks_put(struct txn *t, const struct uuid *id, const struct cost_applied *mark,
    int64_t until)
{
	struct marks *m = marks_of(t, mark->seq);
	struct key k;

	if (m == NULL)
		return;
	if (mark->seq % SWEEP_EVERY == 0)
		marks_sweep(t, until);
	if (m->used == 0)
		m->base = mark->seq - 1;
	marks_add(t, m, mark->seq, id);
	mark_key(&k, mark->seq, id);
	row_put(t, TABLE_COST_APPLIED, &k, CATALOGUE_TYPE(cost_applied), mark);
}
