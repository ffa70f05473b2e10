/*
 * backup_pack - a folder into a tar archive, compressed, perhaps sealed.
 *
 * The manifest is the first member, so that a list need not read the rest.
 * What fails leaves no file.  Blocking; never on a loop.
 */
#ifndef ACTORS_BACKUP_PACK_H
#define ACTORS_BACKUP_PACK_H

#include "actors/backup_stream.h"

enum backup_archive { ARCHIVE_ZSTD, ARCHIVE_GZIP };

MUST_CHECK enum status backup_pack(const char *folder, const char *file,
    enum backup_archive how, const struct backup_key *key, struct pace *pace);

#endif
