/*
 * inside - what the gateway is made of; for gateway/ alone.
 *
 * A connection is a struct conn for its whole life, 'conn.c'.  While a
 * request is being read or answered it has a struct exchange, 'exchange.c';
 * after an upgrade it has a struct socket instead, 'socket.c'.  Idle
 * keep-alive connections have neither.  All of it belongs to one actor, one
 * loop, one thread.
 *
 *   bytes ─ conn ─ http1 ─ route ─ auth ─ body ─ bind ─► message to an actor
 *   bytes ◄ conn ◄ respond ◄───────────────────────────── its reply
 *   bytes ─ conn ─ socket ─ frames ─ control actions ─► ticket-store, hub
 *   bytes ◄ conn ◄ fan-out ◄───────────────────────────── hub_event
 */
#ifndef GATEWAY_INSIDE_H
#define GATEWAY_INSIDE_H

#include "gateway/auth.h"
#include "gateway/context.h"
#include "gateway/http1.h"
#include "gateway/http1_body.h"
#include "gateway/http1_reply.h"
#include "gateway/listen.h"
#include "gateway/refusals.h"
#include "gateway/replica.h"
#include "gateway/route.h"
#include "gateway/seen.h"
#include "protocols/json.h"
#include "runtime/actor.h"
#include "runtime/base/list.h"
#include "runtime/base/pool.h"
#include "runtime/net.h"
#include "runtime/timing.h"
#include "runtime/watch.h"

#define GATEWAY_SWEEP_US 250000      /* between looks at time-outs */
#define GATEWAY_REPLY_MAX (1u << 20) /* bytes of one JSON answer */
#define GATEWAY_EXCHANGES_MAX 4096u  /* requests read or answered at once */
#define GATEWAY_HELD_MAX (64u << 20) /* bytes of all bodies on their way */
#define GATEWAY_RETRY_MS 1000        /* when to ask a full gateway again */

#define CONN_STATES(X) \
	X(IDLE) X(HEAD) X(BODY) X(WAITING) X(SOCKET) X(STREAM) X(CLOSING)

enum conn_state {
#define X(s) CONN_##s,
	CONN_STATES(X)
#undef X
};

struct gateway;
struct http2_all;
struct sockets;
struct stream_events;

/* One request, from its first byte to its answer. */
struct exchange {
	struct http1_head head;
	struct http1_body body;
	const struct route *route;
	struct route_match match;
	struct auth_result who; /* of routes that are not PUBLIC */
	uint8_t *head_copy;     /* while the body comes; owned */
	uint8_t *held;          /* the body so far; owned */
	size_t held_size;
	size_t held_room;
	struct list waiting; /* of gateway.waiting */
	struct conn *conn;   /* while it waits */
	struct context context;
	uint8_t request_id[16]; /* of this exchange alone */
	uint64_t begun_us;      /* its head was whole */
	uint32_t allow;         /* methods the path has, when ours is not */
	bool by_cookie;         /* the credential is a browser's */
	bool has_cookies;       /* of ours, good or not */
	bool wants_problem;     /* application/problem+json */
	bool is_head;           /* HEAD: everything but the body */
};

struct conn {
	struct gateway *gateway;
	const struct listen_door *door; /* it came through */
	struct net_stream *stream;
	struct exchange *exchange; /* NULL: idle, or a socket */
	struct socket *socket;     /* NULL: HTTP */
	uint8_t *kept;             /* bytes read and not used yet; owned */
	uint32_t kept_size;
	uint32_t kept_room;
	uint8_t state;   /* enum conn_state */
	bool ended;      /* the peer sends no more */
	bool is_http2;   /* one stream of an HTTP/2 connection */
	bool is_chunked; /* a body that is streamed */
	uint32_t requests;
	uint64_t due_us;  /* when the state has lasted too long */
	struct list link; /* of gateway.conns */
	const struct stream_events *streaming; /* NULL: no stream.h answer */
	void *streaming_ctx;
};

struct gateway_limits {
	uint64_t header_us, body_us, idle_us, write_us, request_us;
	uint64_t connections_max, requests_max, body_bytes_max, owed_bytes_max;
	uint64_t header_bytes_max, headers_max;
};

/* What is counted; told by measure.c and health. */
struct gateway_counts {
#define METRIC(id, name, type, labels, doc) uint64_t id;
#define HISTOGRAM(id, name, scale, labels, doc) struct timing id;
#include "gateway/metric.def"
#undef METRIC
#undef HISTOGRAM
};

struct gateway {
	struct actor *self;
	struct listen listen;
	struct http2_all *http2;
	uint32_t connections; /* of clients, whatever they speak */
	struct pool conns;
	struct pool exchanges;
	struct list open;    /* every conn */
	struct list waiting; /* exchanges, for the replica: wait.c */
	struct replica replica;
	struct sockets *sockets;
	struct auth_cache *tokens;
	struct seen_list seen;
	struct refusals refusals;
	struct route_fields *fields;
	const uint8_t *head_at; /* of the request that a local route answers */
	struct http1_date date;
	struct watch watch;
	bool has_begun; /* the settings have answered */
	struct gateway_limits limits;
	struct gateway_counts counts;
	struct backup_news proof; /* as last told; all zero: not yet */
	struct timer sweep;
	uint8_t *scratch; /* GATEWAY_REPLY_MAX, for the answer being written */
	size_t held;      /* bytes, of GATEWAY_HELD_MAX */
	uint64_t
	    hub_life; /* the incarnation of its node; 0: ours, or not met */
	uint64_t registry_life;
	bool draining;
};

/* ---- conn.c ---- */
void conn_on_accept(const struct listen_door *d, struct net_stream *s);
/* A request of HTTP/2; head NULL: too large.  whole: no body comes.  False:
 * there is no room, and s is still the caller's. */
bool conn_on_request(const struct listen_door *d, struct net_stream *s,
    struct bytes head, bool whole);
/* The head of an answer, in HTTP/1.1's words; ends: no body comes. */
bool conn_write_head(struct conn *c, struct bytes head, bool ends);
/* Looks at what is kept: the next request of a pipeline. */
void conn_go_on(struct conn *c);
void conn_become(struct conn *c, enum conn_state state);
/* Bytes to look at later, behind those kept; false: too many. */
bool conn_keep(struct conn *c, const uint8_t *at, size_t size);
/* The first of them were used. */
void conn_forget(struct conn *c, size_t size);
/* At once; ends its exchange or socket too. */
void conn_close(struct conn *c);
/* Sends what is owed first; what the peer still sends is dropped. */
void conn_finish(struct conn *c);
/* What every loop of the sweep does for one. */
void conn_check_time(struct conn *c, uint64_t now_us);
uint64_t conn_handle(const struct conn *c);
struct conn *conn_find(struct gateway *g, uint64_t handle);
/* Reads on, unless the peer has to take its answers first. */
void conn_read_on(struct conn *c);
/* Sends; a client that owes too much, or has gone, is closed: false. */
bool conn_write(struct conn *c, const struct net_part *parts, size_t count);

/* ---- exchange.c ---- */
/* The head is complete at `at`: route, gate, and act if there is no body. */
void exchange_begin(struct conn *c, const uint8_t *at);
/* The body is complete: fill the message in and ask its actor. */
void exchange_act(struct conn *c, const uint8_t *at, struct bytes body);
void exchange_end(struct conn *c);

/* ---- wait.c: while the session-registry starts again ---- */
/* True: nobody can be judged yet, but soon. */
bool wait_is_needed(struct conn *c);
/* Until then; its head has been copied, its body is whole. */
void wait_begin(struct conn *c);
/* The replica is fresh, or was given up: each is judged. */
void wait_end_all(struct gateway *g);

/* ---- gate.c: false: it has been answered ---- */
bool gate_pass(struct conn *c, const uint8_t *at);
bool gate_pass_role(struct conn *c);

/* ---- respond.c: answers, in the form the client asked for ---- */
/*
 * Each writes one answer and ends the exchange: the connection is idle again,
 * or closing, or gone.
 */
void respond_reply(struct conn *c, const struct wire_type *t, const void *body);
void respond_refused(struct conn *c, const struct refused *why);
void respond_problem(struct conn *c, uint32_t problem, const char *detail);
/* Only the head of an answer that stream.h sends; false: c has gone. */
bool respond_head(struct conn *c, uint32_t http, const char *media);
/* A refusal of the parser: closes the connection. */
void respond_malformed(struct conn *c, const struct http1_refusal *why);
/* What a path can do, and what another origin may of it. */
void respond_options(struct conn *c);
/* A body as it is. */
void respond_raw(
    struct conn *c, uint32_t http, const char *media, struct bytes body);

/* ---- local.c: routes the gateway answers by itself ---- */
void local_me(struct conn *c);
void local_health(struct conn *c);
void local_livez(struct conn *c);
void local_readyz(struct conn *c);
void local_asyncapi(struct conn *c);
void local_openapi(struct conn *c);
void local_socket(struct conn *c);
void local_events(struct conn *c);
/* ---- local_hosting.c ---- */
void local_connection(struct conn *c);
void local_reload(struct conn *c);

#endif
