/*
 * Any text as a token.  Only what this program signed may pass, so whatever
 * passes must be byte for byte what was minted.  Inputs that begin with '!'
 * are claims, signed here: they reach the reading of claims.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/base64url.h"
#include "runtime/token.h"
#include "tests/fuzz/fuzz.h"
#include "tests/token_keys.h"

#define FUZZ_NOW_US INT64_C(1775210400000000)
#define FUZZ_HEADER "{\"alg\":\"EdDSA\",\"kid\":\"%s\"}"
#define FUZZ_HEADER_SIZE 96
#define FUZZ_JSON_MAX 1024

static struct seal_keypair *
fuzz_keys(void)
{
	static const uint8_t seed[SEAL_SEED_SIZE] = { 42 };
	static struct seal_keypair *keys;

	if (keys == NULL) {
		enum status st = seal_start();

		assert(st == ST_OK);
		st = seal_keypair_create(seed, &keys);
		assert(st == ST_OK);
	}
	return keys;
}

/* A token that says these bytes, well signed. */
static void
fuzz_sign(const uint8_t *json, size_t size, char *ret_token)
{
	uint8_t signature[SEAL_SIGNATURE_SIZE];
	struct token_signer s = token_keys_signer(fuzz_keys());
	char header[FUZZ_HEADER_SIZE];
	size_t header_size =
	    (size_t)snprintf(header, sizeof(header), FUZZ_HEADER, s.key_id);
	size_t used = BASE64URL_TEXT_SIZE(header_size);

	base64url_encode(header, header_size, ret_token);
	ret_token[used++] = '.';
	base64url_encode(json, size, ret_token + used);
	used += BASE64URL_TEXT_SIZE(size);
	seal_sign(fuzz_keys(),
	    (struct bytes){ (const uint8_t *)ret_token, used }, signature);
	ret_token[used++] = '.';
	base64url_encode(signature, sizeof(signature), ret_token + used);
	ret_token[used + BASE64URL_TEXT_SIZE(sizeof(signature))] = '\0';
}

static void
fuzz_verify(const char *token, bool may_pass)
{
	static unsigned char room[TOKEN_ROOM];
	struct arena a = { room, sizeof(room), 0 };
	const struct token_claims *claims = NULL;
	struct token_signer s = token_keys_signer(fuzz_keys());
	struct token_ring ring = token_keys_ring(&s);
	enum status st = token_verify(&ring, token, FUZZ_NOW_US, &a, &claims);

	assert(may_pass || (st != ST_OK && st != ST_EXPIRED));
	assert((st == ST_OK) == (claims != NULL));
	if (claims != NULL)
		assert(strlen(claims->jti) == 32 && claims->sub[0] != '\0' &&
		       claims->exp > claims->iat);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char token[2 * TOKEN_MAX];
	char *text;

	if (size > 0 && data[0] == '!' && size - 1 <= FUZZ_JSON_MAX) {
		fuzz_sign(data + 1, size - 1, token);
		fuzz_verify(token, true);
		return 0;
	}
	text = calloc(1, size + 1);
	assert(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	fuzz_verify(text, false);
	free(text);
	return 0;
}
