/* uuid - the canonical text of RFC 9562: 8-4-4-4-12 hex digits. */
#ifndef RUNTIME_BASE_UUID_H
#define RUNTIME_BASE_UUID_H

#include <stdbool.h>

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

#define UUID_TEXT_SIZE 37

/* Lower case. */
void uuid_text(const struct uuid *u, char ret_text[UUID_TEXT_SIZE]);

/* All zero: RFC 9562 keeps it for "none". */
bool uuid_is_nil(const struct uuid *u);

/* Either case; anything but 36 bytes of that form is MALFORMED. */
MUST_CHECK enum status uuid_parse(
    const char *text, size_t size, struct uuid *ret_uuid);

#endif
