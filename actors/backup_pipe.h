/*
 * backup_pipe - bytes from one thread to another, so that both can work.
 *
 * Bounded: BACKUP_PIPE_SLOTS pieces lie in between, then whoever writes waits.
 * One thread writes and one reads; either may give up, and the other hears it.
 */
#ifndef ACTORS_BACKUP_PIPE_H
#define ACTORS_BACKUP_PIPE_H

#include <stddef.h>

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

#define BACKUP_PIPE_SLOTS 8u
#define BACKUP_PIPE_PIECE (128u << 10)

struct backup_pipe;

struct backup_pipe *backup_pipe_create(void); /* NULL: no memory */
void backup_pipe_destroy(struct backup_pipe *p);

/* CANCELLED: nobody reads any more. */
MUST_CHECK enum status backup_pipe_write(
    struct backup_pipe *p, const void *bytes, size_t size);
/* Nothing follows; what is not OK the reader gets instead of an end. */
void backup_pipe_end(struct backup_pipe *p, enum status st);

/* Some bytes, good until the next call; none at the end. */
MUST_CHECK enum status backup_pipe_read(
    struct backup_pipe *p, struct bytes *ret_bytes);
/* Nothing more is read. */
void backup_pipe_stop(struct backup_pipe *p);

#endif
