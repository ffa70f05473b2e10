#include "store/redo.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST (64u << 10)
#define ROOM_KEPT (4u << 20) /* more is given back at the next begin */

void
redo_init(struct redo *r)
{
	*r = (struct redo){ .last = TABLE_COUNT };
}

void
redo_fini(struct redo *r)
{
	free(r->record);
	redo_init(r);
}

void
redo_begin(struct redo *r)
{
	if (r->size > ROOM_KEPT)
		redo_fini(r);
	r->used = 0;
	r->count = 0;
	r->last = TABLE_COUNT;
	r->lost = false;
}

static bool
redo_room(struct redo *r, size_t more)
{
	size_t need = REDO_HEAD + r->used + more, size = r->size;
	uint8_t *record;

	if (r->used + more > REDO_SIZE_MAX)
		return false;
	if (need <= size)
		return true;
	size = size == 0 ? ROOM_FIRST : size;
	while (size < need)
		size *= 2;
	record = realloc(r->record, size);
	if (record == NULL)
		return false;
	r->record = record;
	r->size = size;
	return true;
}

static void
redo_note(struct redo *r, const struct redo_change *c)
{
	size_t size = redo_change_size(c);

	if (r->lost || !redo_room(r, size)) {
		r->lost = true;
		return;
	}
	redo_change_write(r->record + REDO_HEAD + r->used, c);
	r->used += size;
}

static struct redo_mark
redo_change(struct redo *r, enum table t, const struct redo_change *c)
{
	struct redo_mark m = { r->used, r->count, r->last };
	const char *name = table_name(t);

	if (t != r->last)
		redo_note(
		    r, &(struct redo_change){ .op = REDO_TABLE,
			   .table = { (const uint8_t *)name, strlen(name) } });
	redo_note(r, c);
	r->last = t;
	r->count++;
	return m;
}

struct redo_mark
redo_put(struct redo *r, enum table t, struct bytes key, struct bytes value)
{
	return redo_change(r, t,
	    &(struct redo_change){
		.op = REDO_PUT, .key = key, .value = value });
}

struct redo_mark
redo_delete(struct redo *r, enum table t, struct bytes key)
{
	return redo_change(
	    r, t, &(struct redo_change){ .op = REDO_DELETE, .key = key });
}

void
redo_take_back(struct redo *r, struct redo_mark m)
{
	r->used = m.used;
	r->count = m.count;
	r->last = m.last;
}
