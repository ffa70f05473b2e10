/*
 * password - Argon2id strings: made, compared, and told apart.
 *
 * At least opslimit 3 and memlimit 64 MiB, by libsodium.  Making and
 * comparing take a tenth of a second: they are work for WORK_CPU, and touch
 * nothing but their struct.  Any thread.
 */
#ifndef ACTORS_PASSWORD_H
#define ACTORS_PASSWORD_H

#include <assert.h>
#include <stdbool.h>

#include "protocols/messages.h"

#define PASSWORD_OPSLIMIT 3
#define PASSWORD_MEMLIMIT (64u << 20) /* bytes */
/* 97 characters at these limits, 102 at the greatest that Argon2 has. */
#define PASSWORD_HASH_SIZE 112

/* Lives in the data of an op, so that a worker may outlast the request. */
struct credential {
	char password[PASSWORD_MAX + 1];
	char hash[PASSWORD_HASH_SIZE];
	bool good; /* the outcome */
};

/* Takes the password; its hash is the dummy until one is set. */
void credential_init(struct credential *c, const char *password);
/* False, and the dummy stays, if hash is no string we could compare. */
bool credential_use(struct credential *c, const char *hash);
void credential_wipe(struct credential *c);

/* work_fn of a struct credential; both end by wiping the password. */
void credential_check(void *credential); /* good: it fits the hash */
void credential_hash(void *credential);  /* good: hash is made */

/* At least min characters of well-formed text. */
bool password_is_long(const char *password, uint64_t min);

/* What a token carries of the stored hash: dies with the password. */
void password_sig(const char *hash, char ret_sig[PASSWORD_SIG_MAX + 1]);

#endif
