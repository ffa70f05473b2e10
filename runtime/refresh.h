/*
 * refresh - refresh tokens: a session and a generation under a MAC.
 *
 *   base64url( session id, 16 bytes | generation, 8 | HMAC-SHA-256, 32 )
 *
 * Whoever does not hold the secret can neither make one nor guess one; the
 * same session and generation make the same token, so that two who race get
 * one successor.  Which generation is good is the store's to say.
 *
 * Threads: any
 */
#ifndef RUNTIME_REFRESH_H
#define RUNTIME_REFRESH_H

#include "protocols/messages.h"
#include "runtime/base/bytes.h"
#include "runtime/seal.h"

#define REFRESH_BYTES (16 + 8 + 32)
#define REFRESH_TEXT 75 /* characters, without the NUL */

void refresh_mint(struct bytes secret, const struct uuid *session_id,
    uint64_t generation, char ret_token[REFRESH_TEXT + 1]);

/* DENIED: not made with that secret.  MALFORMED: no token at all. */
MUST_CHECK enum status refresh_verify(struct bytes secret, const char *token,
    struct uuid *ret_session_id, uint64_t *ret_generation);

#endif
