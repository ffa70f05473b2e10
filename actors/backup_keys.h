/*
 * backup_keys - the keys that sign and seal backups.
 *
 * A key is one file of 32 random bytes in a folder that is not in the backup
 * root: NAME.key, hex and a newline, mode 0600.  Its id is made of it, so a
 * wrong file is known.  From it come a signing pair (Ed25519) and a sealing
 * key (secretstream), by libsodium's key derivation.  The newest file is the
 * one used from now on; the others still open what they have sealed.  To
 * rotate is to add a file; to revoke is to take one away.
 *
 * Secrets lie in guarded memory.  Bounds: BACKUP_KEYS_MAX.  Read-only once
 * loaded; any thread.
 */
#ifndef ACTORS_BACKUP_KEYS_H
#define ACTORS_BACKUP_KEYS_H

#include "actors/backup_entries.h"

#define BACKUP_KEYS_MAX 64

struct backup_keys;
struct backup_key;

/*
 * Makes the folder, and a first key if make is true and there is none; makes
 * no folder otherwise.  DENIED if others could read one, CORRUPT if one is
 * no key; why of BACKUP_WHY_SIZE names it.
 */
MUST_CHECK enum status backup_keys_load(const char *folder, bool make,
    struct backup_keys **ret_keys, char *ret_why);
void backup_keys_destroy(struct backup_keys *k); /* NULL is fine */

/* A new one, the newest from the next load on.  FULL: there are
 * BACKUP_KEYS_MAX; or as load. */
MUST_CHECK enum status backup_keys_add(
    const char *folder, char ret_id[BACKUP_KEY_ID_MAX + 1]);

/* NULL: none. */
const struct backup_key *backup_keys_newest(const struct backup_keys *k);
const struct backup_key *backup_keys_find(
    const struct backup_keys *k, const char *id);
const char *backup_key_id(const struct backup_key *key);
/* 32 bytes for secretstream. */
const uint8_t *backup_key_sealing(const struct backup_key *key);

/* Sets signed_by and signature. */
MUST_CHECK enum status backup_keys_sign(
    const struct backup_key *key, struct backup_facts *f);

enum backup_trust backup_keys_trust(
    const struct backup_keys *k, const struct backup_facts *f);
/* Of each of them; without keys none is signed. */
void backup_keys_prove(
    const struct backup_keys *k, struct backup_entry *entries, size_t count);

#endif
