/* net_uv_inside - what the two files of net_uv share. */
#ifndef RUNTIME_NET_UV_INSIDE_H
#define RUNTIME_NET_UV_INSIDE_H

#include <uv.h>

#include "runtime/base/list.h"
#include "runtime/net_address.h"
#include "runtime/net_inside.h"

struct net_uv {
	struct net base;
	uv_loop_t *loop;
	struct pool streams;
	struct pool flights;
	struct list listeners;
	int spare_fd; /* given up for a moment when there are no others */
	char read_bytes[NET_READ_SIZE];
};

struct net_uv_listener {
	struct net_listener base;
	struct list node;
	uv_poll_t poll;
	int fd;
	struct net_address address;
};

/* A uv_write under way: only streams that owe something have one. */
struct net_uv_flight {
	uv_write_t request;
	struct net_uv_stream *stream;
	size_t size;
};

struct net_uv_stream {
	struct net_stream base;
	struct net_uv_flight *flight;
	union {
		uv_handle_t any;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t local;
	} u;
};

/* Takes a connected socket over, which it closes on failure. */
void net_uv_stream_open(struct net_uv_listener *l, int fd);

enum status net_uv_listen(struct net *n, const struct net_listen *how,
    struct net_listener **ret_listener);
void net_uv_unlisten(struct net_listener *l);

/* One stream or the listening itself has let go of it. */
void net_uv_listener_release(struct net_uv_listener *l);

#endif
