#include "store/path.h"

#include <sys/stat.h>

#include "tests/store/fixture.h"

static void
cleans(const char *raw, const char *expected)
{
	char got[BACKEND_PATH_MAX];

	OK(path_clean(B(raw), got));
	assert_string_equal(got, expected);
}

static void
refuses(struct bytes raw)
{
	char got[BACKEND_PATH_MAX] = "untouched";

	IS(INVALID, path_clean(raw, got));
	assert_string_equal(got, "untouched");
}

/* P-36 */
static void
test_a_component_of_two_dots_is_refused(void **state)
{
	(void)state;
	refuses(B("../x"));
	refuses(B("a/../b"));
	refuses(B("a/.."));
	refuses(B(".."));
	refuses(B("/var/../etc/x"));
	refuses(B("..\\x"));
}

/* P-37 */
static void
test_other_dots_and_slashes_are_legal(void **state)
{
	(void)state;
	cleans("a//b/./c.db", "a/b/c.db");
	cleans("my..db", "my..db");
	cleans("..hidden/x", "..hidden/x");
	cleans("a/...", "a/...");
	cleans(":memory:", ":memory:");
	cleans("/", "/");
	cleans("//a/", "/a");
	cleans("./", ".");
}

/* P-38 */
static void
test_blank_and_control_bytes_are_refused(void **state)
{
	char longest[BACKEND_PATH_MAX + 1];

	(void)state;
	refuses(B(""));
	refuses(B("  "));
	refuses(B("a/ /b"));
	refuses(B("a\nb"));
	refuses((struct bytes){ (const uint8_t *)"a\0b", 3 });
	memset(longest, 'x', BACKEND_PATH_MAX);
	longest[BACKEND_PATH_MAX] = '\0';
	refuses(B(longest));
	longest[BACKEND_PATH_MAX - 1] = '\0';
	cleans(longest, longest);
}

/* P-39 */
static void
test_base_dir_confines(void **state)
{
	char base[] = "/tmp/troupe-path-XXXXXX";
	char got[BACKEND_PATH_MAX], name[64], inside[64];

	(void)state;
	assert_non_null(mkdtemp(base));
	snprintf(name, sizeof(name), "%s/link", base);
	assert_int_equal(symlink("/etc", name), 0);

	IS(DENIED, path_confine(base, "link/x", got));
	IS(DENIED, path_confine(base, "link", got));
	IS(DENIED, path_confine(base, "/etc/x", got));
	OK(path_confine(base, "ok/x", got));
	snprintf(inside, sizeof(inside), "%s/ok/x", base);
	assert_string_equal(got, inside);
	OK(path_confine(base, inside, got));
	assert_string_equal(got, inside);
	snprintf(inside, sizeof(inside), "%s-beside/x", base);
	IS(DENIED, path_confine(base, inside, got));
	OK(path_confine("/", "/etc", got));
	assert_string_equal(got, "/etc");
	IS(IO, path_confine("/no/such/folder", "x", got));
	assert_int_equal(unlink(name), 0);
	assert_int_equal(rmdir(base), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_component_of_two_dots_is_refused),
		cmocka_unit_test(test_other_dots_and_slashes_are_legal),
		cmocka_unit_test(test_blank_and_control_bytes_are_refused),
		cmocka_unit_test(test_base_dir_confines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
