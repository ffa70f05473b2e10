#include "gateway/openapi_schema.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "protocols/catalogue.h"
#include "runtime/base/base64url.h"

#define REF_MAX 96
#define USES_MAX 128

#define MONEY_SCHEMA                           \
	"{\"type\": \"string\", \"pattern\": " \
	"\"^-?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?$\"}"

/* ---- where a field of a request stands ---- */

static bool
bytes_are(struct bytes b, const char *text)
{
	return b.size == strlen(text) && memcmp(b.at, text, b.size) == 0;
}

static bool
route_path_has(const struct route *r, const char *name)
{
	char part[REF_MAX];

	snprintf(part, sizeof(part), "{%s}", name);
	return strstr(r->path, part) != NULL;
}

static bool
route_takes_has(const struct route *r, const char *name)
{
	const char *rest = r->takes;
	struct bytes header, field;

	while (route_next_header(&rest, &header, &field))
		if (bytes_are(field, name))
			return true;
	return false;
}

enum openapi_place
openapi_place_of(const struct route *r, const struct wire_field *f)
{
	if ((f->flags & WIRE_CALLER) != 0)
		return OPENAPI_NOWHERE;
	if (route_path_has(r, f->name))
		return OPENAPI_PATH;
	if (route_takes_has(r, f->name))
		return OPENAPI_HEADER;
	return route_takes_body(r->method) ? OPENAPI_BODY : OPENAPI_QUERY;
}

bool
openapi_has_body(const struct route *r)
{
	if (r->request == NULL)
		return false;
	for (size_t i = 0; i < r->request()->nfields; i++)
		if (openapi_place_of(r, &r->request()->fields[i]) ==
		    OPENAPI_BODY)
			return true;
	return false;
}

bool
openapi_is_required(const struct wire_field *f)
{
	return (f->flags & WIRE_OPTIONAL) == 0 && f->kind != WIRE_LIST &&
	       f->kind != WIRE_TEXTS;
}

bool
openapi_is_bare(const struct route *r)
{
	return r->local != NULL && r->reply == catalogue_type_done;
}

/* ---- the schema of a field ---- */

void
openapi_ref_write(
    struct document *d, const char *name, const char *kind, const char *which)
{
	char ref[REF_MAX];

	snprintf(ref, sizeof(ref), "#/components/%s/%s", kind, which);
	document_object(d, name);
	document_text(d, "$ref", ref);
	document_end(d);
}

/* What a record or an enum is, by reference. */
static const char *
field_refers_to(const struct wire_field *f)
{
	if (f->kind == WIRE_RECORD)
		return f->type()->name;
	return f->kind == WIRE_ENUM ? f->values()->name : NULL;
}

static void
field_write_type(struct document *d, const char *type, bool nullable)
{
	if (!nullable) {
		document_text(d, "type", type);
		return;
	}
	document_list(d, "type");
	document_text(d, NULL, type);
	document_text(d, NULL, "null");
	document_end(d);
}

static void
field_write_items(struct document *d, const struct wire_field *f)
{
	document_number(d, "maxItems", f->list_max);
	if (f->kind == WIRE_LIST) {
		openapi_ref_write(d, "items", "schemas", f->type()->name);
		return;
	}
	document_object(d, "items");
	document_text(d, "type", "string");
	document_number(d, "maxLength", f->max);
	document_end(d);
}

/* A record, an enum or an amount, perhaps with null beside it. */
static void
field_write_choice(
    struct document *d, const struct wire_field *f, bool nullable)
{
	document_list(d, "anyOf");
	if (f->kind == WIRE_MONEY) {
		document_raw(d, NULL, MONEY_SCHEMA);
		document_raw(d, NULL, "{\"type\": \"number\"}");
	} else {
		openapi_ref_write(d, NULL, "schemas", field_refers_to(f));
	}
	if (nullable)
		document_raw(d, NULL, "{\"type\": \"null\"}");
	document_end(d);
}

static void
field_write_string(
    struct document *d, const struct wire_field *f, bool nullable)
{
	field_write_type(d, "string", nullable);
	if (f->kind == WIRE_TEXT)
		document_number(d, "maxLength", f->max);
	if (f->kind == WIRE_TIME)
		document_text(d, "format", "date-time");
	if (f->kind == WIRE_UUID)
		document_text(d, "format", "uuid");
	if (f->kind != WIRE_BYTES)
		return;
	document_text(d, "contentEncoding", "base64url");
	document_number(d, "maxLength", BASE64URL_TEXT_SIZE(f->max));
}

static void
field_write_integer(
    struct document *d, const struct wire_field *f, bool nullable)
{
	field_write_type(d, "integer", nullable);
	if (f->kind == WIRE_I64) {
		document_text(d, "format", "int64");
		return;
	}
	document_number(d, "minimum", 0);
	document_number(d, "maximum", f->max);
}

static void
field_write_kind(struct document *d, const struct wire_field *f, bool nullable)
{
	switch (f->kind) {
	case WIRE_BOOL:
		field_write_type(d, "boolean", nullable);
		break;
	case WIRE_U32:
	case WIRE_U64:
	case WIRE_I64:
		field_write_integer(d, f, nullable);
		break;
	case WIRE_TEXT:
	case WIRE_BYTES:
	case WIRE_TIME:
	case WIRE_UUID:
		field_write_string(d, f, nullable);
		break;
	case WIRE_MONEY:
	case WIRE_ENUM:
	case WIRE_RECORD:
		field_write_choice(d, f, nullable);
		break;
	case WIRE_LIST:
	case WIRE_TEXTS:
		field_write_type(d, "array", nullable);
		field_write_items(d, f);
		break;
	}
}

static void
field_write(struct document *d, const char *name, const struct wire_field *f,
    bool nullable)
{
	document_object(d, name);
	field_write_kind(d, f, nullable);
	if ((f->flags & WIRE_SECRET) != 0)
		document_bool(d, "writeOnly", true);
	document_text(d, "description", f->doc);
	document_end(d);
}

void
openapi_field_write(
    struct document *d, const char *name, const struct wire_field *f)
{
	field_write(d, name, f, false);
}

/* NULL: all of the reply. */
static const struct wire_field *
route_data_field(const struct route *r)
{
	const struct wire_field *f = catalogue_find_field(r->reply(), r->data);

	assert(f != NULL || strcmp(r->data, "ALL") == 0 ||
	       strcmp(r->data, "CSV") == 0);
	return f;
}

void
openapi_data_write(struct document *d, const char *name, const struct route *r)
{
	const struct wire_field *f = route_data_field(r);

	if (f == NULL)
		openapi_ref_write(d, name, "schemas", r->reply()->name);
	else
		field_write(d, name, f, (f->flags & WIRE_OPTIONAL) != 0);
}

/* ---- which types the routes use ---- */

/* One type or enum, and who says it. */
struct use {
	const void *what;
	bool asked; /* a client sends it */
	bool told;  /* a client hears it */
};

struct uses {
	struct use list[USES_MAX];
	size_t count;
};

static struct use *
uses_find(struct uses *u, const void *what)
{
	for (size_t i = 0; i < u->count; i++)
		if (u->list[i].what == what)
			return &u->list[i];
	return NULL;
}

/* False: it was there already. */
static bool
uses_add(struct uses *u, const void *what, bool asked)
{
	struct use *old = uses_find(u, what);
	bool seen = old != NULL && (asked ? old->asked : old->told);

	if (old == NULL) {
		assert(u->count < USES_MAX);
		old = &u->list[u->count++];
		*old = (struct use){ .what = what };
	}
	if (asked)
		old->asked = true;
	else
		old->told = true;
	return !seen;
}

static bool
field_is_shown(const struct wire_field *f, bool asked)
{
	if ((f->flags & WIRE_CALLER) != 0)
		return false;
	return asked || (f->flags & WIRE_SECRET) == 0;
}

/* The nesting of the catalogue is bounded by WIRE_DEPTH_MAX. */
static void
uses_add_field(struct uses *u, const struct wire_field *f, bool asked)
{
	const struct wire_type *t;

	if (!field_is_shown(f, asked))
		return;
	if (f->kind == WIRE_ENUM)
		uses_add(u, f->values(), asked);
	if (f->kind != WIRE_RECORD && f->kind != WIRE_LIST)
		return;
	t = f->type();
	if (!uses_add(u, t, asked))
		return;
	for (size_t i = 0; i < t->nfields; i++)
		uses_add_field(u, &t->fields[i], asked);
}

static void
uses_add_message(struct uses *u, const struct wire_type *t, bool asked)
{
	for (size_t i = 0; i < t->nfields; i++)
		uses_add_field(u, &t->fields[i], asked);
}

static void
uses_add_route(struct uses *u, const struct route *r)
{
	const struct wire_field *f;

	if (r->request != NULL)
		uses_add_message(u, r->request(), true);
	if (openapi_has_body(r))
		uses_add(u, r->request(), true);
	if (openapi_is_bare(r) || strcmp(r->data, "NONE") == 0 ||
	    strcmp(r->data, "CSV") == 0)
		return;
	f = route_data_field(r);
	if (f != NULL) {
		uses_add_field(u, f, false);
		return;
	}
	uses_add(u, r->reply(), false);
	uses_add_message(u, r->reply(), false);
}

/* ---- the schemas of types ---- */

/* The route that asks with t, or NULL: t is a record, or an answer. */
static const struct route *
type_asker(const struct wire_type *t)
{
	const struct route *r;

	for (size_t n = 0; (r = route_nth(n)) != NULL; n++)
		if (r->request != NULL && r->request() == t)
			return r;
	return NULL;
}

static bool
type_shows(const struct use *use, const struct route *asker,
    const struct wire_field *f)
{
	if (asker != NULL)
		return openapi_place_of(asker, f) == OPENAPI_BODY;
	return field_is_shown(f, use->asked);
}

static void
type_write(struct document *d, const struct wire_type *t, const struct use *use)
{
	const struct route *asker = type_asker(t);

	document_object(d, t->name);
	document_text(d, "type", "object");
	document_text(d, "description", t->doc);
	document_list(d, "required");
	for (size_t i = 0; i < t->nfields; i++)
		if (type_shows(use, asker, &t->fields[i]) &&
		    openapi_is_required(&t->fields[i]))
			document_text(d, NULL, t->fields[i].name);
	document_end(d);
	document_object(d, "properties");
	for (size_t i = 0; i < t->nfields; i++)
		if (type_shows(use, asker, &t->fields[i]))
			field_write(d, t->fields[i].name, &t->fields[i],
			    (t->fields[i].flags & WIRE_OPTIONAL) != 0);
	document_end(d);
	if (use->asked)
		document_bool(d, "additionalProperties", false);
	document_end(d);
}

static void
enum_write(struct document *d, const struct wire_enum *e)
{
	document_object(d, e->name);
	document_text(d, "type", "string");
	document_text(d, "description", e->doc);
	document_list(d, "enum");
	for (uint32_t i = 0; i < e->count; i++)
		document_text(d, NULL, e->texts[i]);
	document_end(d);
	document_end(d);
}

/* In the order of the catalogue. */
static void
uses_write(struct document *d, struct uses *u)
{
	const struct wire_enum *e;
	const struct wire_type *t;
	const struct use *use;

	for (size_t n = 0; (e = catalogue_nth_enum(n)) != NULL; n++)
		if (uses_find(u, e) != NULL)
			enum_write(d, e);
	for (size_t n = 0; (t = catalogue_nth_record(n)) != NULL; n++)
		if ((use = uses_find(u, t)) != NULL)
			type_write(d, t, use);
	for (size_t n = 0; (t = catalogue_nth(n)) != NULL; n++)
		if ((use = uses_find(u, t)) != NULL)
			type_write(d, t, use);
}

void
openapi_told_write(
    struct document *d, const struct wire_type *const types[], size_t count)
{
	struct uses u = { .count = 0 };

	for (size_t i = 0; i < count; i++) {
		uses_add(&u, types[i], false);
		uses_add_message(&u, types[i], false);
	}
	uses_write(d, &u);
}

void
openapi_schemas_write(struct document *d)
{
	struct uses u = { .count = 0 };
	const struct route *r;

	for (size_t n = 0; (r = route_nth(n)) != NULL; n++)
		uses_add_route(&u, r);
	uses_write(d, &u);
}
