/*
 * wire_test - every type there is: round trip, truncation, little memory,
 * older and newer senders, and senders that ignore our bounds; then what a
 * liar would send.
 */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "protocols/catalogue.h"
#include "tests/sample.h"

#define ROOM (1u << 19)
#define FIELDS_MAX 64

struct bench {
	_Alignas(max_align_t) unsigned char space[ROOM];  /* of the sample */
	_Alignas(max_align_t) unsigned char memory[ROOM]; /* of the decoded */
	unsigned char bytes[ROOM];
	unsigned char again[ROOM];
	struct arena sample;
	struct arena arena;
	struct wire_out out;
	const void *back;
};

static struct bench *
bench_of(void **state)
{
	struct bench *b = *state;

	b->sample = (struct arena){ b->space, ROOM, 0 };
	b->arena = (struct arena){ b->memory, ROOM, 0 };
	b->out = (struct wire_out){ b->bytes, ROOM, 0 };
	return b;
}

static int
bench_up(void **state)
{
	*state = malloc(sizeof(struct bench));
	return *state == NULL ? -1 : 0;
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
	assert_int_equal(wire_encode(t, body, &b->out), ST_OK);
	return body;
}

static enum status
bench_decode(struct bench *b, const struct wire_type *t, size_t size)
{
	arena_reset(&b->arena);
	return wire_decode(t, &b->arena, b->bytes, size, &b->back);
}

static void
test_every_type_comes_back(void **state)
{
	struct bench *b = bench_of(state);
	const struct wire_type *t;

	for (size_t n = 0; (t = sample_type(n)) != NULL; n++) {
		for (int shape = 0; shape < SAMPLE_SHAPES; shape++) {
			struct wire_out again = { b->again, ROOM, 0 };

			bench_encode(b, t, (enum sample_shape)shape);
			assert_int_equal(
			    bench_decode(b, t, b->out.used), ST_OK);
			memset(b->space, 0xee, sizeof(b->space));
			assert_int_equal(
			    wire_encode(t, b->back, &again), ST_OK);
			assert_int_equal(again.used, b->out.used);
			assert_memory_equal(again.bytes, b->bytes, again.used);
		}
	}
}

static void
test_too_few_bytes_are_malformed(void **state)
{
	struct bench *b = bench_of(state);
	const struct wire_type *t;

	for (size_t n = 0; (t = sample_type(n)) != NULL; n++) {
		bench_encode(b, t, SAMPLE_USUAL);
		for (size_t size = 0; size < b->out.used; size++) {
			unsigned char *exact = malloc(size + 1);

			memcpy(exact, b->bytes, size);
			arena_reset(&b->arena);
			assert_int_equal(
			    wire_decode(t, &b->arena, exact, size, &b->back),
			    ST_MALFORMED);
			free(exact);
		}
	}
}

static void
test_too_small_a_buffer_is_full(void **state)
{
	struct bench *b = bench_of(state);
	const struct wire_type *t;

	for (size_t n = 0; (t = sample_type(n)) != NULL; n++) {
		const void *body = bench_encode(b, t, SAMPLE_USUAL);

		for (size_t size = 0; size < b->out.used; size++) {
			unsigned char *exact = malloc(size + 1);
			struct wire_out small = { exact, size, 0 };

			assert_int_equal(wire_encode(t, body, &small), ST_FULL);
			assert_int_equal(small.used, 0);
			free(exact);
		}
	}
}

/* Some size is the first that suffices, and every smaller one says so. */
static void
test_too_little_memory_is_no_memory(void **state)
{
	struct bench *b = bench_of(state);
	const struct wire_type *t;

	for (size_t n = 0; (t = sample_type(n)) != NULL; n++) {
		enum status st = ST_NO_MEMORY;

		bench_encode(b, t, SAMPLE_USUAL);
		for (size_t size = 0; st != ST_OK; size++) {
			unsigned char *exact = malloc(size + 1);
			struct arena small = { exact, size, 0 };

			st = wire_decode(
			    t, &small, b->bytes, b->out.used, &b->back);
			assert_true(st == ST_OK || st == ST_NO_MEMORY);
			free(exact);
		}
	}
}

/* Every prefix of the fields is what an older sender may have sent. */
static void
test_older_senders_are_understood(void **state)
{
	struct bench *b = bench_of(state);
	const struct wire_type *t;

	for (size_t n = 0; (t = sample_type(n)) != NULL; n++) {
		for (size_t fields = 0; fields < t->nfields; fields++) {
			struct wire_type older = *t;
			struct wire_out again = { b->again, ROOM, 0 };

			older.nfields = fields;
			bench_encode(b, &older, SAMPLE_USUAL);
			assert_int_equal(
			    bench_decode(b, t, b->out.used), ST_OK);
			assert_int_equal(
			    wire_encode(t, b->back, &again), ST_OK);
		}
	}
}

static void
test_missing_texts_are_empty_not_null(void **state)
{
	struct bench *b = bench_of(state);
	const struct kitchen *k;

	b->bytes[0] = 0x90;
	assert_int_equal(bench_decode(b, &sample_kitchen, 1), ST_OK);
	k = b->back;
	assert_string_equal(k->cook, "");
	assert_string_equal(k->best.name, "");
	assert_null(k->note);
	assert_null(k->spare);
	assert_false(k->has_guests);
	assert_int_equal(k->pans_count, 0);
}

/* One field more: [1, {2: "x"}], and whatever else msgpack has. */
static void
test_newer_senders_are_understood(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} more[] = {
		{ "\x92\x01\x81\x02\xa1x", 6 },
		{ "\xc0", 1 },
		{ "\xc7\x02\x01zz", 5 },
		{ "\xd8\x01"
		  "0123456789abcdef",
		    18 },
		{ "\xcb"
		  "01234567",
		    9 },
		{ "\xdf\0\0\0\1\xa1k\xdd\0\0\0\1\xc3", 13 },
		{ "\xc6\0\0\0\2zz", 7 },
	};
	struct bench *b = bench_of(state);
	const struct wire_type *t;

	for (size_t n = 0; (t = sample_type(n)) != NULL; n++) {
		for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
			bool wide = t->nfields > 15;

			bench_encode(b, t, SAMPLE_USUAL);
			memcpy(b->bytes + b->out.used, more[i].bytes,
			    more[i].size);
			b->bytes[wide ? 2 : 0]++;
			if (t->nfields == 15)
				continue; /* the head would have to grow */
			assert_int_equal(
			    bench_decode(b, t, b->out.used + more[i].size),
			    ST_OK);
			b->bytes[wide ? 2 : 0]--;
			assert_int_equal(
			    bench_decode(b, t, b->out.used + more[i].size),
			    ST_MALFORMED);
		}
	}
}

/* What a liar's tables say: the field's bound is one more. */
struct liar {
	struct wire_type type;
	struct wire_field fields[FIELDS_MAX];
};

static const struct wire_enum *
liar_enum(void)
{
	static const char *texts[256];
	static const struct wire_enum e = { "liar", "", texts, texts, 256 };

	return &e;
}

static void
liar_init(struct liar *liar, const struct wire_type *t, size_t i)
{
	struct wire_field *f = &liar->fields[i];

	assert_true(t->nfields <= FIELDS_MAX);
	memcpy(liar->fields, t->fields, t->nfields * sizeof(*f));
	liar->type = *t;
	liar->type.fields = liar->fields;
	f->max += f->max != UINT64_MAX;
	f->list_max += f->list_max != 0;
	if (f->kind == WIRE_ENUM)
		f->values = liar_enum;
}

static char *
long_text(struct arena *a, uint64_t size)
{
	char *text = arena_take(a, size + 1);

	assert_non_null(text);
	return memset(text, 'x', size);
}

/* True if field i of body now lies past the bound of t. */
static bool
lie(const struct wire_type *t, size_t i, struct arena *a, char *body)
{
	const struct wire_field *f = &t->fields[i];
	void *at = body + f->offset;
	void *aside = body + f->aside;
	size_t step;

	switch ((int)f->kind) {
	case WIRE_U32:
		*(uint32_t *)at = (uint32_t)(f->max + 1);
		return f->max < UINT32_MAX;
	case WIRE_U64:
		*(uint64_t *)at = f->max + 1;
		return f->max < UINT64_MAX;
	case WIRE_TEXT:
		*(char **)at = long_text(a, f->max + 1);
		return true;
	case WIRE_BYTES:
		*(struct bytes *)at =
		    (struct bytes){ (uint8_t *)long_text(a, f->max + 1),
			    f->max + 1 };
		return true;
	case WIRE_ENUM:
		*(uint32_t *)at = f->values()->count;
		return true;
	case WIRE_LIST:
	case WIRE_TEXTS:
		step = f->type == NULL ? sizeof(char *) : f->type()->size;
		*(uint32_t *)aside = f->list_max + 1;
		*(void **)at = arena_take(a, (f->list_max + 1) * step);
		return true;
	default:
		return false;
	}
}

static void
test_past_every_bound_is_refused(void **state)
{
	struct bench *b = bench_of(state);
	const struct wire_type *t;
	struct liar liar;

	for (size_t n = 0; (t = sample_type(n)) != NULL; n++) {
		for (size_t i = 0; i < t->nfields; i++) {
			char *body = bench_encode(b, t, SAMPLE_USUAL);

			if (!lie(t, i, &b->sample, body))
				continue;
			liar_init(&liar, t, i);
			assert_int_equal(
			    wire_encode(t, body, &b->out), ST_FULL);
			b->out.used = 0;
			assert_int_equal(
			    wire_encode(&liar.type, body, &b->out), ST_OK);
			assert_int_equal(
			    bench_decode(b, t, b->out.used), ST_MALFORMED);
		}
	}
}

/* Four billion items, 200 items, more bytes than there are. */
static void
test_a_claim_takes_no_memory(void **state)
{
	static const struct wire_field list = { "list", WIRE_LIST, 0, 0, 8, 0,
		UINT32_MAX, catalogue_type_refused, NULL, "" };
	static const struct wire_type t = { 1, "t", "", 16, &list, 1 };
	static const char *const claims[] = {
		"\x91\xdd\xff\xff\xff\xff",
		"\x91\xdc\xff\xff\x90\x90\x90",
		"\x91\x9f\x90\x90",
	};
	struct bench *b = bench_of(state);

	for (size_t i = 0; i < 3; i++) {
		b->arena.used = 0;
		assert_int_equal(wire_decode(&t, &b->arena, claims[i],
				     strlen(claims[i]), &b->back),
		    ST_MALFORMED);
		assert_true(b->arena.used <= t.size);
	}
}

static void
decode_pan(struct bench *b, const char *bytes, size_t size, enum status want)
{
	arena_reset(&b->arena);
	assert_int_equal(
	    wire_decode(&sample_pan, &b->arena, bytes, size, &b->back), want);
}

static void
test_any_width_is_read(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} same[] = {
		{ "\x92\xa1x\x07", 4 },
		{ "\xdc\0\2\xd9\1x\xcc\7", 8 },
		{ "\xdd\0\0\0\2\xda\0\1x\xcd\0\7", 12 },
		{ "\x92\xdb\0\0\0\1x\xce\0\0\0\7", 12 },
		{ "\x92\xa1x\xcf\0\0\0\0\0\0\0\7", 12 },
		{ "\x92\xa1x\xd0\7", 5 },
		{ "\x92\xa1x\xd1\0\7", 6 },
		{ "\x92\xa1x\xd2\0\0\0\7", 8 },
		{ "\x92\xa1x\xd3\0\0\0\0\0\0\0\7", 12 },
	};
	struct bench *b = bench_of(state);

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		const struct pan *p;

		decode_pan(b, same[i].bytes, same[i].size, ST_OK);
		p = b->back;
		assert_string_equal(p->name, "x");
		assert_int_equal(p->size, 7);
	}
}

static void
test_other_kinds_are_malformed(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} bad[] = {
		{ "\x92\xc0\x07", 3 },    /* nil, not optional */
		{ "\x92\xc4\1x\x07", 5 }, /* bin for text */
		{ "\x92\xa1x\xff", 4 },   /* -1 */
		{ "\x92\xa1x\xd0\x80", 5 }, { "\x92\xa1x\xca\0\0\0\0", 8 },
		{ "\x92\xa1x\xc3", 4 }, { "\x92\xa1x\xc1", 4 }, /* never used */
		{ "\x93\xa1x\7\xc1", 5 }, /* never used, skipped */
		{ "\x82\xa1x\7", 4 },     /* a map */
		{ "\x07", 1 }, { "\x92\xa1\0\x07", 4 }, /* NUL in text */
		{ "\x92\xa1\xff\x07", 4 },              /* no UTF-8 */
		{ "\x92\xa3\xed\xa0\x80\x07", 6 },
		{ "\x92\xa2\xc3\xa9\x07\x00", 6 }, /* a byte too many */
	};
	struct bench *b = bench_of(state);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		decode_pan(b, bad[i].bytes, bad[i].size, ST_MALFORMED);
}

static void
test_bad_text_is_not_written(void **state)
{
	struct bench *b = bench_of(state);
	struct pan p = { "\xff", 1 };

	assert_int_equal(wire_encode(&sample_pan, &p, &b->out), ST_INVALID);
	assert_int_equal(b->out.used, 0);
}

static void
check_int(struct bench *b, int64_t n, size_t size)
{
	static const struct wire_field f = { "n", WIRE_I64, 0, 0, 0, 0, 0, NULL,
		NULL, "" };
	static const struct wire_type t = { 1, "t", "", sizeof(n), &f, 1 };

	b->out.used = 0;
	assert_int_equal(wire_encode(&t, &n, &b->out), ST_OK);
	assert_int_equal(b->out.used, 1 + size);
	assert_int_equal(bench_decode(b, &t, b->out.used), ST_OK);
	assert_true(*(const int64_t *)b->back == n);
}

static void
test_integers_take_the_shortest_form(void **state)
{
	struct bench *b = bench_of(state);

	check_int(b, 0, 1);
	check_int(b, 127, 1);
	check_int(b, 128, 2);
	check_int(b, 255, 2);
	check_int(b, 256, 3);
	check_int(b, 65535, 3);
	check_int(b, 65536, 5);
	check_int(b, UINT32_MAX, 5);
	check_int(b, (int64_t)UINT32_MAX + 1, 9);
	check_int(b, INT64_MAX, 9);
	check_int(b, -1, 1);
	check_int(b, -32, 1);
	check_int(b, -33, 2);
	check_int(b, -128, 2);
	check_int(b, -129, 3);
	check_int(b, -32768, 3);
	check_int(b, -32769, 5);
	check_int(b, INT32_MIN, 5);
	check_int(b, (int64_t)INT32_MIN - 1, 9);
	check_int(b, INT64_MIN, 9);
}

static void
test_an_integer_past_int64_is_malformed(void **state)
{
	static const struct wire_field f = { "n", WIRE_I64, 0, 0, 0, 0, 0, NULL,
		NULL, "" };
	static const struct wire_type t = { 1, "t", "", 8, &f, 1 };
	struct bench *b = bench_of(state);

	assert_int_equal(wire_decode(&t, &b->arena,
			     "\x91\xcf\x80\0\0\0\0\0\0\0", 10, &b->back),
	    ST_MALFORMED);
}

/* The wide kinds are 16 bytes, whatever says so, and nothing else. */
static void
test_money_and_uuid_are_sixteen_bytes(void **state)
{
	static const struct wire_field f = { "m", WIRE_MONEY, 0, 0, 0, 0, 0,
		NULL, NULL, "" };
	static const struct wire_type t = { 1, "t", "", 16, &f, 1 };
	struct bench *b = bench_of(state);
	_Alignas(16) money m = -2;

	assert_int_equal(wire_encode(&t, &m, &b->out), ST_OK);
	assert_int_equal(b->out.used, 19);
	assert_memory_equal(b->bytes,
	    "\x91\xc4\x10\xff\xff\xff\xff\xff\xff"
	    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe",
	    19);
	assert_int_equal(bench_decode(b, &t, 19), ST_OK);
	assert_true(*(const money *)b->back == -2);
	b->bytes[2] = 0x0f;
	assert_int_equal(bench_decode(b, &t, 18), ST_MALFORMED);
	memcpy(b->bytes, "\x91\xc4\x11", 3);
	assert_int_equal(bench_decode(b, &t, 20), ST_MALFORMED);
}

/* A record that holds itself, as no catalogue may. */
static const struct wire_type *self_type(void);

static const struct wire_field self_field = { "in", WIRE_RECORD, WIRE_OPTIONAL,
	0, 0, 0, 0, self_type, NULL, "" };

static const struct wire_type *
self_type(void)
{
	static const struct wire_type t = { 1, "self", "", sizeof(void *),
		&self_field, 1 };

	return &t;
}

static void
test_nesting_ends_at_its_bound(void **state)
{
	struct bench *b = bench_of(state);
	void *links[WIRE_DEPTH_MAX + 1] = { NULL };

	memset(b->bytes, 0x91, WIRE_DEPTH_MAX + 1);
	b->bytes[WIRE_DEPTH_MAX] = 0xc0;
	assert_int_equal(
	    bench_decode(b, self_type(), WIRE_DEPTH_MAX + 1), ST_OK);
	b->bytes[WIRE_DEPTH_MAX] = 0x91;
	b->bytes[WIRE_DEPTH_MAX + 1] = 0xc0;
	assert_int_equal(
	    bench_decode(b, self_type(), WIRE_DEPTH_MAX + 2), ST_MALFORMED);

	for (size_t i = 0; i + 1 < WIRE_DEPTH_MAX; i++)
		links[i] = &links[i + 1];
	assert_int_equal(wire_encode(self_type(), links, &b->out), ST_OK);
	links[WIRE_DEPTH_MAX - 1] = &links[WIRE_DEPTH_MAX];
	assert_int_equal(wire_encode(self_type(), links, &b->out), ST_FULL);
}

#define BENCH(test) cmocka_unit_test_setup_teardown(test, bench_up, bench_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH(test_every_type_comes_back),
		BENCH(test_too_few_bytes_are_malformed),
		BENCH(test_too_small_a_buffer_is_full),
		BENCH(test_too_little_memory_is_no_memory),
		BENCH(test_older_senders_are_understood),
		BENCH(test_missing_texts_are_empty_not_null),
		BENCH(test_newer_senders_are_understood),
		BENCH(test_past_every_bound_is_refused),
		BENCH(test_a_claim_takes_no_memory),
		BENCH(test_any_width_is_read),
		BENCH(test_other_kinds_are_malformed),
		BENCH(test_bad_text_is_not_written),
		BENCH(test_integers_take_the_shortest_form),
		BENCH(test_an_integer_past_int64_is_malformed),
		BENCH(test_money_and_uuid_are_sixteen_bytes),
		BENCH(test_nesting_ends_at_its_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
