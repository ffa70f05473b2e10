/* openapi_test - the document says what the routes and the catalogue say. */
#include "tests/gateway/document.h"

#include <stdio.h>
#include <string.h>

#include "gateway/inside.h"
#include "gateway/openapi.h"
#include "gateway/route.h"
#include "protocols/json.h"
#include "protocols/problem.h"

#define ROOM (1u << 20)
#define IDS_MAX 256
#define NAME_SIZE 128

static char document[ROOM];
static size_t document_size;

static int
document_up(void **state)
{
	struct wire_out out = { (unsigned char *)document, ROOM - 1, 0 };

	(void)state;
	if (openapi_write(&out) != ST_OK)
		return -1;
	document[out.used] = '\0';
	document_size = out.used;
	return 0;
}

/*
 * Where the text next stands, or NULL.  strstr would have the sanitizer look
 * at the whole document at each of thousands of calls.
 */
static const char *
find(const char *from, const char *text)
{
	size_t size = document_size - (size_t)(from - document);

	return memmem(from, size, text, strlen(text));
}

/* What stands between quotes after the n-th key; false past the last. */
static bool
value_nth(const char *key, size_t n, char ret_value[NAME_SIZE])
{
	const char *at = document;

	for (size_t i = 0; i <= n; i++) {
		at = find(at, key);
		if (at == NULL)
			return false;
		at += strlen(key);
	}
	snprintf(ret_value, NAME_SIZE, "%.*s", (int)(find(at, "\"") - at), at);
	return true;
}

static size_t
count(const char *text)
{
	size_t n = 0;

	for (const char *at = document; (at = find(at, text)) != NULL; n++)
		at += strlen(text);
	return n;
}

/* The text of one component, up to the next at its depth. */
static const char *
component(const char *name, size_t *ret_size)
{
	char head[NAME_SIZE];
	const char *at;

	snprintf(head, sizeof(head), "\n   \"%s\": {", name);
	at = find(document, head);
	assert_non_null(at);
	*ret_size = (size_t)(find(at, "\n   }") - at);
	return at;
}

static bool
component_has(const char *name, const char *text)
{
	size_t size;
	const char *at = component(name, &size);

	return memmem(at, size, text, strlen(text)) != NULL;
}

static void
test_it_is_json(void **state)
{
	(void)state;
	assert_true(json_valid(document, strlen(document)));
}

static void
test_what_does_not_fit_leaves_nothing(void **state)
{
	(void)state;
	assert_whole_or_nothing(openapi_write, document, document_size);
}

static void
test_every_route_has_its_operation(void **state)
{
	const struct route *r;
	char text[NAME_SIZE * 2];
	size_t n;

	(void)state;
	for (n = 0; (r = route_nth(n)) != NULL; n++) {
		snprintf(text, sizeof(text), "\n  \"%s\": {", r->path);
		assert_int_equal(count(text), 1);
		if (r->request == NULL)
			continue;
		snprintf(text, sizeof(text), "\"operationId\": \"%s\"",
		    r->request()->name);
		assert_int_equal(count(text), 1);
	}
	assert_int_equal(count("\"operationId\": \""), n);
}

static void
test_operation_ids_are_unique(void **state)
{
	static char ids[IDS_MAX][NAME_SIZE];
	size_t n = 0;

	(void)state;
	while (value_nth("\"operationId\": \"", n, ids[n])) {
		for (size_t i = 0; i < n; i++)
			assert_string_not_equal(ids[i], ids[n]);
		n++;
		assert_true(n < IDS_MAX);
	}
	assert_true(n > 0);
}

static void
test_every_reference_resolves(void **state)
{
	char ref[NAME_SIZE], head[NAME_SIZE + 16];
	size_t n;

	(void)state;
	for (n = 0; value_nth("\"$ref\": \"", n, ref); n++) {
		const char *name = strrchr(ref, '/') + 1;

		assert_memory_equal(ref, "#/components/", 13);
		snprintf(head, sizeof(head), "\n   \"%s\": {", name);
		assert_int_equal(count(head), 1);
	}
	assert_true(n > 0);
}

static void
test_no_field_of_the_gateway_is_shown(void **state)
{
	(void)state;
	assert_int_equal(count("\"caller\""), 0);
	assert_int_equal(count("\"once\""), 0);
	assert_int_equal(count("\"principal\""), 0);
	assert_int_equal(count("\"body_hash\""), 0);
}

static void
test_a_secret_is_only_sent(void **state)
{
	(void)state;
	assert_true(component_has("auth_login", "\"writeOnly\": true"));
	assert_int_equal(count("\"password_hash\""), 0);
}

static void
test_bounds_stand_in_the_schemas(void **state)
{
	char bound[NAME_SIZE];

	(void)state;
	snprintf(bound, sizeof(bound), "\"maxLength\": %d", TASK_TITLE_MAX);
	assert_true(component_has("task_create", bound));
	snprintf(bound, sizeof(bound), "\"maxItems\": %d", TASK_ITEMS_MAX);
	assert_true(component_has("task_create", bound));
	assert_true(component_has("task", "\"format\": \"date-time\""));
	assert_true(component_has("auth_token", "\"maximum\": 2592000"));
}

/* The body of a request has neither its path nor its headers. */
static void
test_a_field_stands_in_one_place(void **state)
{
	(void)state;
	assert_true(component_has("setting_put", "\"value\""));
	assert_false(component_has("setting_put", "\"namespace\""));
	assert_false(component_has("setting_put", "\"if_match\""));
	assert_int_equal(count("\"name\": \"If-Match\""), 2);
	assert_int_equal(count("\"name\": \"Idempotency-Key\""), 7);
	assert_int_equal(count("\n   \"task_list\": {"), 0);
}

static void
test_optional_fields_are_not_required(void **state)
{
	size_t size, body;
	const char *at = component("task_create", &size);
	const char *properties = strstr(at, "\"properties\"");

	(void)state;
	body = (size_t)(properties - at);
	assert_true(body < size);
	assert_non_null(memmem(at, body, "\"title\"", 7));
	assert_null(memmem(at, body, "\"deadline\"", 10));
	assert_null(memmem(at, body, "\"reviewers\"", 11));
}

static void
test_every_problem_is_documented(void **state)
{
	const struct problem *p;
	char text[NAME_SIZE];

	(void)state;
	for (size_t n = 0; (p = problem_nth(n)) != NULL; n++) {
		snprintf(text, sizeof(text), "error_%u", (unsigned)p->http);
		assert_true(component_has(text, p->title));
	}
}

static void
test_only_public_routes_need_no_token(void **state)
{
	const struct route *r;
	size_t guarded = 0;

	(void)state;
	for (size_t n = 0; (r = route_nth(n)) != NULL; n++)
		guarded += r->access != ROUTE_PUBLIC;
	assert_int_equal(count("\"security\": [{\"bearerAuth\""), guarded);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_it_is_json),
		RUN(test_what_does_not_fit_leaves_nothing),
		RUN(test_every_route_has_its_operation),
		RUN(test_operation_ids_are_unique),
		RUN(test_every_reference_resolves),
		RUN(test_no_field_of_the_gateway_is_shown),
		RUN(test_a_secret_is_only_sent),
		RUN(test_bounds_stand_in_the_schemas),
		RUN(test_a_field_stands_in_one_place),
		RUN(test_optional_fields_are_not_required),
		RUN(test_every_problem_is_documented),
		RUN(test_only_public_routes_need_no_token),
	};

	return cmocka_run_group_tests(tests, document_up, NULL);
}
