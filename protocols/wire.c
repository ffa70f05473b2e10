#include "protocols/wire.h"

#include "protocols/scalar.h"

/* Records hold lists that hold records: two of the four come first. */
static void record_pack(struct packer *p, const struct wire_type *t,
    const char *body, unsigned depth);
static void record_unpack(
    struct unpacker *u, const struct wire_type *t, char *body, unsigned depth);

static void
list_pack(struct packer *p, const struct wire_field *f, const char *body,
    unsigned depth)
{
	const void *list = body + f->offset;
	const void *aside = body + f->aside;
	const char *items = *(const char *const *)list;
	uint32_t count = *(const uint32_t *)aside;
	const struct wire_type *t = f->type();

	if (count > f->list_max) {
		packer_fail(p, ST_FULL);
		return;
	}
	packer_array(p, count);
	for (uint32_t i = 0; i < count && p->status == ST_OK; i++)
		record_pack(p, t, items + i * t->size, depth);
}

static void
nested_pack(struct packer *p, const struct wire_field *f, const char *body,
    unsigned depth)
{
	const void *at = body + f->offset;

	switch ((int)f->kind) {
	case WIRE_ENUM:
		uint_pack(p, *(const uint32_t *)at, f->values()->count - 1);
		break;
	case WIRE_RECORD:
		if ((f->flags & WIRE_OPTIONAL) != 0)
			at = *(const void *const *)at;
		record_pack(p, f->type(), at, depth);
		break;
	case WIRE_LIST:
		list_pack(p, f, body, depth);
		break;
	case WIRE_TEXTS:
		texts_pack(p, f, body);
		break;
	}
}

static void
record_pack(struct packer *p, const struct wire_type *t, const char *body,
    unsigned depth)
{
	if (depth == WIRE_DEPTH_MAX) {
		packer_fail(p, ST_FULL);
		return;
	}
	packer_array(p, t->nfields);
	for (size_t i = 0; i < t->nfields && p->status == ST_OK; i++) {
		const struct wire_field *f = &t->fields[i];

		if (f->flags != 0 && field_absent(f, body))
			packer_nil(p);
		else if (f->kind < WIRE_ENUM)
			scalar_pack(p, f, body + f->offset);
		else
			nested_pack(p, f, body, depth + 1);
	}
}

enum status
wire_encode(const struct wire_type *t, const void *body, struct wire_out *out)
{
	struct packer p = packer_of(out);

	record_pack(&p, t, body, 0);
	return packer_done(&p, out);
}

static void
list_unpack(
    struct unpacker *u, const struct wire_field *f, char *body, unsigned depth)
{
	uint32_t count = list_unpack_count(u, f);
	const struct wire_type *t = f->type();
	void *list = body + f->offset;
	void *aside = body + f->aside;
	char *items;

	if (count == 0)
		return;
	items = unpacker_need(u, arena_take(u->arena, count * t->size));
	for (uint32_t i = 0; i < count && !u->c.bad; i++)
		record_unpack(u, t, items + i * t->size, depth);
	*(const void **)list = items;
	*(uint32_t *)aside = count;
}

static void
nested_unpack(
    struct unpacker *u, const struct wire_field *f, char *body, unsigned depth)
{
	void *at = body + f->offset;

	switch ((int)f->kind) {
	case WIRE_ENUM:
		*(uint32_t *)at =
		    (uint32_t)uint_unpack(u, f->values()->count - 1);
		break;
	case WIRE_RECORD:
		if ((f->flags & WIRE_OPTIONAL) != 0)
			at = *(void **)at = unpacker_need(
			    u, arena_take(u->arena, f->type()->size));
		if (at != NULL)
			record_unpack(u, f->type(), at, depth);
		break;
	case WIRE_LIST:
		list_unpack(u, f, body, depth);
		break;
	case WIRE_TEXTS:
		texts_unpack(u, f, body);
		break;
	}
}

/* False if it says that it is absent. */
static bool
optional_unpack(struct unpacker *u, const struct wire_field *f, char *body)
{
	void *aside = body + f->aside;

	if (cursor_nil(&u->c))
		return false;
	if (f->kind != WIRE_TEXT && f->kind != WIRE_RECORD)
		*(bool *)aside = true;
	return true;
}

static void
record_unpack(
    struct unpacker *u, const struct wire_type *t, char *body, unsigned depth)
{
	uint64_t count = cursor_want(&u->c, CURSOR_ARRAY);
	uint64_t known = count < t->nfields ? count : t->nfields;

	if (depth == WIRE_DEPTH_MAX)
		cursor_fail(&u->c);
	for (uint64_t i = 0; i < known && !u->c.bad; i++) {
		const struct wire_field *f = &t->fields[i];

		if ((f->flags & WIRE_OPTIONAL) != 0 &&
		    !optional_unpack(u, f, body))
			continue;
		if (f->kind < WIRE_ENUM)
			scalar_unpack(u, f, body + f->offset);
		else
			nested_unpack(u, f, body, depth + 1);
	}
	for (uint64_t i = known; i < t->nfields; i++)
		field_default(&t->fields[i], body);
	for (uint64_t i = known; i < count && !u->c.bad; i++)
		cursor_skip(&u->c);
}

enum status
wire_decode(const struct wire_type *t, struct arena *a, const void *bytes,
    size_t size, const void **ret_body)
{
	struct unpacker u = { cursor_of(bytes, size), a, false };
	void *body = unpacker_need(&u, arena_take(a, t->size));
	enum status st;

	if (body != NULL)
		record_unpack(&u, t, body, 0);
	if (cursor_left(&u.c) > 0)
		cursor_fail(&u.c);
	st = unpacker_status(&u);
	if (st == ST_OK)
		*ret_body = body;
	return st;
}
