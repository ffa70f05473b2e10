#include "store/shape.h"

#include <assert.h>
#include <string.h>

#include "protocols/messages.h"
#include "store/cost_walk.h"
#include "store/message_row.h"
#include "store/task_row.h"

#define WORD_MAX 32

static bool
session_is_listed(const void *row)
{
	return !((const struct session *)row)->revoked;
}

static bool
hold_is_open(const void *row)
{
	return ((const struct hold_row *)row)->hold.status == HOLD_OPEN;
}

static const char *
task_row_fault(const void *row)
{
	return task_fault(row);
}

static const char *
message_row_fault(const void *row)
{
	return message_fault(row);
}

static const char *
cost_row_fault(const void *row)
{
	return cost_fault(row);
}

/* clang-format off */
#define OTHER(id)
#define ROWS(id, record, key, fault) \
	[TABLE_##id] = { TABLE_##id, TABLE_##id, key, \
	    catalogue_type_##record, fault, VALUE_NONE, NULL },
#define INDEX(id, of, key, value, when) \
	[TABLE_##id] = { TABLE_##id, TABLE_##of, key, NULL, NULL, value, when },
static const struct shape shapes[TABLE_COUNT] = {
#include "store/shapes.def"
};
#undef OTHER
#undef ROWS
#undef INDEX
/* clang-format on */

const struct shape *
shape_of(enum table table)
{
	return shapes[table].key == NULL ? NULL : &shapes[table];
}

const struct shape *
shape_index(enum table rows, uint32_t n)
{
	for (enum table t = 0; t < TABLE_COUNT; t++) {
		const struct shape *s = shape_of(t);

		if (s != NULL && s->type == NULL && s->rows == rows && n-- == 0)
			return s;
	}
	return NULL;
}

/* ---- parts ---- */

struct part {
	char how[WORD_MAX];
	char field[WORD_MAX];
};

static size_t
word_take(const char **at, const char *ends, char word[WORD_MAX])
{
	size_t size = strcspn(*at, ends);

	assert(size < WORD_MAX);
	memcpy(word, *at, size);
	word[size] = '\0';
	*at += size;
	*at += strspn(*at, ends);
	return size;
}

/* The next part of a key; false past the last. */
static bool
part_take(const char **at, struct part *ret)
{
	if (**at == '\0')
		return false;
	ret->field[0] = '\0';
	if (strncmp(*at, "key", 3) == 0)
		(void)word_take(at, ", ", ret->how);
	else {
		(void)word_take(at, " ", ret->how);
		(void)word_take(at, ", ", ret->field);
	}
	return true;
}

/* A field of a row, or of a record in it: "hold.id". */
static const struct wire_field *
field_find(const struct wire_type *type, const char *name, const uint8_t **row)
{
	size_t size = strcspn(name, ".");
	const struct wire_field *f = type->fields;

	while (strncmp(f->name, name, size) != 0 || f->name[size] != '\0') {
		f++;
		assert(f < type->fields + type->nfields);
	}
	if (name[size] == '\0')
		return f;
	*row += f->offset;
	return field_find(f->type(), name + size + 1, row);
}

/* NULL: an optional one that is absent. */
static const char *
field_text(const struct wire_field *f, const uint8_t *row)
{
	const char *text = NULL;

	if (f->kind == WIRE_TEXT)
		memcpy(&text, row + f->offset, sizeof(text));
	else if (f->kind == WIRE_ENUM) {
		unsigned value;

		memcpy(&value, row + f->offset, sizeof(value));
		text = f->values()->texts[value];
	}
	return text;
}

static bool
field_number(
    const struct wire_field *f, const uint8_t *row, uint64_t *ret_number)
{
	bool has = true;

	*ret_number = 0;
	if ((f->flags & WIRE_OPTIONAL) != 0)
		memcpy(&has, row + f->aside, sizeof(has));
	memcpy(ret_number, row + f->offset,
	    f->kind == WIRE_ENUM || f->kind == WIRE_U32 ? 4 : 8);
	return has;
}

static bool
part_add_text(const struct part *p, const char *text, struct key *k)
{
	if (text == NULL)
		return false;
	if (strcmp(p->how, "text") == 0)
		key_text(k, text);
	else if (strcmp(p->how, "short") == 0)
		key_short(k, text);
	else
		key_tail(k, text);
	return true;
}

static bool
part_is_number(const struct part *p)
{
	return strcmp(p->how, "time") == 0 || strcmp(p->how, "down") == 0 ||
	       strcmp(p->how, "number") == 0 || strcmp(p->how, "block") == 0;
}

static bool
part_add(const struct part *p, const struct wire_type *type, const uint8_t *row,
    struct key *k)
{
	const struct wire_field *f = field_find(type, p->field, &row);
	uint64_t number;

	if (f->kind == WIRE_UUID) {
		key_raw(
		    k, (struct bytes){ row + f->offset, sizeof(struct uuid) });
		return true;
	}
	if (!part_is_number(p))
		return part_add_text(p, field_text(f, row), k);
	if (!field_number(f, row, &number))
		return false;
	if (strcmp(p->how, "time") == 0)
		key_time(k, (int64_t)number);
	else if (strcmp(p->how, "down") == 0)
		key_time_down(k, (int64_t)number);
	else
		key_number(k, strcmp(p->how, "block") == 0 ? number / COST_BLOCK
							   : number);
	return true;
}

enum shape_made
shape_key(const struct shape *s, const struct wire_type *type, const void *row,
    struct bytes row_key, struct key *ret_key)
{
	const char *at = s->key;
	struct part p;

	key_init(ret_key);
	if (s->when != NULL && !s->when(row))
		return SHAPE_ABSENT;
	while (part_take(&at, &p))
		if (strcmp(p.how, "key") == 0)
			key_raw(ret_key, row_key);
		else if (!part_add(&p, type, row, ret_key))
			return SHAPE_ABSENT;
	return SHAPE_MADE;
}

struct bytes
shape_row_key(const struct shape *s, struct bytes entry_key)
{
	const char *at = s->key;
	struct key_reader r;
	struct part p;

	key_read(&r, entry_key);
	while (part_take(&at, &p) && strcmp(p.how, "key") != 0)
		if (part_is_number(&p))
			(void)key_read_number(&r);
		else
			(void)key_read_text(&r);
	return r.failed ? (struct bytes){ 0 } : r.rest;
}
