/*
 * wire_fuzz - any bytes, as any type, with msgpack-c as the oracle.
 *
 * What our cursor takes, msgpack-c must take and mean the same; what ours
 * refuses, msgpack-c must refuse too.  It allocates what a header claims, so
 * the second is only asked of bytes that cannot claim more than 15 items.
 * What decodes as a type must hold what msgpack-c sees, in as much memory as
 * the bytes fill, and encode to bytes that mean the same again.
 */
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/catalogue.h"
#include "protocols/cursor.h"
#include "protocols/messages.h"
#include "tests/fuzz/fuzz.h"

#define SIZE_MAX_IN 4096
#define SPACE_SIZE (1u << 22)
#define MEMORY_PER_BYTE 1024 /* the largest struct a single byte begins */

static const struct wire_type *
pick(unsigned n)
{
	const struct wire_type *t;
	size_t messages = 0;
	size_t records = 0;

	while (catalogue_nth(messages) != NULL)
		messages++;
	while (catalogue_nth_record(records) != NULL)
		records++;
	n %= (unsigned)(messages + records);
	t = catalogue_nth(n);
	return t != NULL ? t : catalogue_nth_record(n - messages);
}

static bool
may_claim_much(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (data[i] >= 0xdc && data[i] <= 0xdf)
			return true;
	return false;
}

static bool agree_record(
    const struct wire_type *t, const char *body, const msgpack_object *o);

/* msgpack-c points nowhere when there is nothing. */
static bool
agree_text(const char *text, const msgpack_object *o)
{
	size_t size = strlen(text);

	return o->type == MSGPACK_OBJECT_STR && size == o->via.str.size &&
	       (size == 0 || memcmp(text, o->via.str.ptr, size) == 0);
}

static bool
agree_bytes(const void *bytes, size_t size, const msgpack_object *o)
{
	return o->type == MSGPACK_OBJECT_BIN && size == o->via.bin.size &&
	       (size == 0 || memcmp(bytes, o->via.bin.ptr, size) == 0);
}

static bool
agree_money(money amount, const msgpack_object *o)
{
	uint8_t wide[16];

	for (int i = 15; i >= 0; i--) {
		wide[i] = (uint8_t)(amount & 0xff);
		amount >>= 8;
	}
	return agree_bytes(wide, sizeof(wide), o);
}

static bool
agree_int(int64_t n, const msgpack_object *o)
{
	if (n < 0)
		return o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER &&
		       o->via.i64 == n;
	return o->type == MSGPACK_OBJECT_POSITIVE_INTEGER &&
	       o->via.u64 == (uint64_t)n;
}

static bool
agree_uint(uint64_t n, const msgpack_object *o)
{
	return o->type == MSGPACK_OBJECT_POSITIVE_INTEGER && o->via.u64 == n;
}

static bool
agree_list(
    const struct wire_field *f, const char *body, const msgpack_object *o)
{
	const void *list = body + f->offset;
	const void *aside = body + f->aside;
	const char *items = *(const char *const *)list;
	const char *const *texts = *(const char *const *const *)list;
	uint32_t count = *(const uint32_t *)aside;

	if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size != count)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		const msgpack_object *item = &o->via.array.ptr[i];

		if (f->kind == WIRE_TEXTS
			? !agree_text(texts[i], item)
			: !agree_record(
			      f->type(), items + i * f->type()->size, item))
			return false;
	}
	return true;
}

static bool
agree_present(
    const struct wire_field *f, const char *body, const msgpack_object *o)
{
	const void *at = body + f->offset;

	switch (f->kind) {
	case WIRE_BOOL:
		return o->type == MSGPACK_OBJECT_BOOLEAN &&
		       o->via.boolean == *(const bool *)at;
	case WIRE_U32:
	case WIRE_ENUM:
		return agree_uint(*(const uint32_t *)at, o);
	case WIRE_U64:
		return agree_uint(*(const uint64_t *)at, o);
	case WIRE_I64:
	case WIRE_TIME:
		return agree_int(*(const int64_t *)at, o);
	case WIRE_MONEY:
		return agree_money(*(const money *)at, o);
	case WIRE_TEXT:
		return agree_text(*(const char *const *)at, o);
	case WIRE_BYTES:
		return agree_bytes(((const struct bytes *)at)->at,
		    ((const struct bytes *)at)->size, o);
	case WIRE_UUID:
		return agree_bytes(at, sizeof(struct uuid), o);
	case WIRE_RECORD:
		if ((f->flags & WIRE_OPTIONAL) != 0)
			at = *(const void *const *)at;
		return agree_record(f->type(), at, o);
	case WIRE_LIST:
	case WIRE_TEXTS:
		return agree_list(f, body, o);
	}
	return false;
}

static bool
is_absent(const struct wire_field *f, const char *body)
{
	const void *at = body + f->offset;
	const void *aside = body + f->aside;

	if ((f->flags & WIRE_OPTIONAL) == 0)
		return false;
	if (f->kind == WIRE_TEXT || f->kind == WIRE_RECORD)
		return *(const void *const *)at == NULL;
	return !*(const bool *)aside;
}

static bool
agree_record(
    const struct wire_type *t, const char *body, const msgpack_object *o)
{
	if (o->type != MSGPACK_OBJECT_ARRAY)
		return false;
	for (size_t i = 0; i < t->nfields && i < o->via.array.size; i++) {
		const struct wire_field *f = &t->fields[i];
		const msgpack_object *item = &o->via.array.ptr[i];

		if (is_absent(f, body) ? item->type != MSGPACK_OBJECT_NIL
				       : !agree_present(f, body, item))
			return false;
	}
	return true;
}

/* One item or the same refusal; msgpack-c may nest 32 deep and no deeper. */
static void
compare_items(const uint8_t *data, size_t size)
{
	struct cursor c = cursor_of(data, size);
	msgpack_unpacked back;
	msgpack_unpack_return rc;
	size_t offset = 0;

	cursor_skip(&c);
	if (c.bad && may_claim_much(data, size))
		return;
	msgpack_unpacked_init(&back);
	rc = msgpack_unpack_next(&back, (const char *)data, size, &offset);
	if (rc != MSGPACK_UNPACK_NOMEM_ERROR) {
		CHECK((rc == MSGPACK_UNPACK_SUCCESS) == !c.bad);
		CHECK(c.bad || offset == (size_t)(c.at - data));
	}
	msgpack_unpacked_destroy(&back);
}

static void
compare_body(const struct wire_type *t, const void *body, const uint8_t *data,
    size_t size)
{
	msgpack_unpacked back;
	msgpack_unpack_return rc;

	msgpack_unpacked_init(&back);
	rc = msgpack_unpack_next(&back, (const char *)data, size, NULL);
	if (rc != MSGPACK_UNPACK_NOMEM_ERROR) {
		CHECK(rc == MSGPACK_UNPACK_SUCCESS);
		CHECK(agree_record(t, body, &back.data));
	}
	msgpack_unpacked_destroy(&back);
}

static void
round_trip(const struct wire_type *t, const void *body, struct arena *a)
{
	static unsigned char bytes[2][SPACE_SIZE];
	struct wire_out once = { bytes[0], SPACE_SIZE, 0 };
	struct wire_out twice = { bytes[1], SPACE_SIZE, 0 };

	CHECK(wire_encode(t, body, &once) == ST_OK);
	arena_reset(a);
	CHECK(wire_decode(t, a, once.bytes, once.used, &body) == ST_OK);
	CHECK(wire_encode(t, body, &twice) == ST_OK);
	CHECK(once.used == twice.used);
	CHECK(memcmp(once.bytes, twice.bytes, once.used) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(max_align_t) unsigned char space[SPACE_SIZE];
	struct arena a = { space, sizeof(space), 0 };
	const struct wire_type *t;
	const void *body;

	if (size < 1 || size > SIZE_MAX_IN)
		return 0;
	t = pick(data[0]);
	data++;
	size--;
	compare_items(data, size);
	if (wire_decode(t, &a, data, size, &body) != ST_OK)
		return 0;
	CHECK(a.used <= t->size + size * MEMORY_PER_BYTE);
	compare_body(t, body, data, size);
	round_trip(t, body, &a);
	return 0;
}
