#include "ops/rider.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALL_MAX 100 /* what $small counts to */

void
rider_init(struct rider *r, uint32_t index, const struct addrinfo *where)
{
	char number[16];

	memset(r, 0, sizeof(*r));
	r->index = index;
	r->where = where;
	client_init(&r->http);
	client_init(&r->socket);
	snprintf(number, sizeof(number), "%u", (unsigned)index);
	rider_set(r, "client", number);
}

void
rider_fini(struct rider *r)
{
	client_fini(&r->http);
	client_fini(&r->socket);
}

static struct rider_var *
rider_var(struct rider *r, const char *name, size_t size)
{
	for (size_t i = 0; i < r->nvars; i++)
		if (strlen(r->vars[i].name) == size &&
		    strncmp(r->vars[i].name, name, size) == 0)
			return &r->vars[i];
	return NULL;
}

void
rider_set(struct rider *r, const char *name, const char *value)
{
	struct rider_var *v = rider_var(r, name, strlen(name));

	if (v == NULL && r->nvars < RIDER_VARS_MAX) {
		v = &r->vars[r->nvars++];
		snprintf(v->name, sizeof(v->name), "%s", name);
	}
	if (v != NULL)
		snprintf(v->value, sizeof(v->value), "%s", value);
}

/* Puts the values in place of $names; false: it does not fit. */
static bool
rider_expand(struct rider *r, const char *text, char *ret, size_t size)
{
	size_t used = 0;

	while (*text != '\0') {
		const struct rider_var *v = NULL;
		size_t name = 0;

		if (*text == '$') {
			name = strspn(text + 1, "abcdefghijklmnopqrstuvwxyz_");
			v = rider_var(r, text + 1, name);
		}
		if (used + RIDER_VALUE_MAX + 2 > size)
			return false;
		if (v == NULL) {
			ret[used++] = *text++;
			continue;
		}
		used +=
		    (size_t)snprintf(ret + used, size - used, "%s", v->value);
		text += 1 + name;
	}
	ret[used] = '\0';
	return true;
}

/* A text of a JSON answer, wherever it stands. */
static void
rider_keep(struct rider *r, const char *name, struct bytes body)
{
	char mark[PLAN_NAME_MAX + 8], value[RIDER_VALUE_MAX + 1];
	const char *end, *at;

	snprintf(mark, sizeof(mark), "\"%s\":\"", name);
	at = memmem(body.at, body.size, mark, strlen(mark));
	if (at == NULL)
		return;
	at += strlen(mark);
	end = memchr(at, '"', (size_t)((const char *)body.at + body.size - at));
	if (end == NULL)
		return;
	snprintf(value, sizeof(value), "%.*s", (int)(end - at), at);
	rider_set(r, name, value);
}

static enum status
rider_put_call(struct rider *r, const struct step *s)
{
	char what[RIDER_TEXT_MAX], body[RIDER_TEXT_MAX], header[RIDER_TEXT_MAX];
	char head[2 * RIDER_TEXT_MAX + 512];
	const struct rider_var *token = rider_var(r, "token", 5);
	int n;

	if (!rider_expand(r, s->what, what, sizeof(what)) ||
	    !rider_expand(r, s->body, body, sizeof(body)) ||
	    !rider_expand(r, s->header, header, sizeof(header)))
		return ST_FULL;
	n = snprintf(head, sizeof(head),
	    "%s HTTP/1.1\r\nHost: load\r\nContent-Length: %zu\r\n%s%s%s%s%s%s"
	    "\r\n",
	    what, strlen(body),
	    body[0] == '\0' ? "" : "Content-Type: application/json\r\n", header,
	    header[0] == '\0' ? "" : "\r\n",
	    token == NULL ? "" : "Authorization: Bearer ",
	    token == NULL ? "" : token->value, token == NULL ? "" : "\r\n");
	if (n < 0 || (size_t)n >= sizeof(head))
		return ST_FULL;
	if (client_put(&r->http, head, (size_t)n) != ST_OK)
		return ST_FULL;
	return client_put(&r->http, body, strlen(body));
}

static enum status
rider_put_open(struct rider *r, const struct step *s)
{
	/* What it proves to the server is not judged here: any key does. */
	char head[JOURNEY_TEXT_MAX + 256];
	int n = snprintf(head, sizeof(head),
	    "GET %s HTTP/1.1\r\nHost: load\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dHJvdXBlIGxvYWQgbGFiIQ==\r\n\r\n",
	    s->what);

	return client_put(&r->socket, head, (size_t)n);
}

static enum status
rider_put_say(struct rider *r, const struct step *s)
{
	char text[RIDER_TEXT_MAX];

	if (!rider_expand(r, s->what, text, sizeof(text)))
		return ST_FULL;
	return client_put_frame(&r->socket, text);
}

static enum status
rider_start_step(struct rider *r, const struct step *s)
{
	enum status st = ST_OK;

	if (s->kind == STEP_CALL && r->http.fd < 0)
		st = client_open(&r->http, r->where);
	if (s->kind == STEP_OPEN)
		st = client_open(&r->socket, r->where);
	if (st != ST_OK)
		return st;
	switch (s->kind) {
	case STEP_CALL:
		st = rider_put_call(r, s);
		return st == ST_OK ? client_write(&r->http) : st;
	case STEP_OPEN:
		st = rider_put_open(r, s);
		break;
	case STEP_SAY:
		st = rider_put_say(r, s);
		break;
	case STEP_CLOSE:
		client_close(&r->socket);
		return ST_OK;
	}
	return st == ST_OK ? client_write(&r->socket) : st;
}

/* A step that waits for nothing is over when it has begun. */
static bool
step_waits(const struct step *s)
{
	return s->kind == STEP_CALL || s->kind == STEP_OPEN ||
	       (s->kind == STEP_SAY && s->keep[0] != '\0');
}

static enum rider_end
rider_end_round(struct rider *r, enum rider_end how)
{
	r->steps = NULL;
	if (how == RIDER_LOST)
		client_close(&r->http);
	return how;
}

/* From the step at r->at on, until one waits. */
static enum rider_end
rider_go_on(struct rider *r, uint64_t now_us)
{
	for (; r->at < r->steps->count; r->at++) {
		const struct step *s = &r->steps->list[r->at];

		r->limit_us = now_us + JOURNEY_STEP_US;
		if (rider_start_step(r, s) != ST_OK)
			return rider_end_round(r, RIDER_LOST);
		if (step_waits(s))
			return RIDER_GOES_ON;
	}
	return rider_end_round(r, RIDER_ANSWERED);
}

enum rider_end
rider_begin(struct rider *r, const struct steps *steps, uint64_t now_us)
{
	char number[24];

	snprintf(number, sizeof(number), "%" PRIu64, r->round);
	rider_set(r, "round", number);
	snprintf(
	    number, sizeof(number), "%u", (unsigned)(r->round % SMALL_MAX + 1));
	rider_set(r, "small", number);
	r->steps = steps;
	r->at = 0;
	return rider_go_on(r, now_us);
}

static const struct step *
rider_step(const struct rider *r)
{
	return r->steps == NULL ? NULL : &r->steps->list[r->at];
}

static enum rider_end
rider_on_reply(
    struct rider *r, const struct client_reply *reply, uint64_t now_us)
{
	const struct step *s = rider_step(r);
	unsigned expect = s->kind == STEP_OPEN ? 101 : s->expect;

	r->status = reply->status;
	if (reply->status != expect)
		return rider_end_round(r, RIDER_REFUSED);
	if (reply->etag[0] != '\0')
		rider_set(r, "etag", reply->etag);
	if (s->kind == STEP_OPEN)
		r->socket.is_socket = true;
	else if (s->keep[0] != '\0')
		rider_keep(r, s->keep, reply->body);
	r->at++;
	return rider_go_on(r, now_us);
}

/* Whatever has come over one of the two, as a reply. */
static enum rider_end
rider_take_replies(struct rider *r, struct client *c, uint64_t now_us)
{
	struct client_reply reply;
	enum status st;

	if (!client_take_reply(c, &reply, &st))
		return st == ST_OK ? RIDER_GOES_ON
				   : rider_end_round(r, RIDER_LOST);
	return rider_on_reply(r, &reply, now_us);
}

static bool
bytes_hold(struct bytes text, const char *word)
{
	return memmem(text.at, text.size, word, strlen(word)) != NULL;
}

/* All that have come: nothing else may come to remind us of the rest. */
static enum rider_end
rider_take_frames(struct rider *r, uint64_t now_us,
    void (*on_frame)(void *ctx, struct rider *r, struct bytes text), void *ctx)
{
	enum rider_end end = RIDER_GOES_ON;
	struct bytes text;
	enum status st = ST_OK;

	while (
	    r->socket.is_socket && client_take_frame(&r->socket, &text, &st)) {
		const struct step *s = rider_step(r);

		if (s != NULL && s->kind == STEP_SAY &&
		    bytes_hold(text, s->keep)) {
			r->at++;
			end = rider_go_on(r, now_us);
		} else {
			on_frame(ctx, r, text);
		}
	}
	if (st != ST_OK) {
		client_close(&r->socket);
		if (rider_step(r) != NULL && rider_step(r)->kind == STEP_SAY)
			return rider_end_round(r, RIDER_LOST);
	}
	return end;
}

enum rider_end
rider_turn(struct rider *r, uint64_t now_us,
    void (*on_frame)(void *ctx, struct rider *r, struct bytes text), void *ctx)
{
	const struct step *s = rider_step(r);
	enum rider_end end = RIDER_GOES_ON, frames;
	enum status http = ST_OK, socket = ST_OK;

	if (r->http.fd >= 0 && (http = client_write(&r->http)) == ST_OK)
		http = client_read(&r->http);
	if (r->socket.fd >= 0 && (socket = client_write(&r->socket)) == ST_OK)
		socket = client_read(&r->socket);
	if (s != NULL && s->kind == STEP_CALL && r->http.fd >= 0)
		end = rider_take_replies(r, &r->http, now_us);
	else if (s != NULL && s->kind == STEP_OPEN && r->socket.fd >= 0)
		end = rider_take_replies(r, &r->socket, now_us);
	frames = rider_take_frames(r, now_us, on_frame, ctx);
	if (end == RIDER_GOES_ON)
		end = frames;
	s = rider_step(r);
	if (socket != ST_OK)
		client_close(&r->socket);
	if (http != ST_OK)
		client_close(&r->http);
	if (end == RIDER_GOES_ON && s != NULL &&
	    (now_us > r->limit_us ||
		(s->kind == STEP_CALL ? r->http.fd : r->socket.fd) < 0))
		return rider_end_round(r, RIDER_LOST);
	return end;
}
