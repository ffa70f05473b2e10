/* http2_inside - what the files of http2 share. */
#ifndef GATEWAY_HTTP2_INSIDE_H
#define GATEWAY_HTTP2_INSIDE_H

#include <nghttp2/nghttp2.h>

#include "gateway/http2.h"
#include "gateway/inside.h"

/* A text that grows up to a bound. */
struct http2_text {
	uint8_t *at; /* owned */
	size_t size;
	size_t room;
};

struct http2 {
	struct gateway *gateway;
	const struct listen_door *door;
	struct net_stream *lower;
	nghttp2_session *session;
	struct list link;
	struct list dirty;
	struct list streams;
	uint32_t count; /* of streams */
	uint32_t owned; /* of these, that somebody still answers */
	uint32_t requests;
	uint32_t tokens;
	uint64_t tokens_us; /* when they were counted last */
	uint64_t due_us;
	bool busy;    /* nghttp2, or http2_send, is on the stack */
	bool woken;   /* there may be something to send */
	bool doomed;  /* to be closed as soon as nothing is on the stack */
	bool leaving; /* GOAWAY was said */
	bool lingers; /* all was said; the peer ends its side */
	bool opening; /* its preface, or a head, is not whole */
};

/* The pseudo fields of a request, until its head is written out. */
enum http2_pseudo {
	PSEUDO_METHOD,
	PSEUDO_PATH,
	PSEUDO_AUTHORITY,
	PSEUDO_PROTOCOL,
	PSEUDOS
};

struct http2_stream {
	struct net_stream base;
	struct http2 *session;
	struct list link;
	nghttp2_rcbuf *pseudo[PSEUDOS];
	struct http2_text head;
	struct http2_text cookies;
	struct http2_text pending; /* a body that nobody reads now */
	size_t unheard; /* bytes of a body that nobody wanted any more */
	int32_t id;
	bool has_line;  /* the request line was written */
	bool too_large; /* the head; nothing of it is kept any more */
	bool connects;  /* extended CONNECT: a live socket */
	bool reads;     /* its owner wants to hear */
	bool answered;  /* a final head was submitted */
	bool ends;      /* ... and that was all of it, or its end was */
	bool finished;  /* its owner writes no more, and owes nothing */
	bool drained;   /* its owner is to be told */
	bool gone;      /* its owner has let go */
};

static inline struct http2_stream *
http2_stream_of(const struct net_stream *s)
{
	union {
		const struct net_stream *given;
		struct http2_stream *stream;
	} u = { s };

	return u.stream;
}

/* ---- http2_request.c: a head, as it comes ---- */
enum status http2_take_field(struct http2_stream *s, nghttp2_rcbuf *name,
    nghttp2_rcbuf *value, size_t max);
/* The whole head, in HTTP/1.1's words; NO_MEMORY, or FULL. */
enum status http2_end_head(struct http2_stream *s, size_t max);
void http2_drop_head(struct http2_stream *s);
bool http2_text_add(
    struct http2_text *t, const void *at, size_t size, size_t max);
void http2_text_drop(struct http2_text *t);

/* ---- http2_stream.c: the virtual streams ---- */
extern const struct net_ops http2_net_ops;
struct http2_stream *http2_stream_create(struct http2 *h, int32_t id);
/* nghttp2 knows it no more. */
void http2_stream_destroy(struct http2_stream *s);
/* A body, or what a socket says. */
enum status http2_stream_hear(
    struct http2_stream *s, const uint8_t *at, size_t size);
void http2_stream_tell_drained(struct http2 *h);

/* ---- http2_frames.c ---- */
/* A session of nghttp2, with its settings on their way. */
enum status http2_begin(struct http2 *h);

/* ---- http2.c ---- */
/* No new requests; those under way are answered. */
void http2_leave(struct http2 *h);
/* It has something to send: soon. */
void http2_wake(struct http2 *h);

#endif
