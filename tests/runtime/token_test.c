/* Access tokens: what is minted verifies, and nothing else does. */
#include "runtime/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/base/base64url.h"
#include "tests/token_keys.h"

#define NOW_S INT64_C(1775210400)
#define NOW_US (NOW_S * 1000000)
#define JTI "0123456789abcdef0123456789abcdef"

static struct seal_keypair *keys;
static unsigned char room[TOKEN_ROOM];

static int
token_setup(void **state)
{
	static const uint8_t seed[SEAL_SEED_SIZE] = { 7 };

	(void)state;
	return seal_start() == ST_OK &&
		       seal_keypair_create(seed, &keys) == ST_OK
		   ? 0
		   : -1;
}

static int
token_teardown(void **state)
{
	(void)state;
	seal_keypair_destroy(keys);
	return 0;
}

static struct token_claims
claims_of(void)
{
	return (struct token_claims){ .sub = "user",
		.jti = JTI,
		.iat = NOW_S,
		.exp = NOW_S + 60,
		.username = "\"Zoë\" \\ 日本",
		.role = ROLE_MANAGER,
		.must_change_password = true,
		.pwd_sig = "0011223344556677" };
}

static enum status
mint(const struct token_claims *claims, char ret_token[TOKEN_MAX + 1])
{
	struct token_signer signer = token_keys_signer(keys);

	return token_mint(&signer, claims, ret_token);
}

static enum status
verify_at(const char *token, int64_t wall_us, struct token_claims *ret_claims)
{
	const struct token_claims *claims = NULL;
	struct arena a = { room, sizeof(room), 0 };
	struct token_signer signer = token_keys_signer(keys);
	struct token_ring ring = token_keys_ring(&signer);
	enum status st = token_verify(&ring, token, wall_us, &a, &claims);

	if (st == ST_OK && ret_claims != NULL)
		*ret_claims = *claims;
	return st;
}

static enum status
verify(const char *token)
{
	return verify_at(token, NOW_US, NULL);
}

static size_t
append_part(char *token, size_t used, const char *json)
{
	base64url_encode(json, strlen(json), token + used);
	return used + BASE64URL_TEXT_SIZE(strlen(json));
}

/* Signed as it should be, whatever it says. */
static const char *
forge(const char *header, const char *claims)
{
	static char token[2 * TOKEN_MAX];
	struct token_signer signer = token_keys_signer(keys);
	uint8_t signature[SEAL_SIGNATURE_SIZE];
	char full[512];
	size_t used;

	/* Whatever else it says, it names our key. */
	(void)snprintf(full, sizeof(full),
	    header[0] == '{' ? "{\"kid\":\"%s\",%s" : "%.0s%s", signer.key_id,
	    header[0] == '{' ? header + 1 : header);
	used = append_part(token, 0, full);

	token[used++] = '.';
	used = append_part(token, used, claims);
	seal_sign(
	    keys, (struct bytes){ (const uint8_t *)token, used }, signature);
	token[used++] = '.';
	base64url_encode(signature, sizeof(signature), token + used);
	token[used + BASE64URL_TEXT_SIZE(sizeof(signature))] = '\0';
	return token;
}

#define HEADER "{\"alg\":\"EdDSA\",\"typ\":\"JWT\"}"
#define REST                                                            \
	"\"iss\":\"troupe\",\"aud\":\"troupe-api\",\"username\":\"u\"," \
	"\"role\":\"ceo\",\"must_change_password\":false,\"pwd_sig\":\"\""
#define CLAIMS                          \
	"{\"sub\":\"u\",\"jti\":\"" JTI \
	"\",\"iat\":1775210400,\"exp\":1775210460," REST "}"

static void
test_what_is_minted_verifies(void **state)
{
	char token[TOKEN_MAX + 1];
	struct token_claims in = claims_of();
	struct token_claims out;

	(void)state;
	assert_int_equal(mint(&in, token), ST_OK);
	assert_int_equal(verify_at(token, NOW_US, &out), ST_OK);
	assert_string_equal(out.sub, in.sub);
	assert_string_equal(out.jti, in.jti);
	assert_string_equal(out.username, in.username);
	assert_string_equal(out.pwd_sig, in.pwd_sig);
	assert_int_equal(out.role, in.role);
	assert_int_equal(out.exp, in.exp);
	assert_true(out.must_change_password);
	assert_int_equal(verify(forge(HEADER, CLAIMS)), ST_OK);
}

/* 6: the second that exp names is too late. */
static void
test_token_dies_when_exp_has_come(void **state)
{
	char token[TOKEN_MAX + 1];
	struct token_claims in = claims_of();
	int64_t exp_us = (int64_t)in.exp * 1000000;

	(void)state;
	assert_int_equal(mint(&in, token), ST_OK);
	assert_int_equal(verify_at(token, exp_us - 1, NULL), ST_OK);
	assert_int_equal(verify_at(token, exp_us, NULL), ST_EXPIRED);
	assert_int_equal(verify_at(token, INT64_MAX, NULL), ST_EXPIRED);
}

static void
test_token_from_the_future_is_refused_past_the_skew(void **state)
{
	char token[TOKEN_MAX + 1];
	struct token_claims in = claims_of();
	int64_t skew_us = INT64_C(1000000) * TOKEN_SKEW_S;

	(void)state;
	assert_int_equal(mint(&in, token), ST_OK);
	assert_int_equal(verify_at(token, NOW_US - skew_us, NULL), ST_OK);
	assert_int_equal(
	    verify_at(token, NOW_US - skew_us - 1, NULL), ST_MALFORMED);
	assert_int_equal(verify_at(token, -1, NULL), ST_MALFORMED);
	assert_int_equal(verify_at(token, INT64_MIN, NULL), ST_MALFORMED);
}

static void
test_no_bit_can_be_changed(void **state)
{
	char token[TOKEN_MAX + 1];
	struct token_claims in = claims_of();
	size_t size;

	(void)state;
	assert_int_equal(mint(&in, token), ST_OK);
	size = strlen(token);
	for (size_t i = 0; i < size; i++) {
		for (int bit = 0; bit < 8; bit++) {
			char was = token[i];

			token[i] = (char)(token[i] ^ 1 << bit);
			assert_int_not_equal(verify(token), ST_OK);
			token[i] = was;
		}
	}
	assert_int_equal(verify(token), ST_OK);
}

static void
test_other_algorithms_are_refused(void **state)
{
	static const char *const headers[] = {
		"{\"alg\":\"none\"}",
		"{\"alg\":\"None\",\"typ\":\"JWT\"}",
		"{\"alg\":\"HS256\",\"typ\":\"JWT\"}",
		"{\"alg\":\"eddsa\"}",
		"{\"alg\":\"\"}",
		"{\"alg\":null}",
		"{\"typ\":\"JWT\"}",
		"{\"alg\":\"EdDSA\",\"typ\":\"JOSE\"}",
		"{\"alg\":\"EdDSA\",\"crit\":[\"x\"],\"x\":1}",
		"{\"alg\":\"EdDSA\",\"b64\":false}",
		"{\"alg\":\"EdDSA\",\"alg\":\"EdDSA\"}",
		"[]",
		"",
	};
	char unsigned_token[TOKEN_MAX];
	const char *forged;

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		assert_int_equal(
		    verify(forge(headers[i], CLAIMS)), ST_MALFORMED);
	forged = forge("{\"alg\":\"none\"}", CLAIMS);
	snprintf(unsigned_token, sizeof(unsigned_token), "%.*s.",
	    (int)(strrchr(forged, '.') - forged), forged);
	assert_int_equal(verify(unsigned_token), ST_MALFORMED);
}

/* 3, D-11, and the other claims that must be there. */
static void
test_claims_that_are_missing_or_wrong_are_refused(void **state)
{
#define J "\"jti\":\"" JTI "\","
#define T "\"iat\":1775210400,\"exp\":1775210460,"
	static const char *const claims[] = {
		"{\"sub\":\"u\"," T REST "}",
		"{\"sub\":\"u\",\"jti\":\"\"," T REST "}",
		"{\"sub\":\"u\",\"jti\":null," T REST "}",
		"{\"sub\":\"u\",\"jti\":\"0123456789ABCDEF0123456789ABCDEF"
		"\"," T REST "}",
		"{\"sub\":\"u\",\"jti\":\"" JTI "0\"," T REST "}",
		"{" J T REST "}",
		"{\"sub\":\" \"," J T REST "}",
		"{\"sub\":\"u\"," J "\"exp\":1775210460," REST "}",
		"{\"sub\":\"u\"," J "\"iat\":1775210400," REST "}",
		"{\"sub\":\"u\"," J
		"\"iat\":1775210460,\"exp\":1775210460," REST "}",
		"{\"sub\":\"u\"," J
		"\"iat\":1775210400,\"exp\":1777802401," REST "}",
		"{\"sub\":\"u\"," J "\"iat\":-1,\"exp\":1775210460," REST "}",
		"{\"sub\":\"u\"," J
		"\"iat\":1775210400,\"exp\":\"1775210460\"," REST "}",
		"{\"sub\":\"u\"," J T
		"\"iss\":\"other\",\"aud\":\"troupe-api\",\"username\":\"u\","
		"\"role\":\"ceo\",\"must_change_password\":false,"
		"\"pwd_sig\":\"\"}",
		"{\"sub\":\"u\"," J T
		"\"iss\":\"troupe\",\"aud\":\"system\",\"username\":\"u\","
		"\"role\":\"ceo\",\"must_change_password\":false,"
		"\"pwd_sig\":\"\"}",
		"{}",
		"null",
		"",
	};
#undef J
#undef T

	(void)state;
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
		assert_int_equal(
		    verify(forge(HEADER, claims[i])), ST_MALFORMED);
}

static void
test_another_key_does_not_fit(void **state)
{
	static const uint8_t seed[SEAL_SEED_SIZE] = { 8 };
	const struct token_claims *claims = NULL;
	struct arena a = { room, sizeof(room), 0 };
	struct seal_keypair *other = NULL;
	struct token_signer signer;
	struct token_ring ring;
	char token[TOKEN_MAX + 1];
	struct token_claims in = claims_of();

	(void)state;
	assert_int_equal(seal_keypair_create(seed, &other), ST_OK);
	signer = token_keys_signer(other);
	ring = token_keys_ring(&signer);
	assert_int_equal(mint(&in, token), ST_OK);
	assert_int_equal(
	    token_verify(&ring, token, NOW_US, &a, &claims), ST_DENIED);
	/* Nor under the id of ours. */
	signer = token_keys_signer(keys);
	memcpy(ring.keys[0].key_id, signer.key_id, sizeof(signer.key_id));
	assert_int_equal(
	    token_verify(&ring, token, NOW_US, &a, &claims), ST_DENIED);
	assert_null(claims);
	seal_keypair_destroy(other);
}

static const uint8_t long_secret[64] = { 1, 2, 3 };

static struct token_signer
secret_signer(enum token_algorithm algorithm, const char *key_id)
{
	struct token_signer s = { .algorithm = algorithm,
		.secret = { long_secret, sizeof(long_secret) } };

	snprintf(s.key_id, sizeof(s.key_id), "%s", key_id);
	return s;
}

static enum status
verify_with(const struct token_ring *ring, const char *token, int64_t wall_us)
{
	const struct token_claims *claims = NULL;
	struct arena a = { room, sizeof(room), 0 };

	return token_verify(ring, token, wall_us, &a, &claims);
}

/* Each key of a ring with its own algorithm; an old one until its end. */
static void
test_ring_of_three_algorithms(void **state)
{
	const struct token_signer signers[] = { token_keys_signer(keys),
		secret_signer(TOKEN_HS256, "two"),
		secret_signer(TOKEN_HS512, "three") };
	struct token_key all[] = { token_keys_of(&signers[0]),
		token_keys_of(&signers[1]), token_keys_of(&signers[2]) };
	struct token_claims in = claims_of();
	struct token_ring ring;
	char token[TOKEN_MAX + 1];

	(void)state;
	all[2].until = NOW_US + 1;
	assert_int_equal(token_ring_fill(&ring, all, 3), ST_OK);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(token_mint(&signers[i], &in, token), ST_OK);
		assert_int_equal(verify_with(&ring, token, NOW_US), ST_OK);
	}
	assert_int_equal(verify_with(&ring, token, NOW_US + 1), ST_DENIED);
	ring.count = 2;
	assert_int_equal(verify_with(&ring, token, NOW_US), ST_DENIED);
	/* A token does not choose how it is verified. */
	assert_int_equal(token_mint(&(struct token_signer){ "two", TOKEN_HS512,
					NULL, signers[1].secret },
			     &in, token),
	    ST_OK);
	assert_int_equal(verify_with(&ring, token, NOW_US), ST_MALFORMED);
}

/* The public key of an Ed25519 pair is no secret of HS256. */
static void
test_public_key_as_secret_is_refused(void **state)
{
	struct token_signer ours = token_keys_signer(keys);
	struct token_ring ring = token_keys_ring(&ours);
	struct token_signer liar = { .algorithm = TOKEN_HS256,
		.secret = { seal_keypair_public(keys), SEAL_PUBLIC_SIZE } };
	struct token_claims in = claims_of();
	char token[TOKEN_MAX + 1];

	(void)state;
	memcpy(liar.key_id, ours.key_id, sizeof(liar.key_id));
	assert_int_equal(token_mint(&liar, &in, token), ST_OK);
	assert_int_equal(verify_with(&ring, token, NOW_US), ST_MALFORMED);
}

static void
test_ring_refuses_what_is_no_key(void **state)
{
	struct token_signer s = secret_signer(TOKEN_HS512, "k");
	struct token_key key = token_keys_of(&s);
	struct token_ring ring = { .count = 7 };

	(void)state;
	key.verifier.size = 63;
	assert_int_equal(token_ring_fill(&ring, &key, 1), ST_MALFORMED);
	key.algorithm = TOKEN_HS256;
	assert_int_equal(token_ring_fill(&ring, &key, 1), ST_OK);
	key.verifier.size = 31;
	assert_int_equal(token_ring_fill(&ring, &key, 1), ST_MALFORMED);
	key.algorithm = TOKEN_EDDSA;
	assert_int_equal(token_ring_fill(&ring, &key, 1), ST_MALFORMED);
	key.verifier.size = SEAL_PUBLIC_SIZE;
	key.key_id = " ";
	assert_int_equal(token_ring_fill(&ring, &key, 1), ST_MALFORMED);
	assert_int_equal(ring.count, 1);
	assert_int_equal(
	    token_ring_fill(&ring, &key, TOKEN_KEYS_MAX + 1), ST_FULL);
}

static void
test_texts_that_are_no_token_are_refused(void **state)
{
	static const char *const texts[] = { "", ".", "..", "...", "a.b.c",
		"a.b", "Bearer x", "e30.e30.e30", "\xff.\xff.\xff" };
	char token[TOKEN_MAX + 1];
	char longer[TOKEN_MAX + 8];
	struct token_claims in = claims_of();

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(verify(texts[i]), ST_MALFORMED);
	assert_int_equal(mint(&in, token), ST_OK);
	snprintf(longer, sizeof(longer), "%s=", token);
	assert_int_equal(verify(longer), ST_MALFORMED);
	snprintf(longer, sizeof(longer), "%s.", token);
	assert_int_equal(verify(longer), ST_MALFORMED);
	snprintf(longer, sizeof(longer), " %s", token);
	assert_int_equal(verify(longer), ST_MALFORMED);
	memset(longer, 'A', TOKEN_MAX + 1);
	longer[10] = longer[20] = '.';
	longer[TOKEN_MAX + 1] = '\0';
	assert_int_equal(verify(longer), ST_MALFORMED);
}

static void
test_longest_names_fit_and_longer_ones_are_refused(void **state)
{
	char token[TOKEN_MAX + 1] = "untouched";
	char name[TOKEN_MAX];
	struct token_claims in = claims_of();
	struct token_claims out;

	(void)state;
	/* The worst name there is: each byte becomes six in JSON. */
	memset(name, '\x01', sizeof(name) - 1);
	name[sizeof(name) / 6] = '\0';
	in.username = name;
	assert_int_equal(mint(&in, token), ST_FULL);
	assert_string_equal(token, "untouched");
	name[USERNAME_MAX] = '\0';
	assert_int_equal(mint(&in, token), ST_OK);
	assert_int_equal(verify_at(token, NOW_US, &out), ST_OK);
	assert_string_equal(out.username, name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_minted_verifies),
		cmocka_unit_test(test_token_dies_when_exp_has_come),
		cmocka_unit_test(
		    test_token_from_the_future_is_refused_past_the_skew),
		cmocka_unit_test(test_no_bit_can_be_changed),
		cmocka_unit_test(test_other_algorithms_are_refused),
		cmocka_unit_test(
		    test_claims_that_are_missing_or_wrong_are_refused),
		cmocka_unit_test(test_another_key_does_not_fit),
		cmocka_unit_test(test_ring_of_three_algorithms),
		cmocka_unit_test(test_public_key_as_secret_is_refused),
		cmocka_unit_test(test_ring_refuses_what_is_no_key),
		cmocka_unit_test(test_texts_that_are_no_token_are_refused),
		cmocka_unit_test(
		    test_longest_names_fit_and_longer_ones_are_refused),
	};

	return cmocka_run_group_tests(tests, token_setup, token_teardown);
}
