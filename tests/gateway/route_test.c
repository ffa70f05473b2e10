/* Which endpoint a request is for, and who may. */
#include "gateway/route.h"

#include "tests/gateway/check.h"

#define V512(c) V128(c) V128(c) V128(c) V128(c)
#define V128(c) V32(c) V32(c) V32(c) V32(c)
#define V32(c) c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c

static const struct route *found;
static struct route_match match;
static uint32_t allow;

static enum status
find(enum http1_method method, const char *path)
{
	found = NULL;
	allow = 0;
	return route_find(method, text(path), &found, &match, &allow);
}

static void
test_every_route_is_found_by_its_own_path(void **state)
{
	const struct route *r;

	(void)state;
	for (size_t i = 0; (r = route_nth(i)) != NULL; i++) {
		assert_int_equal(find(r->method, r->path), ST_OK);
		assert_ptr_equal(found, r);
		assert_true(r->reply != NULL);
		assert_int_equal(r->local == NULL, r->request != NULL);
	}
}

static void
test_parts_of_the_path_are_decoded(void **state)
{
	(void)state;
	assert_int_equal(find(HTTP1_GET, "/api/v1/settings/a%20b/c.d"), ST_OK);
	assert_int_equal(match.count, 2);
	assert_string_equal(match.values[0], "a b");
	assert_string_equal(match.values[1], "c.d");
	assert_memory_equal(match.names[0], "namespace", match.name_sizes[0]);
	assert_memory_equal(match.names[1], "key", match.name_sizes[1]);
}

static void
test_longest_part_and_one_longer(void **state)
{
	(void)state;
	assert_int_equal(find(HTTP1_GET, "/api/v1/tasks/" V512("x")), ST_OK);
	assert_int_equal(strlen(match.values[0]), ROUTE_VALUE_MAX);
	assert_int_equal(
	    find(HTTP1_GET, "/api/v1/tasks/" V512("x") "x"), ST_MALFORMED);
}

static void
test_near_paths_are_not_found(void **state)
{
	static const char *const paths[] = { "/", "//", "/api", "/api/v1",
		"/livez/", "/livezz", "/live", "//livez", "/LIVEZ",
		"/api/v1/tasks/", "/api/v1/tasks//", "/api/v1/tasks/a/",
		"/api/v1/tasks/a/b", "/api/v1/settings/a", "/api//v1/tasks",
		"/api/v1/settings//b", "/api/v1/{tasks}" };

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++)
		assert_int_equal(find(HTTP1_GET, paths[i]), ST_NOT_FOUND);
}

static void
test_other_method_tells_those_there_are(void **state)
{
	(void)state;
	assert_int_equal(find(HTTP1_PATCH, "/api/v1/tasks"), ST_UNSUPPORTED);
	assert_int_equal(
	    allow, 1u << HTTP1_GET | 1u << HTTP1_HEAD | 1u << HTTP1_POST);
	assert_int_equal(find(HTTP1_GET, "/api/v1/auth/login"), ST_UNSUPPORTED);
	assert_int_equal(allow, 1u << HTTP1_POST);
	assert_int_equal(find(HTTP1_HEAD, "/livez"), ST_OK);
	assert_int_equal(
	    find(HTTP1_HEAD, "/api/v1/auth/login"), ST_UNSUPPORTED);
}

/* Rows: access; columns: roles in the order of their numbers. */
static void
test_who_may(void **state)
{
	static const struct {
		enum route_access access;
		bool ceo, manager, pair, board, observer, system;
	} rows[] = {
		{ ROUTE_PUBLIC, true, true, true, true, true, true },
		{ ROUTE_USER, true, true, true, true, true, false },
		{ ROUTE_READ, true, true, true, true, true, false },
		{ ROUTE_WRITE, true, true, true, false, false, false },
		{ ROUTE_STEER, true, true, false, false, false, false },
		{ ROUTE_CEO, true, false, false, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct route r = { .access = rows[i].access };

		assert_int_equal(route_allows(&r, ROLE_CEO), rows[i].ceo);
		assert_int_equal(
		    route_allows(&r, ROLE_MANAGER), rows[i].manager);
		assert_int_equal(
		    route_allows(&r, ROLE_PAIR_PROGRAMMER), rows[i].pair);
		assert_int_equal(
		    route_allows(&r, ROLE_BOARD_MEMBER), rows[i].board);
		assert_int_equal(
		    route_allows(&r, ROLE_OBSERVER), rows[i].observer);
		assert_int_equal(route_allows(&r, ROLE_SYSTEM), rows[i].system);
	}
}

static void
test_header_lists_are_walked(void **state)
{
	const char *rest = "If-Match=if_match  ETag=etag";
	struct bytes header, field;

	(void)state;
	assert_true(route_next_header(&rest, &header, &field));
	assert_true(is(header, "If-Match") && is(field, "if_match"));
	assert_true(route_next_header(&rest, &header, &field));
	assert_true(is(header, "ETag") && is(field, "etag"));
	assert_false(route_next_header(&rest, &header, &field));
	rest = "";
	assert_false(route_next_header(&rest, &header, &field));
}

static void
test_fields_are_found_once(void **state)
{
	struct route_fields *all = route_fields_create();
	const struct route_fields *f;

	(void)state;
	assert_non_null(all);
	assert_int_equal(find(HTTP1_PUT, "/api/v1/settings/a/b"), ST_OK);
	f = route_fields_of(all, found);
	assert_int_equal(f->gives_count, 1);
	assert_string_equal(f->gives[0].header, "ETag");
	assert_string_equal(f->gives[0].field->name, "etag");
	assert_int_equal(find(HTTP1_GET, "/api/v1/tasks"), ST_OK);
	f = route_fields_of(all, found);
	assert_int_equal(f->gives_count, 0);
	assert_string_equal(f->cursor->name, "cursor");
	assert_string_equal(f->next->name, "next");
	free(all);
}

/* A query fills what has no body, and stands in logs. */
static void
test_no_secret_stands_in_a_url(void **state)
{
	const struct route *r;

	(void)state;
	for (size_t n = 0; (r = route_nth(n)) != NULL; n++) {
		if (r->request == NULL || route_takes_body(r->method))
			continue;
		for (size_t i = 0; i < r->request()->nfields; i++)
			assert_int_equal(
			    r->request()->fields[i].flags & WIRE_SECRET, 0);
	}
	assert_true(route_takes_body(HTTP1_PATCH));
	assert_false(route_takes_body(HTTP1_DELETE));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_every_route_is_found_by_its_own_path),
		RUN(test_parts_of_the_path_are_decoded),
		RUN(test_longest_part_and_one_longer),
		RUN(test_near_paths_are_not_found),
		RUN(test_other_method_tells_those_there_are),
		RUN(test_who_may),
		RUN(test_header_lists_are_walked),
		RUN(test_fields_are_found_once),
		RUN(test_no_secret_stands_in_a_url),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
