/* json_test - structs to JSON and back, and what a client is told. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/json.h"
#include "tests/sample.h"

#define ROOM (1u << 19)

struct bench {
	_Alignas(max_align_t) unsigned char space[ROOM];
	_Alignas(max_align_t) unsigned char memory[ROOM];
	unsigned char bytes[ROOM];
	unsigned char again[ROOM];
	struct arena sample;
	struct arena arena;
	struct wire_out out;
	struct json_result result;
	void *back;
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

/* In memory of exactly its size. */
static enum status
decode(struct bench *b, const struct wire_type *t, unsigned flags,
    const char *text, size_t size)
{
	char *exact = malloc(size > 0 ? size : 1);
	enum status st;

	assert_non_null(exact);
	memcpy(exact, text, size);
	arena_reset(&b->arena);
	st =
	    json_decode(t, flags, &b->arena, exact, size, &b->back, &b->result);
	free(exact);
	return st;
}

static enum status
decode_pan(struct bench *b, unsigned flags, const char *text)
{
	return decode(b, &sample_pan, flags, text, strlen(text));
}

static enum status
decode_kitchen(struct bench *b, const char *text)
{
	return decode(b, &sample_kitchen, JSON_LATER, text, strlen(text));
}

static void
check_refused(struct bench *b, const char *text, const char *why)
{
	assert_int_equal(decode_kitchen(b, text), ST_INVALID);
	assert_string_equal(b->result.why, why);
}

static void
encode(struct bench *b, const struct wire_type *t, unsigned flags,
    const void *body)
{
	b->out.used = 0;
	assert_int_equal(json_encode(t, flags, body, &b->out), ST_OK);
	b->bytes[b->out.used] = '\0';
}

/* What the gateway fills in is not printed, so it is not compared. */
static void
test_every_type_comes_back(void **state)
{
	struct bench *b = *state;
	const struct wire_type *t;

	for (size_t n = 0; (t = sample_type(n)) != NULL; n++) {
		for (int shape = 0; shape < SAMPLE_SHAPES; shape++) {
			struct wire_out again = { b->again, ROOM, 0 };
			void *body;

			arena_reset(&b->sample);
			body = sample_body(
			    t, &b->sample, (enum sample_shape)shape);
			encode(b, t, JSON_SECRETS, body);
			assert_true(json_valid(b->bytes, b->out.used));
			if (decode(b, t, 0, (char *)b->bytes, b->out.used) !=
			    ST_OK)
				fail_msg("%s: %s", t->name, b->result.why);
			assert_int_equal(
			    json_encode(t, JSON_SECRETS, b->back, &again),
			    ST_OK);
			assert_int_equal(again.used, b->out.used);
			assert_memory_equal(again.bytes, b->bytes, again.used);
		}
	}
}

static void
test_every_truncation_is_refused(void **state)
{
	struct bench *b = *state;
	size_t used;

	encode(b, &sample_kitchen, JSON_SECRETS,
	    sample_body(&sample_kitchen, &b->sample, SAMPLE_USUAL));
	used = b->out.used;
	for (size_t size = 0; size < used; size++)
		assert_int_equal(
		    decode(b, &sample_kitchen, 0, (char *)b->bytes, size),
		    ST_MALFORMED);
}

static void
test_little_room_is_full_and_little_memory_is_no_memory(void **state)
{
	struct bench *b = *state;
	void *body = sample_body(&sample_kitchen, &b->sample, SAMPLE_USUAL);
	enum status st = ST_NO_MEMORY;

	encode(b, &sample_kitchen, JSON_SECRETS, body);
	for (size_t size = 0; size < b->out.used; size++) {
		struct wire_out small = { b->again, size, 0 };

		assert_int_equal(
		    json_encode(&sample_kitchen, JSON_SECRETS, body, &small),
		    ST_FULL);
		assert_int_equal(small.used, 0);
	}
	for (size_t size = 0; st != ST_OK; size++) {
		unsigned char *exact = malloc(size + 1);
		struct arena small = { exact, size, 0 };

		st = json_decode(&sample_kitchen, 0, &small, b->bytes,
		    b->out.used, &b->back, &b->result);
		assert_true(st == ST_OK || st == ST_NO_MEMORY);
		free(exact);
	}
}

static void
test_the_printed_form(void **state)
{
	static const char want[] =
	    "{\"open\":true,\"plates\":500,\"crumbs\":18446744073709551615,"
	    "\"warmth\":-9223372036854775808,\"worth\":-0.5,"
	    "\"cook\":\"a\\u0001\\n\\\"\xc3\xa9\\u007f\",\"salt\":\"AAH_\","
	    "\"built\":\"2026-04-03T10:00:00.000000+00:00\","
	    "\"id\":\"00000000-0000-0000-0000-0000000000ff\","
	    "\"mood\":\"high\",\"best\":{\"name\":\"wok\",\"size\":1},"
	    "\"pans\":[],\"spices\":[\"salt\",\"\"],\"lit\":null,"
	    "\"guests\":0,\"flies\":null,\"drift\":null,\"tip\":null,"
	    "\"note\":null,\"closed\":null,\"key\":null,"
	    "\"guest_mood\":null,\"spare\":{\"name\":\"\",\"size\":2}}";
	static const char *const spices[] = { "salt", NULL };
	static const struct pan spare = { NULL, 2 };
	struct bench *b = *state;
	struct kitchen k = {
		.open = true,
		.plates = 500,
		.crumbs = UINT64_MAX,
		.warmth = INT64_MIN,
		.worth = -500000000000,
		.cook = "a\x01\n\"\xc3\xa9\x7f",
		.salt = { (const uint8_t *)"\0\1\xff", 3 },
		.built = INT64_C(1775210400000000),
		.id = { { [15] = 0xff } },
		.mood = MOOD_HIGH,
		.best = { "wok", 1 },
		.spices = spices,
		.spices_count = 2,
		.recipe = "secret",
		.caller = { "client", 9 },
		.has_guests = true,
		.spare = &spare,
	};

	encode(b, &sample_kitchen, 0, &k);
	assert_string_equal((char *)b->bytes, want);
	encode(b, &sample_kitchen, JSON_SECRETS, &k);
	assert_non_null(strstr((char *)b->bytes, "\"recipe\":\"secret\""));
	assert_null(strstr((char *)b->bytes, "client"));
}

static void
test_scalars_are_read(void **state)
{
	struct bench *b = *state;
	const struct kitchen *k;

	assert_int_equal(
	    decode_kitchen(b,
		" { \"open\" : true , \"plates\":1000,\"warmth\":-0,"
		"\"worth\":\"-1e-12\",\"tip\":0.1,\"cook\":\"\\u00e9\\n\","
		"\"salt\":\"AAH_\",\"built\":\"2026-04-03T12:00:00+02:00\","
		"\"id\":\"00000000-0000-0000-0000-0000000000FF\","
		"\"mood\":\"hi\\u0067h\",\"recipe\":\"s\",\"note\":null,"
		"\"guests\":3,\"pans\":[{\"name\":\"a\",\"size\":1},"
		"{\"size\":2,\"name\":\"b\"}],\"spices\":[\"x\"],"
		"\"spare\":{\"name\":\"c\",\"size\":0} } "),
	    ST_OK);
	k = b->back;
	assert_true(k->open && k->plates == 1000 && k->warmth == 0);
	assert_true(k->worth == -1 && k->has_tip && k->tip == 100000000000);
	assert_string_equal(k->cook, "\xc3\xa9\n");
	assert_int_equal(k->salt.size, 3);
	assert_memory_equal(k->salt.at, "\0\1\xff", 3);
	assert_true(k->built == INT64_C(1775210400000000));
	assert_int_equal(k->id.octets[15], 0xff);
	assert_int_equal(k->mood, MOOD_HIGH);
	assert_string_equal(k->recipe, "s");
	assert_null(k->note);
	assert_true(k->has_guests && k->guests == 3 && !k->has_lit);
	assert_int_equal(k->pans_count, 2);
	assert_string_equal(k->pans[1].name, "b");
	assert_string_equal(k->spices[0], "x");
	assert_string_equal(k->spare->name, "c");
}

static void
test_refusals_name_path_and_reason(void **state)
{
	struct bench *b = *state;

	check_refused(b, "[]", "body: expected an object");
	check_refused(b, "1", "body: expected an object");
	check_refused(b, "{\"mood\":\"glum\"}",
	    "body.mood: expected one of low, fair, high");
	check_refused(
	    b, "{\"mood\":1}", "body.mood: expected one of low, fair, high");
	check_refused(b, "{\"open\":1}", "body.open: expected true or false");
	check_refused(
	    b, "{\"open\":null}", "body.open: expected true or false");
	check_refused(b, "{\"cook\":null}",
	    "body.cook: expected a text of 40 bytes at most");
	check_refused(b, "{\"cook\":\"a\\u0000\"}",
	    "body.cook: expected a text of 40 bytes at most");
	check_refused(b, "{\"best\":[]}", "body.best: expected an object");
	check_refused(b, "{\"best\":{\"size\":1}}", "body.best.name: required");
	check_refused(b, "{\"colour\":1}", "body.colour: unknown field");
	check_refused(
	    b, "{\"best\":{\"colour\":1}}", "body.best.colour: unknown field");
	check_refused(
	    b, "{\"plates\":1,\"plates\":1}", "body.plates: given twice");
	check_refused(
	    b, "{\"plates\":1,\"plat\\u0065s\":1}", "body.plates: given twice");
	check_refused(
	    b, "{\"note\":null,\"note\":null}", "body.note: given twice");
	check_refused(b, "{\"pans\":[{\"name\":\"\",\"size\":1},{\"name\":3}]}",
	    "body.pans[1].name: expected a text of 16 bytes at most");
	check_refused(b, "{\"pans\":[1]}", "body.pans[0]: expected an object");
	check_refused(b, "{\"pans\":{}}",
	    "body.pans: expected a list of 4 objects at most");
	check_refused(b, "{\"spices\":[\"a\",null]}",
	    "body.spices[1]: expected a list of 4 texts of 40 bytes at most");
	check_refused(b, "{\"spices\":[\"\",\"\",\"\",\"\",\"\"]}",
	    "body.spices: expected a list of 4 texts of 40 bytes at most");
	check_refused(b, "{\"built\":\"2026-04-03T10:00:00\"}",
	    "body.built: expected a time with an offset, such as "
	    "2026-04-03T10:00:00+00:00");
	check_refused(b, "{\"id\":\"1\"}", "body.id: expected a uuid");
	check_refused(b, "{\"salt\":\"A\"}",
	    "body.salt: expected base64url of 32 bytes at most");
	check_refused(b, "{\"worth\":\"1e-13\"}",
	    "body.worth: expected an amount with 12 decimals at most");
}

static void
test_numbers_stay_in_range_and_integer(void **state)
{
	static const char *const bad[] = { "-1", "1001", "1.0", "1e2", "-0",
		"\"7\"", "18446744073709551616", "99999999999999999999999" };
	static const char *const worse[] = { "9223372036854775808",
		"-9223372036854775809", "0.0" };
	struct bench *b = *state;
	char text[64];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "{\"plates\":%s}", bad[i]);
		check_refused(
		    b, text, "body.plates: expected an integer from 0 to 1000");
	}
	for (size_t i = 0; i < sizeof(worse) / sizeof(worse[0]); i++) {
		snprintf(text, sizeof(text), "{\"warmth\":%s}", worse[i]);
		check_refused(
		    b, text, "body.warmth: expected an integer of 64 bits");
	}
	assert_int_equal(decode_kitchen(b, "{\"crumbs\":18446744073709551615,"
					   "\"warmth\":-9223372036854775808}"),
	    ST_OK);
	assert_true(((struct kitchen *)b->back)->crumbs == UINT64_MAX);
	assert_true(((struct kitchen *)b->back)->warmth == INT64_MIN);
}

static void
test_malformed_says_where(void **state)
{
	struct bench *b = *state;

	assert_int_equal(decode_kitchen(b, ""), ST_MALFORMED);
	assert_string_equal(b->result.why, "body: not JSON at byte 0");
	assert_int_equal(decode_kitchen(b, "{} {"), ST_MALFORMED);
	assert_string_equal(b->result.why, "body: not JSON at byte 3");
	assert_int_equal(decode_kitchen(b, "{\"open\":tru}"), ST_MALFORMED);
	assert_string_equal(b->result.why, "body.open: not JSON at byte 8");
	assert_int_equal(
	    decode_kitchen(b, "{\"spices\":[\"a\",]}"), ST_MALFORMED);
	assert_int_equal(decode_kitchen(b, "{\"open\":true,}"), ST_MALFORMED);
}

static void
test_text_bound_counts_bytes_after_decoding(void **state)
{
	struct bench *b = *state;
	const char *fits = "{\"name\":\"\\u0078\\u0078\\u0078\\u0078\\u0078"
			   "\\u0078xxxxxxxx\xc3\xa9\",\"size\":1}";

	assert_int_equal(decode_pan(b, 0, fits), ST_OK);
	assert_int_equal(
	    decode_pan(b, 0, "{\"name\":\"xxxxxxxxxxxxxxx\xc3\xa9\"}"),
	    ST_INVALID);
	assert_int_equal(
	    decode_pan(b, 0, "{\"name\":\"\\u0078xxxxxxxxxxxxxxxx\"}"),
	    ST_INVALID);
}

static void
test_what_must_be_there_is_named(void **state)
{
	struct bench *b = *state;
	struct pan *p;

	assert_int_equal(decode_pan(b, 0, "{\"name\":\"x\"}"), ST_INVALID);
	assert_string_equal(b->result.why, "body.size: required");
	assert_int_equal(decode_pan(b, 0, "{}"), ST_INVALID);
	assert_string_equal(b->result.why, "body.name: required");
	assert_int_equal(decode_pan(b, JSON_DEFAULTS, "{}"), ST_OK);
	p = b->back;
	assert_string_equal(p->name, "");
}

static void
test_unknown_fields_are_skipped_on_demand(void **state)
{
	struct bench *b = *state;

	assert_int_equal(
	    decode_pan(b, JSON_IGNORE_UNKNOWN,
		"{\"a\":{\"b\":[1,{}]},\"name\":\"x\",\"\":[],\"size\":1}"),
	    ST_OK);
	assert_int_equal(
	    decode_pan(b, JSON_IGNORE_UNKNOWN, "{\"a\":{\"b\":[1,}]}}"),
	    ST_MALFORMED);
}

static void
test_a_long_unknown_name_is_not_told(void **state)
{
	struct bench *b = *state;
	char text[200];

	memset(text, 'x', sizeof(text));
	memcpy(text, "{\"", 2);
	memcpy(text + sizeof(text) - 5, "\":1}", 5);
	assert_int_equal(decode_pan(b, 0, text), ST_INVALID);
	assert_string_equal(
	    b->result.why, "body.(a name of 193 bytes): unknown field");
}

/* Neither by itself, nor by ignoring it, nor from a query. */
static void
test_a_client_cannot_be_its_own_gateway(void **state)
{
	static const char text[] = "{\"caller\":{\"name\":\"x\",\"size\":1}}";
	struct bench *b = *state;

	check_refused(b, text, "body.caller: unknown field");
	assert_int_equal(
	    decode(b, &sample_kitchen, JSON_DEFAULTS | JSON_IGNORE_UNKNOWN,
		text, strlen(text)),
	    ST_OK);
	assert_string_equal(((struct kitchen *)b->back)->caller.name, "");
	assert_int_equal(json_set_text(&sample_kitchen, b->back, &b->arena,
			     "query", "caller", "x", &b->result),
	    ST_INVALID);
	assert_string_equal(b->result.why, "query.caller: unknown field");
}

static enum status
set_text(struct bench *b, const char *name, const char *text)
{
	return json_set_text(&sample_kitchen, b->back, &b->arena, "query", name,
	    text, &b->result);
}

static void
test_queries_fill_the_same_struct(void **state)
{
	struct bench *b = *state;
	const struct kitchen *k;

	assert_int_equal(
	    decode(b, &sample_kitchen, JSON_LATER, "{\"open\":true}", 13),
	    ST_OK);
	assert_int_equal(set_text(b, "plates", "12"), ST_OK);
	assert_int_equal(set_text(b, "warmth", "-12"), ST_OK);
	assert_int_equal(set_text(b, "lit", "false"), ST_OK);
	assert_int_equal(set_text(b, "cook", "a \"b\" \\u0041"), ST_OK);
	assert_int_equal(set_text(b, "note", ""), ST_OK);
	assert_int_equal(set_text(b, "tip", "0.5"), ST_OK);
	assert_int_equal(set_text(b, "guest_mood", "fair"), ST_OK);
	assert_int_equal(set_text(b, "salt", "AAH_"), ST_OK);
	assert_int_equal(set_text(b, "closed", "2026-04-03T10:00:00Z"), ST_OK);
	assert_int_equal(
	    set_text(b, "key", "00000000-0000-0000-0000-0000000000ff"), ST_OK);
	k = b->back;
	assert_true(k->open && k->plates == 12 && k->warmth == -12);
	assert_true(k->has_lit && !k->lit && k->has_tip);
	assert_string_equal(k->cook, "a \"b\" \\u0041");
	assert_string_equal(k->note, "");
	assert_true(k->has_guest_mood && k->guest_mood == MOOD_FAIR);
	assert_true(k->has_closed && k->has_key && k->salt.size == 3);
	assert_int_equal(
	    json_require(&sample_kitchen, "body", &b->result), ST_INVALID);
	assert_string_equal(b->result.why, "body.crumbs: required");
}

static void
test_queries_are_checked_like_bodies(void **state)
{
	static const char *const bad[][2] = {
		{ "plates", "" },
		{ "plates", " 1" },
		{ "plates", "1 " },
		{ "plates", "+1" },
		{ "plates", "0x1" },
		{ "plates", "1001" },
		{ "plates", "true" },
		{ "lit", "1" },
		{ "lit", "TRUE" },
		{ "lit", "null" },
		{ "tip", "\"1\"" },
		{ "tip", "[1]" },
		{ "cook", "\xff" },
		{ "cook", "01234567890123456789012345678901234567890" },
		{ "mood", "\"low\"" },
		{ "best", "{}" },
		{ "spices", "a" },
		{ "nobody", "a" },
	};
	struct bench *b = *state;

	b->back = json_blank(&sample_kitchen, &b->arena);
	assert_non_null(b->back);
	b->result.seen = 0;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(set_text(b, bad[i][0], bad[i][1]), ST_INVALID);
	assert_int_equal(b->result.seen, 0);
	assert_int_equal(set_text(b, "plates", "1001"), ST_INVALID);
	assert_string_equal(
	    b->result.why, "query.plates: expected an integer from 0 to 1000");
	assert_int_equal(set_text(b, "plates", "1"), ST_OK);
	assert_int_equal(set_text(b, "plates", "2"), ST_INVALID);
	assert_string_equal(b->result.why, "query.plates: given twice");
	assert_int_equal(((struct kitchen *)b->back)->plates, 1);
}

static void
test_what_cannot_be_printed_is_invalid(void **state)
{
	struct bench *b = *state;
	struct kitchen k = { .cook = "\xff" };

	assert_int_equal(
	    json_encode(&sample_kitchen, 0, &k, &b->out), ST_INVALID);
	k = (struct kitchen){ .mood = (enum mood)3 };
	assert_int_equal(
	    json_encode(&sample_kitchen, 0, &k, &b->out), ST_INVALID);
	assert_int_equal(b->out.used, 0);
}

static void
test_a_text_alone_is_quoted(void **state)
{
	struct bench *b = *state;

	assert_int_equal(json_encode_text("a\"</\x1f", &b->out), ST_OK);
	assert_int_equal(b->out.used, 13);
	assert_memory_equal(b->bytes, "\"a\\\"</\\u001f\"", 13);
}

#define BENCH(test) cmocka_unit_test_setup_teardown(test, bench_up, bench_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH(test_every_type_comes_back),
		BENCH(test_every_truncation_is_refused),
		BENCH(test_little_room_is_full_and_little_memory_is_no_memory),
		BENCH(test_the_printed_form),
		BENCH(test_scalars_are_read),
		BENCH(test_refusals_name_path_and_reason),
		BENCH(test_numbers_stay_in_range_and_integer),
		BENCH(test_malformed_says_where),
		BENCH(test_text_bound_counts_bytes_after_decoding),
		BENCH(test_what_must_be_there_is_named),
		BENCH(test_unknown_fields_are_skipped_on_demand),
		BENCH(test_a_long_unknown_name_is_not_told),
		BENCH(test_a_client_cannot_be_its_own_gateway),
		BENCH(test_queries_fill_the_same_struct),
		BENCH(test_queries_are_checked_like_bodies),
		BENCH(test_what_cannot_be_printed_is_invalid),
		BENCH(test_a_text_alone_is_quoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
