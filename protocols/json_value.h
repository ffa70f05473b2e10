/* json_value - one scalar from a JSON token, checked by its field. */
#ifndef PROTOCOLS_JSON_VALUE_H
#define PROTOCOLS_JSON_VALUE_H

#include "protocols/json_lex.h"
#include "protocols/wire.h"

/* at is the member.  INVALID if the token does not fit, or NO_MEMORY. */
MUST_CHECK enum status json_value_set(const struct wire_field *f,
    const struct json_token *token, struct arena *a, void *at);

/* The same from plain text, as a query has it. */
MUST_CHECK enum status json_value_set_text(
    const struct wire_field *f, const char *text, struct arena *a, void *at);

/* A text of a TEXTS field, or of a TEXT: at most max bytes, without NUL. */
MUST_CHECK enum status json_value_text(const struct json_token *token,
    uint64_t max, struct arena *a, const char **ret_text);

/* "expected ...": what the field would take.  Cut to size. */
void json_value_expect(const struct wire_field *f, char *ret_text, size_t size);

#endif
