/*
 * target - the path and the query of a request, checked and decoded.
 *
 * Only origin-form is taken: a slash, a path, perhaps a query.  A path that
 * two programs could read differently is refused as a whole, so that what a
 * proxy in front of us checked is what we route:
 *   - a dot segment, plain or escaped (/../, /%2e/);
 *   - an escaped slash (%2F), backslash (%5C), control byte or NUL;
 *   - an escape that is not two hexadecimal digits.
 * A query may escape anything but NUL.
 */
#ifndef GATEWAY_TARGET_H
#define GATEWAY_TARGET_H

#include <stdbool.h>

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

/* NULL when the path is fit to be routed, else why it is not. */
const char *target_path_fault(struct bytes path);

/* NULL when every byte and escape of the query is allowed, else why not. */
const char *target_query_fault(struct bytes query);

/*
 * Replaces escapes, and plus signs by spaces when plus_is_space; writes at
 * most in.size bytes.  in and out may be the same memory.  ST_MALFORMED for
 * a bad escape or a NUL, escaped or not, with *ret_size untouched.
 */
MUST_CHECK enum status target_decode(
    struct bytes in, bool plus_is_space, uint8_t *out, size_t *ret_size);

#endif
