/*
 * safe - sensitive settings at rest: sealed with a key outside the store.
 *
 * A sealed text is SAFE_MARK and base64url of nonce and XSalsa20-Poly1305 box
 * (libsodium's secretbox); the setting's name is sealed with it, so that one
 * row cannot stand in for another.  The key is SAFE_FILE of the folder of
 * keys, mode 0600, made when the first text is sealed, and never made again
 * while sealed texts exist that it could not open.
 *
 * Memory: the key in guarded memory.  Threads: one.
 */
#ifndef ACTORS_SAFE_H
#define ACTORS_SAFE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/status.h"

#define SAFE_FILE "settings.key"
#define SAFE_MARK "sealed:1:"
#define SAFE_NONCE_SIZE 24
#define SAFE_KEY_SIZE 32
#define SAFE_TEXT_MAX 32768 /* that can be sealed, with its name */

struct safe {
	uint8_t *key;    /* guarded; NULL: none yet */
	char path[4352]; /* empty: in memory alone */
};

/* OK also without a file; DENIED, MALFORMED, IO: there is one, and it cannot
 * be used.  folder NULL: nothing is kept. */
MUST_CHECK enum status safe_open(struct safe *s, const char *folder);
void safe_close(struct safe *s);

/* Puts this key in place, in the file first; once. */
MUST_CHECK enum status safe_make_key(
    struct safe *s, const uint8_t key[SAFE_KEY_SIZE]);

bool safe_is_sealed(const char *text);

/* FULL if it does not fit; NOT_FOUND without a key. */
MUST_CHECK enum status safe_seal(const struct safe *s, const char *name,
    const char *text, const uint8_t nonce[SAFE_NONCE_SIZE], char *ret_sealed,
    size_t size);
/* DENIED: sealed with another key, or for another name; NOT_FOUND: no key. */
MUST_CHECK enum status safe_unseal(const struct safe *s, const char *name,
    const char *sealed, char *ret_text, size_t size);

#endif
