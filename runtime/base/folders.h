/*
 * folders - the folders on the way to a path, made and synced.
 *
 * Each is for its owner alone (FOLDERS_MODE); what is there stays as it is.
 * Paths are relative to an open folder, or to AT_FDCWD.  Bounds:
 * FOLDERS_PATH_MAX.  Any thread; blocking.
 */
#ifndef RUNTIME_BASE_FOLDERS_H
#define RUNTIME_BASE_FOLDERS_H

#include <stdbool.h>

#define FOLDERS_PATH_MAX 4096
#define FOLDERS_MODE 0700

/* All but the last name of it; false: errno. */
bool folders_make_parents(int at, const char *path);
/* All of it, also if it is there; false: errno. */
bool folders_make(int at, const char *path);

/* Makes the names in it survive a power cut; false: errno. */
bool folders_sync(const char *path);
/* The same of the folder of a file. */
bool folders_sync_parent(const char *file);

#endif
