#include "gateway/openapi_error.h"

#include <stdio.h>

#include "gateway/openapi_schema.h"
#include "protocols/problem.h"

#define NAME_SIZE 32
#define TEXT_SIZE 2048

#define STRING_SCHEMA "{\"type\": \"string\"}"

bool
openapi_is_error(uint32_t http)
{
	const struct problem *p;

	for (size_t n = 0; (p = problem_nth(n)) != NULL; n++)
		if (p->http == http)
			return true;
	return false;
}

static void
problem_write_members(struct document *d)
{
	const struct problem *p;

	document_raw(d, "type", "{\"type\": \"string\", \"format\": \"uri\"}");
	document_raw(d, "title", STRING_SCHEMA);
	document_raw(d, "detail", STRING_SCHEMA);
	document_raw(
	    d, "instance", "{\"type\": \"string\", \"format\": \"uuid\"}");
	document_object(d, "error_code");
	document_text(d, "type", "integer");
	document_list(d, "enum");
	for (size_t n = 0; (p = problem_nth(n)) != NULL; n++)
		document_number(d, NULL, p->code);
	document_end(d);
	document_end(d);
	document_raw(d, "error_category", STRING_SCHEMA);
	document_raw(d, "retryable", "{\"type\": \"boolean\"}");
	document_raw(d, "retry_after",
	    "{\"type\": [\"integer\", \"null\"], \"minimum\": 0, "
	    "\"description\": \"Seconds.\"}");
	document_raw(d, "decision_id",
	    "{\"type\": \"string\", \"description\": \"Explained at "
	    "/api/v1/budget/decisions/{id}; only where money decided.\"}");
}

#define PROBLEM_REQUIRED                                                  \
	"\"type\", \"title\", \"detail\", \"instance\", \"error_code\", " \
	"\"error_category\", \"retryable\", \"retry_after\""

void
openapi_error_schemas_write(struct document *d)
{
	document_object(d, "error_detail");
	document_text(d, "type", "object");
	document_raw(d, "required", "[" PROBLEM_REQUIRED "]");
	document_object(d, "properties");
	problem_write_members(d);
	document_end(d);
	document_end(d);

	document_object(d, "problem");
	document_text(d, "type", "object");
	document_text(d, "description",
	    "RFC 9457, for who accepts application/problem+json.");
	document_raw(d, "required", "[" PROBLEM_REQUIRED ", \"status\"]");
	document_object(d, "properties");
	problem_write_members(d);
	document_raw(d, "status", "{\"type\": \"integer\"}");
	document_end(d);
	document_end(d);

	document_raw(d, "error_envelope",
	    "{\"type\": \"object\", \"required\": [\"data\", \"error\", "
	    "\"error_detail\", \"success\"], \"properties\": {\"data\": "
	    "{\"type\": \"null\"}, \"error\": {\"type\": \"string\"}, "
	    "\"error_detail\": {\"$ref\": "
	    "\"#/components/schemas/error_detail\"}, \"success\": "
	    "{\"const\": false}}}");
}

/* http 0: of any status. */
static void
error_write(struct document *d, const char *name, uint32_t http)
{
	char text[TEXT_SIZE] = "Any other refusal.";
	size_t used = 0;
	const struct problem *p;

	for (size_t n = 0; (p = problem_nth(n)) != NULL; n++)
		if (p->http == http && used < sizeof(text))
			used += (size_t)snprintf(text + used,
			    sizeof(text) - used, "%s%u: %s.",
			    used == 0 ? "" : " ", (unsigned)p->code, p->title);
	document_object(d, name);
	document_text(d, "description", text);
	document_object(d, "content");
	document_object(d, "application/json");
	openapi_ref_write(d, "schema", "schemas", "error_envelope");
	document_end(d);
	document_object(d, "application/problem+json");
	openapi_ref_write(d, "schema", "schemas", "problem");
	document_end(d);
	document_end(d);
	document_end(d);
}

void
openapi_errors_write(struct document *d)
{
	char name[NAME_SIZE];
	uint32_t http;

	for (http = OPENAPI_ERROR_MIN; http <= OPENAPI_ERROR_MAX; http++) {
		if (!openapi_is_error(http))
			continue;
		snprintf(name, sizeof(name), "error_%u", (unsigned)http);
		error_write(d, name, http);
	}
	error_write(d, "error", 0);
}
