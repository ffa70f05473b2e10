#include "runtime/link_uv.h"

#include <stdlib.h>

#include "runtime/link_uv_inside.h"

#define BACKLOG 128
#define DESTROY_TURNS 1000

/* ---- the listener ---- */

static enum status
link_uv_status(int rv)
{
	switch (rv) {
	case 0:
		return ST_OK;
	case UV_ENOMEM:
		return ST_NO_MEMORY;
	case UV_EADDRINUSE:
		return ST_EXISTS;
	case UV_EADDRNOTAVAIL:
	case UV_EINVAL:
		return ST_INVALID;
	default:
		return ST_IO;
	}
}

static int
link_uv_bind(struct link_uv *t, struct line *c)
{
	int fd;

	if (!t->path.ipc)
		return uv_tcp_bind(
		    &c->uv.tcp, (const struct sockaddr *)&t->path.address, 0);
	fd = link_path_bind(&t->path);
	return fd < 0 ? UV_EIO : uv_pipe_open(&c->uv.pipe, fd);
}

static enum status
link_uv_listen(struct link_uv *t)
{
	struct line *c = line_create(t, &t->path, false);
	int rv;

	if (c == NULL)
		return ST_NO_MEMORY;
	rv = link_uv_bind(t, c);
	if (rv == 0)
		rv = uv_listen(&c->uv.stream, BACKLOG, inbox_on_connect);
	if (rv != 0) {
		line_close(c);
		return link_uv_status(rv);
	}
	t->listener = c;
	return ST_OK;
}

/* Somebody has taken our path away: nobody can reach us until we bind anew. */
static void
link_uv_relisten(struct link_transport *transport)
{
	struct link_uv *t = link_uv_of(transport);

	if (t->listener != NULL && link_path_is_bound(&t->path))
		return;
	line_close(t->listener);
	t->listener = NULL;
	(void)link_uv_listen(t);
}

/* ---- whole ---- */

static bool
link_uv_is_writing(const struct link_uv *t)
{
	for (struct list *at = t->conns.next; at != &t->conns; at = at->next) {
		const struct line *c = LIST_OF(at, struct line, node);

		if (c->outbox == OUTBOX_READY && c->writing.used > 0)
			return true;
	}
	return false;
}

/* The loop stands still, so we turn it: to send what waits, then to close. */
static void
link_uv_destroy(struct link_transport *transport)
{
	struct link_uv *t = link_uv_of(transport);

	for (int i = 0; i < DESTROY_TURNS && link_uv_is_writing(t); i++)
		uv_run(t->uv, UV_RUN_NOWAIT);
	for (struct list *at = t->conns.next; at != &t->conns; at = at->next)
		line_close(LIST_OF(at, struct line, node));
	link_uv_tls_fini(t);
	while (t->nconns > 0)
		uv_run(t->uv, UV_RUN_ONCE);
	link_path_unlock(&t->path);
	free(t->cipher);
	free(t);
}

static const struct link_transport link_uv_transport = {
	.dial = link_uv_dial,
	.outbox = link_uv_outbox,
	.send = link_uv_send,
	.take = link_uv_take,
	.put = link_uv_put,
	.relisten = link_uv_relisten,
	.destroy = link_uv_destroy,
};

enum status
link_uv_create(void *uv, const char *listen, struct link_tls *tls,
    struct link_transport **ret_t)
{
	struct link_uv *t = calloc(1, sizeof(*t));
	enum status st;

	if (t == NULL)
		return ST_NO_MEMORY;
	t->transport = link_uv_transport;
	t->uv = uv;
	list_init(&t->conns);
	st = link_path_parse(listen, &t->path);
	if (st == ST_OK && t->path.tls && tls == NULL)
		st = ST_INVALID;
	if (st == ST_OK)
		st = link_uv_tls_init(t, tls);
	if (st == ST_OK)
		st = link_path_lock(&t->path);
	if (st == ST_OK)
		st = link_uv_listen(t);
	if (st != ST_OK) {
		link_uv_destroy(&t->transport);
		return st;
	}
	*ret_t = &t->transport;
	return ST_OK;
}
