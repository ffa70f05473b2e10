/*
 * fields - texts by name, flat: what an event's payload holds at its top,
 * and what a filter wants there.
 *
 * One run of bytes: for each field the sizes of its name and its value, then
 * both.  It never takes more bytes than the JSON object it came from, since
 * two quotes, a colon and a comma or brace are as long as two sizes.
 * Strings are decoded; numbers and booleans are the text that stands in the
 * JSON; lists, objects and null are left out.  Pure functions, any thread.
 */
#ifndef GATEWAY_FIELDS_H
#define GATEWAY_FIELDS_H

#include <stdbool.h>

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

#define FIELDS_TEXT_MAX UINT16_MAX /* bytes of a name or a value */

struct fields {
	uint8_t *at;
	size_t size;
};

/* Bytes that one field takes. */
size_t fields_need(struct bytes name, struct bytes value);

/* Appends; the caller has made room for fields_need. */
void fields_append(struct fields *f, struct bytes name, struct bytes value);

bool fields_has(const struct fields *f, struct bytes name);

/*
 * Of a JSON object, into `into`, which has room for json.size bytes.
 * MALFORMED if it is no JSON object.
 */
MUST_CHECK enum status fields_of_json(struct bytes json, struct fields *into);

/* Every field of wanted is among those there, with an equal value. */
bool fields_match(const struct fields *wanted, const struct fields *there);

#endif
