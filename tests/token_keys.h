/* token_keys - one key pair as a signer, a ring and what gateways hear. */
#ifndef TESTS_TOKEN_KEYS_H
#define TESTS_TOKEN_KEYS_H

#include <string.h>

#include "runtime/token.h"

static inline struct token_signer
token_keys_signer(const struct seal_keypair *pair)
{
	struct token_signer s = { .algorithm = TOKEN_EDDSA, .pair = pair };

	token_key_id(seal_keypair_public(pair), s.key_id);
	return s;
}

/* key_id points into s, which must outlive it. */
static inline struct token_key
token_keys_of(const struct token_signer *s)
{
	return (struct token_key){ .key_id = s->key_id,
		.algorithm = s->algorithm,
		.verifier = s->pair == NULL
				? s->secret
				: (struct bytes){ seal_keypair_public(s->pair),
				      SEAL_PUBLIC_SIZE } };
}

/* Empty if the key does not make one. */
static inline struct token_ring
token_keys_ring(const struct token_signer *s)
{
	struct token_key key = token_keys_of(s);
	struct token_ring ring = { .count = 0 };

	if (token_ring_fill(&ring, &key, 1) != ST_OK)
		ring.count = 0;
	return ring;
}

#endif
