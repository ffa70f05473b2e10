#include "protocols/record.h"

#include "protocols/scalar.h"
#include "runtime/base/crc32c.h"

/* Records hold lists that hold records: two of the four come first. */
static void map_pack(struct packer *p, const struct wire_type *t,
    const char *body, unsigned depth);
static void map_unpack(
    struct unpacker *u, const struct wire_type *t, char *body, unsigned depth);

static void
enum_pack(struct packer *p, const struct wire_field *f, uint32_t value)
{
	const struct wire_enum *e = f->values();

	if (value < e->count)
		packer_text(p, e->texts[value], strlen(e->texts[value]));
	else
		packer_fail(p, ST_FULL);
}

static void
maps_pack(struct packer *p, const struct wire_field *f, const char *body,
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
		map_pack(p, t, items + i * t->size, depth);
}

static void
field_pack(struct packer *p, const struct wire_field *f, const char *body,
    unsigned depth)
{
	const void *at = body + f->offset;

	packer_text(p, f->name, strlen(f->name));
	switch ((int)f->kind) {
	case WIRE_ENUM:
		enum_pack(p, f, *(const uint32_t *)at);
		break;
	case WIRE_RECORD:
		if ((f->flags & WIRE_OPTIONAL) != 0)
			at = *(const void *const *)at;
		map_pack(p, f->type(), at, depth);
		break;
	case WIRE_LIST:
		maps_pack(p, f, body, depth);
		break;
	case WIRE_TEXTS:
		texts_pack(p, f, body);
		break;
	default:
		scalar_pack(p, f, at);
		break;
	}
}

static size_t
fields_present(const struct wire_type *t, const char *body)
{
	size_t n = 0;

	for (size_t i = 0; i < t->nfields; i++)
		n += !field_absent(&t->fields[i], body);
	return n;
}

static void
fields_pack(struct packer *p, const struct wire_type *t, const char *body,
    unsigned depth)
{
	for (size_t i = 0; i < t->nfields && p->status == ST_OK; i++)
		if (!field_absent(&t->fields[i], body))
			field_pack(p, &t->fields[i], body, depth + 1);
}

static void
map_pack(struct packer *p, const struct wire_type *t, const char *body,
    unsigned depth)
{
	if (depth == WIRE_DEPTH_MAX) {
		packer_fail(p, ST_FULL);
		return;
	}
	packer_map(p, fields_present(t, body));
	fields_pack(p, t, body, depth);
}

enum status
record_encode(const struct wire_type *t, uint32_t version, const void *body,
    struct wire_out *out)
{
	struct packer p = packer_of(out);
	const uint8_t *start = p.at;
	uint32_t sum;
	uint8_t *to;

	packer_map(&p, 1 + fields_present(t, body));
	packer_text(&p, RECORD_VERSION_KEY, strlen(RECORD_VERSION_KEY));
	packer_uint(&p, version);
	fields_pack(&p, t, body, 0);
	if (p.status != ST_OK)
		return p.status;
	sum = htobe32(crc32c(start, (size_t)(p.at - start)));
	to = packer_take(&p, RECORD_CHECKSUM_SIZE);
	if (to != NULL)
		memcpy(to, &sum, RECORD_CHECKSUM_SIZE);
	return packer_done(&p, out);
}

static bool
key_is(const uint8_t *key, uint64_t size, const char *name)
{
	return strlen(name) == size && memcmp(key, name, size) == 0;
}

static uint32_t
enum_unpack(
    struct unpacker *u, const struct wire_field *f, struct cursor_item item)
{
	const struct wire_enum *e = f->values();
	const uint8_t *text = unpacker_run(u, item, CURSOR_TEXT, UINT64_MAX);

	for (uint32_t i = 0; text != NULL && i < e->count; i++)
		if (key_is(text, item.n, e->texts[i]))
			return i;
	cursor_fail(&u->c);
	return 0;
}

static void
maps_unpack(struct unpacker *u, const struct wire_field *f, char *body,
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
		map_unpack(u, t, items + i * t->size, depth);
	*(const void **)list = items;
	*(uint32_t *)aside = count;
}

static void
record_unpack(
    struct unpacker *u, const struct wire_field *f, void *at, unsigned depth)
{
	if ((f->flags & WIRE_OPTIONAL) != 0)
		at = *(void **)at =
		    unpacker_need(u, arena_take(u->arena, f->type()->size));
	if (at != NULL)
		map_unpack(u, f->type(), at, depth);
}

static void
field_unpack(
    struct unpacker *u, const struct wire_field *f, char *body, unsigned depth)
{
	void *at = body + f->offset;
	struct cursor before = u->c;
	struct cursor_item item = cursor_head(&u->c);

	if (item.kind == CURSOR_NIL && (f->flags & WIRE_OPTIONAL) != 0)
		return;
	field_make_present(f, body);
	switch ((int)f->kind) {
	case WIRE_ENUM:
		*(uint32_t *)at = enum_unpack(u, f, item);
		break;
	case WIRE_RECORD:
		u->c = before;
		record_unpack(u, f, at, depth);
		break;
	case WIRE_LIST:
		maps_unpack(u, f, body, item, depth);
		break;
	case WIRE_TEXTS:
		texts_unpack(u, f, body, item);
		break;
	default:
		scalar_unpack(u, f, at, item);
		break;
	}
}

/* Writers keep the order of the table, so look where the last one ended. */
static const struct wire_field *
field_find(
    const struct wire_type *t, size_t *next, const uint8_t *key, uint64_t size)
{
	for (size_t i = 0; i < t->nfields; i++) {
		size_t at = (*next + i) % t->nfields;

		if (key_is(key, size, t->fields[at].name)) {
			*next = at + 1;
			return &t->fields[at];
		}
	}
	return NULL;
}

/* The next key, borrowed from the bytes; NULL: a mistake. */
static const uint8_t *
key_unpack(struct unpacker *u, uint64_t *ret_size)
{
	*ret_size = cursor_want(&u->c, CURSOR_TEXT);
	return cursor_take(&u->c, *ret_size);
}

/* ret_version is set by the key "v"; NULL where no such key belongs. */
static void
pairs_unpack(struct unpacker *u, const struct wire_type *t, char *body,
    unsigned depth, int64_t *ret_version)
{
	uint64_t count = cursor_want(&u->c, CURSOR_MAP);
	size_t next = 0;

	for (size_t i = 0; i < t->nfields; i++)
		field_default(&t->fields[i], body);
	for (uint64_t i = 0; i < count && !u->c.bad; i++) {
		uint64_t size;
		const uint8_t *key = key_unpack(u, &size);
		const struct wire_field *f;

		if (key == NULL)
			return;
		f = field_find(t, &next, key, size);
		if (f != NULL)
			field_unpack(u, f, body, depth + 1);
		else if (ret_version != NULL &&
			 key_is(key, size, RECORD_VERSION_KEY))
			*ret_version = (int64_t)unpacker_uint(
			    u, cursor_head(&u->c), UINT32_MAX);
		else
			cursor_skip(&u->c);
	}
}

static void
map_unpack(
    struct unpacker *u, const struct wire_type *t, char *body, unsigned depth)
{
	if (depth == WIRE_DEPTH_MAX)
		cursor_fail(&u->c);
	else
		pairs_unpack(u, t, body, depth, NULL);
}

/* The bytes before a checksum that fits them. */
static bool
record_intact(const uint8_t *bytes, size_t size)
{
	uint32_t sum;

	if (size < RECORD_CHECKSUM_SIZE)
		return false;
	size -= RECORD_CHECKSUM_SIZE;
	memcpy(&sum, bytes + size, sizeof(sum));
	return be32toh(sum) == crc32c(bytes, size);
}

enum status
record_decode(const struct wire_type *t, struct arena *a, const void *bytes,
    size_t size, uint32_t *ret_version, const void **ret_body)
{
	struct unpacker u = { .arena = a };
	int64_t version = -1;
	void *body;

	if (!record_intact(bytes, size))
		return ST_CORRUPT;
	u.c = cursor_of(bytes, size - RECORD_CHECKSUM_SIZE);
	body = unpacker_need(&u, arena_take(a, t->size));
	if (body != NULL)
		pairs_unpack(&u, t, body, 0, &version);
	if (u.full)
		return ST_NO_MEMORY;
	if (u.c.bad || cursor_left(&u.c) > 0 || version < 0)
		return ST_CORRUPT;
	*ret_version = (uint32_t)version;
	*ret_body = body;
	return ST_OK;
}
