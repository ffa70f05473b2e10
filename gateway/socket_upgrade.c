#include <string.h>

#include "gateway/credential.h"
#include "gateway/query.h"
#include "gateway/socket_parts.h"
#include "runtime/base/text.h"

/* What must be remembered of a request while its ticket is looked at. */
struct upgrade {
	uint64_t conn;
	uint8_t request_id[16];
	uint8_t syntax;
	bool names_syntax;
	struct deflate_offer deflate;
	char accept[WEBSOCKET_ACCEPT_SIZE];
	char client[NET_PEER_TEXT_SIZE];
};

_Static_assert(sizeof(struct upgrade) <= OP_DATA_MAX, "an op keeps it");

/* The versions we speak stand in the answer, as RFC 6455 4.4 asks. */
static void
upgrade_required(struct conn *c)
{
	struct gateway *g = c->gateway;
	uint8_t head[HTTP1_REPLY_HEAD_MAX];
	struct net_part part = { { head, 0 }, NULL };
	struct http1_reply r;

	http1_reply_begin(&r, head, sizeof(head), 426,
	    http1_date_text(&g->date, actor_wall_us(g->self)));
	http1_reply_field(&r, "Upgrade", "websocket");
	http1_reply_field(&r, "Sec-WebSocket-Version", WEBSOCKET_VERSION);
	http1_reply_length(&r, 0);
	http1_reply_connection(&r, c->exchange->head.minor, false);
	if (http1_reply_end(&r, &part.bytes.size) != ST_OK)
		conn_close(c);
	else if (conn_write_head(c, part.bytes, true))
		conn_finish(c);
}

static enum status
upgrade_write_head(struct gateway *g, const struct upgrade *u, uint8_t *head,
    size_t head_size, size_t *ret_size)
{
	char extension[DEFLATE_REPLY_MAX];
	struct http1_reply r;

	http1_reply_begin(&r, head, head_size, 101,
	    http1_date_text(&g->date, actor_wall_us(g->self)));
	http1_reply_field(&r, "Upgrade", "websocket");
	http1_reply_field(&r, "Connection", "Upgrade");
	http1_reply_field(&r, "Sec-WebSocket-Accept", u->accept);
	if (u->names_syntax)
		http1_reply_field(&r, "Sec-WebSocket-Protocol",
		    websocket_subprotocol_name(
			(enum websocket_subprotocol)u->syntax));
	if (u->deflate.window != 0) {
		deflate_reply(&u->deflate, extension);
		http1_reply_field(&r, "Sec-WebSocket-Extensions", extension);
	}
	return http1_reply_end(&r, ret_size);
}

/* NULL: there is no room, or no connection any more. */
static struct socket *
upgrade_accept(struct conn *c, const struct upgrade *u)
{
	uint8_t head[HTTP1_REPLY_HEAD_MAX];
	struct net_part part = { { head, 0 }, NULL };
	struct socket *s =
	    socket_create(c, (enum websocket_subprotocol)u->syntax, u->client);

	if (s == NULL) {
		respond_problem(
		    c, PROBLEM_CONNECTION_LIMIT, "too many live sockets");
		return NULL;
	}
	if (upgrade_write_head(
		c->gateway, u, head, sizeof(head), &part.bytes.size) != ST_OK) {
		conn_close(c);
		return NULL;
	}
	if (!conn_write_head(c, part.bytes, false))
		return NULL;
	exchange_end(c);
	conn_become(c, CONN_SOCKET);
	socket_set_window(s, u->deflate.window);
	return s;
}

static void
upgrade_refuse(struct conn *c, struct verdict v)
{
	c->gateway->counts.unauthorized++;
	if (v.code == WEBSOCKET_INTERNAL) {
		respond_problem(c, PROBLEM_UNAVAILABLE,
		    "the ticket could not be looked at");
		return;
	}
	refusals_note_socket(c->gateway, c->exchange->context.client, v.reason);
	respond_problem(c, PROBLEM_FORBIDDEN, v.reason);
}

/* The connection that asked, if it still waits for this answer. */
static struct conn *
upgrade_conn(struct gateway *g, const struct upgrade *u)
{
	struct conn *c = conn_find(g, u->conn);

	if (c == NULL || c->state != CONN_WAITING || c->exchange == NULL ||
	    memcmp(c->exchange->request_id, u->request_id,
		sizeof(u->request_id)) != 0)
		return NULL;
	return c;
}

static enum status
upgrade_on_ticket(struct actor *self, struct op *op, const struct msg *reply)
{
	struct gateway *g = actor_state(self);
	const struct upgrade *u = op_data(op);
	const struct ticket_holder *ticket = reply->body;
	struct conn *c = upgrade_conn(g, u);
	uint64_t handle = u->conn;
	struct socket *s = NULL;
	struct verdict v;

	if (c != NULL) {
		v = socket_judge(g, reply);
		if (v.code != 0)
			upgrade_refuse(c, v);
		else
			s = upgrade_accept(c, u);
		if (s != NULL)
			socket_admit(s, &ticket->holder);
		else if (conn_find(g, handle) != NULL)
			conn_go_on(c);
	}
	return op_close(op);
}

/* Nothing more is read before the ticket has been looked at. */
static void
upgrade_ask(struct conn *c, const struct upgrade *u, struct bytes ticket)
{
	struct gateway *g = c->gateway;
	const char *text = socket_ticket_text(g, ticket);
	struct op *op;

	if (text == NULL) {
		upgrade_refuse(c, verdict_bad_ticket);
		return;
	}
	op = op_open(g->self, NULL);
	if (op == NULL) {
		g->counts.sockets_refused++;
		respond_problem(
		    c, PROBLEM_OVERLOADED, "too many requests are open");
		return;
	}
	memcpy(op_data(op), u, sizeof(*u));
	net_read(c->stream, false);
	(void)OP_ASK(op, actor_find(g->self, ACTOR_NUMBER(ticket_store), 0),
	    ticket_consume, upgrade_on_ticket, .ticket = text);
}

/* The parameter's presence decides, even an empty one's. */
static enum status
upgrade_find_ticket(struct conn *c, const uint8_t *at, struct bytes *ret_ticket)
{
	static const char name[] = "ticket";
	struct query_parameter p;
	struct query q;
	enum status st;

	query_init(&q, http1_bytes(at, c->exchange->head.query));
	do
		st = query_next(&q, actor_arena(c->gateway->self), &p);
	while (st == ST_OK && (p.name.size != sizeof(name) - 1 ||
				  memcmp(p.name.at, name, p.name.size) != 0));
	if (st == ST_OK)
		*ret_ticket = p.value;
	return st;
}

/* True: it may come in as far as there is room; else it was answered. */
static bool
upgrade_is_possible(struct conn *c)
{
	struct gateway *g = c->gateway;
	struct sockets *k = g->sockets;

	if (g->draining || !replica_is_fresh(&g->replica)) {
		respond_problem(c, PROBLEM_UNAVAILABLE,
		    "live sockets cannot be opened now");
		return false;
	}
	if (k->count >= k->limits.total_max) {
		g->counts.full++;
		respond_problem(
		    c, PROBLEM_CONNECTION_LIMIT, "too many live sockets");
		return false;
	}
	return true;
}

static void
upgrade_begin(
    struct conn *c, const uint8_t *at, const struct websocket_offer *offer)
{
	struct upgrade u = { .conn = conn_handle(c),
		.syntax = (uint8_t)offer->subprotocol,
		.names_syntax = offer->subprotocol_named };
	struct bytes ticket;
	enum status st = upgrade_find_ticket(c, at, &ticket);

	if (c->gateway->sockets->deflater != NULL)
		u.deflate = deflate_choose(&c->exchange->head, at);
	memcpy(u.request_id, c->exchange->request_id, sizeof(u.request_id));
	text_fit(u.client, sizeof(u.client), c->exchange->context.client);
	if (websocket_accept(offer->key, u.accept) != ST_OK)
		respond_problem(c, PROBLEM_INTERNAL, "no SHA-1");
	else if (st == ST_OK)
		upgrade_ask(c, &u, ticket);
	else if (st == ST_NOT_FOUND)
		(void)upgrade_accept(c, &u);
	else
		respond_problem(
		    c, PROBLEM_BAD_REQUEST, "the query does not decode");
}

void
local_socket(struct conn *c)
{
	const uint8_t *at = c->gateway->head_at;
	struct websocket_offer offer;
	const struct http1_refusal *refusal =
	    websocket_handshake_check(&c->exchange->head, at, &offer);

	if (refusal != NULL && refusal->http == 426)
		upgrade_required(c);
	else if (refusal != NULL)
		respond_malformed(c, refusal);
	else if (credential_pass_origin(c, at) && upgrade_is_possible(c))
		upgrade_begin(c, at, &offer);
}
