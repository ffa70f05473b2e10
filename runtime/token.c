#include "runtime/token.h"

#include <string.h>

#include "protocols/catalogue.h"
#include "protocols/json.h"
#include "runtime/base/base64url.h"
#include "runtime/base/text.h"

#define TOKEN_KIND "JWT"
#define TOKEN_SIGNATURE_MAX SEAL_MAC_MAX
#define SECOND_US 1000000
#define JTI_DIGITS 32

_Static_assert(SEAL_SIGNATURE_SIZE <= TOKEN_SIGNATURE_MAX, "either fits");
_Static_assert(SEAL_PUBLIC_SIZE <= TOKEN_VERIFIER_MAX, "either fits");

/* Where the three parts of a token begin and end. */
struct token_parts {
	struct bytes header;
	struct bytes claims;
	struct bytes signature;
	struct bytes text; /* what is signed: both, and the dot between */
};

void
token_key_id(const uint8_t public_key[SEAL_PUBLIC_SIZE],
    char ret_key_id[TOKEN_KEY_ID_MAX + 1])
{
	text_hex(public_key, TOKEN_KEY_ID_MAX / 2, ret_key_id);
}

const char *
token_algorithm_name(enum token_algorithm algorithm)
{
	switch (algorithm) {
	case TOKEN_EDDSA:
		return "EdDSA";
	case TOKEN_HS256:
		return "HS256";
	case TOKEN_HS512:
		return "HS512";
	}
	return NULL;
}

static enum seal_hash
token_hash(enum token_algorithm algorithm)
{
	return algorithm == TOKEN_HS256 ? SEAL_SHA256 : SEAL_SHA512;
}

size_t
token_secret_min(enum token_algorithm algorithm)
{
	return algorithm == TOKEN_EDDSA ? 0
					: seal_mac_size(token_hash(algorithm));
}

static bool
token_key_is_good(const struct token_key *k)
{
	if (text_is_blank(k->key_id) ||
	    token_algorithm_name(k->algorithm) == NULL)
		return false;
	if (k->algorithm == TOKEN_EDDSA)
		return k->verifier.size == SEAL_PUBLIC_SIZE;
	return k->verifier.size >= token_secret_min(k->algorithm) &&
	       k->verifier.size <= TOKEN_VERIFIER_MAX;
}

enum status
token_ring_fill(
    struct token_ring *ret_ring, const struct token_key *keys, uint32_t count)
{
	if (count > TOKEN_KEYS_MAX)
		return ST_FULL;
	for (uint32_t i = 0; i < count; i++)
		if (!token_key_is_good(&keys[i]))
			return ST_MALFORMED;
	memset(ret_ring, 0, sizeof(*ret_ring));
	for (uint32_t i = 0; i < count; i++) {
		struct token_verifier *v = &ret_ring->keys[i];

		(void)text_fit(v->key_id, sizeof(v->key_id), keys[i].key_id);
		v->algorithm = keys[i].algorithm;
		v->size = keys[i].verifier.size;
		v->until = keys[i].until;
		memcpy(v->bytes, keys[i].verifier.at, v->size);
	}
	ret_ring->count = count;
	return ST_OK;
}

/* Appends body as base64url of JSON; FULL at TOKEN_MAX. */
static enum status
token_write_part(
    const struct wire_type *type, const void *body, char *token, size_t *used)
{
	unsigned char json[TOKEN_MAX];
	struct wire_out out = { json, sizeof(json), 0 };
	enum status st = json_encode(type, 0, body, &out);

	if (st != ST_OK)
		return st;
	if (BASE64URL_TEXT_SIZE(out.used) > TOKEN_MAX - *used)
		return ST_FULL;
	base64url_encode(json, out.used, token + *used);
	*used += BASE64URL_TEXT_SIZE(out.used);
	return ST_OK;
}

static enum status
token_write_text(const struct token_header *header,
    const struct token_claims *claims, char *token, size_t *used)
{
	enum status st =
	    token_write_part(CATALOGUE_TYPE(token_header), header, token, used);

	if (st != ST_OK)
		return st;
	if (*used == TOKEN_MAX)
		return ST_FULL;
	token[(*used)++] = '.';
	return token_write_part(
	    CATALOGUE_TYPE(token_claims), claims, token, used);
}

/* The bytes of the signature, and how many. */
static size_t
token_sign(const struct token_signer *signer, struct bytes text,
    uint8_t ret_signature[TOKEN_SIGNATURE_MAX])
{
	if (signer->algorithm == TOKEN_EDDSA) {
		seal_sign(signer->pair, text, ret_signature);
		return SEAL_SIGNATURE_SIZE;
	}
	seal_mac(
	    token_hash(signer->algorithm), signer->secret, text, ret_signature);
	return seal_mac_size(token_hash(signer->algorithm));
}

enum status
token_mint(const struct token_signer *signer, const struct token_claims *claims,
    char ret_token[TOKEN_MAX + 1])
{
	uint8_t signature[TOKEN_SIGNATURE_MAX];
	char token[TOKEN_MAX + 1];
	struct token_header header = { token_algorithm_name(signer->algorithm),
		TOKEN_KIND, signer->key_id };
	struct token_claims all = *claims;
	size_t used = 0;
	size_t size;
	enum status st;

	all.iss = TOKEN_ISSUER;
	all.aud = TOKEN_AUDIENCE;
	st = token_write_text(&header, &all, token, &used);
	if (st != ST_OK)
		return st;
	size = token_sign(
	    signer, (struct bytes){ (const uint8_t *)token, used }, signature);
	if (TOKEN_MAX - used < BASE64URL_TEXT_SIZE(size) + 1)
		return ST_FULL;
	memcpy(ret_token, token, used);
	ret_token[used++] = '.';
	base64url_encode(signature, size, ret_token + used);
	ret_token[used + BASE64URL_TEXT_SIZE(size)] = '\0';
	return ST_OK;
}

/* Exactly two dots, and nothing longer than a token may be. */
static enum status
token_part(const char *token, struct token_parts *ret_parts)
{
	size_t size = strnlen(token, TOKEN_MAX + 1);
	const char *dot = strchr(token, '.');
	const char *second = dot == NULL ? NULL : strchr(dot + 1, '.');
	const uint8_t *at = (const uint8_t *)token;

	if (size > TOKEN_MAX || second == NULL ||
	    strchr(second + 1, '.') != NULL)
		return ST_MALFORMED;
	ret_parts->header = (struct bytes){ at, (size_t)(dot - token) };
	ret_parts->claims = (struct bytes){ (const uint8_t *)dot + 1,
		(size_t)(second - dot) - 1 };
	ret_parts->signature = (struct bytes){ (const uint8_t *)second + 1,
		size - (size_t)(second - token) - 1 };
	ret_parts->text = (struct bytes){ at, (size_t)(second - token) };
	return ST_OK;
}

/* Every way to be wrong is one to a caller. */
static enum status
token_read_part(const struct wire_type *type, unsigned flags, struct bytes part,
    struct arena *a, const void **ret_body)
{
	struct json_result result;
	uint8_t json[BASE64URL_BYTES_SIZE(TOKEN_MAX)];
	size_t size = BASE64URL_BYTES_SIZE(part.size);
	void *body = NULL;

	if (base64url_decode((const char *)part.at, part.size, json) != ST_OK ||
	    json_decode(type, flags, a, json, size, &body, &result) != ST_OK)
		return ST_MALFORMED;
	*ret_body = body;
	return ST_OK;
}

static const struct token_verifier *
token_ring_find(const struct token_ring *ring, const char *key_id)
{
	for (uint32_t i = 0; i < ring->count; i++)
		if (strcmp(ring->keys[i].key_id, key_id) == 0)
			return &ring->keys[i];
	return NULL;
}

/*
 * The key that must have signed.  Unknown fields are refused: one of them
 * could be `crit`.  What alg says is only compared with what the key is for.
 */
static enum status
token_find_key(const struct token_ring *ring, struct bytes part,
    struct arena *a, const struct token_verifier **ret_key)
{
	const struct token_verifier *key;
	const struct token_header *header;
	const void *body = NULL;

	if (token_read_part(CATALOGUE_TYPE(token_header), 0, part, a, &body) !=
	    ST_OK)
		return ST_MALFORMED;
	header = body;
	if (header->kid == NULL ||
	    (header->typ != NULL && strcmp(header->typ, TOKEN_KIND) != 0))
		return ST_MALFORMED;
	key = token_ring_find(ring, header->kid);
	if (key == NULL)
		return ST_DENIED;
	if (strcmp(header->alg, token_algorithm_name(key->algorithm)) != 0)
		return ST_MALFORMED;
	*ret_key = key;
	return ST_OK;
}

static bool
token_signature_holds(const struct token_verifier *key, struct bytes text,
    const uint8_t signature[TOKEN_SIGNATURE_MAX])
{
	uint8_t mac[SEAL_MAC_MAX];
	enum seal_hash hash = token_hash(key->algorithm);

	if (key->algorithm == TOKEN_EDDSA)
		return seal_verify(key->bytes, text, signature);
	seal_mac(hash, (struct bytes){ key->bytes, key->size }, text, mac);
	return seal_equal(mac, signature, seal_mac_size(hash));
}

static enum status
token_check_signature(
    const struct token_verifier *key, const struct token_parts *parts)
{
	uint8_t signature[TOKEN_SIGNATURE_MAX];
	size_t size = key->algorithm == TOKEN_EDDSA
			  ? SEAL_SIGNATURE_SIZE
			  : seal_mac_size(token_hash(key->algorithm));

	if (parts->signature.size != BASE64URL_TEXT_SIZE(size) ||
	    base64url_decode((const char *)parts->signature.at,
		parts->signature.size, signature) != ST_OK)
		return ST_MALFORMED;
	return token_signature_holds(key, parts->text, signature) ? ST_OK
								  : ST_DENIED;
}

static bool
token_is_jti(const char *text)
{
	return strlen(text) == JTI_DIGITS &&
	       strspn(text, "0123456789abcdef") == JTI_DIGITS;
}

static enum status
token_check_claims(const struct token_claims *c, int64_t wall_us)
{
	uint64_t now = wall_us < 0 ? 0 : (uint64_t)wall_us / SECOND_US;

	if (strcmp(c->iss, TOKEN_ISSUER) != 0 ||
	    strcmp(c->aud, TOKEN_AUDIENCE) != 0 || text_is_blank(c->sub) ||
	    !token_is_jti(c->jti))
		return ST_MALFORMED;
	if (c->exp <= c->iat || c->exp - c->iat > TOKEN_LIFE_MAX_S ||
	    (c->iat > now && c->iat - now > TOKEN_SKEW_S))
		return ST_MALFORMED;
	return c->exp <= now ? ST_EXPIRED : ST_OK;
}

enum status
token_verify(const struct token_ring *ring, const char *token, int64_t wall_us,
    struct arena *a, const struct token_claims **ret_claims)
{
	const struct token_verifier *key = NULL;
	struct token_parts parts;
	const void *claims = NULL;
	enum status st = token_part(token, &parts);

	if (st == ST_OK)
		st = token_find_key(ring, parts.header, a, &key);
	if (st == ST_OK)
		st = token_check_signature(key, &parts);
	if (st == ST_OK && key->until != 0 && key->until <= wall_us)
		st = ST_DENIED;
	if (st == ST_OK)
		st = token_read_part(CATALOGUE_TYPE(token_claims),
		    JSON_IGNORE_UNKNOWN, parts.claims, a, &claims);
	if (st == ST_OK)
		st = token_check_claims(claims, wall_us);
	if (st == ST_OK)
		*ret_claims = claims;
	return st;
}
