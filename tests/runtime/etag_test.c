/* Sessions Appendix C, and 2.4.7 by its scenarios. */
#include "runtime/etag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Appendix C; scenario 30. */
static void
test_tags_of_the_appendix(void **state)
{
	static const struct {
		const char *value;
		const char *updated_at;
		const char *etag;
	} vectors[] = {
		{ "hello", "", "\"47cd78ab5f984852\"" },
		{ "hello", NULL, "\"47cd78ab5f984852\"" },
		{ "hello", "2026-04-03T10:00:00+00:00",
		    "\"ae6816564b6963c7\"" },
		{ "hello", "2026-04-03T10:00:01+00:00",
		    "\"708842fb4e7af433\"" },
		{ "hellO", "2026-04-03T10:00:00+00:00",
		    "\"4fb4466609d43813\"" },
		{ "", "", "\"e7ac0786668e0ff0\"" },
		{ "na\xc3\xafve \xe2\x9c\x93",
		    "2026-04-03T10:00:00.000001+00:00",
		    "\"79a6e3fd3605cb16\"" },
		{ "a:b", "c", "\"b0ee04f880c4ff42\"" },
		{ "a", "b:c", "\"b0ee04f880c4ff42\"" },
	};
	char etag[ETAG_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		etag_of(vectors[i].value, vectors[i].updated_at, etag);
		assert_string_equal(etag, vectors[i].etag);
	}
}

#define TAG "\"47cd78ab5f984852\""

/* Scenarios 33 and 35. */
static void
test_if_match_is_compared_byte_for_byte(void **state)
{
	static const struct {
		const char *header;
		bool allows;
	} headers[] = {
		{ TAG, true },
		{ "*", true },
		{ " \t* ", true },
		{ "\"0000000000000000\", " TAG, true },
		{ "\"0000000000000000\"," TAG "\t,\"1\"", true },
		{ ",, " TAG, true },
		{ "W/" TAG, false },
		{ "w/" TAG, false },
		{ "47cd78ab5f984852", false },
		{ "\"47CD78AB5F984852\"", false },
		{ "\"47cd78ab5f98485\"", false },
		{ TAG TAG, false },
		{ TAG "x", false },
		{ "\"0000000000000000\", *", false },
		{ "**", false },
		{ ",", false },
		{ " ", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		assert_int_equal(
		    if_match_allows(headers[i].header, TAG), headers[i].allows);
}

static void
test_absent_and_empty_ask_for_no_check(void **state)
{
	(void)state;
	assert_false(if_match_is_given(NULL));
	assert_false(if_match_is_given(""));
	assert_true(if_match_is_given("*"));
	assert_true(if_match_is_given(" "));
}

#define RUN(test) cmocka_unit_test(test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_tags_of_the_appendix),
		RUN(test_if_match_is_compared_byte_for_byte),
		RUN(test_absent_and_empty_ask_for_no_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
