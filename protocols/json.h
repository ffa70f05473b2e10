/*
 * json - structs from and to the JSON that clients speak, by field table.
 *
 * Strict RFC 8259 (json_lex.h), and no more than the table allows: unknown
 * and repeated keys, null where something must be, a number out of its range
 * are refused with the path and the reason, such as
 *
 *	body.priority: expected one of low, medium, high
 *
 * Integers stay integers.  Money is a decimal number, or a string of one; a
 * time is ISO 8601 with an offset; a uuid is its canonical text; bytes are
 * base64url; an enum is its text; an optional field may be null or left out.
 * Lists may be left out; whatever else is not optional is required.  A
 * WIRE_CALLER field is unknown to clients: never read, never printed.  A
 * WIRE_SECRET field is read, but printed only when asked for.
 *
 * Borrows nothing from the text; allocates from the arena alone, in proportion
 * to it.  Any thread.
 */
#ifndef PROTOCOLS_JSON_H
#define PROTOCOLS_JSON_H

#include "protocols/wire.h"

#define JSON_WHY_SIZE 256  /* longer reasons are cut */
#define JSON_FIELDS_MAX 64 /* of one type: a bit each in seen */

enum json_flag {
	JSON_IGNORE_UNKNOWN = 1, /* skip unknown keys */
	JSON_DEFAULTS = 2,       /* whatever is missing is zero, "" or absent */
	JSON_LATER = 4,          /* json_require asks for the top fields */
	JSON_SECRETS = 8,        /* print them too */
};

struct json_result {
	uint64_t seen; /* a bit per field that was given a value or a null */
	char why[JSON_WHY_SIZE]; /* set when a call fails */
};

/* Nothing given yet: every field zero, "" or absent; NULL: arena full. */
void *json_blank(const struct wire_type *t, struct arena *a);

/*
 * MALFORMED if it is not JSON, INVALID if it is not this type, NO_MEMORY if
 * the arena is too small.  ret->why tells which and where; the start of the
 * path is "body".
 */
MUST_CHECK enum status json_decode(const struct wire_type *t, unsigned flags,
    struct arena *a, const void *bytes, size_t size, void **ret_body,
    struct json_result *ret);

/*
 * Sets one scalar field from the text of a path or query parameter, checked
 * as json_decode checks; part ("query") starts the path of the reason.
 * INVALID for an unknown name, a bad text, or a field given before in so_far.
 */
MUST_CHECK enum status json_set_text(const struct wire_type *t, void *body,
    struct arena *a, const char *part, const char *name, const char *text,
    struct json_result *so_far);

/* INVALID, naming the first required field that so_far has not seen, of the
 * part where it should have stood. */
MUST_CHECK enum status json_require(
    const struct wire_type *t, const char *part, struct json_result *so_far);

/* Appends body; FULL if out is too small, and out is untouched then. */
MUST_CHECK enum status json_encode(const struct wire_type *t, unsigned flags,
    const void *body, struct wire_out *out);

/* Appends the value of one field of a body. */
MUST_CHECK enum status json_encode_field(const struct wire_field *f,
    unsigned flags, const void *body, struct wire_out *out);

/* Appends text as a JSON string, quotes and all; as json_encode. */
MUST_CHECK enum status json_encode_text(const char *text, struct wire_out *out);

/* Appends n in decimal. */
MUST_CHECK enum status json_encode_uint(uint64_t n, struct wire_out *out);

/* Whether it is one JSON value, nested JSON_DEPTH_MAX deep at most. */
bool json_valid(const void *bytes, size_t size);

#endif
