#include "gateway/replica.h"

#include <string.h>

#include "gateway/lookup.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

#define REPLICA_RETRY_US 50000 /* after a join that was refused */

struct revoked_entry {
	char session_id[SESSION_ID_MAX + 1];
	bool unsettled;
};

/* What the next page begins after. */
struct replica_cursor {
	char user[64 + 1];
	char session[SESSION_ID_MAX + 1];
	char key[32 + 1];
};

enum status
replica_init(struct replica *r, struct actor *self)
{
	uint64_t secret[2];

	r->self = self;
	r->lost_us = actor_now_us(self);
	actor_random(self, secret, sizeof(secret));
	r->accounts = lookup_create(
	    sizeof(struct account_entry), REPLICA_ACCOUNTS_MAX, secret);
	r->revoked = lookup_create(
	    sizeof(struct revoked_entry), REPLICA_REVOKED_MAX, secret);
	r->api_keys =
	    lookup_create(sizeof(struct key_entry), REPLICA_KEYS_MAX, secret);
	return r->accounts == NULL || r->revoked == NULL || r->api_keys == NULL
		   ? ST_NO_MEMORY
		   : ST_OK;
}

void
replica_fini(struct replica *r)
{
	lookup_destroy(r->accounts);
	lookup_destroy(r->revoked);
	lookup_destroy(r->api_keys);
	r->api_keys = NULL;
	r->accounts = NULL;
	r->revoked = NULL;
}

bool
replica_is_fresh(const struct replica *r)
{
	return r->complete && !r->overflowed &&
	       actor_now_us(r->self) - r->heard_us <
		   REPLICA_LEASE_MS * UINT64_C(1000);
}

bool
replica_is_coming(const struct replica *r)
{
	return !r->complete && !r->overflowed &&
	       actor_now_us(r->self) - r->lost_us < REPLICA_PATIENCE_US;
}

/* Of our epoch.  Too late is too late: only another join helps then. */
static void
replica_heard(struct replica *r)
{
	if (r->joining || replica_is_fresh(r))
		r->heard_us = actor_now_us(r->self);
}

bool
replica_is_revoked(const struct replica *r, const char *session_id)
{
	return lookup_find(r->revoked, session_id) != NULL;
}

bool
replica_is_unsettled(const struct replica *r, const char *session_id)
{
	const struct revoked_entry *e = lookup_find(r->revoked, session_id);

	return e != NULL && e->unsettled;
}

const struct account_entry *
replica_account(const struct replica *r, const char *user_id)
{
	return lookup_find(r->accounts, user_id);
}

struct key_entry *
replica_api_key(const struct replica *r, const char *key_id)
{
	return lookup_find(r->api_keys, key_id);
}

size_t
replica_revoked_count(const struct replica *r)
{
	return lookup_count(r->revoked);
}

/* What does not fit may not be forgotten: nobody gets in any more. */
static void
replica_kept(struct replica *r, enum status st)
{
	if (st == ST_OK || r->overflowed)
		return;
	r->overflowed = true;
	LOG(REPLICA_OVERFLOW, KV("status", status_name(st)));
}

static void
replica_put_account(struct replica *r, const struct account *a)
{
	struct account_entry e = { .role = a->role,
		.must_change_password = a->must_change_password,
		.gone = a->gone };

	if (!text_fit(e.user_id, sizeof(e.user_id), a->user_id)) {
		replica_kept(r, ST_FULL);
		return;
	}
	text_fit(e.username, sizeof(e.username), a->username);
	text_fit(e.password_sig, sizeof(e.password_sig), a->password_sig);
	replica_kept(r, lookup_put(r->accounts, &e));
}

static void
replica_put_revoked(struct replica *r, const struct revocation *v)
{
	struct revoked_entry e = { 0 };

	text_fit(e.session_id, sizeof(e.session_id), v->session_id);
	replica_kept(r, lookup_put(r->revoked, &e));
}

/* Of some that have just been put. */
static void
replica_unsettle(struct replica *r, const char *const *ids, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct revoked_entry *e = lookup_find(r->revoked, ids[i]);

		if (e != NULL)
			e->unsettled = true;
	}
}

/* What does not fit its fields matches nothing. */
static void
replica_put_key(struct replica *r, const struct known_key *k)
{
	struct key_entry e = { .scope = k->scope, .expires_at = k->expires_at };

	if (k->gone) {
		lookup_remove(r->api_keys, k->key_id);
		return;
	}
	if (k->digest.size != sizeof(e.digest) ||
	    !text_fit(e.key_id, sizeof(e.key_id), k->key_id) ||
	    !text_fit(e.user_id, sizeof(e.user_id), k->user_id))
		return;
	memcpy(e.digest, k->digest.at, sizeof(e.digest));
	replica_kept(r, lookup_put(r->api_keys, &e));
}

static enum status replica_on_page(
    struct actor *self, struct op *op, const struct msg *reply);

static struct replica *
replica_of(struct op *op)
{
	struct replica **r = op_data(op);

	return *r;
}

static uint64_t
replica_registry(const struct replica *r)
{
	return actor_find(r->self, ACTOR_NUMBER(session_registry), 0);
}

static enum status replica_on_retry(struct actor *self, struct timer *t);

static void
replica_retry(struct replica *r)
{
	timer_start(r->self, &r->retry, REPLICA_RETRY_US, replica_on_retry);
}

static enum status
replica_try_again(struct replica *r, struct op *op)
{
	replica_retry(r);
	return op_close(op);
}

static enum status
replica_ask_page(
    struct replica *r, struct op *op, const struct replica_cursor *after)
{
	op_within(op, ACTOR_ASK_US);
	return OP_ASK(op, replica_registry(r), replica_read, replica_on_page,
	    .epoch = r->epoch, .after_user = after->user,
	    .after_session = after->session, .after_key = after->key);
}

static enum status
replica_become_complete(struct replica *r)
{
	r->joining = false;
	r->complete = true;
	r->heard_us = actor_now_us(r->self);
	r->whole_us = r->heard_us;
	return r->on_ready(r->ctx);
}

static void
replica_take_page(struct replica *r, const struct replica_page *page,
    struct replica_cursor *ret_after)
{
	for (uint32_t i = 0; i < page->accounts_count; i++) {
		replica_put_account(r, &page->accounts[i]);
		text_fit(ret_after->user, sizeof(ret_after->user),
		    page->accounts[i].user_id);
	}
	for (uint32_t i = 0; i < page->revoked_count; i++) {
		replica_put_revoked(r, &page->revoked[i]);
		text_fit(ret_after->session, sizeof(ret_after->session),
		    page->revoked[i].session_id);
	}
	replica_unsettle(r, page->unsettled, page->unsettled_count);
	for (uint32_t i = 0; i < page->api_keys_count; i++) {
		replica_put_key(r, &page->api_keys[i]);
		text_fit(ret_after->key, sizeof(ret_after->key),
		    page->api_keys[i].key_id);
	}
}

static enum status
replica_on_page(struct actor *self, struct op *op, const struct msg *reply)
{
	struct replica *r = replica_of(op);
	struct replica_cursor *after =
	    (struct replica_cursor *)((struct replica **)op_data(op) + 1);
	const struct replica_page *page = reply->body;

	(void)self;
	if (reply->id != MSG_replica_page)
		return replica_try_again(r, op);
	replica_take_page(r, page, after);
	if (page->more) {
		struct replica_cursor next = *after;

		return replica_ask_page(r, op, &next);
	}
	(void)op_close(op);
	return replica_become_complete(r);
}

/* Keys that verify nothing we have kept can go; what is kept must not. */
static void
replica_take_keys(struct replica *r, const struct token_key *keys, uint32_t n)
{
	enum status st = token_ring_fill(&r->keys, keys, n);

	r->keys_life++;
	if (st != ST_OK) {
		r->keys.count = 0; /* nobody gets in by a key we cannot read */
		LOG(REPLICA_KEYS_INVALID, KV("status", status_name(st)));
	}
}

static enum status
replica_on_joined(struct actor *self, struct op *op, const struct msg *reply)
{
	struct replica *r = replica_of(op);
	const struct replica_joined *joined = reply->body;
	struct replica_cursor start = { 0 };

	(void)self;
	if (reply->id != MSG_replica_joined || joined->keys_count == 0)
		return replica_try_again(r, op);
	r->epoch = joined->epoch;
	replica_take_keys(r, joined->keys, joined->keys_count);
	lookup_clear(r->accounts);
	lookup_clear(r->revoked);
	lookup_clear(r->api_keys);
	memset(r->api_key_secret, 0, sizeof(r->api_key_secret));
	if (joined->api_key_secret.size == sizeof(r->api_key_secret))
		memcpy(r->api_key_secret, joined->api_key_secret.at,
		    sizeof(r->api_key_secret));
	r->overflowed = false;
	return replica_ask_page(r, op, &start);
}

void
replica_start(struct replica *r)
{
	struct op *op;
	struct replica **data;

	_Static_assert(
	    sizeof(void *) + sizeof(struct replica_cursor) <= OP_DATA_MAX,
	    "an op holds a cursor");
	if (r->joining)
		return;
	if (r->complete)
		r->lost_us = actor_now_us(r->self);
	r->joining = true;
	r->complete = false;
	op = op_open(r->self, NULL);
	if (op == NULL) {
		replica_retry(r);
		return;
	}
	data = op_data(op);
	*data = r;
	(void)OP_ASK(op, replica_registry(r), replica_join, replica_on_joined,
	    .nothing = 0);
}

static enum status
replica_on_retry(struct actor *self, struct timer *t)
{
	struct replica *r = LIST_OF(t, struct replica, retry);

	(void)self;
	r->joining = false;
	replica_start(r);
	return ST_OK;
}

void
replica_check(struct replica *r)
{
	if (r->complete && !r->overflowed && !replica_is_fresh(r))
		replica_start(r);
}

static void
replica_change_account(struct replica *r, const struct account *a)
{
	const struct account_entry *e = replica_account(r, a->user_id);
	bool password_changed =
	    e != NULL && strcmp(e->password_sig, a->password_sig) != 0;

	replica_put_account(r, a);
	e = replica_account(r, a->user_id);
	if (e != NULL)
		r->on_account(r->ctx, e, password_changed);
	if (a->gone)
		lookup_remove(r->accounts, a->user_id);
}

enum status
replica_on_change(struct replica *r, const struct msg *in)
{
	const struct replica_change *change = in->body;

	if (change->epoch != r->epoch)
		return REFUSE(r->self, in, CONFLICT, "another epoch");
	replica_heard(r);
	if (change->keys_count > 0)
		replica_take_keys(r, change->keys, change->keys_count);
	for (uint32_t i = 0; i < change->accounts_count; i++)
		replica_change_account(r, &change->accounts[i]);
	for (uint32_t i = 0; i < change->revoked_count; i++) {
		replica_put_revoked(r, &change->revoked[i]);
		r->on_revoked(r->ctx, change->revoked[i].session_id);
	}
	replica_unsettle(r, change->unsettled, change->unsettled_count);
	for (uint32_t i = 0; i < change->api_keys_count; i++) {
		replica_put_key(r, &change->api_keys[i]);
		if (change->api_keys[i].gone)
			r->on_key_gone(r->ctx, change->api_keys[i].key_id);
	}
	for (uint32_t i = 0; i < change->pruned_count; i++)
		lookup_remove(r->revoked, change->pruned[i]);
	return REPLY(r->self, in, done, .nothing = 0);
}

/*
 * "Join" may have been said before we did, and have waited in the mailbox
 * while we started.  A registry that means it says it with every beat.
 */
static bool
replica_heard_of_join_late(
    const struct replica *r, const struct replica_beat *beat)
{
	return beat->epoch == 0 && replica_is_fresh(r) &&
	       actor_now_us(r->self) - r->whole_us <
		   REPLICA_BEAT_MS * UINT64_C(1000);
}

/* A beat of another epoch: the registry has forgotten us. */
enum status
replica_on_beat(struct replica *r, const struct msg *in)
{
	const struct replica_beat *beat = in->body;

	if (beat->epoch == r->epoch && r->epoch != 0)
		replica_heard(r);
	else if (!replica_heard_of_join_late(r, beat))
		replica_start(r);
	return ST_OK;
}
