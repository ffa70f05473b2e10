/*
 * live - a whole gateway in memory, with clients that hold the other ends.
 *
 * The registry, the ticket store and the hub are probes; what they answer is
 * in the tests' hands.  The net is net_fake.
 */
#ifndef TESTS_GATEWAY_LIVE_H
#define TESTS_GATEWAY_LIVE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/gateway.h"
#include "gateway/socket_parts.h"
#include "runtime/config.h"
#include "runtime/loop.h"
#include "runtime/net_fake.h"
#include "runtime/net_inside.h"
#include "tests/check.h"
#include "tests/rig.h"

#define LIVE_ADDRESS "127.0.0.1:3001"
#define LIVE_EPOCH 1
#define LIVE_CLIENTS_MAX 1024
#define LIVE_SENT_MAX (SOCKET_REFUSE_MAX + 4096)
#define SECONDS(n) ((uint64_t)(n)*1000)

struct live_rig {
	struct told {
		char channel[32];
		uint64_t head;
	} told[16]; /* durable events, by channel */
	struct rig rig;
	struct net *net;
	struct config *config;
	struct net_fake_wire *wires[LIVE_CLIENTS_MAX];
	size_t wires_count;
};

struct client {
	struct live_rig *live;
	struct net_fake_wire *wire;
	size_t at; /* bytes that were looked at */
};

struct said {
	uint8_t opcode;
	uint16_t code; /* of a close */
	struct bytes payload;
};

static const struct account live_accounts[] = {
	{ "b", "board", ROLE_BOARD_MEMBER, false, "", false },
	{ "c", "chief", ROLE_CEO, false, "", false },
	{ "gone", "gone", ROLE_CEO, false, "", true },
	{ "m", "manager", ROLE_MANAGER, false, "", false },
	{ "p", "pair", ROLE_PAIR_PROGRAMMER, false, "", false },
	{ "s", "system", ROLE_SYSTEM, false, "", false },
	{ "u1", "one", ROLE_OBSERVER, false, "", false },
	{ "u2", "two", ROLE_OBSERVER, false, "", false },
};

static inline void
live_beat(struct live_rig *l)
{
	RIG_SEND(&l->rig, session_registry, gateway, replica_beat,
	    .epoch = LIVE_EPOCH);
}

static inline void
live_join(struct live_rig *l)
{
	static const uint8_t public_key[32] = { 1 };
	const struct token_key key = { .key_id = "k",
		.verifier = { public_key, sizeof(public_key) } };
	struct rig *r = &l->rig;

	RIG_ANSWER(r, RIG_TAKE(r, session_registry, replica_join),
	    replica_joined, .epoch = LIVE_EPOCH, .keys = &key, .keys_count = 1);
	RIG_ANSWER(r, RIG_TAKE(r, session_registry, replica_read), replica_page,
	    .accounts = live_accounts,
	    .accounts_count = sizeof(live_accounts) / sizeof(live_accounts[0]));
	live_beat(l);
}

/* sets: "namespace.key=value" each; NULL at the end. */
static inline void
live_init(struct live_rig *l, const char *const *sets)
{
	struct mistakes m = { 0 };
	struct config_input in = { .sets = sets };

	memset(l, 0, sizeof(*l));
	while (sets != NULL && sets[in.nsets] != NULL)
		in.nsets++;
	assert_int_equal(config_load(&in, &m, &l->config), ST_OK);
	rig_init_with(&l->rig, l->config);
	l->net = net_fake_create();
	node_loop(l->rig.node, 0)->net = l->net;
	rig_probe(&l->rig, ACTOR_NUMBER(session_registry));
	rig_probe(&l->rig, ACTOR_NUMBER(ticket_store));
	rig_probe(&l->rig, ACTOR_NUMBER(event_hub));
	rig_spawn(&l->rig, &gateway_class, ACTOR_NUMBER(gateway));
	assert_int_equal(rig_start(&l->rig), ST_OK);
	live_join(l);
}

static inline void
live_fini(struct live_rig *l)
{
	for (size_t i = 0; i < l->wires_count; i++)
		net_fake_hang_up(l->wires[i]);
	rig_settle(&l->rig);
	rig_fini(&l->rig);
	net_stop(l->net);
	assert_true(net_idle(l->net));
	net_destroy(l->net);
	config_destroy(l->config);
}

/* With the registry's beats. */
static inline void
live_advance(struct live_rig *l, uint64_t ms)
{
	while (ms > 0) {
		uint64_t step = ms < 500 ? ms : 500;

		rig_advance_ms(&l->rig, step);
		live_beat(l);
		ms -= step;
	}
}

static inline struct conn *
client_conn(const struct client *c)
{
	return ((struct net_stream *)(void *)c->wire)->ctx;
}

static inline struct socket *
client_socket(const struct client *c)
{
	return client_conn(c)->socket;
}

/* Sends a request for an upgrade; nothing of the answer has been read. */
static inline struct client
client_ask(struct live_rig *l, const char *query, const char *syntax)
{
	struct client c = { l, NULL, 0 };
	char head[512];
	int size = snprintf(head, sizeof(head),
	    "GET /api/v1/ws%s HTTP/1.1\r\nHost: x\r\n"
	    "Connection: Upgrade\r\nUpgrade: websocket\r\n"
	    "Sec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	    "Sec-WebSocket-Protocol: %s\r\n\r\n",
	    query, syntax);

	assert_int_equal(net_fake_dial(l->net, LIVE_ADDRESS, &c.wire), ST_OK);
	l->wires[l->wires_count++] = c.wire;
	net_fake_send(c.wire, head, (size_t)size, SIZE_MAX);
	rig_settle(&l->rig);
	return c;
}

/* Past the head of the answer, whose status this must be. */
static inline void
client_expect_status(struct client *c, const char *status)
{
	struct bytes b = net_fake_taken(c->wire);
	const uint8_t *end = memmem(b.at, b.size, "\r\n\r\n", 4);

	assert_non_null(end);
	assert_memory_equal(b.at + strlen("HTTP/1.1 "), status, 3);
	c->at = (size_t)(end + 4 - b.at);
}

static inline struct client
client_open_as(struct live_rig *l, const char *syntax)
{
	struct client c = client_ask(l, "", syntax);

	client_expect_status(&c, "101");
	return c;
}

static inline struct client
client_open(struct live_rig *l)
{
	return client_open_as(l, "troupe.json.v1");
}

static inline void
client_send_bytes(
    struct client *c, enum websocket_opcode opcode, struct bytes payload)
{
	static uint8_t frame[LIVE_SENT_MAX];
	static const uint8_t mask[4] = { 1, 2, 3, 4 };
	size_t size = 0;

	assert_int_equal(websocket_masked_write(frame, sizeof(frame), opcode,
			     true, mask, payload, &size),
	    ST_OK);
	net_fake_send(c->wire, frame, size, SIZE_MAX);
	rig_settle(&c->live->rig);
}

static inline void
client_send(struct client *c, const char *text)
{
	client_send_bytes(c, WEBSOCKET_TEXT,
	    (struct bytes){ (const uint8_t *)text, strlen(text) });
}

/* The next frame of the server; false: there is none. */
static inline bool
client_hear(struct client *c, struct said *ret_said)
{
	struct bytes b = net_fake_taken(c->wire);
	const uint8_t *at = b.at + c->at;
	size_t head = 2, size;

	if (b.size - c->at < 2)
		return false;
	size = at[1];
	if (size == 126) {
		size = (size_t)at[2] << 8 | at[3];
		head = 4;
	}
	assert_true(size < 127 || head == 4);
	if (b.size - c->at < head + size)
		return false;
	*ret_said = (struct said){ .opcode = at[0] & 0x0f,
		.payload = { at + head, size } };
	if (ret_said->opcode == WEBSOCKET_CLOSE && size >= 2) {
		ret_said->code = (uint16_t)(at[head] << 8 | at[head + 1]);
		ret_said->payload = (struct bytes){ at + head + 2, size - 2 };
	}
	c->at += head + size;
	return true;
}

static inline void
client_expect(struct client *c, const char *text)
{
	struct said s = { 0 };
	char got[4096] = "";

	if (!client_hear(c, &s))
		fail_msg("heard nothing, expected %s", text);
	snprintf(got, sizeof(got), "%.*s", (int)s.payload.size,
	    (const char *)s.payload.at);
	assert_string_equal(got, text);
	assert_int_equal(s.opcode, WEBSOCKET_TEXT);
}

static inline void
client_expect_nothing(struct client *c)
{
	struct said s = { 0 };

	if (client_hear(c, &s))
		fail_msg("heard %.*s", (int)s.payload.size,
		    (const char *)s.payload.at);
}

static inline void
client_expect_close(struct client *c, uint16_t code, const char *reason)
{
	struct said s = { 0 };
	char got[WEBSOCKET_CONTROL_MAX + 1];

	assert_true(client_hear(c, &s));
	assert_int_equal(s.opcode, WEBSOCKET_CLOSE);
	snprintf(got, sizeof(got), "%.*s", (int)s.payload.size,
	    (const char *)s.payload.at);
	assert_string_equal(got, reason);
	assert_int_equal(s.code, code);
}

/* The part of an event before and after its time and id. */
static inline void
client_expect_event(struct client *c, const char *channel, const char *payload)
{
	struct said s = { 0 };
	char want[1024];
	char got[40000];

	assert_true(client_hear(c, &s));
	snprintf(want, sizeof(want),
	    "\"channel\":\"%s\",\"timestamp\":\"2026-04-03T10:00:00.000000"
	    "+00:00\",\"payload\":%s,\"version\":1,",
	    channel, payload);
	snprintf(got, sizeof(got), "%.*s", (int)s.payload.size,
	    (const char *)s.payload.at);
	if (strstr(got, want) == NULL)
		fail_msg("heard %s, expected %s", got, want);
}

/* The next place in the history of a channel. */
static inline uint64_t
live_next_offset(struct live_rig *l, const char *channel)
{
	struct told *t = l->told;

	while (t->head > 0 && strcmp(t->channel, channel) != 0)
		t++;
	assert_true(t < l->told + 16);
	snprintf(t->channel, sizeof(t->channel), "%s", channel);
	return ++t->head;
}

static inline void
live_tell(struct live_rig *l, const char *channel, const char *payload)
{
	RIG_SEND(&l->rig, event_hub, gateway, hub_event,
	    .event = { .event_type = "it.happened",
		.channel = channel,
		.timestamp = RIG_WALL_US,
		.event_id = { .octets = { 1 } },
		.epoch = 7,
		.offset = live_next_offset(l, channel),
		.payload = payload });
}

/* Answers for the ticket store. */
static inline void
live_hold(struct live_rig *l, const char *user_id, const char *session_id)
{
	RIG_ANSWER(&l->rig, RIG_TAKE(&l->rig, ticket_store, ticket_consume),
	    ticket_holder,
	    .holder = { .user_id = user_id,
		.session_id = session_id,
		.method = AUTH_WS_TICKET });
}

/* Answers for the hub whatever it was asked; returns how many. */
static inline size_t
live_listen(struct live_rig *l)
{
	struct heard *h;
	size_t n = 0;

	while ((h = rig_peek(&l->rig, ACTOR_NUMBER(event_hub),
		    MSG_hub_listen)) != NULL) {
		h->taken = true;
		RIG_ANSWER(&l->rig, h, hub_listening,
		    .channel = RIG_BODY(h, hub_listen)->channel);
		n++;
	}
	return n;
}

#define AUTH_FRAME "{\"action\":\"auth\",\"ticket\":\"t\"}"
#define AUTH_OK "{\"action\":\"auth_ok\"}"

static inline void
client_log_in(struct client *c, const char *user_id, const char *session_id)
{
	client_send(c, AUTH_FRAME);
	live_hold(c->live, user_id, session_id);
	live_listen(c->live);
	client_expect(c, AUTH_OK);
	(void)RIG_TAKE(&c->live->rig, event_hub, hub_socket_up);
}

static inline struct client
client_of(struct live_rig *l, const char *user_id)
{
	struct client c = client_open(l);

	client_log_in(&c, user_id, "session");
	return c;
}

static inline void
client_subscribe(struct client *c, const char *channels, const char *more)
{
	char text[2048];

	snprintf(text, sizeof(text),
	    "{\"action\":\"subscribe\",\"channels\":[%s]%s}", channels, more);
	client_send(c, text);
	live_listen(c->live);
}

static inline void
live_refuse_ticket(struct live_rig *l, uint32_t problem)
{
	rig_refuse(&l->rig, RIG_TAKE(&l->rig, ticket_store, ticket_consume),
	    ST_DENIED, problem, "");
}

static inline size_t
live_asked(struct live_rig *l)
{
	return rig_peek(&l->rig, ACTOR_NUMBER(ticket_store),
		   MSG_ticket_consume) != NULL;
}

/* Both have said close: the server ends its side first. */
static inline void
client_expect_end(struct client *c)
{
	assert_true(net_fake_is_finished(c->wire));
	net_fake_end(c->wire, ST_CLOSED);
	assert_true(net_fake_is_closed(c->wire));
}

/* After a close of ours: the client answers, and the connection ends. */
static inline void
client_answer_close(struct client *c)
{
	static const uint8_t code[] = { 0x03, 0xe8 };

	client_send_bytes(c, WEBSOCKET_CLOSE, (struct bytes){ code, 2 });
	client_expect_end(c);
}

#endif
