/* Connections, and what goes out on them. */
#include <stdlib.h>
#include <string.h>

#include "runtime/link_uv_inside.h"

static void
line_on_closed(uv_handle_t *handle)
{
	struct line *c = handle->data;

	list_remove(&c->node);
	c->t->nconns--;
	c->t->ninbound -= c->inbound;
	free(c->writing.bytes);
	free(c->filling.bytes);
	free(c->read);
	free(c);
}

void
line_close(struct line *c)
{
	if (c == NULL || c->closing)
		return;
	c->closing = true;
	c->outbox = OUTBOX_BROKEN;
	line_tls_fini(c);
	uv_close(&c->uv.handle, line_on_closed);
}

struct line *
line_create(struct link_uv *t, const struct link_path *path, bool inbound)
{
	struct line *c = calloc(1, sizeof(*c));
	int rv;

	if (c == NULL)
		return NULL;
	rv = path->ipc ? uv_pipe_init(t->uv, &c->uv.pipe, 0)
		       : uv_tcp_init(t->uv, &c->uv.tcp);
	if (rv != 0) {
		free(c);
		return NULL;
	}
	c->uv.handle.data = c;
	c->t = t;
	c->inbound = inbound;
	c->outbox = OUTBOX_DIALING;
	list_init(&c->node);
	list_append(&t->conns, &c->node);
	t->nconns++;
	t->ninbound += inbound;
	return c;
}

uv_buf_t
line_buf(struct bytes b)
{
	union {
		const uint8_t *at;
		char *base;
	} u = { b.at };

	return uv_buf_init(u.base, (unsigned)b.size);
}

/* Appends what is left of parts after the first skip bytes. */
static bool
run_append(struct run *r, const uv_buf_t *parts, size_t count, size_t skip)
{
	for (size_t i = 0; i < count; i++) {
		size_t gone = skip < parts[i].len ? skip : parts[i].len;
		size_t size = parts[i].len - gone;

		skip -= gone;
		if (r->used + size > r->size) {
			size_t want = 2 * (r->used + size);
			uint8_t *bytes = realloc(r->bytes, want);

			if (bytes == NULL)
				return false;
			r->bytes = bytes;
			r->size = want;
		}
		if (size > 0)
			memcpy(r->bytes + r->used, parts[i].base + gone, size);
		r->used += size;
	}
	return true;
}

static void line_write(struct line *c);

static void
line_on_written(uv_write_t *request, int rv)
{
	struct line *c = request->handle->data;
	struct run empty = c->writing;

	empty.used = 0;
	c->writing = c->filling;
	c->filling = empty;
	if (rv != 0)
		c->outbox = OUTBOX_BROKEN;
	else if (!c->closing && c->writing.used > 0)
		line_write(c);
}

static void
line_write(struct line *c)
{
	uv_buf_t buf =
	    uv_buf_init((char *)c->writing.bytes, (unsigned)c->writing.used);

	if (uv_write(&c->request.write, &c->uv.stream, &buf, 1,
		line_on_written) != 0)
		c->outbox = OUTBOX_BROKEN;
}

static enum status
line_put_now(struct line *c, const uv_buf_t *parts, unsigned count)
{
	int sent = uv_try_write(&c->uv.stream, parts, count);
	size_t size = 0;

	for (unsigned i = 0; i < count; i++)
		size += parts[i].len;
	if (sent < 0 && sent != UV_EAGAIN) {
		c->outbox = OUTBOX_BROKEN;
		return ST_CLOSED;
	}
	sent = sent < 0 ? 0 : sent;
	if ((size_t)sent == size)
		return ST_OK;
	if (!run_append(&c->writing, parts, count, (size_t)sent)) {
		c->outbox = OUTBOX_BROKEN; /* half a message is out */
		return ST_CLOSED;
	}
	line_write(c);
	return ST_OK;
}

enum status
line_put(struct line *c, const uv_buf_t *parts, unsigned count)
{
	if (c->writing.used == 0)
		return line_put_now(c, parts, count);
	return run_append(&c->filling, parts, count, 0) ? ST_OK : ST_NO_MEMORY;
}
