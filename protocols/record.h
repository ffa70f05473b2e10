/*
 * record - how the store writes a struct down.
 *
 * A msgpack map keyed by field name, its first key "v" with the record's
 * version; enums by their stable text; records inside as maps without "v";
 * then the CRC-32C of all that, four bytes big-endian.  Absent fields are
 * left out.  A reader takes keys in any order, skips those it does not know
 * and defaults those it misses, so fields and enum values may be added
 * without a migration.  Stateless; any thread.
 */
#ifndef PROTOCOLS_RECORD_H
#define PROTOCOLS_RECORD_H

#include "protocols/wire.h"

#define RECORD_VERSION_KEY "v" /* no field may have this name */
#define RECORD_CHECKSUM_SIZE 4

/*
 * Appends body.  FULL if a field or out passes its bound, INVALID if a text
 * is no UTF-8; out is untouched then.
 */
MUST_CHECK enum status record_encode(const struct wire_type *t,
    uint32_t version, const void *body, struct wire_out *out);

/*
 * CORRUPT on a bad checksum or on content that t does not allow, NO_MEMORY if
 * the arena is too small; *ret_body borrows from the arena alone.
 */
MUST_CHECK enum status record_decode(const struct wire_type *t, struct arena *a,
    const void *bytes, size_t size, uint32_t *ret_version,
    const void **ret_body);

#endif
