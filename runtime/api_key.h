/*
 * api_key - what an API key looks like, and what is kept of it.
 *
 *	trk_ID_SECRET     32 hex digits, 43 characters of base64url
 *
 * The id says which key it is and is no secret.  Kept is an HMAC-SHA-256 of
 * the whole text under a secret of the registry's, so that a database alone
 * lets nobody in.  There is no "." in a key: a token has two.  Stateless; any
 * thread.
 */
#ifndef RUNTIME_API_KEY_H
#define RUNTIME_API_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/seal.h"

#define API_KEY_PREFIX "trk_"
#define API_KEY_ID_SIZE 32
#define API_KEY_SECRET_TEXT 43
#define API_KEY_TEXT (4 + API_KEY_ID_SIZE + 1 + API_KEY_SECRET_TEXT)

/* False unless it is spelt exactly so. */
bool api_key_parse(const char *text, char ret_id[API_KEY_ID_SIZE + 1]);

void api_key_digest(const uint8_t secret[SEAL_SECRET_SIZE], const char *text,
    uint8_t ret_digest[SEAL_DIGEST_SIZE]);

#endif
