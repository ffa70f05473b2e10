/*
 * path - which names a database folder may have.
 *
 * A name comes from a configuration file: no component may be "..", none may
 * be blank, and no byte may be a control character or a back-slash.  What is
 * left is written without "//" and ".".  Any thread; touches no disk but in
 * path_confine.
 */
#ifndef STORE_PATH_H
#define STORE_PATH_H

#include <stddef.h>

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"
#include "store/backend.h"

/* INVALID if the rules above refuse it; MEMORY_PATH stays as it is. */
MUST_CHECK enum status path_clean(
    struct bytes raw, char ret_path[BACKEND_PATH_MAX]);

/*
 * Resolves a clean path against base_dir, symbolic links followed as far as
 * they exist: DENIED if it ends outside, IO if base_dir cannot be read.
 */
MUST_CHECK enum status path_confine(
    const char *base_dir, const char *clean, char ret_path[BACKEND_PATH_MAX]);

#endif
