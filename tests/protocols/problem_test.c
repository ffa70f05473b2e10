/* problem_test - every error a client can see is one, and is found. */
#include "tests/check.h"

#include <stdbool.h>
#include <string.h>

#include "protocols/problem.h"

static const char *const categories[] = {
	[1] = "auth",
	[2] = "validation",
	[3] = "not_found",
	[4] = "conflict",
	[5] = "rate_limit",
	[6] = "budget_exhausted",
	[8] = "internal",
};

#define CATEGORIES (sizeof(categories) / sizeof(categories[0]))

static size_t
problem_count(void)
{
	size_t n = 0;

	while (problem_nth(n) != NULL)
		n++;
	return n;
}

static void
test_codes_and_names_are_unique(void **state)
{
	size_t count = problem_count();

	(void)state;
	assert_true(count > 0);
	for (size_t i = 0; i < count; i++) {
		const struct problem *p = problem_nth(i);

		for (size_t j = i + 1; j < count; j++) {
			assert_int_not_equal(p->code, problem_nth(j)->code);
			assert_string_not_equal(p->name, problem_nth(j)->name);
		}
		assert_ptr_equal(problem_find(p->code), p);
	}
	assert_null(problem_nth(count + 1));
	assert_null(problem_nth(SIZE_MAX));
}

static void
test_the_thousands_digit_is_the_category(void **state)
{
	const struct problem *p;

	(void)state;
	for (size_t i = 0; (p = problem_nth(i)) != NULL; i++) {
		size_t digit = p->code / 1000;

		assert_true(digit < CATEGORIES && categories[digit] != NULL);
		assert_string_equal(p->category, categories[digit]);
	}
}

static void
test_every_problem_is_an_http_error_with_a_title(void **state)
{
	const struct problem *p;

	(void)state;
	for (size_t i = 0; (p = problem_nth(i)) != NULL; i++) {
		assert_in_range(p->http, 400, 599);
		assert_int_not_equal(strlen(p->title), 0);
	}
}

static void
test_an_unknown_code_is_internal(void **state)
{
	static const uint32_t unknown[] = { 0, 1, 999, 1999, 9999, 100000,
		UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		assert_int_equal(
		    problem_find(unknown[i])->code, PROBLEM_INTERNAL);
}

struct meaning {
	enum status status;
	uint32_t code;
	uint32_t http;
};

/* Of every status, in the order of status.def. */
static const struct meaning meanings[] = {
	{ ST_OK, PROBLEM_INTERNAL, 500 },
	{ ST_FULL, PROBLEM_OVERLOADED, 503 },
	{ ST_NOT_FOUND, PROBLEM_NOT_FOUND, 404 },
	{ ST_DENIED, PROBLEM_FORBIDDEN, 403 },
	{ ST_TIMEOUT, PROBLEM_TIMEOUT, 504 },
	{ ST_MALFORMED, PROBLEM_VALIDATION, 422 },
	{ ST_CLOSED, PROBLEM_UNAVAILABLE, 503 },
	{ ST_NO_MEMORY, PROBLEM_INTERNAL, 500 },
	{ ST_IO, PROBLEM_STORE_FAILED, 500 },
	{ ST_EXISTS, PROBLEM_DUPLICATE, 409 },
	{ ST_CONFLICT, PROBLEM_VERSION_CONFLICT, 409 },
	{ ST_INVALID, PROBLEM_VALIDATION, 422 },
	{ ST_BUSY, PROBLEM_CONFLICT, 409 },
	{ ST_UNSUPPORTED, PROBLEM_INTERNAL, 500 },
	{ ST_NEWER, PROBLEM_INTERNAL, 500 },
	{ ST_CORRUPT, PROBLEM_STORE_FAILED, 500 },
	{ ST_CANCELLED, PROBLEM_INTERNAL, 500 },
	{ ST_UNAVAILABLE, PROBLEM_UNAVAILABLE, 503 },
	{ ST_BUG, PROBLEM_INTERNAL, 500 },
	{ ST_EXPIRED, PROBLEM_INTERNAL, 500 },
	{ ST_NO_SPACE, PROBLEM_STORE_FAILED, 500 },
};

/* A status that is new must say here what it means to a client. */
#define STATUS(name, text) +1
_Static_assert(sizeof(meanings) / sizeof(meanings[0]) == 0
#include "runtime/base/status.def"
    ,
    "a status has no meaning");
#undef STATUS

static void
test_every_status_means_a_problem(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		const struct meaning *m = &meanings[i];

		assert_int_equal(m->status, i);
		assert_int_equal(problem_of_status(m->status), m->code);
		assert_int_equal(problem_find(m->code)->http, m->http);
	}
}

static void
test_no_status_at_all_is_internal(void **state)
{
	(void)state;
	assert_int_equal(problem_of_status((enum status)(ST_NO_SPACE + 1)),
	    PROBLEM_INTERNAL);
	assert_int_equal(problem_of_status((enum status)255), PROBLEM_INTERNAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codes_and_names_are_unique),
		cmocka_unit_test(test_the_thousands_digit_is_the_category),
		cmocka_unit_test(
		    test_every_problem_is_an_http_error_with_a_title),
		cmocka_unit_test(test_an_unknown_code_is_internal),
		cmocka_unit_test(test_every_status_means_a_problem),
		cmocka_unit_test(test_no_status_at_all_is_internal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
