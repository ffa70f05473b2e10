#include "gateway/stream.h"

#include <stdio.h>
#include <string.h>

#define CHUNK_HEAD_SIZE 20 /* hex digits of any size, CR LF, and a NUL */

bool
stream_begin(struct conn *c, uint32_t http, const char *media,
    const struct stream_events *on, void *ctx)
{
	struct gateway *g = c->gateway;
	uint64_t handle = conn_handle(c);
	bool is_head = c->exchange->is_head;

	c->is_chunked = !c->is_http2 && c->exchange->head.minor > 0;
	if (!respond_head(c, http, media))
		return false;
	exchange_end(c);
	conn_become(c, CONN_STREAM);
	if (is_head) {
		c->is_chunked = false;
		conn_finish(c);
		return false;
	}
	c->streaming = on;
	c->streaming_ctx = ctx;
	conn_read_on(c);
	return conn_find(g, handle) != NULL;
}

static size_t
stream_size(const struct net_part *parts, size_t count)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += parts[i].bytes.size;
	return size;
}

/* What a client owes us reading since now has a time to take it. */
static void
stream_watch(struct conn *c, size_t owed)
{
	if (owed == 0 && net_owed(c->stream) > 0)
		c->due_us = actor_now_us(c->gateway->self) +
			    c->gateway->limits.write_us;
}

enum status
stream_write(struct conn *c, const struct net_part *parts, size_t count)
{
	static const uint8_t end[] = "\r\n";
	struct net_part all[NET_PARTS_MAX];
	char head[CHUNK_HEAD_SIZE];
	size_t size = stream_size(parts, count);
	size_t owed = net_owed(c->stream);
	size_t n = 0;
	enum status st;

	if (size == 0)
		return ST_OK;
	if (c->is_chunked) {
		int used = snprintf(head, sizeof(head), "%zx\r\n", size);

		all[n++] =
		    (struct net_part){ { (const uint8_t *)head, (size_t)used },
			    NULL };
	}
	memcpy(all + n, parts, count * sizeof(*parts));
	n += count;
	if (c->is_chunked)
		all[n++] = (struct net_part){ { end, 2 }, NULL };
	st = net_write(c->stream, all, n);
	if (st == ST_OK)
		stream_watch(c, owed);
	if (st == ST_OK || st == ST_FULL)
		return st;
	conn_close(c);
	return ST_CLOSED;
}

size_t
stream_owed(const struct conn *c)
{
	return net_owed(c->stream);
}

void
stream_end(struct conn *c)
{
	static const uint8_t last[] = "0\r\n\r\n";
	const struct net_part part = { { last, 5 }, NULL };

	c->streaming = NULL;
	if (c->is_chunked && !conn_write(c, &part, 1))
		return;
	conn_finish(c);
}
