/* record_test - what the store wrote, it reads; what changed, it refuses. */
#include "tests/check.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/packer.h"
#include "protocols/record.h"
#include "runtime/base/crc32c.h"
#include "tests/sample.h"

#define ROOM (1u << 19)
#define VERSION 3

struct bench {
	_Alignas(max_align_t) unsigned char space[ROOM];
	_Alignas(max_align_t) unsigned char memory[ROOM];
	unsigned char bytes[ROOM];
	unsigned char again[ROOM];
	struct arena sample;
	struct arena arena;
	struct wire_out out;
	uint32_t version;
	const void *back;
};

static int
bench_up(void **state)
{
	struct bench *b = malloc(sizeof(*b));

	if (b == NULL)
		return -1;
	b->sample = (struct arena){ b->space, ROOM, 0 };
	b->arena = (struct arena){ b->memory, ROOM, 0 };
	b->out = (struct wire_out){ b->bytes, ROOM, 0 };
	*state = b;
	return 0;
}

static int
bench_down(void **state)
{
	free(*state);
	return 0;
}

static void *
bench_encode(
    struct bench *b, const struct wire_type *t, enum sample_shape shape)
{
	void *body;

	arena_reset(&b->sample);
	body = sample_body(t, &b->sample, shape);
	b->out.used = 0;
	assert_int_equal(record_encode(t, VERSION, body, &b->out), ST_OK);
	return body;
}

static enum status
bench_decode(
    struct bench *b, const struct wire_type *t, const void *bytes, size_t size)
{
	arena_reset(&b->arena);
	return record_decode(t, &b->arena, bytes, size, &b->version, &b->back);
}

/* Bytes as given, with the checksum that fits them. */
static enum status
decode_sealed(
    struct bench *b, const struct wire_type *t, const char *bytes, size_t size)
{
	uint32_t sum = htobe32(crc32c(bytes, size));

	memcpy(b->again, bytes, size);
	memcpy(b->again + size, &sum, sizeof(sum));
	return bench_decode(b, t, b->again, size + sizeof(sum));
}

static void
test_every_type_comes_back(void **state)
{
	struct bench *b = *state;
	const struct wire_type *t;

	for (size_t n = 0; (t = sample_type(n)) != NULL; n++) {
		for (int shape = 0; shape < SAMPLE_SHAPES; shape++) {
			struct wire_out again = { b->again, ROOM, 0 };

			bench_encode(b, t, (enum sample_shape)shape);
			assert_int_equal(
			    bench_decode(b, t, b->bytes, b->out.used), ST_OK);
			assert_int_equal(b->version, VERSION);
			assert_int_equal(
			    record_encode(t, VERSION, b->back, &again), ST_OK);
			assert_int_equal(again.used, b->out.used);
			assert_memory_equal(again.bytes, b->bytes, again.used);
		}
	}
}

static void
test_every_truncation_and_flip_is_corrupt(void **state)
{
	struct bench *b = *state;
	size_t used;

	bench_encode(b, &sample_kitchen, SAMPLE_USUAL);
	used = b->out.used;
	for (size_t size = 0; size < used; size++) {
		assert_int_equal(
		    bench_decode(b, &sample_kitchen, b->bytes, size),
		    ST_CORRUPT);
		b->bytes[size] ^= 0x10;
		assert_int_equal(
		    bench_decode(b, &sample_kitchen, b->bytes, used),
		    ST_CORRUPT);
		b->bytes[size] ^= 0x10;
	}
}

static void
test_little_room_is_full_and_little_memory_is_no_memory(void **state)
{
	struct bench *b = *state;
	const void *body = bench_encode(b, &sample_kitchen, SAMPLE_USUAL);
	size_t used = b->out.used;
	enum status st = ST_NO_MEMORY;

	for (size_t size = 0; size < used; size++) {
		struct wire_out small = { b->again, size, 0 };

		assert_int_equal(
		    record_encode(&sample_kitchen, VERSION, body, &small),
		    ST_FULL);
		assert_int_equal(small.used, 0);
	}
	for (size_t size = 0; st != ST_OK; size++) {
		unsigned char *exact = malloc(size + 1);
		struct arena small = { exact, size, 0 };

		st = record_decode(&sample_kitchen, &small, b->bytes, used,
		    &b->version, &b->back);
		assert_true(st == ST_OK || st == ST_NO_MEMORY);
		free(exact);
	}
}

static void
test_the_version_comes_first(void **state)
{
	struct bench *b = *state;

	bench_encode(b, &sample_pan, SAMPLE_USUAL);
	assert_memory_equal(b->bytes, "\x83\xa1v\x03\xa4name", 9);
}

static void
test_enums_are_written_as_text(void **state)
{
	struct bench *b = *state;

	bench_encode(b, &sample_kitchen, SAMPLE_MOST);
	assert_non_null(memmem(b->bytes, b->out.used, "\xa4mood\xa4high", 10));
	assert_int_equal(decode_sealed(b, &sample_kitchen,
			     "\x82\xa1v\x01\xa4mood\xa4high", 14),
	    ST_OK);
	assert_int_equal(((const struct kitchen *)b->back)->mood, MOOD_HIGH);
	assert_int_equal(decode_sealed(b, &sample_kitchen,
			     "\x82\xa1v\x01\xa4mood\xa4glum", 14),
	    ST_CORRUPT);
}

static void
test_order_and_strangers_do_not_matter(void **state)
{
	static const char bytes[] = "\x85\xa4size\x07\xa3new\x92\x01\x80"
				    "\xa4name\xa1x\xa1v\xcd\x01\x00\xa1w\xc0";
	struct bench *b = *state;
	const struct pan *p;

	assert_int_equal(
	    decode_sealed(b, &sample_pan, bytes, sizeof(bytes) - 1), ST_OK);
	p = b->back;
	assert_int_equal(b->version, 256);
	assert_string_equal(p->name, "x");
	assert_int_equal(p->size, 7);
}

static void
test_missing_fields_are_defaults(void **state)
{
	struct bench *b = *state;
	const struct kitchen *k;

	assert_int_equal(
	    decode_sealed(b, &sample_kitchen, "\x81\xa1v\x01", 4), ST_OK);
	k = b->back;
	assert_string_equal(k->cook, "");
	assert_string_equal(k->best.name, "");
	assert_null(k->note);
	assert_null(k->spare);
	assert_false(k->has_lit);
}

static void
test_undecodable_content_is_corrupt(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} bad[] = {
		{ "", 0 }, { "\x80", 1 }, /* no version */
		{ "\x81\xa1v\xff", 4 },   /* version -1 */
		{ "\x81\xa1v\xcf\0\0\0\1\0\0\0\0", 12 },
		{ "\x81\xa1v\x01\x00", 5 },          /* a byte too many */
		{ "\x82\xa1v\x01", 4 },              /* a pair too few */
		{ "\x91\x01", 2 },                   /* no map */
		{ "\x82\xa1v\x01\x01\x01", 6 },      /* a key that is no text */
		{ "\x82\xa1v\x01\xa4size\x65", 10 }, /* past its bound */
		{ "\x82\xa1v\x01\xa4name\xa1\xff", 11 },
		{ "\x82\xa1v\x01\xa4name\xc0", 10 }, /* not optional */
	};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
		    decode_sealed(b, &sample_pan, bad[i].bytes, bad[i].size),
		    ST_CORRUPT);
	assert_int_equal(
	    bench_decode(b, &sample_pan, "\x81\xa1v", 3), ST_CORRUPT);
}

static void
test_past_a_bound_is_not_written(void **state)
{
	struct bench *b = *state;
	struct pan p = { "seventeen letters", 1 };

	assert_int_equal(record_encode(&sample_pan, 1, &p, &b->out), ST_FULL);
	p = (struct pan){ "x", 101 };
	assert_int_equal(record_encode(&sample_pan, 1, &p, &b->out), ST_FULL);
	p = (struct pan){ "\xc3", 1 };
	assert_int_equal(
	    record_encode(&sample_pan, 1, &p, &b->out), ST_INVALID);
	assert_int_equal(b->out.used, 0);
}

#define BENCH(test) cmocka_unit_test_setup_teardown(test, bench_up, bench_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH(test_every_type_comes_back),
		BENCH(test_every_truncation_and_flip_is_corrupt),
		BENCH(test_little_room_is_full_and_little_memory_is_no_memory),
		BENCH(test_the_version_comes_first),
		BENCH(test_enums_are_written_as_text),
		BENCH(test_order_and_strangers_do_not_matter),
		BENCH(test_missing_fields_are_defaults),
		BENCH(test_undecodable_content_is_corrupt),
		BENCH(test_past_a_bound_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
