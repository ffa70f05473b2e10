/*
 * memory - what the memory backend has beside backend.h.
 *
 * A path is a name in this process: what was committed under it is there at
 * the next open, until memory_forget.  MEMORY_PATH is private to its backend
 * and gone when that is closed.
 */
#ifndef STORE_MEMORY_H
#define STORE_MEMORY_H

#define MEMORY_PATH ":memory:"

/* Nobody may have it open.  Unknown paths are fine. */
void memory_forget(const char *path);

#endif
