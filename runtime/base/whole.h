/*
 * whole - read and write until it is all there, whatever interrupts.
 *
 * On IO errno says why.  Any thread.
 */
#ifndef RUNTIME_BASE_WHOLE_H
#define RUNTIME_BASE_WHOLE_H

#include <stddef.h>

#include "runtime/base/status.h"

/* As many bytes as there are until the end, up to size. */
MUST_CHECK enum status whole_read(
    int fd, void *ret_bytes, size_t size, size_t *ret_size);

/* After an IO some may have been written.  Not for sockets and pipes whose
 * reader may go: that is SIGPIPE. */
MUST_CHECK enum status whole_write(int fd, const void *bytes, size_t size);

#endif
