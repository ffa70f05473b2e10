#include "protocols/wire.h"

#include "protocols/scalar.h"
#include "protocols/straight.h"
#include "protocols/straight_pen.h"

/* Records hold lists that hold records: two of the four come first. */
static void record_pack(struct packer *p, const struct wire_type *t,
    const char *body, unsigned depth);
static void record_unpack(struct unpacker *u, const struct wire_type *t,
    char *body, struct cursor_item item, unsigned depth);

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
		packer_uint_to(
		    p, *(const uint32_t *)at, f->values()->count - 1);
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

/*
 * Inlined twice, so that p stays in registers: what nests gets a copy, for a
 * variable whose address leaves the function has to live in memory.
 */
HOT_INLINE void
fields_pack(struct packer *p, const struct wire_type *t, const char *body,
    unsigned depth)
{
	packer_array(p, t->nfields);
	for (size_t i = 0; i < t->nfields && p->status == ST_OK; i++) {
		const struct wire_field *f = &t->fields[i];
		struct packer copy;

		if (f->flags != 0 && field_absent(f, body)) {
			packer_nil(p);
		} else if (f->kind < WIRE_ENUM) {
			scalar_pack(p, f, body + f->offset);
		} else {
			copy = *p;
			nested_pack(&copy, f, body, depth + 1);
			*p = copy;
		}
	}
}

static void
record_pack(struct packer *out, const struct wire_type *t, const char *body,
    unsigned depth)
{
	struct packer p = *out;

	if (depth == WIRE_DEPTH_MAX)
		packer_fail(&p, ST_FULL);
	else
		fields_pack(&p, t, body, depth);
	*out = p;
}

enum status
wire_encode(const struct wire_type *t, const void *body, struct wire_out *out)
{
	const struct straight *s = straight_find(t);
	uint8_t *end = s == NULL ? NULL
				 : s->pack(body, out->bytes + out->used,
				       out->bytes + out->size);
	struct packer p;

	if (end != NULL) {
		out->used = (size_t)(end - out->bytes);
		return ST_OK;
	}
	p = packer_of(out);
	fields_pack(&p, t, body, 0);
	return packer_done(&p, out);
}

static void
list_unpack(struct unpacker *u, const struct wire_field *f, char *body,
    struct cursor_item item, unsigned depth)
{
	uint32_t count = list_unpack_count(u, f, item);
	const struct wire_type *t = f->type();
	void *list = body + f->offset;
	void *aside = body + f->aside;
	char *items;

	if (count == 0)
		return;
	items = unpacker_need(u, arena_take(u->arena, count * t->size));
	for (uint32_t i = 0; i < count && !u->c.bad; i++)
		record_unpack(
		    u, t, items + i * t->size, cursor_head(&u->c), depth);
	*(const void **)list = items;
	*(uint32_t *)aside = count;
}

static void
nested_unpack(struct unpacker *u, const struct wire_field *f, char *body,
    struct cursor_item item, unsigned depth)
{
	void *at = body + f->offset;

	switch ((int)f->kind) {
	case WIRE_ENUM:
		*(uint32_t *)at =
		    (uint32_t)unpacker_uint(u, item, f->values()->count - 1);
		break;
	case WIRE_RECORD:
		if ((f->flags & WIRE_OPTIONAL) != 0)
			at = *(void **)at = unpacker_need(
			    u, arena_take(u->arena, f->type()->size));
		if (at != NULL)
			record_unpack(u, f->type(), at, item, depth);
		break;
	case WIRE_LIST:
		list_unpack(u, f, body, item, depth);
		break;
	case WIRE_TEXTS:
		texts_unpack(u, f, body, item);
		break;
	}
}

/* False for the nil of what may be absent; else present, as the struct says. */
static bool
field_arrives(const struct wire_field *f, char *body, struct cursor_item item)
{
	if (item.kind == CURSOR_NIL && (f->flags & WIRE_OPTIONAL) != 0)
		return false;
	field_make_present(f, body);
	return true;
}

/* What the sender, being older, lacks; or, being newer, has too many of. */
static void
record_settle(
    struct unpacker *u, const struct wire_type *t, char *body, uint64_t count)
{
	for (uint64_t i = count; i < t->nfields; i++)
		field_default(&t->fields[i], body);
	for (uint64_t i = t->nfields; i < count && !u->c.bad; i++)
		cursor_skip(&u->c);
}

/* As fields_pack: u in registers, a copy for what nests. */
HOT_INLINE void
fields_unpack(struct unpacker *u, const struct wire_type *t, char *body,
    struct cursor_item item, unsigned depth)
{
	uint64_t count = cursor_item_is(&u->c, item, CURSOR_ARRAY);
	struct unpacker copy;

	for (uint64_t i = 0; i < t->nfields && i < count && !u->c.bad; i++) {
		const struct wire_field *f = &t->fields[i];

		item = cursor_head(&u->c);
		if (f->flags != 0 && !field_arrives(f, body, item))
			continue;
		if (f->kind < WIRE_ENUM) {
			scalar_unpack(u, f, body + f->offset, item);
		} else {
			copy = *u;
			nested_unpack(&copy, f, body, item, depth + 1);
			*u = copy;
		}
	}
	if (count != t->nfields) {
		copy = *u;
		record_settle(&copy, t, body, count);
		*u = copy;
	}
}

static void
record_unpack(struct unpacker *in, const struct wire_type *t, char *body,
    struct cursor_item item, unsigned depth)
{
	struct unpacker u = *in;

	if (depth == WIRE_DEPTH_MAX)
		cursor_fail(&u.c);
	else
		fields_unpack(&u, t, body, item, depth);
	*in = u;
}

static enum status
table_decode(const struct wire_type *t, struct arena *a, const void *bytes,
    size_t size, const void **ret_body)
{
	struct unpacker u = { cursor_of(bytes, size), a, false };
	void *body = unpacker_need(&u, arena_take(a, t->size));
	enum status st;

	if (body != NULL)
		fields_unpack(&u, t, body, cursor_head(&u.c), 0);
	if (cursor_left(&u.c) > 0)
		cursor_fail(&u.c);
	st = unpacker_status(&u);
	if (st == ST_OK)
		*ret_body = body;
	return st;
}

static void *
straight_decode(
    const struct wire_type *t, struct arena *a, const void *bytes, size_t size)
{
	const struct straight *s = straight_find(t);
	const uint8_t *end = (const uint8_t *)bytes + size;
	size_t used = a->used;
	void *body = s == NULL ? NULL : arena_take(a, t->size);

	if (body != NULL && s->unpack(bytes, end, a, body))
		return body;
	a->used = used;
	return NULL;
}

enum status
wire_decode(const struct wire_type *t, struct arena *a, const void *bytes,
    size_t size, const void **ret_body)
{
	void *body = straight_decode(t, a, bytes, size);

	if (body != NULL) {
		*ret_body = body;
		return ST_OK;
	}
	return table_decode(t, a, bytes, size, ret_body);
}
