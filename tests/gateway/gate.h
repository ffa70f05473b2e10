/*
 * gate - a gateway between clients in memory and a registry of probes.
 *
 * The gateway is the real one on the real runtime; the test is its clients,
 * at the far ends of wires, and every actor behind it.
 */
#ifndef TESTS_GATEWAY_GATE_H
#define TESTS_GATEWAY_GATE_H

#include "gateway/gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/inside.h"
#include "runtime/config.h"
#include "runtime/net_fake.h"
#include "runtime/seal.h"
#include "runtime/token.h"
#include "tests/rig.h"
#include "tests/token_keys.h"

#define GATE_EPOCH 7
#define GATE_ADDRESS "127.0.0.1:3001"
#define JTI_1 "11111111111141118111111111111111"
#define JTI_2 "22222222222242228222222222222222"
#define SIG_1 "0011223344556677"
#define SIG_2 "7766554433221100"
#define HOST "Host: troupe\r\n"
#define LIVEZ "GET /livez HTTP/1.1\r\n" HOST "\r\n"
#define REGISTRY ACTOR_NUMBER(session_registry)
#define GATE_SETS_MAX 8

struct gate {
	struct rig r;
	struct net *net;
	struct config *config;
	struct seal_keypair *keys;
	struct net_fake_wire *wire; /* the client that gate_send speaks for */
};

static inline struct account
gate_account(const char *id, enum role role)
{
	return (struct account){ .user_id = id,
		.username = id,
		.role = role,
		.password_sig = SIG_1 };
}

/* The gateway has asked to join; nobody has answered. */
static inline void
gate_spawn(struct gate *g, const char *const *sets, size_t nsets)
{
	static const uint8_t seed[SEAL_SEED_SIZE] = { 7 };
	struct mistakes m = { 0 };

	memset(g, 0, sizeof(*g));
	assert_int_equal(seal_start(), ST_OK);
	assert_int_equal(seal_keypair_create(seed, &g->keys), ST_OK);
	assert_int_equal(
	    config_load(&(struct config_input){ .sets = sets, .nsets = nsets },
		&m, &g->config),
	    ST_OK);
	rig_init_with(&g->r, g->config);
	g->net = rig_net(&g->r);
	rig_probe(&g->r, REGISTRY);
	rig_probe(&g->r, ACTOR_NUMBER(settings));
	rig_probe(&g->r, ACTOR_NUMBER(ticket_store));
	rig_probe(&g->r, ACTOR_NUMBER(event_hub));
	rig_probe(&g->r, ACTOR_NUMBER(tasks));
	rig_spawn(&g->r, &gateway_class, ACTOR_NUMBER(gateway));
	assert_int_equal(rig_start(&g->r), ST_OK);
	RIG_ANSWER(&g->r, RIG_TAKE(&g->r, settings, setting_watch),
	    setting_overrides, .rows_count = 0);
}

static inline void
gate_join(struct gate *g, uint64_t epoch)
{
	struct token_signer signer = token_keys_signer(g->keys);
	struct token_key key = token_keys_of(&signer);

	RIG_ANSWER(&g->r, RIG_TAKE(&g->r, session_registry, replica_join),
	    replica_joined, .epoch = epoch, .keys = &key, .keys_count = 1);
}

/* The one page that there is. */
static inline void
gate_page(struct gate *g, const struct account *accounts, uint32_t count)
{
	RIG_ANSWER(&g->r, RIG_TAKE(&g->r, session_registry, replica_read),
	    replica_page, .accounts = accounts, .accounts_count = count);
}

static inline void
gate_start_with(struct gate *g, const char *const *sets, size_t nsets)
{
	const struct account people[] = { gate_account("ceo", ROLE_CEO),
		gate_account("observer", ROLE_OBSERVER) };

	gate_spawn(g, sets, nsets);
	gate_join(g, GATE_EPOCH);
	gate_page(g, people, 2);
}

static inline void
gate_start(struct gate *g)
{
	gate_start_with(g, NULL, 0);
}

static inline void
gate_end(struct gate *g)
{
	rig_fini(&g->r);
	config_destroy(g->config);
	seal_keypair_destroy(g->keys);
}

static inline void
gate_beat(struct gate *g, uint64_t epoch)
{
	RIG_SEND(
	    &g->r, session_registry, gateway, replica_beat, .epoch = epoch);
}

/* Time passes and the registry lives. */
static inline void
gate_live_ms(struct gate *g, uint64_t ms)
{
	for (; ms > 0; ms -= ms < 500 ? ms : 500) {
		rig_advance_ms(&g->r, ms < 500 ? ms : 500);
		gate_beat(g, GATE_EPOCH);
	}
}

static inline void
gate_dial(struct gate *g)
{
	assert_int_equal(net_fake_dial(g->net, GATE_ADDRESS, &g->wire), ST_OK);
}

static inline void
gate_hang_up(struct gate *g)
{
	net_fake_hang_up(g->wire);
	g->wire = NULL;
}

static inline size_t
gate_send(struct gate *g, const char *text)
{
	size_t size = strlen(text);
	size_t sent = net_fake_send(g->wire, text, size, size);

	rig_settle(&g->r);
	return sent;
}

/* All that came back since the last call, as text. */
static inline const char *
gate_taken(struct gate *g)
{
	static char taken[NET_FAKE_TAKEN_MAX];
	struct bytes b = net_fake_taken(g->wire);

	assert_true(b.size < sizeof(taken));
	memcpy(taken, b.at, b.size);
	taken[b.size] = '\0';
	net_fake_forget(g->wire);
	return taken;
}

/* How often it occurs in what came back. */
static inline size_t
occurs(const char *text, const char *what)
{
	size_t n = 0;

	while ((text = strstr(text, what)) != NULL) {
		text += strlen(what);
		n++;
	}
	return n;
}

#define assert_has(text, what)                                          \
	do {                                                            \
		const char *text_ = (text);                             \
		if (strstr(text_, what) == NULL)                        \
			fail_msg("no \"%s\" in \"%s\"", (what), text_); \
	} while (0)

/* A token of that user, good for ten minutes. */
static inline const char *
gate_token(
    struct gate *g, const char *user, const char *jti, const char *password_sig)
{
	static char token[TOKEN_MAX + 1];
	int64_t now_s = g->r.wall_us / 1000000;
	struct token_claims claims = { .sub = user,
		.jti = jti,
		.iat = (uint64_t)now_s,
		.exp = (uint64_t)now_s + 600,
		.username = user,
		.role = ROLE_CEO,
		.pwd_sig = password_sig };
	struct token_signer signer = token_keys_signer(g->keys);

	assert_int_equal(token_mint(&signer, &claims, token), ST_OK);
	return token;
}

/* One request of that token's, with the lines and the body given. */
static inline const char *
gate_request(const char *line, const char *token, const char *rest)
{
	static char text[8192];

	snprintf(text, sizeof(text),
	    "%s HTTP/1.1\r\n" HOST "Authorization: Bearer %s\r\n%s", line,
	    token, rest);
	return text;
}

/* What GET /auth/me says to that token. */
static inline const char *
gate_me(struct gate *g, const char *token)
{
	gate_send(g, gate_request("GET /api/v1/auth/me", token, "\r\n"));
	return gate_taken(g);
}

/* The gateway has answered the change. */
static inline void
gate_change(struct gate *g, const struct replica_change *change)
{
	uint64_t tag = rig_ask(&g->r, REGISTRY, ACTOR_NUMBER(gateway),
	    MSG_replica_change, change, RIG_WITHIN_US);

	(void)RIG_REPLIED(&g->r, session_registry, tag, done);
}

#endif
