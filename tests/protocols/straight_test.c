/*
 * The straight code and the table: the same bytes for the same message, the
 * same message and the same mistakes for the same bytes.
 */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocols/catalogue.h"
#include "protocols/messages.h"
#include "protocols/straight.h"

#define SPACE 8192
#define DICE 200000

static alignas(max_align_t) unsigned char memory[2][4 * SPACE];
static uint64_t dice_state = 7;

static uint64_t
dice(void)
{
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 7;
	dice_state ^= dice_state << 17;
	return dice_state;
}

static struct wire_type
table_only(const struct wire_type *t)
{
	return *t;
}

static void
assert_same_writing(const struct wire_type *t, const void *body, size_t room)
{
	static unsigned char bytes[2][2 * SPACE];
	struct wire_type slow = table_only(t);
	struct wire_out a = { bytes[0], room, 0 }, b = { bytes[1], room, 0 };

	assert_non_null(straight_find(t));
	assert_null(straight_find(&slow));
	assert_int_equal(
	    wire_encode(t, body, &a), wire_encode(&slow, body, &b));
	assert_int_equal(a.used, b.used);
	assert_memory_equal(bytes[0], bytes[1], a.used);
}

static void
assert_same_body(const struct wire_type *t, const void *x, const void *y)
{
	static unsigned char bytes[2][2 * SPACE];
	struct wire_type slow = table_only(t);
	struct wire_out a = { bytes[0], 2 * SPACE, 0 };
	struct wire_out b = { bytes[1], 2 * SPACE, 0 };

	assert_int_equal(wire_encode(&slow, x, &a), ST_OK);
	assert_int_equal(wire_encode(&slow, y, &b), ST_OK);
	assert_int_equal(a.used, b.used);
	assert_memory_equal(bytes[0], bytes[1], a.used);
}

/*
 * Read in place: the same, with its bytes where they were.  From memory that
 * ends with them, so that a sanitizer sees who reads on.
 */
static void
assert_same_in_place(const struct wire_type *t, const void *bytes, size_t size,
    const void *expected)
{
	uint8_t *at = malloc(size), *end = at + size;
	struct arena a = { memory[0], sizeof(memory[0]), 0 };
	const struct ping *ping = arena_take(&a, t->size);

	assert_non_null(at);
	memcpy(at, bytes, size);
	if (straight_find(t)->unpack_here(at, end, &a, memory[0])) {
		assert_non_null(expected);
		assert_same_body(t, memory[0], expected);
		if (t == CATALOGUE_TYPE(ping) && ping->load.size > 0)
			assert_ptr_equal(ping->load.at, end - ping->load.size);
	}
	free(at);
}

static bool
assert_same_reading(const struct wire_type *t, const void *bytes, size_t size)
{
	struct arena a = { memory[0], sizeof(memory[0]), 0 };
	struct arena b = { memory[1], sizeof(memory[1]), 0 };
	struct wire_type slow = table_only(t);
	const void *x = NULL, *y = NULL;
	enum status st = wire_decode(&slow, &b, bytes, size, &y);

	assert_int_equal(wire_decode(t, &a, bytes, size, &x), st);
	if (st == ST_OK)
		assert_same_body(t, x, y);
	if (size > 0)
		assert_same_in_place(t, bytes, size, st == ST_OK ? y : NULL);
	return st == ST_OK;
}

static void
test_numbers_at_every_width(void **state)
{
	static const uint64_t edges[] = { 0, 0x7f, 0x80, 0xff, 0x100, 0xffff,
		0x10000, UINT32_MAX, UINT64_C(1) << 32, UINT64_MAX };
	static unsigned char load[PING_BYTES_MAX + 1];
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 32, 33, 64, 65, 128,
		129, 255, 256, PING_BYTES_MAX, PING_BYTES_MAX + 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++)
			for (size_t cut = 0; cut < 20; cut++)
				assert_same_writing(CATALOGUE_TYPE(ping),
				    &(struct ping){
					edges[i], { load, sizes[j] } },
				    sizes[j] + cut);
}

static void
test_texts_of_every_kind(void **state)
{
	static char longest[REFUSED_DETAIL_MAX + 2];
	const char *texts[] = { NULL, "", "why", "\xc3\xa9t\xc3\xa9",
		"bad \xff byte", longest };

	(void)state;
	for (size_t cut = 0; cut < 2; cut++) {
		memset(longest, 'x', REFUSED_DETAIL_MAX + cut);
		for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
			assert_same_writing(CATALOGUE_TYPE(refused),
			    &(struct refused){ .status = 3,
				.problem = 70000,
				.detail = texts[i] },
			    SPACE);
	}
	assert_same_writing(CATALOGUE_TYPE(refused),
	    &(struct refused){ .status = 0x100 }, SPACE);
}

/* A good body, then any byte of it another one, cut or grown anywhere. */
static void
test_any_bytes_read_the_same(void **state)
{
	unsigned char good[SPACE], bad[SPACE];
	const struct wire_type *t;
	size_t read = 0;

	(void)state;
	for (size_t i = 0; i < DICE; i++) {
		struct wire_out out = { good, SPACE, 0 };
		struct refused why = { (uint32_t)dice() & 0xff,
			(uint32_t)dice() % 99999, "because of it",
			(uint32_t)dice() % 86400000, "why" };
		struct ping ping = { dice() >> dice() % 64,
			{ good + 4096, dice() % 160 } };

		t = i % 2 == 0 ? CATALOGUE_TYPE(ping) : CATALOGUE_TYPE(refused);
		assert_int_equal(
		    wire_encode(
			t, i % 2 == 0 ? (void *)&ping : (void *)&why, &out),
		    ST_OK);
		memcpy(bad, good, out.used + 8);
		if (i % 3 != 0)
			bad[dice() % out.used] = (unsigned char)dice();
		read += assert_same_reading(
		    t, bad, i % 5 == 0 ? dice() % (out.used + 8) : out.used);
	}
	assert_true(read > DICE / 4);
}

/* Fields that the sender lacks, and fields that we do. */
static void
test_other_versions_read_the_same(void **state)
{
	static const unsigned char older[] = { 0x91, 0x05 };
	static const unsigned char newer[] = { 0x93, 0x05, 0xc4, 0x00, 0x07 };
	static const unsigned char longer[] = { 0xdc, 0x00, 0x02, 0x05, 0xc4,
		0x00 };

	(void)state;
	assert_true(
	    assert_same_reading(CATALOGUE_TYPE(ping), older, sizeof(older)));
	assert_true(
	    assert_same_reading(CATALOGUE_TYPE(ping), newer, sizeof(newer)));
	assert_true(
	    assert_same_reading(CATALOGUE_TYPE(ping), longer, sizeof(longer)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_at_every_width),
		cmocka_unit_test(test_texts_of_every_kind),
		cmocka_unit_test(test_any_bytes_read_the_same),
		cmocka_unit_test(test_other_versions_read_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
