/* Cookies: found or not, never guessed; and the lines that set them. */
#include "gateway/cookie.h"

#include "tests/gateway/check.h"

static enum status
find(const char *header, const char *wanted)
{
	struct bytes value = { NULL, 0 };
	enum status st = cookie_find(text(header), "a", &value);

	if (wanted == NULL) {
		assert_null(value.at);
		return st;
	}
	assert_int_equal(value.size, strlen(wanted));
	assert_memory_equal(value.at, wanted, value.size);
	return st;
}

static void
test_the_one_that_is_named_is_found(void **state)
{
	(void)state;
	assert_int_equal(find("a=1", "1"), ST_OK);
	assert_int_equal(find("b=2; a=1; c=3", "1"), ST_OK);
	assert_int_equal(find("b=2;a=1", "1"), ST_OK);
	assert_int_equal(find(" \t a=x=y.z ;", "x=y.z"), ST_OK);
	assert_int_equal(find(";;; a=1 ;;", "1"), ST_OK);
}

static void
test_others_are_not(void **state)
{
	(void)state;
	assert_int_equal(find("", NULL), ST_OK);
	assert_int_equal(find("a", NULL), ST_OK);
	assert_int_equal(find("A=1; aa=1; ab=1; =a=1", NULL), ST_OK);
	assert_int_equal(find("a =1", NULL), ST_OK);
	assert_int_equal(find("b=a=1", NULL), ST_OK);
}

static void
test_what_is_ambiguous_or_no_cookie_is_refused(void **state)
{
	struct bytes value = { NULL, 0 };

	(void)state;
	assert_int_equal(cookie_find(text("a=1; a=1"), "a", &value), ST_EXISTS);
	assert_int_equal(cookie_find(text("a=1"), "a", &value), ST_EXISTS);
	assert_int_equal(find("a=", NULL), ST_MALFORMED);
	assert_int_equal(find("a=\"1\"", NULL), ST_MALFORMED);
	assert_int_equal(find("a=1 2", NULL), ST_MALFORMED);
	assert_int_equal(find("a=1,2", NULL), ST_MALFORMED);
	assert_int_equal(find("a=\x7f", NULL), ST_MALFORMED);
	assert_int_equal(find("a=\xc3\xa4", NULL), ST_MALFORMED);
}

static void
test_lines_that_set_and_forget(void **state)
{
	char line[128];

	(void)state;
	assert_int_equal(
	    cookie_write("__Host-x", "v", 60, line, sizeof(line)), ST_OK);
	assert_string_equal(line,
	    "__Host-x=v; Path=/; Secure; HttpOnly; SameSite=Strict; "
	    "Max-Age=60");
	assert_int_equal(
	    cookie_write("__Host-x", "v", 0, line, sizeof(line)), ST_OK);
	assert_string_equal(line,
	    "__Host-x=; Path=/; Secure; HttpOnly; SameSite=Strict; "
	    "Max-Age=0");
	assert_int_equal(cookie_write("__Host-x", "v", 0, line, 20), ST_FULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_one_that_is_named_is_found),
		cmocka_unit_test(test_others_are_not),
		cmocka_unit_test(
		    test_what_is_ambiguous_or_no_cookie_is_refused),
		cmocka_unit_test(test_lines_that_set_and_forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
