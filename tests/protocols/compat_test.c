/*
 * compat_test - every breaking change is told, and nothing else is.
 *
 * The catalogue compiled in plays the new release; each test writes a line of
 * the old one as it must have been for the change to have happened.
 */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/compat.h"
#include "protocols/describe.h"

#define RELEASED TROUPE_SOURCE_DIR "/protocols/released.txt"

static void
check_breaks(const char *old, const char *why)
{
	struct compat_report r;

	assert_int_equal(compat_check(old, &r), 1);
	assert_string_equal(r.text, why);
}

static void
check_fits(const char *old)
{
	struct compat_report r;

	if (compat_check(old, &r) != 0)
		fail_msg("%s", r.text);
	assert_string_equal(r.text, "");
}

static char *
dump(void)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	describe_dump(to);
	assert_int_equal(fclose(to), 0);
	return text;
}

static void
test_a_catalogue_fits_itself(void **state)
{
	char *text = dump();

	(void)state;
	check_fits(text);
	free(text);
}

static void
test_appending_is_no_break(void **state)
{
	(void)state;
	check_fits("");
	check_fits("message 0x0003 ping\n"
		   "field ping 0 number U64 - 18446744073709551615 0 -\n");
	check_fits("field ping 1 load BYTES - 16 0 -\n");
	check_fits("enum role\nvalue role 0 ceo\n");
	check_fits("field once 0 key TEXT os 255 0 -");
}

static void
test_id_reused(void **state)
{
	(void)state;
	check_breaks("message 0x0003 probe\n",
	    "id 0x0003 was probe and is reused by ping\n");
}

static void
test_message_removed(void **state)
{
	(void)state;
	check_breaks(
	    "message 0xfffe probe\n", "message probe (0xfffe) is gone\n");
}

static void
test_field_removed(void **state)
{
	(void)state;
	check_breaks("field ping 2 colour U32 - 7 0 -\n",
	    "ping.colour, place 2, is gone\n");
}

static void
test_field_reordered(void **state)
{
	(void)state;
	check_breaks("field ping 0 load BYTES - 4096 0 -\n",
	    "ping.load, place 0, has moved\n");
}

static void
test_field_retyped(void **state)
{
	(void)state;
	check_breaks("field ping 0 number I64 - 0 0 -\n",
	    "ping.number was I64 of - and is U64 of -\n");
	check_breaks("field user 2 role ENUM - 0 0 auth_method\n",
	    "user.role was ENUM of auth_method and is ENUM of role\n");
}

static void
test_field_made_optional_or_required(void **state)
{
	(void)state;
	check_breaks("field ping 0 number U64 o 0 0 -\n",
	    "ping.number changed whether it is optional\n");
	check_breaks("field once 0 key TEXT - 255 0 -\n",
	    "once.key changed whether it is optional\n");
}

static void
test_bound_narrowed(void **state)
{
	(void)state;
	check_breaks("field ping 1 load BYTES - 4097 0 -\n",
	    "ping.load: bound narrowed from 4097 to 4096\n");
	check_breaks("field task_page 0 tasks LIST - 0 201 task\n",
	    "task_page.tasks: bound narrowed from 201 to 200\n");
}

static void
test_record_or_enum_removed(void **state)
{
	(void)state;
	check_breaks("record probe\nfield probe 0 size U32 - 7 0 -\n",
	    "record probe is gone\n");
	check_breaks(
	    "enum probe\nvalue probe 0 deep\n", "enum probe is gone\n");
}

static void
test_enum_value_removed_or_reordered(void **state)
{
	(void)state;
	check_breaks("value role 99 king\n", "enum role: value king is gone\n");
	check_breaks(
	    "value role 0 king\n", "enum role: value 0 was king and is ceo\n");
}

static void
test_a_line_it_cannot_read_is_a_break(void **state)
{
	static const char *const odd[] = {
		"\n",
		"what\n",
		"enum\n",
		"enum role more\n",
		"message ping 0x0003\n",
		"message 0x10003 ping\n",
		"value role zero ceo\n",
		"field ping 0 number U64 - 0 0\n",
		"field ping 0 number U64 - 0 0 - -\n",
		"field ping -1 number U64 - 0 0 -\n",
	};
	char longest[2 * DESCRIBE_LINE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		check_breaks(odd[i], "line 1 is not understood\n");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	check_breaks(longest, "line 1 is not understood\n");
}

static void
test_every_break_is_counted_even_untold(void **state)
{
	static struct compat_report r;
	char *old = malloc(COMPAT_REPORT_SIZE * 2 + 1);

	(void)state;
	assert_non_null(old);
	memset(old, '\n', COMPAT_REPORT_SIZE * 2);
	old[COMPAT_REPORT_SIZE * 2] = '\0';
	assert_int_equal(compat_check(old, &r), COMPAT_REPORT_SIZE * 2);
	assert_true(strlen(r.text) < COMPAT_REPORT_SIZE);
	free(old);
}

static void
test_the_last_release_is_understood(void **state)
{
	static char old[1 << 20];
	FILE *from = fopen(RELEASED, "r");
	size_t size;

	(void)state;
	assert_non_null(from);
	size = fread(old, 1, sizeof(old) - 1, from);
	fclose(from);
	assert_in_range(size, 1, sizeof(old) - 2);
	old[size] = '\0';
	check_fits(old);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_a_catalogue_fits_itself),
		RUN(test_appending_is_no_break),
		RUN(test_id_reused),
		RUN(test_message_removed),
		RUN(test_field_removed),
		RUN(test_field_reordered),
		RUN(test_field_retyped),
		RUN(test_field_made_optional_or_required),
		RUN(test_bound_narrowed),
		RUN(test_record_or_enum_removed),
		RUN(test_enum_value_removed_or_reordered),
		RUN(test_a_line_it_cannot_read_is_a_break),
		RUN(test_every_break_is_counted_even_untold),
		RUN(test_the_last_release_is_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
