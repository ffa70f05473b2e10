/* traceparent, as the W3C recommendation judges it. */
#include "gateway/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

static bool
parse(const char *text, struct trace *t)
{
	return trace_parse(
	    (struct bytes){ (const uint8_t *)text, strlen(text) }, t);
}

static void
test_a_good_one_goes_on(void **state)
{
	struct trace t = { .span = 0x1122334455667788 };
	char text[TRACE_TEXT_SIZE];

	(void)state;
	assert_true(parse("00-" ID "-" PARENT "-01", &t));
	assert_true(t.parent == 0x00f067aa0ba902b7);
	trace_print(&t, text);
	assert_string_equal(text, "00-" ID "-1122334455667788-01");
	assert_true(parse("00-" ID "-" PARENT "-fe", &t));
	assert_int_equal(t.flags, 0);
	assert_true(parse("cc-" ID "-" PARENT "-01", &t));
	assert_true(parse("01-" ID "-" PARENT "-01-what-may-come", &t));
}

static void
test_any_other_is_none(void **state)
{
	static const char *const bad[] = { "", "00", "00-" ID "-" PARENT,
		"00-" ID "-" PARENT "-0", "00-" ID "-" PARENT "-01-",
		"00-" ID "-" PARENT "-011", "ff-" ID "-" PARENT "-01",
		"0x-" ID "-" PARENT "-01", "00_" ID "-" PARENT "-01",
		"00-" ID "_" PARENT "-01", "00-" ID "-" PARENT "_01",
		"00-4BF92f3577b34da6a3ce929d0e0e4736-" PARENT "-01",
		"00-00000000000000000000000000000000-" PARENT "-01",
		"00-" ID "-0000000000000000-01", "00-" ID "-" PARENT "-0g",
		"01-" ID "-" PARENT "-01.more", " 00-" ID "-" PARENT "-01" };
	struct trace t = { .span = 1, .parent = 2, .flags = 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (parse(bad[i], &t))
			fail_msg("took '%s'", bad[i]);
	assert_true(t.span == 1 && t.parent == 2 && t.flags == 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_good_one_goes_on),
		cmocka_unit_test(test_any_other_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
