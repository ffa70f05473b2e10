#include "actors/replica_batch.h"

static const char *
replica_batch_text(struct replica_batch *b, const struct uuid *id)
{
	char *text = b->texts[b->texts_count++];

	id_text(id, text);
	return text;
}

static void
replica_batch_add_account(
    struct replica_batch *b, const struct account_row *row)
{
	b->accounts[b->accounts_count++] = (struct account){
		.user_id = replica_batch_text(b, &row->row.id),
		.username = row->username,
		.role = (enum role)row->role,
		.must_change_password = row->must_change_password,
		.password_sig = row->password_sig,
		.gone = row->gone,
	};
}

static void
replica_batch_add_revoked(
    struct replica_batch *b, const struct revoked_row *row)
{
	const char *id = replica_batch_text(b, &row->row.id);

	if (row->unsettled)
		b->unsettled[b->unsettled_count++] = id;
	b->revoked[b->revoked_count++] = (struct revocation){
		.session_id = id,
		.user_id = replica_batch_text(b, &row->user_id),
		.expires_at = row->expires_at,
	};
}

static void
replica_batch_add_key(struct replica_batch *b, const struct key_row *row)
{
	b->api_keys[b->api_keys_count++] = (struct known_key){
		.key_id = replica_batch_text(b, &row->row.id),
		.user_id = replica_batch_text(b, &row->user_id),
		.digest = { row->digest, sizeof(row->digest) },
		.scope = (enum key_scope)row->scope,
		.expires_at = row->expires_at,
	};
}

/* One that is no more. */
static void
replica_batch_add_gone_key(struct replica_batch *b, const struct uuid *id)
{
	static const uint8_t none[SEAL_DIGEST_SIZE];

	b->api_keys[b->api_keys_count++] = (struct known_key){
		.key_id = replica_batch_text(b, id),
		.user_id = "",
		.digest = { none, sizeof(none) },
		.gone = true,
	};
}

/* As things are now: what was pruned since it was revoked is left out. */
static void
replica_batch_add(
    struct replica_batch *b, const struct registry *s, const struct change *c)
{
	const void *row;

	switch (c->kind) {
	case CHANGE_ACCOUNT:
		row = table_find(&s->accounts, &c->id);
		if (row != NULL)
			replica_batch_add_account(b, row);
		return;
	case CHANGE_REVOKED:
		row = table_find(&s->revoked, &c->id);
		if (row != NULL)
			replica_batch_add_revoked(b, row);
		return;
	case CHANGE_PRUNED:
		b->pruned[b->pruned_count++] = replica_batch_text(b, &c->id);
		return;
	case CHANGE_KEY:
		row = table_find(&s->api_keys, &c->id);
		if (row != NULL)
			replica_batch_add_key(b, row);
		else
			replica_batch_add_gone_key(b, &c->id);
		return;
	case CHANGE_KEYS:
		b->keys_count = keyring_verifiers(s->keys, b->keys);
		return;
	}
}

void
replica_batch_fill(struct replica_batch *b, const struct registry *s,
    struct member *m, uint64_t until)
{
	const struct replica *r = &s->replica;

	b->accounts_count = b->revoked_count = b->api_keys_count = 0;
	b->pruned_count = b->texts_count = b->keys_count = 0;
	b->unsettled_count = 0;
	m->sent = m->acked;
	while (m->sent < until && m->sent - m->acked < REPLICA_PAGE_MAX) {
		m->sent++;
		replica_batch_add(b, s, &r->changes[m->sent % CHANGES_MAX]);
	}
}

bool
replica_batch_read_accounts(
    struct replica_batch *b, const struct table *t, const struct uuid *after)
{
	const struct account_row *row = table_after(t, after);

	while (row != NULL && b->accounts_count < REPLICA_PAGE_MAX) {
		replica_batch_add_account(b, row);
		row = table_after(t, &row->row.id);
	}
	return row != NULL;
}

bool
replica_batch_read_revoked(
    struct replica_batch *b, const struct table *t, const struct uuid *after)
{
	const struct revoked_row *row = table_after(t, after);

	while (row != NULL && b->revoked_count < REPLICA_PAGE_MAX) {
		replica_batch_add_revoked(b, row);
		row = table_after(t, &row->row.id);
	}
	return row != NULL;
}

bool
replica_batch_read_keys(
    struct replica_batch *b, const struct table *t, const struct uuid *after)
{
	const struct key_row *row = table_after(t, after);

	while (row != NULL && b->api_keys_count < REPLICA_PAGE_MAX) {
		replica_batch_add_key(b, row);
		row = table_after(t, &row->row.id);
	}
	return row != NULL;
}
