#include "runtime/token.h"

#include <string.h>

#include "protocols/catalogue.h"
#include "protocols/json.h"
#include "runtime/base/base64url.h"
#include "runtime/base/text.h"

#define TOKEN_ALGORITHM "EdDSA"
#define TOKEN_KIND "JWT"
#define TOKEN_SIGNATURE_TEXT BASE64URL_TEXT_SIZE(SEAL_SIGNATURE_SIZE)
#define SECOND_US 1000000
#define JTI_DIGITS 32

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

enum status
token_mint(const struct seal_keypair *keys, const struct token_claims *claims,
    char ret_token[TOKEN_MAX + 1])
{
	uint8_t signature[SEAL_SIGNATURE_SIZE];
	char token[TOKEN_MAX + 1];
	char key_id[TOKEN_KEY_ID_MAX + 1];
	struct token_header header = { TOKEN_ALGORITHM, TOKEN_KIND, key_id };
	struct token_claims all = *claims;
	size_t used = 0;
	enum status st;

	all.iss = TOKEN_ISSUER;
	all.aud = TOKEN_AUDIENCE;
	token_key_id(seal_keypair_public(keys), key_id);
	st = token_write_text(&header, &all, token, &used);
	if (st != ST_OK)
		return st;
	if (TOKEN_MAX - used < TOKEN_SIGNATURE_TEXT + 1)
		return ST_FULL;
	seal_sign(
	    keys, (struct bytes){ (const uint8_t *)token, used }, signature);
	memcpy(ret_token, token, used);
	ret_token[used++] = '.';
	base64url_encode(signature, sizeof(signature), ret_token + used);
	ret_token[used + TOKEN_SIGNATURE_TEXT] = '\0';
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

/* Unknown fields are refused: one of them could be `crit`. */
static enum status
token_check_header(const uint8_t public_key[SEAL_PUBLIC_SIZE],
    struct bytes part, struct arena *a)
{
	char key_id[TOKEN_KEY_ID_MAX + 1];
	const struct token_header *header;
	const void *body = NULL;

	if (token_read_part(CATALOGUE_TYPE(token_header), 0, part, a, &body) !=
	    ST_OK)
		return ST_MALFORMED;
	header = body;
	if (strcmp(header->alg, TOKEN_ALGORITHM) != 0 ||
	    (header->typ != NULL && strcmp(header->typ, TOKEN_KIND) != 0))
		return ST_MALFORMED;
	token_key_id(public_key, key_id);
	return header->kid == NULL || strcmp(header->kid, key_id) == 0
		   ? ST_OK
		   : ST_DENIED;
}

static enum status
token_check_signature(
    const uint8_t public_key[SEAL_PUBLIC_SIZE], const struct token_parts *parts)
{
	uint8_t signature[SEAL_SIGNATURE_SIZE];

	if (parts->signature.size != TOKEN_SIGNATURE_TEXT ||
	    base64url_decode((const char *)parts->signature.at,
		parts->signature.size, signature) != ST_OK)
		return ST_MALFORMED;
	return seal_verify(public_key, parts->text, signature) ? ST_OK
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
token_verify(const uint8_t public_key[SEAL_PUBLIC_SIZE], const char *token,
    int64_t wall_us, struct arena *a, const struct token_claims **ret_claims)
{
	struct token_parts parts;
	const void *claims = NULL;
	enum status st = token_part(token, &parts);

	if (st == ST_OK)
		st = token_check_header(public_key, parts.header, a);
	if (st == ST_OK)
		st = token_check_signature(public_key, &parts);
	if (st == ST_OK)
		st = token_read_part(CATALOGUE_TYPE(token_claims),
		    JSON_IGNORE_UNKNOWN, parts.claims, a, &claims);
	if (st == ST_OK)
		st = token_check_claims(claims, wall_us);
	if (st == ST_OK)
		*ret_claims = claims;
	return st;
}
