/* link_uv_inside - what the files of link_uv share. */
#ifndef RUNTIME_LINK_UV_INSIDE_H
#define RUNTIME_LINK_UV_INSIDE_H

#include <uv.h>

#include "runtime/base/list.h"
#include "runtime/link_path.h"
#include "runtime/link_tls.h"
#include "runtime/link_uv.h"

#define LINK_UV_SIZE_BYTES 4u /* before each message */
#define LINK_UV_NOTHING 64    /* bytes of an outbox that hears nothing */

/* Bytes that one read of TLS takes: what they decrypt to always has room. */
#define LINK_UV_CIPHER_BYTES (LINK_UV_READ_BYTES - 2 * LINK_TLS_RECORD_MAX)

union line_handle {
	uv_handle_t handle;
	uv_stream_t stream;
	uv_pipe_t pipe;
	uv_tcp_t tcp;
};

struct run {
	uint8_t *bytes;
	size_t used;
	size_t size;
};

/* Whether TLS lies between; a refused one only waits to be heard. */
enum line_shield { LINE_BARE, LINE_SHAKING, LINE_PROVEN, LINE_REFUSED };

struct line {
	union line_handle uv;
	struct list node; /* of all */
	struct link_uv *t;
	bool inbound;
	bool closing;
	bool ended; /* the other end has gone; what came is still to be read */
	enum link_outbox outbox;
	uint16_t peer; /* of an outbox */
	union {
		uv_connect_t dial;
		uv_write_t write;
	} request;

	/* Going out: the kernel is given one; the other gathers meanwhile. */
	struct run writing;
	struct run filling;
	uint8_t nothing[LINK_UV_NOTHING];

	/* Inbox: bytes from taken to got are not read yet. */
	uint8_t *read;
	size_t room;
	size_t taken;
	size_t got;
	bool paused;       /* what came is to be taken first */
	bool closing_next; /* its last packets are in somebody's hands */

	enum line_shield shield;
	struct link_tls_conn *tls; /* NULL: bare */
	uint64_t due_ms;           /* of SHAKING and REFUSED */
	uv_shutdown_t shutdown;
};

struct link_uv {
	struct link_transport transport;
	uv_loop_t *uv;
	struct link_path path;
	struct line *listener;
	struct list conns;
	size_t nconns; /* and the timer, if there is one */
	size_t ninbound;
	struct line *outboxes[LINK_NODE_MAX + 1];

	struct link_tls *tls; /* NULL: none */
	uv_timer_t tick;
	size_t nshaking; /* inbound */
	uint8_t *cipher; /* LINK_UV_CIPHER_BYTES, of the read being told */
};

static inline struct link_uv *
link_uv_of(struct link_transport *t)
{
	return (struct link_uv *)(void *)t;
}

/* ---- link_uv_line.c: connections, and what goes out on them ---- */

/* A handle fit for path; NULL: no memory. */
struct line *line_create(
    struct link_uv *t, const struct link_path *path, bool inbound);
void line_close(struct line *c); /* NULL is fine */

/* Straight into the kernel; what it does not take waits in c. */
MUST_CHECK enum status line_put(
    struct line *c, const uv_buf_t *parts, unsigned count);
uv_buf_t line_buf(struct bytes b);

/* ---- link_uv_out.c ---- */
void link_uv_dial(
    struct link_transport *transport, uint16_t peer, const char *url);
enum link_outbox link_uv_outbox(
    struct link_transport *transport, uint16_t peer);
enum status link_uv_send(struct link_transport *transport, uint16_t peer,
    struct bytes head, struct bytes body);

/* ---- link_uv_in.c ---- */
void inbox_on_connect(uv_stream_t *listener, int rv);
size_t link_uv_take(
    struct link_transport *transport, struct link_packet *ret, size_t max);
void link_uv_put(struct link_transport *transport, struct link_packet *packet);
/* Room for the message that has begun, and for some of what follows. */
MUST_CHECK bool inbox_make_room(struct line *c);

/* ---- link_uv_tls.c: TLS between a connection and its messages ---- */

/* Before any connection: room to read, and a clock for handshakes. */
MUST_CHECK enum status link_uv_tls_init(
    struct link_uv *t, struct link_tls *tls);
void link_uv_tls_fini(struct link_uv *t);

/* c is connected: the handshake begins.  False: there is no memory for it. */
MUST_CHECK bool line_tls_begin(struct line *c);
void line_tls_fini(struct line *c);
/* As line_put. */
MUST_CHECK enum status line_tls_put(
    struct line *c, const struct bytes *parts, size_t count);
/* The node that a message of c claims to be from is the certificate's. */
MUST_CHECK bool line_tls_may_say(struct line *c, struct bytes message);

#endif
