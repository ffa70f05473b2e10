/* frame_test - the envelope: where each item stands, and what a liar sends. */
#include "tests/check.h"

#include <msgpack.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/frame_head.h"

#define ITEMS 13
#define BODY_NIL 0xc0

/* No two bytes of it are alike, so that a swap is seen. */
static const struct frame sample = {
	.kind = FRAME_REPLY,
	.lane = FRAME_CONTROL,
	.hops = 5,
	.id = 0x1234,
	.tenant = 0x89abcdef,
	.from = UINT64_C(0x0102030405060708),
	.to = UINT64_C(0x1112131415161718),
	.ref = UINT64_C(0x2122232425262728),
	.deadline_us = UINT64_C(0x3132333435363738),
	.trace = { 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49,
	    0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f },
	.span = UINT64_C(0x5152535455565758),
};

/* What never differs between two heads. */
static const uint8_t tags_at[] = { 0, 1, 5, 8, 13, 22, 31, 40, 49, 50, 67 };

/* A head and the shortest body. */
static void
frame_fill(uint8_t bytes[FRAME_HEAD + 1], const struct frame *f)
{
	frame_write(bytes, f);
	bytes[FRAME_HEAD] = BODY_NIL;
}

static void
assert_frame_equal(const struct frame *a, const struct frame *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->lane, b->lane);
	assert_int_equal(a->hops, b->hops);
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->tenant, b->tenant);
	assert_true(a->from == b->from);
	assert_true(a->to == b->to);
	assert_true(a->ref == b->ref);
	assert_true(a->deadline_us == b->deadline_us);
	assert_memory_equal(a->trace, b->trace, sizeof(a->trace));
	assert_true(a->span == b->span);
}

static void
round_trip(const struct frame *f)
{
	uint8_t bytes[FRAME_HEAD + 1];
	struct frame back;

	memset(&back, 0xee, sizeof(back));
	frame_fill(bytes, f);
	assert_int_equal(frame_check(bytes, sizeof(bytes)), ST_OK);
	frame_read(bytes, &back);
	assert_frame_equal(f, &back);
}

static void
test_a_head_comes_back_as_it_was_written(void **state)
{
	static const struct frame none = { 0 };
	struct frame most = { .kind = FRAME_REFUSAL,
		.lane = FRAME_CONTROL,
		.hops = FRAME_HOPS,
		.id = UINT16_MAX,
		.tenant = UINT32_MAX,
		.from = UINT64_MAX,
		.to = UINT64_MAX,
		.ref = UINT64_MAX,
		.deadline_us = FRAME_DEADLINE_NONE,
		.span = UINT64_MAX };

	(void)state;
	memset(most.trace, 0xff, sizeof(most.trace));
	round_trip(&none);
	round_trip(&sample);
	round_trip(&most);
}

static void
test_items_are_read_and_patched_in_place(void **state)
{
	uint8_t bytes[FRAME_HEAD + 1];
	struct frame patched = sample;
	struct frame back;

	(void)state;
	frame_fill(bytes, &sample);
	assert_int_equal(frame_get_id(bytes), sample.id);
	assert_true(frame_get_u64(bytes, FRAME_AT_FROM) == sample.from);
	assert_true(frame_get_u64(bytes, FRAME_AT_SPAN) == sample.span);
	patched.id = 0xfedc;
	patched.deadline_us = 7;
	frame_set_id(bytes, patched.id);
	frame_set_u64(bytes, FRAME_AT_DEADLINE, patched.deadline_us);
	frame_read(bytes, &back);
	assert_frame_equal(&patched, &back);
	assert_int_equal(bytes[FRAME_HEAD], BODY_NIL);
}

static void
test_any_other_tag_is_malformed(void **state)
{
	uint8_t bytes[FRAME_HEAD + 1];

	(void)state;
	frame_fill(bytes, &sample);
	for (size_t i = 0; i < sizeof(tags_at); i++) {
		uint8_t *tag = &bytes[tags_at[i]];

		for (unsigned flip = 1; flip <= UINT8_MAX; flip++) {
			*tag ^= (uint8_t)flip;
			assert_int_equal(
			    frame_check(bytes, sizeof(bytes)), ST_MALFORMED);
			*tag ^= (uint8_t)flip;
		}
		assert_int_equal(frame_check(bytes, sizeof(bytes)), ST_OK);
	}
}

static void
assert_last_is(int at, uint8_t last)
{
	uint8_t bytes[FRAME_HEAD + 1];

	frame_fill(bytes, &sample);
	for (unsigned n = 0; n <= UINT8_MAX; n++) {
		bytes[at] = (uint8_t)n;
		assert_int_equal(frame_check(bytes, sizeof(bytes)),
		    n <= last ? ST_OK : ST_MALFORMED);
	}
}

static void
test_one_past_the_last_kind_lane_and_hop_is_malformed(void **state)
{
	(void)state;
	assert_last_is(FRAME_AT_KIND, FRAME_REFUSAL);
	assert_last_is(FRAME_AT_LANE, FRAME_CONTROL);
	assert_last_is(FRAME_AT_HOPS, FRAME_HOPS);
}

static void
test_sizes_are_bounded_on_both_sides(void **state)
{
	uint8_t *bytes = calloc(1, FRAME_MAX + 1);

	(void)state;
	assert_non_null(bytes);
	frame_write(bytes, &sample);
	assert_int_equal(frame_check(NULL, 0), ST_MALFORMED);
	assert_int_equal(frame_check(bytes, FRAME_HEAD), ST_MALFORMED);
	assert_int_equal(frame_check(bytes, FRAME_HEAD + 1), ST_OK);
	assert_int_equal(frame_check(bytes, FRAME_MAX), ST_OK);
	assert_int_equal(frame_check(bytes, FRAME_MAX + 1), ST_MALFORMED);
	assert_int_equal(frame_check(bytes, SIZE_MAX), ST_MALFORMED);
	free(bytes);
}

/* Exactly as long as it says: a reader past its end would be caught. */
static void
test_a_head_cut_anywhere_is_malformed(void **state)
{
	uint8_t whole[FRAME_HEAD + 1];

	(void)state;
	frame_fill(whole, &sample);
	for (size_t size = 1; size <= FRAME_HEAD; size++) {
		uint8_t *cut = malloc(size);

		assert_non_null(cut);
		memcpy(cut, whole, size);
		assert_int_equal(frame_check(cut, size), ST_MALFORMED);
		free(cut);
	}
}

static void
assert_uint_item(const msgpack_object *item, uint64_t n)
{
	assert_int_equal(item->type, MSGPACK_OBJECT_POSITIVE_INTEGER);
	assert_true(item->via.u64 == n);
}

static void
assert_items(const msgpack_object *items)
{
	const uint64_t numbers[] = { FRAME_VERSION, sample.kind, sample.lane,
		sample.hops, sample.id, sample.tenant, sample.from, sample.to,
		sample.ref, sample.deadline_us };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		assert_uint_item(&items[i], numbers[i]);
	assert_int_equal(items[10].type, MSGPACK_OBJECT_BIN);
	assert_int_equal(items[10].via.bin.size, sizeof(sample.trace));
	assert_memory_equal(
	    items[10].via.bin.ptr, sample.trace, sizeof(sample.trace));
	assert_uint_item(&items[11], sample.span);
}

/* The judge is a codec that is not ours. */
static void
test_a_whole_frame_is_one_msgpack_array(void **state)
{
	uint8_t bytes[FRAME_HEAD + 3] = { 0 };
	msgpack_unpacked whole;
	size_t used = 0;

	(void)state;
	frame_write(bytes, &sample);
	bytes[FRAME_HEAD] = 0x92; /* a body of two items: 1, true */
	bytes[FRAME_HEAD + 1] = 0x01;
	bytes[FRAME_HEAD + 2] = 0xc3;
	msgpack_unpacked_init(&whole);
	assert_int_equal(msgpack_unpack_next(
			     &whole, (const char *)bytes, sizeof(bytes), &used),
	    MSGPACK_UNPACK_SUCCESS);
	assert_int_equal(used, sizeof(bytes));
	assert_int_equal(whole.data.type, MSGPACK_OBJECT_ARRAY);
	assert_int_equal(whole.data.via.array.size, ITEMS);
	assert_items(whole.data.via.array.ptr);
	assert_int_equal(
	    whole.data.via.array.ptr[12].type, MSGPACK_OBJECT_ARRAY);
	msgpack_unpacked_destroy(&whole);
}

static void
test_kinds_have_names(void **state)
{
	(void)state;
	assert_string_equal(frame_kind_name(FRAME_SIGNAL), "SIGNAL");
	assert_string_equal(frame_kind_name(FRAME_REFUSAL), "REFUSAL");
	assert_string_equal(
	    frame_kind_name((enum frame_kind)(FRAME_REFUSAL + 1)), "?");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_head_comes_back_as_it_was_written),
		cmocka_unit_test(test_items_are_read_and_patched_in_place),
		cmocka_unit_test(test_any_other_tag_is_malformed),
		cmocka_unit_test(
		    test_one_past_the_last_kind_lane_and_hop_is_malformed),
		cmocka_unit_test(test_sizes_are_bounded_on_both_sides),
		cmocka_unit_test(test_a_head_cut_anywhere_is_malformed),
		cmocka_unit_test(test_a_whole_frame_is_one_msgpack_array),
		cmocka_unit_test(test_kinds_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
