#include "actors/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum status
table_init(struct table *t, size_t row_size, uint32_t rows_max, uint64_t salt)
{
	assert(row_size >= sizeof(struct table_row) && row_size % 8 == 0);
	*t = (struct table){
		.row_size = row_size, .rows_max = rows_max, .salt = salt
	};
	t->rows = calloc(rows_max, row_size);
	return t->rows == NULL ? ST_NO_MEMORY : ST_OK;
}

void
table_fini(struct table *t)
{
	free(t->rows);
	*t = (struct table){ 0 };
}

static struct table_row *
table_row_at(const struct table *t, uint32_t link)
{
	assert(link != 0 && link <= t->made);
	return (struct table_row *)(void *)(t->rows + (link - 1) * t->row_size);
}

static int
table_compare(const struct uuid *a, const struct uuid *b)
{
	return memcmp(a->octets, b->octets, sizeof(a->octets));
}

/* The finishing steps of SplitMix64 over both halves of the id. */
static uint64_t
table_priority(const struct table *t, const struct uuid *id)
{
	uint64_t half[2];
	uint64_t z;

	memcpy(half, id->octets, sizeof(half));
	z = half[0] ^ t->salt;
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9) ^ half[1];
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

void *
table_find(const struct table *t, const struct uuid *id)
{
	uint32_t at = t->root;

	while (at != 0) {
		struct table_row *row = table_row_at(t, at);
		int order = table_compare(id, &row->id);

		if (order == 0)
			return row;
		at = order < 0 ? row->left : row->right;
	}
	return NULL;
}

/* Parts the tree at link: ids below id, and the others. */
static void
table_split(struct table *t, uint32_t link, const struct uuid *id,
    uint32_t *ret_below, uint32_t *ret_above)
{
	while (link != 0) {
		struct table_row *row = table_row_at(t, link);

		if (table_compare(&row->id, id) < 0) {
			*ret_below = link;
			ret_below = &row->right;
			link = row->right;
		} else {
			*ret_above = link;
			ret_above = &row->left;
			link = row->left;
		}
	}
	*ret_below = 0;
	*ret_above = 0;
}

/* One tree of two; every id of below is less than every id of above. */
static uint32_t
table_merge(struct table *t, uint32_t below, uint32_t above)
{
	uint32_t root = 0;
	uint32_t *at = &root;

	while (below != 0 && above != 0) {
		struct table_row *b = table_row_at(t, below);
		struct table_row *a = table_row_at(t, above);

		if (table_priority(t, &b->id) >= table_priority(t, &a->id)) {
			*at = below;
			at = &b->right;
			below = b->right;
		} else {
			*at = above;
			at = &a->left;
			above = a->left;
		}
	}
	*at = below != 0 ? below : above;
	return root;
}

/* The link to put a row of that priority in place of. */
static uint32_t *
table_place(struct table *t, const struct uuid *id)
{
	uint64_t priority = table_priority(t, id);
	uint32_t *at = &t->root;

	while (*at != 0) {
		struct table_row *row = table_row_at(t, *at);

		if (table_priority(t, &row->id) < priority)
			break;
		at = table_compare(id, &row->id) < 0 ? &row->left : &row->right;
	}
	return at;
}

static uint32_t
table_take(struct table *t)
{
	uint32_t link = t->vacant;

	if (link != 0)
		t->vacant = table_row_at(t, link)->left;
	else if (t->made < t->rows_max)
		link = ++t->made;
	return link;
}

void *
table_put(struct table *t, const struct uuid *id)
{
	struct table_row *row = table_find(t, id);
	uint32_t *at;
	uint32_t link;

	if (row != NULL)
		return row;
	link = table_take(t);
	if (link == 0)
		return NULL;
	row = table_row_at(t, link);
	memset(row, 0, t->row_size);
	row->id = *id;
	at = table_place(t, id);
	table_split(t, *at, id, &row->left, &row->right);
	*at = link;
	t->count++;
	return row;
}

bool
table_drop(struct table *t, const struct uuid *id)
{
	uint32_t *at = &t->root;

	while (*at != 0) {
		uint32_t link = *at;
		struct table_row *row = table_row_at(t, link);
		int order = table_compare(id, &row->id);

		if (order != 0) {
			at = order < 0 ? &row->left : &row->right;
			continue;
		}
		*at = table_merge(t, row->left, row->right);
		row->left = t->vacant;
		t->vacant = link;
		t->count--;
		return true;
	}
	return false;
}

void *
table_after(const struct table *t, const struct uuid *id)
{
	struct table_row *next = NULL;
	uint32_t at = t->root;

	while (at != 0) {
		struct table_row *row = table_row_at(t, at);

		if (id == NULL || table_compare(&row->id, id) > 0) {
			next = row;
			at = row->left;
		} else {
			at = row->right;
		}
	}
	return next;
}
