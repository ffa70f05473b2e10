/*
 * TLS between a connection and its messages.  A handshake that fails tells the
 * other end why, and the connection stays until that has been heard or the
 * time of a handshake is over; closed at once, it might tell nothing.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/link_uv_inside.h"

#define ADDRESS_SIZE 64
#define TICKS 4 /* looks at the clock in the time of a handshake */

/* ---- who it is ---- */

static void
tls_peer_text(const struct line *c, char ret_text[ADDRESS_SIZE])
{
	struct sockaddr_storage at;
	int size = sizeof(at);
	const char *name = link_tls_peer(c->t->tls, c->peer);

	if (!c->inbound)
		snprintf(ret_text, ADDRESS_SIZE, "%s", name);
	else if (uv_tcp_getpeername(
		     &c->uv.tcp, (struct sockaddr *)&at, &size) != 0 ||
		 uv_ip_name(
		     (const struct sockaddr *)&at, ret_text, ADDRESS_SIZE) != 0)
		snprintf(ret_text, ADDRESS_SIZE, "?");
}

static void
tls_count_refused(struct line *c, enum link_tls_refusal why, const char *more)
{
	char peer[ADDRESS_SIZE];

	tls_peer_text(c, peer);
	link_tls_refused(c->t->tls, peer, why, more, uv_now(c->t->uv));
}

/* ---- states ---- */

static void
tls_become(struct line *c, enum line_shield now)
{
	c->t->nshaking -= c->inbound && c->shield == LINE_SHAKING;
	c->shield = now;
	c->t->nshaking += c->inbound && c->shield == LINE_SHAKING;
}

/* Nothing can be done with it any more. */
static void
tls_end(struct line *c)
{
	tls_become(c, LINE_REFUSED);
	c->ended = true;
	c->outbox = OUTBOX_BROKEN;
	uv_read_stop(&c->uv.stream);
}

static void
tls_flush(struct line *c)
{
	struct bytes out = link_tls_out(c->tls);
	uv_buf_t part = line_buf(out);

	if (out.size > 0 && line_put(c, &part, 1) != ST_OK)
		c->ended = true;
	link_tls_drop(c->tls);
}

/* What was to be said of it has been flushed. */
static void
tls_refuse(struct line *c, enum link_tls_refusal why, const char *more)
{
	tls_count_refused(c, why, more);
	tls_become(c, LINE_REFUSED);
	c->outbox = OUTBOX_BROKEN;
	c->due_ms = uv_now(c->t->uv) + link_tls_shake_ms(c->t->tls);
	if (c->ended || uv_shutdown(&c->shutdown, &c->uv.stream, NULL) != 0)
		tls_end(c);
}

/* True: it is up. */
static bool
tls_shake(struct line *c)
{
	enum status st = link_tls_shake(c->tls);

	if (st == ST_OK) {
		tls_become(c, LINE_PROVEN);
		c->outbox = OUTBOX_READY; /* unless the flush fails */
	}
	tls_flush(c);
	if (st == ST_DENIED)
		tls_refuse(c, link_tls_why(c->tls), link_tls_more(c->tls));
	return st == ST_OK;
}

/* ---- reading ---- */

/* An outbox may hear nothing but what TLS has to say itself. */
static void
tls_hear_outbox(struct line *c)
{
	size_t size = 0;
	enum status st =
	    link_tls_read(c->tls, c->nothing, sizeof(c->nothing), &size);

	tls_flush(c);
	if (st == ST_DENIED)
		tls_refuse(c, link_tls_why(c->tls), link_tls_more(c->tls));
	else if (st != ST_OK || size > 0)
		tls_end(c);
}

/* All that came is decrypted at once: inbox_make_room has seen to that. */
static void
tls_hear_inbox(struct line *c)
{
	enum status st = ST_OK;
	size_t size = 1, sum = 0;

	while (st == ST_OK && size > 0) {
		assert(c->got < c->room);
		st = link_tls_read(
		    c->tls, c->read + c->got, c->room - c->got, &size);
		c->got += size;
		sum += size;
	}
	tls_flush(c);
	if (st == ST_DENIED)
		tls_count_refused(
		    c, link_tls_why(c->tls), link_tls_more(c->tls));
	if (st != ST_OK)
		tls_end(c);
	/* One read a turn, as inbox_on_read has it. */
	c->paused = sum > 0;
}

static void
tls_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
	struct line *c = stream->data;

	(void)buf;
	if (got == UV_ENOBUFS && c->paused)
		return;
	if (got < 0) {
		if (c->shield == LINE_SHAKING)
			tls_count_refused(
			    c, LINK_TLS_GONE, uv_strerror((int)got));
		tls_end(c);
		return;
	}
	if (got == 0 || c->shield == LINE_REFUSED)
		return;
	link_tls_give(c->tls, (struct bytes){ c->t->cipher, (size_t)got });
	if (c->shield == LINE_SHAKING && !tls_shake(c))
		return;
	if (c->inbound)
		tls_hear_inbox(c);
	else
		tls_hear_outbox(c);
}

static void
tls_on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *ret_buf)
{
	struct line *c = handle->data;

	(void)wanted;
	if (c->inbound && (c->paused || !inbox_make_room(c)))
		*ret_buf = uv_buf_init(NULL, 0);
	else
		*ret_buf = uv_buf_init(
		    (char *)c->t->cipher, (unsigned)LINK_UV_CIPHER_BYTES);
}

static bool
tls_listen(struct line *c)
{
	return uv_read_start(&c->uv.stream, tls_on_alloc, tls_on_read) == 0;
}

/* ---- bounds ---- */

/* True: it is to be looked at again. */
static bool
tls_look(struct line *c)
{
	bool waits = c->shield == LINE_SHAKING || c->shield == LINE_REFUSED;

	if (c->tls == NULL || c->closing || !waits)
		return false;
	if (uv_now(c->t->uv) < c->due_ms)
		return true;
	if (c->shield == LINE_SHAKING)
		tls_count_refused(c, LINK_TLS_LATE, "");
	tls_end(c);
	if (c->inbound)
		line_close(c);
	return false;
}

static void
tls_on_tick(uv_timer_t *tick)
{
	struct link_uv *t = tick->data;
	bool again = false;

	for (struct list *at = t->conns.next; at != &t->conns; at = at->next)
		again |= tls_look(LIST_OF(at, struct line, node));
	if (!again)
		uv_timer_stop(tick);
}

/* Who has come first has had the longest. */
static void
tls_make_place(struct link_uv *t)
{
	struct list *at = t->conns.next;

	while (t->nshaking > LINK_TLS_SHAKES_MAX && at != &t->conns) {
		struct line *c = LIST_OF(at, struct line, node);

		at = at->next;
		if (!c->inbound || c->closing || c->shield != LINE_SHAKING)
			continue;
		tls_count_refused(c, LINK_TLS_MANY, "");
		line_close(c);
	}
}

bool
line_tls_begin(struct line *c)
{
	struct link_uv *t = c->t;
	uint64_t every_ms = link_tls_shake_ms(t->tls) / TICKS + 1;

	c->tls = c->inbound ? link_tls_accept(t->tls)
			    : link_tls_dial(t->tls, c->peer);
	if (c->tls == NULL)
		return false;
	c->due_ms = uv_now(t->uv) + link_tls_shake_ms(t->tls);
	tls_become(c, LINE_SHAKING);
	if (!uv_is_active((uv_handle_t *)&t->tick))
		uv_timer_start(&t->tick, tls_on_tick, every_ms, every_ms);
	tls_make_place(t);
	if (!tls_listen(c))
		return false;
	if (!c->inbound)
		(void)tls_shake(c);
	return true;
}

void
line_tls_fini(struct line *c)
{
	if (c->tls == NULL)
		return;
	tls_become(c, LINE_REFUSED);
	link_tls_close(c->tls);
	c->tls = NULL;
}

/* ---- messages ---- */

enum status
line_tls_put(struct line *c, const struct bytes *parts, size_t count)
{
	enum status st = link_tls_write(c->tls, parts, count);
	uv_buf_t out = line_buf(link_tls_out(c->tls));

	if (st == ST_OK)
		st = line_put(c, &out, 1);
	link_tls_drop(c->tls);
	if (st == ST_OK)
		return ST_OK;
	/* A part of its stream is missing, so nothing can follow. */
	c->outbox = OUTBOX_BROKEN;
	return ST_CLOSED;
}

bool
line_tls_may_say(struct line *c, struct bytes message)
{
	enum link_kind kind;
	uint16_t from;

	/* One that does not decode is counted by those who know its peer. */
	if (link_wire_kind(message, &kind, &from) != ST_OK ||
	    link_tls_is_of(c->tls, from))
		return true;
	tls_count_refused(c, LINK_TLS_NAME, "a message of another node");
	return false;
}

/* ---- whole ---- */

static void
tls_on_tick_closed(uv_handle_t *handle)
{
	struct link_uv *t = handle->data;

	t->nconns--;
}

enum status
link_uv_tls_init(struct link_uv *t, struct link_tls *tls)
{
	if (tls == NULL)
		return ST_OK;
	t->cipher = malloc(LINK_UV_CIPHER_BYTES);
	if (t->cipher == NULL)
		return ST_NO_MEMORY;
	if (uv_timer_init(t->uv, &t->tick) != 0)
		return ST_IO;
	t->tick.data = t;
	t->nconns++;
	t->tls = tls;
	return ST_OK;
}

void
link_uv_tls_fini(struct link_uv *t)
{
	if (t->tls != NULL)
		uv_close((uv_handle_t *)&t->tick, tls_on_tick_closed);
}
