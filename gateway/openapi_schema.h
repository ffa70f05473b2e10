/*
 * openapi_schema - the JSON Schemas of what the routes ask and answer.
 *
 * Says what protocols/json.h does: WIRE_CALLER fields stand nowhere, a
 * WIRE_SECRET field is writeOnly where a client sends it and missing where it
 * only hears.  A request's schema has the fields of its body alone.
 */
#ifndef GATEWAY_OPENAPI_SCHEMA_H
#define GATEWAY_OPENAPI_SCHEMA_H

#include "gateway/document.h"
#include "gateway/route.h"

/* Where a client puts a field of a request. */
enum openapi_place {
	OPENAPI_NOWHERE, /* the gateway fills it */
	OPENAPI_PATH,
	OPENAPI_QUERY,
	OPENAPI_HEADER,
	OPENAPI_BODY,
};

enum openapi_place openapi_place_of(
    const struct route *r, const struct wire_field *f);
/* Some field of the request stands in its body. */
bool openapi_has_body(const struct route *r);
/* A client must give it. */
bool openapi_is_required(const struct wire_field *f);
/* An answer without the envelope, which its function writes by itself. */
bool openapi_is_bare(const struct route *r);

/* The schema of a field that is given: no null. */
void openapi_field_write(
    struct document *d, const char *name, const struct wire_field *f);
/* What stands under "data". */
void openapi_data_write(
    struct document *d, const char *name, const struct route *r);
/* {"$ref": "#/components/KIND/WHICH"} */
void openapi_ref_write(
    struct document *d, const char *name, const char *kind, const char *which);

/* Schemas of records that a client hears, and of what they refer to. */
void openapi_told_write(
    struct document *d, const struct wire_type *const types[], size_t count);

/* A member per enum, record and message that a route uses. */
void openapi_schemas_write(struct document *d);

#endif
