/*
 * backup_front - the manifest of an archive, in a compressed frame of its own.
 *
 * What an archive holds is known only when all of it has been read, and yet
 * its manifest stands first, for those who list.  So room is kept for it: a
 * tar member in a frame that stores its bytes as they are (zstd: RFC 8878,
 * 3.1.1; gzip: RFC 1952, with stored blocks), whose size does not depend on
 * what they say.  The rest follows in another frame, and every reader takes
 * the two for one.  Stateless.
 */
#ifndef ACTORS_BACKUP_FRONT_H
#define ACTORS_BACKUP_FRONT_H

#include "actors/backup_facts.h"
#include "runtime/base/bytes.h"

enum backup_archive { ARCHIVE_ZSTD, ARCHIVE_GZIP };

#define BACKUP_FRONT_MAX (BACKUP_MANIFEST_MAX + 2048)

/* With a manifest of so many bytes, at most BACKUP_MANIFEST_MAX. */
size_t backup_front_size(enum backup_archive how, size_t manifest_size);
/* Writes backup_front_size bytes.  NO_MEMORY or INVALID. */
MUST_CHECK enum status backup_front_make(
    enum backup_archive how, struct bytes manifest, uint8_t *ret_frame);

#endif
