/*
 * auth - what the gate costs, on top of a request that is parsed.
 *
 * 100 000 revoked ids, 1 000 accounts, and sessions whose tokens have been
 * verified once; each part also with 100 revoked ids, to see whether it grows
 * with them.  CPU time of one thread, the median of ROUNDS rounds.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"
#include "gateway/auth.h"
#include "gateway/lookup.h"
#include "runtime/api_key.h"
#include "tests/token_keys.h"

#define ROUNDS 9
#define CALLS 20000u
#define REVOKED_FEW 100u
#define REVOKED_MANY 100000u
#define ACCOUNTS 1000u
#define TOKENS 512u
#define WALL_US INT64_C(1800000000000000)
#define SIGNATURE "0011223344556677"

struct revoked_id {
	char session_id[SESSION_ID_MAX + 1];
};

struct bench {
	struct replica replica;
	struct auth_cache *cache;
	struct seal_keypair *pair;
	struct token_signer signer;
	char tokens[TOKENS][TOKEN_MAX + 1];
	char key[API_KEY_TEXT + 1];
	char absent[TOKENS][33];
	char present[TOKENS][33];
	unsigned char memory[1u << 16];
};

static struct bench bench;

static void
id_of(char ret_id[33], const char *kind, uint32_t n)
{
	uint8_t digest[SEAL_DIGEST_SIZE];
	char text[32];

	snprintf(text, sizeof(text), "%s%u", kind, n);
	seal_digest(
	    (struct bytes){ (const uint8_t *)text, strlen(text) }, digest);
	for (int i = 0; i < 16; i++)
		snprintf(ret_id + 2 * i, 3, "%02x", digest[i]);
}

static void
make_tables(struct bench *b, uint32_t revoked)
{
	const uint64_t secret[2] = { 1, 2 };

	b->replica.accounts = lookup_create(
	    sizeof(struct account_entry), REPLICA_ACCOUNTS_MAX, secret);
	b->replica.revoked = lookup_create(
	    sizeof(struct revoked_id), REPLICA_REVOKED_MAX, secret);
	b->replica.api_keys =
	    lookup_create(sizeof(struct key_entry), REPLICA_KEYS_MAX, secret);
	for (uint32_t i = 0; i < ACCOUNTS; i++) {
		struct account_entry a = { .role = ROLE_MANAGER,
			.password_sig = SIGNATURE };

		id_of(a.user_id, "user", i);
		assert(lookup_put(b->replica.accounts, &a) == ST_OK);
	}
	for (uint32_t i = 0; i < revoked; i++) {
		struct revoked_id r = { 0 };

		id_of(r.session_id, "revoked", i);
		assert(lookup_put(b->replica.revoked, &r) == ST_OK);
	}
}

static void
make_tokens(struct bench *b)
{
	for (uint32_t i = 0; i < TOKENS; i++) {
		char user[33], session[33];

		id_of(user, "user", i % ACCOUNTS);
		id_of(session, "session", i);
		id_of(b->absent[i], "session", i);
		id_of(b->present[i], "revoked", i % REVOKED_FEW);
		assert(token_mint(&b->signer,
			   &(struct token_claims){ .sub = user,
			       .jti = session,
			       .iat = WALL_US / 1000000,
			       .exp = WALL_US / 1000000 + 3600,
			       .username = "somebody",
			       .role = ROLE_MANAGER,
			       .pwd_sig = SIGNATURE },
			   b->tokens[i]) == ST_OK);
	}
}

static void
make_key(struct bench *b)
{
	struct key_entry k = { .scope = KEY_WRITE };

	id_of(k.key_id, "key", 1);
	id_of(k.user_id, "user", 1);
	snprintf(
	    b->key, sizeof(b->key), API_KEY_PREFIX "%s_%043d", k.key_id, 7);
	api_key_digest(b->replica.api_key_secret, b->key, k.digest);
	assert(lookup_put(b->replica.api_keys, &k) == ST_OK);
}

static void
bench_start(struct bench *b, uint32_t revoked)
{
	static const uint8_t seed[SEAL_SEED_SIZE] = { 7 };

	memset(b, 0, sizeof(*b));
	assert(seal_start() == ST_OK);
	assert(seal_keypair_create(seed, &b->pair) == ST_OK);
	b->signer = token_keys_signer(b->pair);
	b->replica.keys = token_keys_ring(&b->signer);
	b->cache = auth_cache_create();
	make_tables(b, revoked);
	make_tokens(b);
	make_key(b);
}

static void
bench_stop(struct bench *b)
{
	auth_cache_destroy(b->cache);
	seal_keypair_destroy(b->pair);
	lookup_destroy(b->replica.accounts);
	lookup_destroy(b->replica.revoked);
	lookup_destroy(b->replica.api_keys);
}

static bool
gate(struct bench *b, uint32_t n)
{
	struct arena a = { b->memory, sizeof(b->memory), 0 };
	struct auth_result who;
	uint32_t problem;
	const char *reason;

	return auth_verify(b->cache, &b->replica, &a, b->tokens[n % TOKENS],
		   WALL_US, &who, &problem, &reason) == ST_OK;
}

static bool
gate_key(struct bench *b, uint32_t n)
{
	struct auth_result who;
	const char *reason;

	(void)n;
	return auth_verify_key(&b->replica, b->key, WALL_US, &who, &reason) ==
	       ST_OK;
}

static bool
not_revoked(struct bench *b, uint32_t n)
{
	return !replica_is_revoked(&b->replica, b->absent[n % TOKENS]);
}

static bool
revoked(struct bench *b, uint32_t n)
{
	return replica_is_revoked(&b->replica, b->present[n % TOKENS]);
}

/* Without a key, though none has gone: what is not known fails from now on. */
static void
verify_once(struct bench *b)
{
	for (uint32_t i = 0; i < TOKENS; i++)
		assert(gate(b, i));
	b->replica.keys.count = 0;
}

/* Nanoseconds of CPU time a call. */
static double
cost(struct bench *b, bool (*call)(struct bench *, uint32_t))
{
	double rounds[ROUNDS];

	for (uint32_t i = 0; i < TOKENS; i++)
		assert(call(b, i));
	for (int r = 0; r < ROUNDS; r++) {
		double began = bench_cpu_s();

		for (uint32_t i = 0; i < CALLS; i++)
			assert(call(b, i));
		rounds[r] = (bench_cpu_s() - began) * 1e9 / CALLS;
	}
	return bench_median(rounds, ROUNDS);
}

int
main(void)
{
	static const struct {
		const char *name;
		bool (*call)(struct bench *, uint32_t);
	} parts[] = {
		{ "is_revoked_miss", not_revoked },
		{ "is_revoked_hit", revoked },
		{ "gate_token", gate },
		{ "gate_api_key", gate_key },
	};
	double ns[2][4];

	for (int many = 0; many < 2; many++) {
		bench_start(&bench, many ? REVOKED_MANY : REVOKED_FEW);
		verify_once(&bench);
		for (int i = 0; i < 4; i++)
			ns[many][i] = cost(&bench, parts[i].call);
		bench_stop(&bench);
	}
	printf("%-18s %12s %12s\n", "CPU ns a call", "100 revoked", "100 000");
	for (int i = 0; i < 4; i++)
		printf(
		    "%-18s %12.0f %12.0f\n", parts[i].name, ns[0][i], ns[1][i]);
	printf("{\"bench\":\"auth\",\"load\":%.2f", bench_load());
	for (int i = 0; i < 4; i++)
		printf(",\"%s_ns\":%.0f,\"%s_few_ns\":%.0f", parts[i].name,
		    ns[1][i], parts[i].name, ns[0][i]);
	printf("}\n");
	return 0;
}
