#include <string.h>

#include "gateway/socket_parts.h"
#include "runtime/base/arena_text.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

/*
 * Ticket, role, the hub, presence, auth_ok, in this order; whoever fails a
 * step has the earlier ones undone by socket_leave.
 */

const struct verdict verdict_bad_ticket = { SOCKET_UNAUTHORIZED,
	"Invalid or expired ticket" };
static const struct verdict verdict_broken = { WEBSOCKET_INTERNAL,
	"Internal error" };

/* A connection may be gone, or be another's, when the answer comes. */
struct auth_ask {
	uint64_t conn;
	uint64_t socket;
};

const char *
socket_ticket_text(struct gateway *g, struct bytes ticket)
{
	if (ticket.size == 0 || ticket.size > TICKET_MAX ||
	    memchr(ticket.at, '\0', ticket.size) != NULL)
		return NULL;
	return arena_text(actor_arena(g->self), ticket);
}

static struct verdict
verdict_of_role(const struct account_entry *a)
{
	if ((uint32_t)a->role > ROLE_SYSTEM)
		return (struct verdict){ SOCKET_FORBIDDEN, "Invalid role" };
	if (!channel_role_reads(a->role))
		return (struct verdict){ SOCKET_FORBIDDEN,
			"Insufficient permissions" };
	return (struct verdict){ 0, NULL };
}

static struct verdict
verdict_of_refusal(const struct refused *why)
{
	uint32_t problem = why->problem != 0
			       ? why->problem
			       : problem_of_status((enum status)why->status);

	return problem == PROBLEM_UNAUTHORIZED ||
		       problem == PROBLEM_SESSION_REVOKED
		   ? verdict_bad_ticket
		   : verdict_broken;
}

struct verdict
socket_judge(struct gateway *g, const struct msg *reply)
{
	const struct ticket_holder *ticket = reply->body;
	const struct account_entry *a;

	if (reply->id == MSG_refused)
		return verdict_of_refusal(reply->body);
	if (reply->id != MSG_ticket_holder || !replica_is_fresh(&g->replica))
		return verdict_broken;
	if (auth_session_is_over(&g->replica, ticket->holder.session_id))
		return verdict_bad_ticket;
	a = replica_account(&g->replica, ticket->holder.user_id);
	if (a == NULL || a->gone)
		return verdict_bad_ticket;
	return verdict_of_role(a);
}

static bool
socket_enter(struct socket *s, const struct account_entry *a)
{
	struct sockets *k = s->all;

	s->person = person_take(k, a);
	if (s->person == NULL)
		return false;
	s->person->count++;
	list_append(&s->person->sockets, &s->of_person);
	return session_add(s) == ST_OK;
}

void
socket_admit(struct socket *s, const struct principal *who)
{
	struct sockets *k = s->all;
	const struct account_entry *a =
	    replica_account(&k->gateway->replica, who->user_id);
	const struct person *p = person_find(k, who->user_id);

	if (p != NULL && k->limits.per_user_max > 0 &&
	    p->count >= k->limits.per_user_max) {
		k->gateway->counts.sockets_refused++;
		socket_close(s, SOCKET_TOO_MANY, "Too many connections");
		return;
	}
	(void)text_fit(s->session_id, sizeof(s->session_id), who->session_id);
	if (a == NULL || !socket_enter(s, a)) {
		socket_close(s, verdict_broken.code, verdict_broken.reason);
		return;
	}
	socket_become(s, SOCKET_LISTENING);
	socket_hold(s, CHANNEL_BIT(CHANNEL_OWN));
	interests_settle(k);
	if (s->person->own.state == INTEREST_ON)
		socket_greet(s);
}

void
socket_greet(struct socket *s)
{
	uint64_t now_us = actor_now_us(s->all->gateway->self);
	enum status st = ST_UNAVAILABLE;

	s->present = socket_send_up(s);
	if (s->present)
		st = socket_reply(s, "action", control_says_text(SAYS_AUTH_OK));
	if (st == ST_CLOSED)
		return;
	if (st != ST_OK) {
		socket_close(s, verdict_broken.code, verdict_broken.reason);
		return;
	}
	s->connected = true;
	s->heard_us = now_us;
	s->pinged_us = now_us;
	socket_set_live(s, CHANNEL_BIT(CHANNEL_OWN), 0);
	socket_become(s, SOCKET_OPEN);
	LOG(API_WS_CONNECTED, KV("client", s->client),
	    KV("user_id", s->person->user_id));
	socket_go_on(s->conn);
}

bool
socket_come_in(struct socket *s, const char *user_id)
{
	const struct account_entry *a =
	    replica_account(&s->all->gateway->replica, user_id);

	if (a == NULL || !socket_enter(s, a))
		return false;
	s->present = socket_send_up(s);
	if (!s->present)
		return false;
	s->connected = true;
	s->pinged_us = actor_now_us(s->all->gateway->self);
	socket_become(s, SOCKET_OPEN);
	LOG(API_WS_CONNECTED, KV("client", s->client),
	    KV("user_id", s->person->user_id));
	return true;
}

static enum status
socket_on_ticket(struct actor *self, struct op *op, const struct msg *reply)
{
	struct gateway *g = actor_state(self);
	const struct auth_ask *ask = op_data(op);
	struct conn *c = conn_find(g, ask->conn);
	struct socket *s = c == NULL ? NULL : c->socket;
	const struct ticket_holder *ticket = reply->body;
	struct verdict v;

	if (s != NULL && s->number == ask->socket &&
	    s->state == SOCKET_CHECKING) {
		v = socket_judge(g, reply);
		if (v.code != 0)
			socket_close(s, v.code, v.reason);
		else
			socket_admit(s, &ticket->holder);
	}
	return op_close(op);
}

static void
socket_present_ticket(struct socket *s, const char *ticket)
{
	struct gateway *g = s->all->gateway;
	struct op *op = op_open(g->self, NULL);
	struct auth_ask *ask;

	if (op == NULL) {
		g->counts.full++;
		socket_close(s, verdict_broken.code, verdict_broken.reason);
		return;
	}
	ask = op_data(op);
	ask->conn = conn_handle(s->conn);
	ask->socket = s->number;
	socket_become(s, SOCKET_CHECKING);
	net_read(s->conn->stream, false);
	(void)OP_ASK(op, actor_find(g->self, ACTOR_NUMBER(ticket_store), 0),
	    ticket_consume, socket_on_ticket, .ticket = ticket);
}

/* Why a first message is not worth asking about; code 0: it is. */
static struct verdict
verdict_of_first(const struct socket *s, const struct websocket_event *e,
    const struct control *c)
{
	bool text = e->opcode == WEBSOCKET_TEXT;
	struct verdict v = { SOCKET_UNAUTHORIZED, NULL };

	if (e->oversized)
		v.reason = "Auth message too large";
	else if (text != (s->syntax == WEBSOCKET_JSON) ||
		 c->form == CONTROL_UNREADABLE)
		v.reason = "Invalid auth message";
	else if (c->form != CONTROL_OBJECT || c->action != CONTROL_AUTH)
		v.reason = "Expected auth action";
	else if (c->ticket.size == 0)
		v.reason = "Missing ticket";
	else
		v.code = 0;
	return v;
}

void
socket_on_first(struct socket *s, const struct websocket_event *e)
{
	struct gateway *g = s->all->gateway;
	struct control c = { .form = CONTROL_UNREADABLE };
	struct verdict v = verdict_broken;
	const char *ticket = NULL;

	if (control_read((enum websocket_subprotocol)s->syntax, e->payload,
		actor_arena(g->self), &c) == ST_OK)
		v = verdict_of_first(s, e, &c);
	if (v.code == 0) {
		ticket = socket_ticket_text(g, c.ticket);
		v = verdict_bad_ticket;
	}
	if (ticket == NULL)
		socket_close(s, v.code, v.reason);
	else
		socket_present_ticket(s, ticket);
}
