#include "gateway/openapi.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cookie.h"
#include "gateway/inside.h"
#include "gateway/openapi_error.h"
#include "gateway/openapi_schema.h"
#include "protocols/catalogue.h"

#define NAME_SIZE 128
#define TEXT_SIZE 512

/* What local functions write by themselves; false: see their schema. */
struct bare_answer {
	route_local_fn local;
	const char *schema;
	bool unready; /* the same shape, with a 503 */
};

static const struct bare_answer bare_answers[] = {
	{ local_livez,
	    "{\"type\": \"object\", \"required\": [\"live\"], "
	    "\"properties\": {\"live\": {\"type\": \"boolean\"}}}",
	    false },
	{ local_readyz,
	    "{\"type\": \"object\", \"required\": [\"ready\"], "
	    "\"properties\": {\"ready\": {\"type\": \"boolean\"}}}",
	    true },
	{ local_health,
	    "{\"type\": \"object\", \"required\": [\"data\", \"error\", "
	    "\"error_detail\", \"success\"], \"properties\": {\"data\": "
	    "{\"type\": \"object\", \"required\": [\"status\"], "
	    "\"properties\": {\"status\": {\"type\": \"string\"}, "
	    "\"version\": {\"type\": \"string\"}}}, \"error\": {\"type\": "
	    "[\"string\", \"null\"]}, \"error_detail\": {\"type\": \"null\"}, "
	    "\"success\": {\"type\": \"boolean\"}}}",
	    true },
	{ local_openapi, "{\"type\": \"object\"}", false },
	{ local_asyncapi, "{\"type\": \"object\"}", false },
};

#define BARE_COUNT (sizeof(bare_answers) / sizeof(bare_answers[0]))

static const struct bare_answer *
bare_find(const struct route *r)
{
	for (size_t i = 0; i < BARE_COUNT; i++)
		if (bare_answers[i].local == r->local)
			return &bare_answers[i];
	return NULL;
}

/* ---- parameters ---- */

static void
parameter_begin(
    struct document *d, const char *name, const char *in, bool required)
{
	document_object(d, NULL);
	document_text(d, "name", name);
	document_text(d, "in", in);
	document_bool(d, "required", required);
}

static void
parameter_write(struct document *d, const char *name, const char *in,
    bool required, const struct wire_field *f)
{
	parameter_begin(d, name, in, required);
	document_text(d, "description", f->doc);
	openapi_field_write(d, "schema", f);
	document_end(d);
}

static const struct wire_field *
type_field(const struct wire_type *t, struct bytes name)
{
	for (size_t i = 0; i < t->nfields; i++)
		if (strlen(t->fields[i].name) == name.size &&
		    memcmp(t->fields[i].name, name.at, name.size) == 0)
			return &t->fields[i];
	return NULL;
}

static void
parameters_write_headers(struct document *d, const struct route *r)
{
	const char *rest = r->takes;
	struct bytes header, field;
	char name[NAME_SIZE];

	while (route_next_header(&rest, &header, &field)) {
		const struct wire_field *f = type_field(r->request(), field);

		snprintf(name, sizeof(name), "%.*s", (int)header.size,
		    (const char *)header.at);
		if (f != NULL)
			parameter_write(
			    d, name, "header", openapi_is_required(f), f);
	}
}

/* A request with a `once` is done once, however often it is sent. */
static void
parameters_write_once(struct document *d, const struct wire_type *t)
{
	const struct wire_field *key = &catalogue_type_once()->fields[0];

	for (size_t i = 0; i < t->nfields; i++)
		if (t->fields[i].type == catalogue_type_once)
			parameter_write(
			    d, "Idempotency-Key", "header", false, key);
}

static void
parameters_write(struct document *d, const struct route *r)
{
	const struct wire_type *t = r->request();

	document_list(d, "parameters");
	for (size_t i = 0; i < t->nfields; i++) {
		const struct wire_field *f = &t->fields[i];
		enum openapi_place place = openapi_place_of(r, f);

		if (place == OPENAPI_PATH)
			parameter_write(d, f->name, "path", true, f);
		if (place == OPENAPI_QUERY)
			parameter_write(
			    d, f->name, "query", openapi_is_required(f), f);
	}
	parameters_write_headers(d, r);
	parameters_write_once(d, t);
	document_end(d);
}

static void
body_write(struct document *d, const struct route *r)
{
	document_object(d, "requestBody");
	document_bool(d, "required", true);
	document_object(d, "content");
	document_object(d, "application/json");
	openapi_ref_write(d, "schema", "schemas", r->request()->name);
	document_end(d);
	document_end(d);
	document_end(d);
}

/* ---- responses ---- */

static void
envelope_write(struct document *d, const struct route *r)
{
	document_object(d, "schema");
	document_text(d, "type", "object");
	document_raw(d, "required",
	    "[\"data\", \"error\", \"error_detail\", \"success\"]");
	document_object(d, "properties");
	openapi_data_write(d, "data", r);
	document_raw(d, "error", "{\"type\": \"null\"}");
	document_raw(d, "error_detail", "{\"type\": \"null\"}");
	document_raw(d, "success", "{\"const\": true}");
	document_end(d);
	document_end(d);
}

static void
content_write(struct document *d, const struct route *r)
{
	const struct bare_answer *bare = bare_find(r);

	if (strcmp(r->data, "NONE") == 0 ||
	    (openapi_is_bare(r) && bare == NULL))
		return;
	document_object(d, "content");
	if (strcmp(r->data, "CSV") == 0) {
		document_raw(
		    d, "text/csv", "{\"schema\": {\"type\": \"string\"}}");
		document_end(d);
		return;
	}
	document_object(d, "application/json");
	if (bare != NULL)
		document_raw(d, "schema", bare->schema);
	else
		envelope_write(d, r);
	document_end(d);
	document_end(d);
}

static void
gives_write(struct document *d, const struct route *r)
{
	const char *rest = r->gives;
	struct bytes header, field;
	char name[NAME_SIZE];

	if (*rest == '\0')
		return;
	document_object(d, "headers");
	while (route_next_header(&rest, &header, &field)) {
		const struct wire_field *f = type_field(r->reply(), field);

		snprintf(name, sizeof(name), "%.*s", (int)header.size,
		    (const char *)header.at);
		document_object(d, name);
		if (f != NULL)
			openapi_field_write(d, "schema", f);
		document_end(d);
	}
	document_end(d);
}

static void
success_write(
    struct document *d, const struct route *r, uint32_t http, const char *text)
{
	char code[8];

	snprintf(code, sizeof(code), "%u", (unsigned)http);
	document_object(d, code);
	document_text(d, "description", text);
	gives_write(d, r);
	content_write(d, r);
	document_end(d);
}

/* What a route may refuse with; rarer things are its default. */
static bool
route_may_answer(const struct route *r, uint32_t http)
{
	bool asks = r->request != NULL;

	switch (http) {
	case 400:
	case 500:
		return true;
	case 401:
	case 403:
		return r->access != ROUTE_PUBLIC ||
		       (asks && r->method != HTTP1_GET);
	case 402: /* what spends is asked of whoever keeps the budgets */
		return asks && r->method != HTTP1_GET &&
		       r->actor == ACTOR_NUMBER(cost_aggregator);
	case 404:
		return strchr(r->path, '{') != NULL;
	case 409:
	case 429:
		return asks && r->method != HTTP1_GET;
	case 413:
	case 415:
		return openapi_has_body(r);
	case 422:
	case 504:
		return asks;
	case 503:
		return r->access != ROUTE_PUBLIC || asks;
	default:
		return false;
	}
}

static void
responses_write(struct document *d, const struct route *r)
{
	const struct bare_answer *bare = bare_find(r);
	char name[NAME_SIZE];
	char code[8];

	document_object(d, "responses");
	success_write(
	    d, r, r->http, openapi_is_bare(r) ? r->summary : r->reply()->doc);
	for (uint32_t http = OPENAPI_ERROR_MIN; http <= OPENAPI_ERROR_MAX;
	     http++) {
		if (bare != NULL && bare->unready && http == 503) {
			success_write(d, r, http, "Not ready.");
			continue;
		}
		if (!openapi_is_error(http) || !route_may_answer(r, http))
			continue;
		snprintf(code, sizeof(code), "%u", (unsigned)http);
		snprintf(name, sizeof(name), "error_%u", (unsigned)http);
		openapi_ref_write(d, code, "responses", name);
	}
	openapi_ref_write(d, "default", "responses", "error");
	document_end(d);
}

/* ---- operations ---- */

/* The request's name, or the method and the path of a local route. */
static void
operation_id(const struct route *r, char ret_name[NAME_SIZE])
{
	if (r->request != NULL) {
		snprintf(ret_name, NAME_SIZE, "%s", r->request()->name);
		return;
	}
	snprintf(
	    ret_name, NAME_SIZE, "%s%s", http1_method_name(r->method), r->path);
	for (char *c = ret_name; *c != '\0'; c++)
		*c = isalnum((unsigned char)*c) ? (char)tolower(*c) : '_';
}

static void
operation_write_access(struct document *d, const struct route *r)
{
	const struct wire_enum *roles = catalogue_find_enum("role");
	char text[TEXT_SIZE] = "Roles:";
	size_t used = strlen(text);

	if (r->access == ROUTE_PUBLIC)
		return;
	for (uint32_t i = 0; i < roles->count; i++)
		if (route_allows(r, (enum role)i))
			used += (size_t)snprintf(text + used,
			    sizeof(text) - used, " %s", roles->texts[i]);
	document_text(d, "description", text);
	document_raw(
	    d, "security", "[{\"bearerAuth\": []}, {\"cookieAuth\": []}]");
}

/* The first word after /api/v1, else "node". */
static void
operation_write_tag(struct document *d, const struct route *r)
{
	static const char prefix[] = "/api/v1/";
	const char *at = r->path + strlen(prefix);
	char tag[NAME_SIZE] = "node";

	if (strncmp(r->path, prefix, strlen(prefix)) == 0)
		snprintf(tag, sizeof(tag), "%.*s", (int)strcspn(at, "/"), at);
	document_list(d, "tags");
	document_text(d, NULL, tag);
	document_end(d);
}

static void
operation_write(struct document *d, const struct route *r)
{
	const char *method = http1_method_name(r->method);
	char name[NAME_SIZE];
	size_t i;

	for (i = 0; method[i] != '\0' && i + 1 < sizeof(name); i++)
		name[i] = (char)tolower((unsigned char)method[i]);
	name[i] = '\0';
	document_object(d, name);
	operation_id(r, name);
	document_text(d, "operationId", name);
	document_text(d, "summary", r->summary);
	operation_write_tag(d, r);
	operation_write_access(d, r);
	if (r->request != NULL)
		parameters_write(d, r);
	if (openapi_has_body(r))
		body_write(d, r);
	responses_write(d, r);
	document_end(d);
}

/* Stands at the first route of its path. */
static bool
path_is_new(size_t nth)
{
	const char *path = route_nth(nth)->path;

	for (size_t n = 0; n < nth; n++)
		if (strcmp(route_nth(n)->path, path) == 0)
			return false;
	return true;
}

static void
paths_write(struct document *d)
{
	const struct route *first, *r;

	document_object(d, "paths");
	for (size_t n = 0; (first = route_nth(n)) != NULL; n++) {
		if (!path_is_new(n))
			continue;
		document_object(d, first->path);
		for (size_t i = n; (r = route_nth(i)) != NULL; i++)
			if (strcmp(r->path, first->path) == 0)
				operation_write(d, r);
		document_end(d);
	}
	document_end(d);
}

/* ---- components ---- */

static void
components_write(struct document *d)
{
	document_object(d, "components");
	document_object(d, "schemas");
	openapi_schemas_write(d);
	openapi_error_schemas_write(d);
	document_end(d);
	document_object(d, "responses");
	openapi_errors_write(d);
	document_end(d);
	document_raw(d, "securitySchemes",
	    "{\"bearerAuth\": {\"type\": \"http\", \"scheme\": \"bearer\", "
	    "\"bearerFormat\": \"JWT\"}, "
	    "\"cookieAuth\": {\"type\": \"apiKey\", \"in\": \"cookie\", "
	    "\"name\": \"" COOKIE_ACCESS "\"}}");
	document_end(d);
}

enum status
openapi_write(struct wire_out *out)
{
	struct document d;

	document_init(&d, out);
	document_object(&d, NULL);
	document_text(&d, "openapi", "3.1.0");
	document_object(&d, "info");
	document_text(&d, "title", "Troupe");
	document_text(&d, "version", TROUPE_VERSION);
	document_raw(&d, "license",
	    "{\"name\": \"Apache 2.0\", \"identifier\": \"Apache-2.0\"}");
	document_end(&d);
	paths_write(&d);
	components_write(&d);
	document_end(&d);
	return document_done(&d);
}
