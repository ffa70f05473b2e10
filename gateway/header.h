/*
 * header - reading the value of one header field.
 *
 * Pure functions on bytes that belong to the caller; nothing is copied.
 */
#ifndef GATEWAY_HEADER_H
#define GATEWAY_HEADER_H

#include <stdbool.h>

#include "runtime/base/bytes.h"

/* Equal but for the case of A to Z. */
bool header_is(struct bytes b, const char *text);

/* Without spaces and tabs at both ends. */
struct bytes header_trim(struct bytes b);

/*
 * The next element of a comma list, trimmed, empty ones skipped; rest is
 * what follows it.  A comma between double quotes separates nothing.
 */
bool header_list_next(struct bytes *rest, struct bytes *ret_item);

/* One of the elements is this token, in any case. */
bool header_list_has(struct bytes list, const char *token);

#endif
