/*
 * seal_file - files with secrets in them: mode 0600, replaced whole.
 *
 * Threads: any; two writers of one path must not meet
 */
#ifndef RUNTIME_SEAL_FILE_H
#define RUNTIME_SEAL_FILE_H

#include <stddef.h>

#include "runtime/base/status.h"

/*
 * NOT_FOUND; DENIED if it is no plain file of ours, or others could read it;
 * FULL if it has more than size bytes; IO.
 */
MUST_CHECK enum status seal_file_read(
    const char *path, void *ret_bytes, size_t size, size_t *ret_size);

/*
 * Writes beside it and renames, so that a crash leaves the old file or the
 * new one; the name is durable too when it returns OK.
 */
MUST_CHECK enum status seal_file_replace(
    const char *path, const void *bytes, size_t size);

#endif
