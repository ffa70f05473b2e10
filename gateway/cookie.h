/*
 * cookie - what a browser sends back, and what it is to keep (RFC 6265).
 *
 * Two cookies carry a browser's log-in.  Their prefix `__Host-` makes the
 * browser refuse them unless they are Secure, for this host alone and for
 * every path; HttpOnly keeps scripts from them, SameSite=Strict other sites.
 * A name that comes twice is nobody's: we cannot tell which one is ours.
 */
#ifndef GATEWAY_COOKIE_H
#define GATEWAY_COOKIE_H

#include <stdint.h>

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

#define COOKIE_ACCESS "__Host-troupe_access"
#define COOKIE_REFRESH "__Host-troupe_refresh"
#define COOKIE_LINE_MAX 2560 /* of one Set-Cookie, with its NUL */

/*
 * Looks for name in one Cookie header.  *ret_value must be empty, or what
 * an earlier header of the request had: EXISTS if it is there twice.
 * MALFORMED if its value has bytes that no cookie has.  Absent is OK.
 */
MUST_CHECK enum status cookie_find(
    struct bytes header, const char *name, struct bytes *ret_value);

/* The value of a Set-Cookie line; FULL past size.  life_s 0: forget it. */
MUST_CHECK enum status cookie_write(const char *name, const char *value,
    uint32_t life_s, char *ret_line, size_t size);

#endif
