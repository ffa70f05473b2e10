#include "gateway/socket_parts.h"

/*
 * A wheel of lists, one for each coming tick: a socket lies where the next
 * thing that may be due with it is.  Hearing from a client moves nothing: it
 * is looked at when it was to be, and laid further ahead.  So a tick touches
 * those whose time has come, however many sockets there are.
 */

#define SOCKET_PATIENCE_US 30000000u /* between looks at what has no time */

void
wheel_init_slots(struct sockets *k)
{
	for (uint32_t i = 0; i < SOCKET_WHEEL_SLOTS; i++)
		list_init(&k->wheel[i]);
	k->tick = actor_now_us(k->gateway->self) / GATEWAY_SWEEP_US;
}

/* When a ping has to be sent, or its pong be there. */
static uint64_t
socket_ping_due_us(const struct socket *s)
{
	const struct socket_limits *l = &s->all->limits;

	if (l->ping_us == 0)
		return UINT64_MAX;
	if (s->awaits_pong && l->pong_us > 0)
		return s->pinged_us + l->pong_us;
	return s->pinged_us + l->ping_us;
}

static uint64_t
socket_due_us(const struct socket *s)
{
	const struct socket_limits *l = &s->all->limits;
	uint64_t frame_us =
	    s->sse != NULL ? UINT64_MAX : s->heard_us + l->frame_us;
	uint64_t ping_us = socket_ping_due_us(s);

	switch ((enum socket_state)s->state) {
	case SOCKET_AUTH:
		return s->since_us + l->auth_us;
	case SOCKET_OPEN:
		return frame_us < ping_us ? frame_us : ping_us;
	case SOCKET_CLOSING:
		return s->since_us + SOCKET_CLOSE_US;
	case SOCKET_CHECKING:
	case SOCKET_LISTENING:
		break; /* their questions have deadlines of their own */
	}
	return actor_now_us(s->all->gateway->self) + SOCKET_PATIENCE_US;
}

void
socket_arm(struct socket *s)
{
	struct sockets *k = s->all;
	uint64_t tick =
	    (socket_due_us(s) + GATEWAY_SWEEP_US - 1) / GATEWAY_SWEEP_US;

	if (tick <= k->tick)
		tick = k->tick + 1;
	if (tick >= k->tick + SOCKET_WHEEL_SLOTS)
		tick = k->tick + SOCKET_WHEEL_SLOTS - 1;
	list_remove(&s->due);
	list_append(&k->wheel[tick % SOCKET_WHEEL_SLOTS], &s->due);
}

/* The socket may be gone afterwards. */
static void
socket_send_ping(struct socket *s, uint64_t now_us)
{
	static const char comment[] = ":\n\n";
	const struct net_part part = { { (const uint8_t *)comment, 3 }, NULL };

	s->pinged_us = now_us;
	if (s->sse != NULL) {
		socket_arm(s);
		(void)socket_push(s, &part, 1);
		return;
	}
	s->awaits_pong = s->all->limits.pong_us > 0;
	socket_arm(s);
	(void)socket_push_frame(s, WEBSOCKET_PING, (struct bytes){ NULL, 0 });
}

/* A session whose socket speaks is in use. */
static void
socket_tell_seen(struct socket *s)
{
	struct gateway *g = s->all->gateway;
	const char *key = auth_session_key(s->session_id);

	if (s->heard_us > s->told_us)
		seen_tell(&g->seen, g->self, key != NULL ? key : s->session_id,
		    key != NULL, &s->told_us);
}

static void
socket_check_open(struct socket *s, uint64_t now_us)
{
	socket_tell_seen(s);
	if (s->sse == NULL && now_us >= s->heard_us + s->all->limits.frame_us)
		socket_close(s, WEBSOCKET_POLICY, "No message in time");
	else if (now_us < socket_ping_due_us(s))
		socket_arm(s);
	else if (s->awaits_pong)
		socket_close(s, WEBSOCKET_INTERNAL, "Ping timeout");
	else
		socket_send_ping(s, now_us);
}

static void
socket_check_time(struct socket *s, uint64_t now_us)
{
	if (s->conn->state == CONN_CLOSING)
		return; /* conn_check_time has it now */
	if (s->state == SOCKET_OPEN)
		socket_check_open(s, now_us);
	else if (now_us < socket_due_us(s))
		socket_arm(s);
	else if (s->state == SOCKET_AUTH)
		socket_close(s, SOCKET_UNAUTHORIZED, "Auth timeout");
	else if (s->state == SOCKET_CLOSING)
		conn_close(s->conn);
}

static void
sockets_turn(struct sockets *k, uint64_t now_us)
{
	struct list *slot = &k->wheel[++k->tick % SOCKET_WHEEL_SLOTS];
	struct list due, *link;

	list_init(&due);
	while ((link = list_first(slot)) != NULL) {
		list_remove(link);
		list_append(&due, link);
	}
	while ((link = list_first(&due)) != NULL) {
		list_remove(link);
		socket_check_time(LIST_OF(link, struct socket, due), now_us);
	}
}

void
sockets_tick(struct gateway *g, uint64_t now_us)
{
	struct sockets *k = g->sockets;

	while (k->tick < now_us / GATEWAY_SWEEP_US)
		sockets_turn(k, now_us);
	sockets_retry(k);
	sockets_revise_tick(k, now_us);
}
