/*
 * context - what stands around a request: who calls, from where, in which
 * trace, and what the answer's head must say because of it.
 *
 *   in   X-Forwarded-For or Forwarded, X-Forwarded-Proto (of trusted peers
 *        alone), X-Request-Id, traceparent, Origin
 *   out  X-Request-Id, traceparent, CORS, HSTS, and the fixed headers that
 *        keep browsers from guessing, framing and leaking
 *
 * A field that is not well-formed is as if it were not there: the request is
 * served, with an id, a trace or an address of our own finding.
 */
#ifndef GATEWAY_CONTEXT_H
#define GATEWAY_CONTEXT_H

#include "gateway/http1.h"
#include "gateway/http1_reply.h"
#include "gateway/trace.h"
#include "protocols/messages.h"

#define CONTEXT_REQUEST_ID_SIZE 65
#define CONTEXT_ORIGIN_SIZE 128

struct conn;

struct context {
	char client[ADDRESS_MAX + 1];
	char request_id[CONTEXT_REQUEST_ID_SIZE];
	char origin[CONTEXT_ORIGIN_SIZE]; /* "" unless it is allowed */
	struct trace trace;
	bool is_secure;    /* the client's way here is encrypted */
	bool is_preflight; /* OPTIONS that asks what another origin may do */
};

/* at: the head's first byte; its exchange has one. */
void context_read(struct conn *c, const uint8_t *at);

/* Without a head that could be read: a request id and a trace of our own. */
void context_invent(struct conn *c);

/* What every answer has. */
void context_write(struct conn *c, struct http1_reply *r);

/* What a preflight is told it may do. */
void context_write_preflight(
    struct conn *c, struct http1_reply *r, const char *methods);

#endif
