/*
 * crc32c - did these bytes change since they were written?
 *
 * The Castagnoli polynomial 0x1edc6f41, reflected, start and end inverted, as
 * RFC 3720 (iSCSI) section 12.1 and appendix B.4 define it.  The
 * processor's instruction for it where there is one, else eight table
 * look-ups per eight bytes ("slicing by 8", Kounavis and Berry, 2005).  Finds
 * accidents, not attackers.  Any thread.
 */
#ifndef RUNTIME_BASE_CRC32C_H
#define RUNTIME_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(const void *bytes, size_t size);
/* The same, whatever the processor can do. */
uint32_t crc32c_by_table(const void *bytes, size_t size);

#endif
