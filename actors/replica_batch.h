/*
 * replica_batch - accounts and revocations on their way into one message.
 *
 * Its lists point into itself and into the registry's rows: encode before
 * anything changes.  On the stack of whoever sends.
 */
#ifndef ACTORS_REPLICA_BATCH_H
#define ACTORS_REPLICA_BATCH_H

#include "actors/registry.h"

struct replica_batch {
	struct account accounts[REPLICA_PAGE_MAX];
	struct revocation revoked[REPLICA_PAGE_MAX];
	struct known_key api_keys[REPLICA_PAGE_MAX];
	const char *pruned[REPLICA_PAGE_MAX];
	const char *unsettled[REPLICA_PAGE_MAX];
	uint32_t accounts_count;
	uint32_t revoked_count;
	uint32_t api_keys_count;
	uint32_t pruned_count;
	uint32_t unsettled_count;
	struct token_key keys[TOKEN_KEYS_MAX];
	uint32_t keys_count; /* 0: they have not changed */
	uint32_t texts_count;
	char texts[5 * REPLICA_PAGE_MAX][ID_TEXT + 1];
};

/* The changes from m->acked to until, or as many as one message holds. */
void replica_batch_fill(struct replica_batch *b, const struct registry *s,
    struct member *m, uint64_t until);

/* Rows after an id, NULL: from the first.  False: these were the last. */
bool replica_batch_read_accounts(
    struct replica_batch *b, const struct table *t, const struct uuid *after);
bool replica_batch_read_revoked(
    struct replica_batch *b, const struct table *t, const struct uuid *after);
bool replica_batch_read_keys(
    struct replica_batch *b, const struct table *t, const struct uuid *after);

#endif
