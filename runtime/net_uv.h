/*
 * net_uv - the real net: TCP over IPv4 and IPv6, and unix sockets, on libuv.
 *
 * Writes are tried at once; what is left goes out by one uv_write at a time
 * per stream.  TCP_NODELAY is set.  Creating the first net makes the process
 * ignore SIGPIPE, for libuv does not mask it.
 */
#ifndef RUNTIME_NET_UV_H
#define RUNTIME_NET_UV_H

#include <uv.h>

#include "runtime/net.h"

/* NULL without memory.  The loop must outlive it; one net per loop. */
struct net *net_uv_create(uv_loop_t *loop);

#endif
