/* describe_test - everything there is, is described, the same every time. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/catalogue.h"
#include "protocols/describe.h"
#include "protocols/problem.h"

static char *
print(void (*describe)(FILE *to))
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	describe(to);
	assert_int_equal(fclose(to), 0);
	return text;
}

static void
check_line(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	if (at == NULL || (at != text && at[-1] != '\n') ||
	    at[strlen(line)] != '\n')
		fail_msg("no line: %s", line);
}

static void
test_the_dump_has_its_form(void **state)
{
	char *text = print(describe_dump);

	(void)state;
	check_line(text, "enum role");
	check_line(text, "value role 0 ceo");
	check_line(text, "record principal");
	check_line(text, "field principal 2 role ENUM - 0 0 role");
	check_line(text, "message 0x0003 ping");
	check_line(text, "field ping 1 load BYTES - 4096 0 -");
	check_line(text, "field user 3 password_hash TEXT s 256 0 -");
	check_line(text, "field once 0 key TEXT o 255 0 -");
	check_line(text, "field task_get 0 caller RECORD c 0 0 principal");
	check_line(text, "field task_page 0 tasks LIST - 0 200 task");
	free(text);
}

static void
test_the_manual_names_everything(void **state)
{
	char *text = print(describe_markdown);
	const struct wire_type *t;
	const struct wire_enum *e;
	const struct problem *p;

	(void)state;
	for (size_t n = 0; (t = catalogue_nth(n)) != NULL; n++)
		assert_non_null(strstr(text, t->name));
	for (size_t n = 0; (t = catalogue_nth_record(n)) != NULL; n++)
		assert_non_null(strstr(text, t->doc));
	for (size_t n = 0; (e = catalogue_nth_enum(n)) != NULL; n++)
		assert_non_null(strstr(text, e->doc));
	for (size_t n = 0; (p = problem_nth(n)) != NULL; n++)
		assert_non_null(strstr(text, p->name));
	assert_non_null(strstr(text, "| session-registry | gateway, store, "));
	free(text);
}

static void
test_it_says_the_same_twice(void **state)
{
	char *once = print(describe_markdown);
	char *twice = print(describe_markdown);

	(void)state;
	assert_string_equal(once, twice);
	free(once);
	free(twice);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_the_dump_has_its_form),
		RUN(test_the_manual_names_everything),
		RUN(test_it_says_the_same_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
