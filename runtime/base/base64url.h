/* base64url - bytes as text: RFC 4648 section 5, without padding. */
#ifndef RUNTIME_BASE_BASE64URL_H
#define RUNTIME_BASE_BASE64URL_H

#include <stddef.h>

#include "runtime/base/status.h"

/* Characters that size bytes become, and bytes that size characters were. */
#define BASE64URL_TEXT_SIZE(size) (((size) / 3) * 4 + ((size) % 3 * 4 + 2) / 3)
#define BASE64URL_BYTES_SIZE(size) ((size) / 4 * 3 + (size) % 4 * 3 / 4)

/* Writes BASE64URL_TEXT_SIZE(size) characters and no NUL. */
void base64url_encode(const void *bytes, size_t size, char *ret_text);

/*
 * Writes BASE64URL_BYTES_SIZE(size) bytes.  MALFORMED on any other character,
 * on a length nothing encodes to, and on stray bits at the end: every run of
 * bytes has one text.
 */
MUST_CHECK enum status base64url_decode(
    const char *text, size_t size, void *ret_bytes);

#endif
