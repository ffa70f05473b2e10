/* Outboxes: each dials the inbox of a peer and only sends. */
#include <assert.h>

#include "runtime/link_uv_inside.h"

static void
outbox_on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *ret_buf)
{
	struct line *c = handle->data;

	(void)wanted;
	*ret_buf = uv_buf_init((char *)c->nothing, sizeof(c->nothing));
}

/* An outbox may hear nothing; reading is how it learns of the end. */
static void
outbox_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
	struct line *c = stream->data;

	(void)buf;
	if (got < 0) {
		c->outbox = OUTBOX_BROKEN;
		uv_read_stop(stream);
	}
}

static void
outbox_on_dialed(uv_connect_t *request, int rv)
{
	struct line *c = request->handle->data;

	if (c->closing)
		return;
	if (rv != 0) {
		c->outbox = OUTBOX_BROKEN;
	} else if (c->shield == LINE_SHAKING) {
		if (!line_tls_begin(c))
			c->outbox = OUTBOX_BROKEN;
	} else {
		c->outbox = uv_read_start(&c->uv.stream, outbox_on_alloc,
				outbox_on_read) == 0
				? OUTBOX_READY
				: OUTBOX_BROKEN;
	}
}

static void
outbox_dial(struct line *c, const struct link_path *path)
{
	if (path->ipc) {
		uv_pipe_connect(&c->request.dial, &c->uv.pipe, path->path,
		    outbox_on_dialed);
		return;
	}
	(void)uv_tcp_nodelay(&c->uv.tcp, 1);
	if (uv_tcp_connect(&c->request.dial, &c->uv.tcp,
		(const struct sockaddr *)&path->address, outbox_on_dialed) != 0)
		c->outbox = OUTBOX_BROKEN;
}

void
link_uv_dial(struct link_transport *transport, uint16_t peer, const char *url)
{
	struct link_uv *t = link_uv_of(transport);
	struct link_path path;
	struct line *c;

	line_close(t->outboxes[peer]);
	t->outboxes[peer] = NULL;
	if (link_path_parse(url, &path) != ST_OK ||
	    (path.tls && t->tls == NULL))
		return;
	c = t->outboxes[peer] = line_create(t, &path, false);
	if (c == NULL)
		return;
	c->peer = peer;
	c->shield = path.tls ? LINE_SHAKING : LINE_BARE;
	outbox_dial(c, &path);
}

enum link_outbox
link_uv_outbox(struct link_transport *transport, uint16_t peer)
{
	const struct line *c = link_uv_of(transport)->outboxes[peer];

	return c == NULL ? OUTBOX_BROKEN : c->outbox;
}

enum status
link_uv_send(struct link_transport *transport, uint16_t peer, struct bytes head,
    struct bytes body)
{
	struct line *c = link_uv_of(transport)->outboxes[peer];
	size_t size = head.size + body.size;
	uint8_t length[LINK_UV_SIZE_BYTES];
	const struct bytes parts[3] = { { length, sizeof(length) }, head,
		body };
	uv_buf_t bufs[3];

	assert(size <= LINK_MESSAGE_MAX);
	if (c == NULL || c->outbox != OUTBOX_READY)
		return ST_CLOSED;
	if (c->writing.used > 0 && c->filling.used > 0 &&
	    c->filling.used + size > LINK_UV_WRITE_BYTES)
		return ST_FULL;
	/* A batch stays where it is until there is room: no copy of it. */
	if (c->tls == NULL && c->writing.used > 0 && body.size > 0)
		return ST_FULL;
	link_wire_put_length(length, (uint32_t)size);
	if (c->tls != NULL)
		return line_tls_put(c, parts, 3);
	for (int i = 0; i < 3; i++)
		bufs[i] = line_buf(parts[i]);
	return line_put(c, bufs, 3);
}
