/* Requests with our cookies that another site may be behind. */
#include "gateway/csrf.h"

#include "tests/gateway/check.h"

static const char *
check(bool is_safe, const char *site, const char *origin, const char *host)
{
	struct csrf_request r = { .is_safe = is_safe };

	if (site != NULL)
		r.site = (struct bytes){ (const uint8_t *)site, strlen(site) };
	if (origin != NULL)
		r.origin =
		    (struct bytes){ (const uint8_t *)origin, strlen(origin) };
	if (host != NULL)
		r.host = (struct bytes){ (const uint8_t *)host, strlen(host) };
	return csrf_check(&r);
}

static void
test_browser_says_where_it_came_from(void **state)
{
	(void)state;
	assert_null(check(false, "same-origin", NULL, "h"));
	assert_null(check(false, "none", NULL, "h"));
	assert_string_equal(
	    check(false, "same-site", "https://h", "h"), "csrf_site");
	assert_string_equal(
	    check(false, "cross-site", "https://h", "h"), "csrf_site");
	assert_string_equal(check(false, "", "https://h", "h"), "csrf_site");
	assert_string_equal(
	    check(false, "Same-Origin", NULL, "h"), "csrf_site");
}

static void
test_origin_must_be_the_host(void **state)
{
	(void)state;
	assert_null(check(false, NULL, "https://h:1", "h:1"));
	assert_null(check(false, NULL, "http://H:1", "h:1"));
	assert_string_equal(
	    check(false, NULL, "https://h:2", "h:1"), "csrf_origin");
	assert_string_equal(check(false, NULL, "null", "h"), "csrf_origin");
	assert_string_equal(
	    check(false, NULL, "https://h.evil", "h"), "csrf_origin");
	assert_string_equal(check(false, NULL, "ftp://h", "h"), "csrf_origin");
	assert_string_equal(check(false, NULL, "https://", ""), "csrf_origin");
	assert_string_equal(check(false, NULL, NULL, "h"), "csrf_no_origin");
}

static void
test_safe_methods_pass(void **state)
{
	(void)state;
	assert_null(check(true, "cross-site", "https://evil", "h"));
	assert_null(check(true, NULL, NULL, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_browser_says_where_it_came_from),
		cmocka_unit_test(test_origin_must_be_the_host),
		cmocka_unit_test(test_safe_methods_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
