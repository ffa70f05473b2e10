/* A page's cursor is good for its list and its user, and for nothing else. */
#include "gateway/bookmark.h"

#include <stdio.h>

#include "protocols/catalogue.h"
#include "protocols/messages.h"
#include "runtime/base/base64url.h"
#include "tests/gateway/check.h"

#define ARENA_SIZE 65536

static const uint8_t secret[BOOKMARK_SECRET] = "not a secret";
static unsigned char memory[ARENA_SIZE];
static struct arena arena;

static struct bookmark
of(const struct wire_type *list, const struct wire_type *page, const char *user)
{
	return (struct bookmark){ secret, list, user,
		catalogue_find_field(list, "cursor"),
		page == NULL ? NULL : catalogue_find_field(page, "next") };
}

static struct bookmark
of_projects(void)
{
	return of(catalogue_type_project_list(), catalogue_type_project_page(),
	    "bob");
}

static const char *
sealed(const char *cursor)
{
	const struct project_page page = { .next = cursor };
	struct bookmark b = of_projects();
	const struct project_page *got;

	arena = (struct arena){ .base = memory, .size = sizeof(memory) };
	got = bookmark_seal(&b, &arena, catalogue_type_project_page(), &page);
	return got == NULL ? NULL : got->next;
}

static enum status
open_as(const struct wire_type *list, const char *user, const char *cursor,
    const char **ret_cursor)
{
	struct project_list ask = { .cursor = cursor };
	struct bookmark b = of(list, NULL, user);
	enum status st = bookmark_open(&b, &arena, &ask);

	*ret_cursor = ask.cursor;
	return st;
}

static enum status
opened(const char *cursor, const char **ret_cursor)
{
	return open_as(
	    catalogue_type_project_list(), "bob", cursor, ret_cursor);
}

static void
test_it_comes_back_as_it_was(void **state)
{
	char longest[ID_MAX + 1];
	const char *got;

	(void)state;
	memset(longest, 'x', ID_MAX);
	longest[ID_MAX] = '\0';
	assert_int_equal(opened(sealed("a b/\xc3\xa9"), &got), ST_OK);
	assert_string_equal(got, "a b/\xc3\xa9");
	assert_int_equal(opened(sealed(longest), &got), ST_OK);
	assert_string_equal(got, longest);
	assert_int_equal(opened(NULL, &got), ST_OK);
	assert_null(got);
}

static void
test_nothing_else_is_a_cursor(void **state)
{
	static const char *const bad[] = { "", "x", "project", "AAAAAAAAAAA",
		"AAAAAAAAAAAA", "!!!!" };
	char changed[CURSOR_MAX + 1];
	const char *got, *good = sealed("project-1");

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(opened(bad[i], &got), ST_INVALID);
	for (size_t i = 0; i < strlen(good); i++) {
		snprintf(changed, sizeof(changed), "%s", good);
		changed[i] = changed[i] == 'A' ? 'B' : 'A';
		assert_int_equal(opened(changed, &got), ST_INVALID);
	}
	memset(changed, 'A', CURSOR_MAX);
	changed[CURSOR_MAX] = '\0';
	assert_int_equal(opened(changed, &got), ST_INVALID);
}

static void
test_it_is_of_one_list_and_one_user(void **state)
{
	const char *got, *good = sealed("id");

	(void)state;
	assert_int_equal(
	    open_as(catalogue_type_project_list(), "eve", good, &got),
	    ST_INVALID);
	/* Of their layout the cursor alone is looked at. */
	assert_int_equal(offsetof(struct project_list, cursor),
	    offsetof(struct price_list, cursor));
	assert_int_equal(
	    open_as(catalogue_type_price_list(), "bob", good, &got),
	    ST_INVALID);
}

static void
test_a_list_and_its_file_are_one(void **state)
{
	const struct cost_points page = { .next = "g" };
	struct bookmark b = of(catalogue_type_cost_breakdown(),
	    catalogue_type_cost_points(), "bob");
	struct bookmark file =
	    of(catalogue_type_cost_breakdown_csv(), NULL, "bob");
	struct cost_breakdown_csv ask = { 0 };
	const struct cost_points *got;

	(void)state;
	arena = (struct arena){ .base = memory, .size = sizeof(memory) };
	got = bookmark_seal(&b, &arena, catalogue_type_cost_points(), &page);
	ask.cursor = got->next;
	assert_int_equal(bookmark_open(&file, &arena, &ask), ST_OK);
	assert_string_equal(ask.cursor, "g");
}

static void
test_what_has_no_cursor_stays_as_it_is(void **state)
{
	const struct project_page page = { .next = NULL };
	struct bookmark b = of_projects();
	struct bookmark other = of(catalogue_type_cost_sum(), NULL, "bob");
	struct cost_sum ask = { 0 };

	(void)state;
	assert_ptr_equal(
	    bookmark_seal(&b, &arena, catalogue_type_project_page(), &page),
	    &page);
	assert_int_equal(bookmark_open(&other, &arena, &ask), ST_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_it_comes_back_as_it_was),
		RUN(test_nothing_else_is_a_cursor),
		RUN(test_it_is_of_one_list_and_one_user),
		RUN(test_a_list_and_its_file_are_one),
		RUN(test_what_has_no_cursor_stays_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
