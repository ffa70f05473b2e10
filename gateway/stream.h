/*
 * stream - an answer whose body comes piece by piece: server-sent events,
 * downloads.
 *
 *   if (stream_begin(c, 200, "text/event-stream", &my_events, me))
 *           st = stream_write(c, &part, 1);
 *
 * Chunked in HTTP/1.1, to the end of the connection in HTTP/1.0, DATA frames
 * in HTTP/2: whoever writes cannot tell.  The exchange has ended when
 * stream_begin returns; what the request said must have been kept by then.
 *
 * Bounds: the listener's owed_max bytes owed to one client; one that takes
 * nothing for write_timeout_ms is cut.  A piece that would owe more is
 * ST_FULL, and nothing of it was sent: its owner drops it, or the client.
 */
#ifndef GATEWAY_STREAM_H
#define GATEWAY_STREAM_H

#include "gateway/inside.h"

#define STREAM_PARTS_MAX (NET_PARTS_MAX - 2) /* of one write */

struct stream_events {
	/* Nothing is owed any more; only told when something was. */
	void (*on_drained)(void *ctx);
	/* Once, unless stream_end came first: c is gone when this returns. */
	void (*on_end)(void *ctx);
};

/* False: the connection has gone, and nothing will be told. */
MUST_CHECK bool stream_begin(struct conn *c, uint32_t http, const char *media,
    const struct stream_events *on, void *ctx);

/* OK; FULL: nothing was sent; CLOSED: it has gone, on_end was told. */
MUST_CHECK enum status stream_write(
    struct conn *c, const struct net_part *parts, size_t count);

/* Bytes that the client has not taken. */
size_t stream_owed(const struct conn *c);

/* The body is whole: no event is told any more, and c is not the caller's. */
void stream_end(struct conn *c);

#endif
