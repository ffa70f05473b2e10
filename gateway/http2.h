/*
 * http2 - HTTP/2 (RFC 9113, 8441) on the exchange layer of HTTP/1.1.
 *
 * A connection is a struct http2, and each of its requests a struct conn like
 * any other, whose stream is a virtual one: what is written to it leaves in
 * DATA frames, and what comes in DATA frames is told to it.  The head of a
 * request is written out as an HTTP/1.1 head and judged by the same parser,
 * so that nothing is let in through one version that the other refuses.
 *
 * libnghttp2 frames and compresses, through its memory API.
 *
 * Bounds: HTTP2_SESSIONS_MAX connections, api.server.http2_streams_max
 * requests at once on each, the head bounds of HTTP/1.1; what a client sends
 * that costs us and brings nothing (resets, pings, settings, priorities,
 * empty frames) is paid from a bucket of HTTP2_TOKENS_MAX that fills again by
 * HTTP2_TOKENS_PER_S; an empty one ends the connection with
 * ENHANCE_YOUR_CALM.  A body that nobody reads stops at one window; what
 * comes after a request was answered is dropped up to HTTP2_UNHEARD_MAX, for
 * not every client bears to be stopped.
 */
#ifndef GATEWAY_HTTP2_H
#define GATEWAY_HTTP2_H

#include "runtime/actor.h"
#include "runtime/base/list.h"
#include "runtime/base/pool.h"
#include "runtime/net_inside.h"

#define HTTP2_SESSIONS_MAX 32768u
#define HTTP2_STREAMS_MAX 32768u /* over all of them */
#define HTTP2_ACKS_MAX 64        /* that wait to be sent */
#define HTTP2_TOKENS_MAX 2000u
#define HTTP2_TOKENS_PER_S 200u
#define HTTP2_TOKENS_OF_RESET 4u
#define HTTP2_TOKENS_OF_CONTROL 10u
#define HTTP2_UNHEARD_MAX (4u << 20)
#define HTTP2_WINDOW (1u << 20) /* of a connection; a stream has 65535 */
#define HTTP2_OWED_MAX 32768u   /* below; then no more frames are made */
#define HTTP2_OUT_SIZE 32768u   /* frames that leave in one write */

struct gateway;
struct listen_door;

/* What a gateway keeps for all of them. */
struct http2_all {
	struct net net; /* of the virtual streams */
	struct net_listener listener;
	struct pool sessions;
	struct pool streams;
	struct list open;
	struct list dirty; /* those with something to send */
	struct timer flush;
	uint32_t streams_max; /* on one connection */
	uint8_t out[HTTP2_OUT_SIZE];
};

MUST_CHECK enum status http2_init(struct gateway *g);
/* Closes every connection. */
void http2_fini(struct gateway *g);

/* ALPN has chosen h2. */
void http2_on_accept(const struct listen_door *d, struct net_stream *s);

/*
 * Sends the head of an answer, given as an HTTP/1.1 head; fields that mean
 * something there alone are left out, 101 becomes 200.  ends: no body comes.
 */
MUST_CHECK enum status http2_head(
    struct net_stream *s, struct bytes head, bool ends);

/* The connection that carries a virtual stream. */
struct net_stream *http2_lower(const struct net_stream *s);

/* Every GATEWAY_SWEEP_US. */
void http2_tick(struct gateway *g, uint64_t now_us);
/* Says good-bye to all: no new requests. */
void http2_drain(struct gateway *g);
bool http2_is_busy(const struct gateway *g);

#endif
