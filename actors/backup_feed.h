/*
 * backup_feed - what an archive holds, decompressed on a thread of its own.
 *
 * That thread reads, unseals and decompresses, and inherits its maker's
 * niceness; whoever reads here has time for the rest.  The end is told only
 * when the last piece of a sealed archive has been good.
 *
 * Bounds: backup_pipe.h.  One thread reads; in belongs to the feed until it
 * is destroyed.
 */
#ifndef ACTORS_BACKUP_FEED_H
#define ACTORS_BACKUP_FEED_H

#include "actors/backup_stream.h"

struct backup_feed;

/* NULL: no memory, or no thread. */
struct backup_feed *backup_feed_create(struct backup_in *in);
/* Some bytes, good until the next call; none at the end.  CORRUPT. */
MUST_CHECK enum status backup_feed_read(
    struct backup_feed *f, struct bytes *ret_bytes);
/* Also before the end; NULL is fine. */
void backup_feed_destroy(struct backup_feed *f);

#endif
