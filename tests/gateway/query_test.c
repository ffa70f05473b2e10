#include "gateway/query.h"

#include "gateway/target.h"
#include "tests/gateway/check.h"

static unsigned char space[4096];

static void
test_parameters_come_decoded_in_order(void **state)
{
	struct arena a = { space, sizeof(space), 0 };
	struct query_parameter p;
	struct query q;

	(void)state;
	query_init(&q, text("&a=1&&b+c=%41+%2B&d&=e&f=x=y&%c3%a4=%C3%A4&"));
	assert_int_equal(query_next(&q, &a, &p), ST_OK);
	assert_true(is(p.name, "a") && is(p.value, "1"));
	assert_int_equal(query_next(&q, &a, &p), ST_OK);
	assert_true(is(p.name, "b c") && is(p.value, "A +"));
	assert_int_equal(query_next(&q, &a, &p), ST_OK);
	assert_true(is(p.name, "d") && is(p.value, ""));
	assert_int_equal(query_next(&q, &a, &p), ST_OK);
	assert_true(is(p.name, "") && is(p.value, "e"));
	assert_int_equal(query_next(&q, &a, &p), ST_OK);
	assert_true(is(p.name, "f") && is(p.value, "x=y"));
	assert_int_equal(query_next(&q, &a, &p), ST_OK);
	assert_true(is(p.name, "\xc3\xa4") && is(p.value, "\xc3\xa4"));
	assert_int_equal(query_next(&q, &a, &p), ST_NOT_FOUND);
	assert_int_equal(query_next(&q, &a, &p), ST_NOT_FOUND);
}

static enum status
first_of(const char *t)
{
	struct arena a = { space, sizeof(space), 0 };
	struct query_parameter p;
	struct query q;

	query_init(&q, text(t));
	return query_next(&q, &a, &p);
}

static void
test_bad_escapes_are_refused(void **state)
{
	static const char *const bad[] = { "a=%", "a=%4", "a=%4g", "%=1",
		"a=%00", "a=%%41", "a=%-1", "a=% 1" };
	struct arena a = { space, sizeof(space), 0 };
	struct query_parameter p;
	struct query q;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(first_of(bad[i]), ST_MALFORMED);
	query_init(&q, (struct bytes){ (const uint8_t *)"a=b\0c", 5 });
	assert_int_equal(query_next(&q, &a, &p), ST_MALFORMED);
	assert_int_equal(first_of(""), ST_NOT_FOUND);
	assert_int_equal(first_of("&&&"), ST_NOT_FOUND);
	assert_int_equal(first_of("a=%25"), ST_OK);
}

static void
test_parameters_are_bounded(void **state)
{
	char t[QUERY_PARAMETERS_MAX * 2 + 2];
	struct arena a = { space, sizeof(space), 0 };
	struct query_parameter p;
	struct query q;

	(void)state;
	for (size_t i = 0; i <= QUERY_PARAMETERS_MAX; i++)
		memcpy(t + i * 2, "a&", 2);
	query_init(&q, (struct bytes){ (uint8_t *)t, sizeof(t) });
	for (size_t i = 0; i < QUERY_PARAMETERS_MAX; i++)
		assert_int_equal(query_next(&q, &a, &p), ST_OK);
	assert_int_equal(query_next(&q, &a, &p), ST_FULL);
}

static void
test_a_full_arena_is_said(void **state)
{
	struct arena a = { space, 16, 0 };
	struct query_parameter p;
	struct query q;

	(void)state;
	query_init(&q, text("a=0123456789abcdef"));
	assert_int_equal(query_next(&q, &a, &p), ST_FULL);
}

static void
test_paths_keep_their_plus(void **state)
{
	uint8_t out[16];
	size_t size;

	(void)state;
	assert_int_equal(
	    target_decode(text("a+b%20c"), false, out, &size), ST_OK);
	assert_true(is((struct bytes){ out, size }, "a+b c"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_parameters_come_decoded_in_order),
		RUN(test_bad_escapes_are_refused),
		RUN(test_parameters_are_bounded),
		RUN(test_a_full_arena_is_said),
		RUN(test_paths_keep_their_plus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
