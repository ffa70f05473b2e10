#include "actors/replica.h"

#include "actors/registry.h"
#include "actors/replica_batch.h"
#include "runtime/base/log.h"

#define BEAT_US (REPLICA_BEAT_MS * 1000u)
#define LEASE_US (REPLICA_LEASE_MS * 1000u)

/* What an op that tells one member keeps. */
struct telling {
	struct member *to;
	uint64_t joined; /* a later join has nothing to do with it */
};

static struct replica *
replica_of(struct actor *self)
{
	return &((struct registry *)actor_state(self))->replica;
}

/* What every gateway has applied. */
static uint64_t
replica_applied(const struct replica *r)
{
	uint64_t least = r->head;

	for (size_t i = 0; i < GATEWAYS_MAX; i++) {
		const struct member *m = &r->gateways[i];

		if (m->joined != 0 && m->acked < least)
			least = m->acked;
	}
	return least;
}

static enum status
replica_release(struct actor *self)
{
	struct replica *r = replica_of(self);
	struct list *first;
	enum status st = ST_OK;

	while (st == ST_OK && (first = list_first(&r->waiting)) != NULL) {
		struct replica_wait *w =
		    LIST_OF(first, struct replica_wait, link);

		if (w->change > r->tickets.acked)
			break;
		list_remove(&w->link);
		op_resume(w->op);
		st = w->then(self, w->op, true);
	}
	return st;
}

/* No beats and no changes any more: its lease is all it has. */
static void
member_become_silent(struct member *m, const char *why)
{
	m->silent = true;
	LOG(REPLICA_SILENT, KU("gateway", m->address), KV("why", why));
}

static void
member_leave(struct member *m)
{
	LOG(REPLICA_LOST, KU("gateway", m->address));
	*m = (struct member){ .address = m->address, .is_stranger = true };
}

/* An op that asks m; NULL: not now, the next beat tries again. */
static struct op *
member_begin(struct actor *self, struct member *m)
{
	struct op *op = op_open(self, NULL);
	struct telling *t;

	if (op == NULL)
		return NULL;
	t = op_data(op);
	t->to = m;
	t->joined = m->joined;
	m->in_flight = true;
	m->sent_at_us = actor_now_us(self);
	return op;
}

/* The member an answer is from; NULL if it has joined anew since. */
static struct member *
member_end(struct op *op)
{
	struct telling t = *(struct telling *)op_data(op);

	(void)OP_REPLY(op, done, .nothing = 0);
	if (t.to->joined != t.joined)
		return NULL;
	t.to->in_flight = false;
	return t.to;
}

/*
 * A ticket-store that refuses has lost its tickets with its memory, or drops
 * what it does not know: there is nothing to repeat.
 */
static enum status
replica_on_dropped(struct actor *self, struct op *op, const struct msg *reply)
{
	struct member *m = member_end(op);

	(void)reply;
	if (m == NULL)
		return ST_OK;
	m->acked = m->sent;
	return replica_go_on(self);
}

static enum status
replica_tell_tickets(struct actor *self)
{
	struct registry *s = actor_state(self);
	struct member *m = &s->replica.tickets;
	uint64_t until = replica_applied(&s->replica);
	const char *ids[REPLICA_PAGE_MAX];
	struct replica_batch b;
	struct op *op;

	while (!m->in_flight && m->acked < until) {
		replica_batch_fill(&b, s, m, until);
		if (b.revoked_count == 0) {
			m->acked = m->sent;
			continue;
		}
		op = member_begin(self, m);
		if (op == NULL)
			return ST_OK;
		for (uint32_t i = 0; i < b.revoked_count; i++)
			ids[i] = b.revoked[i].session_id;
		return OP_ASK(op, m->address, ticket_drop, replica_on_dropped,
		    .session_ids = ids, .session_ids_count = b.revoked_count);
	}
	return ST_OK;
}

static enum status
replica_on_applied(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct refused *why = reply->body;
	struct member *m = member_end(op);

	if (m == NULL)
		return ST_OK;
	if (reply->id == MSG_refused)
		member_become_silent(m, status_name((enum status)why->status));
	else
		m->acked = m->sent;
	return replica_go_on(self);
}

static enum status
replica_tell_gateway(struct actor *self, struct member *m)
{
	struct registry *s = actor_state(self);
	struct replica_batch b;
	struct op *op;

	if (m->joined == 0 || m->silent || m->in_flight ||
	    m->acked == s->replica.head)
		return ST_OK;
	op = member_begin(self, m);
	if (op == NULL)
		return ST_OK;
	replica_batch_fill(&b, s, m, s->replica.head);
	return OP_ASK(op, m->address, replica_change, replica_on_applied,
	    .epoch = s->replica.epoch, .accounts = b.accounts,
	    .accounts_count = b.accounts_count, .revoked = b.revoked,
	    .revoked_count = b.revoked_count, .pruned = b.pruned,
	    .pruned_count = b.pruned_count, .keys = b.keys,
	    .keys_count = b.keys_count, .api_keys = b.api_keys,
	    .api_keys_count = b.api_keys_count, .unsettled = b.unsettled,
	    .unsettled_count = b.unsettled_count);
}

enum status
replica_go_on(struct actor *self)
{
	struct replica *r = replica_of(self);
	enum status st = ST_OK;

	for (size_t i = 0; st == ST_OK && i < GATEWAYS_MAX; i++)
		st = replica_tell_gateway(self, &r->gateways[i]);
	if (st == ST_OK)
		st = replica_tell_tickets(self);
	return st == ST_OK ? replica_release(self) : st;
}

/* An answer that is late by a beat may not come at all. */
static bool
member_is_late(const struct member *m, uint64_t now_us)
{
	return m->silent || (m->in_flight && now_us - m->sent_at_us >= BEAT_US);
}

static void
member_beat(struct actor *self, struct member *m, uint64_t epoch)
{
	uint64_t now_us = actor_now_us(self);

	if (m->is_stranger)
		(void)SEND(self, m->address, replica_beat, .epoch = 0);
	if (m->joined == 0)
		return;
	if (!member_is_late(m, now_us) &&
	    SEND(self, m->address, replica_beat, .epoch = epoch) == ST_OK)
		m->lease_until_us = now_us + LEASE_US;
	else if (now_us >= m->lease_until_us)
		member_leave(m);
}

static enum status
replica_on_beat(struct actor *self, struct timer *t)
{
	struct replica *r = replica_of(self);

	timer_start(self, t, BEAT_US, replica_on_beat);
	for (size_t i = 0; i < GATEWAYS_MAX; i++)
		member_beat(self, &r->gateways[i], r->epoch);
	return replica_go_on(self);
}

/*
 * Every gateway may still let people in on the word of the registry that was
 * here before: its lease has to run out, unless it joins us first.
 */
static void
replica_expect_gateways(struct actor *self)
{
	struct replica *r = replica_of(self);
	uint32_t shards = actor_shards(self, ACTOR_NUMBER(gateway));

	for (uint32_t i = 0; i < shards && i < GATEWAYS_MAX; i++)
		r->gateways[i] = (struct member){ .address = actor_find(self,
						      ACTOR_NUMBER(gateway), i),
			.joined = ++r->joins,
			.is_stranger = true,
			.silent = true,
			.lease_until_us = actor_now_us(self) + LEASE_US };
}

void
replica_open(struct actor *self)
{
	struct replica *r = replica_of(self);

	while (r->epoch == 0)
		actor_random(self, &r->epoch, sizeof(r->epoch));
	r->tickets.address = actor_find(self, ACTOR_NUMBER(ticket_store), 0);
	list_init(&r->waiting);
	replica_expect_gateways(self);
	timer_start(self, &r->beat, 0, replica_on_beat);
}

bool
replica_has_room(const struct replica *r)
{
	return r->head - r->tickets.acked < CHANGES_MAX / 2;
}

enum status
replica_tell(struct replica *r, enum change_kind kind, const struct uuid *id)
{
	if (r->head - r->tickets.acked == CHANGES_MAX)
		return ST_FULL;
	r->head++;
	r->changes[r->head % CHANGES_MAX] =
	    (struct change){ .id = *id, .kind = kind };
	return ST_OK;
}

static enum status
replica_on_deadline(struct actor *self, struct op *op, const struct msg *why)
{
	struct replica_wait *w = op_data(op);

	(void)why;
	list_remove(&w->link);
	return w->then(self, op, false);
}

enum status
replica_wait_for(struct actor *self, struct op *op, replica_then_fn then)
{
	struct replica *r = replica_of(self);
	struct replica_wait *w = op_data(op);

	*w = (struct replica_wait){ .op = op, .change = r->head, .then = then };
	list_append(&r->waiting, &w->link);
	(void)op_keep(op, replica_on_deadline);
	return replica_go_on(self);
}

static struct member *
replica_member_for(struct replica *r, uint64_t address)
{
	struct member *vacant = NULL;

	for (size_t i = 0; i < GATEWAYS_MAX; i++) {
		struct member *m = &r->gateways[i];

		if (m->address == address)
			return m;
		if (m->joined == 0 && vacant == NULL)
			vacant = m;
	}
	return vacant;
}

static void
replica_say_joined(struct actor *self, const struct msg *in)
{
	struct registry *s = actor_state(self);
	struct token_key keys[TOKEN_KEYS_MAX];
	const struct keyring_key *first = keyring_signing(s->keys);
	struct bytes public_key = { NULL, 0 };
	uint32_t count = keyring_verifiers(s->keys, keys);

	if (first->pair != NULL)
		public_key = (struct bytes){ seal_keypair_public(first->pair),
			SEAL_PUBLIC_SIZE };
	(void)REPLY(self, in, replica_joined, .epoch = s->replica.epoch,
	    .public_key = public_key, .key_id = first->key_id, .keys = keys,
	    .keys_count = count,
	    .api_key_secret = { s->key_secret, sizeof(s->key_secret) });
}

enum status
replica_on_join(struct actor *self, const struct msg *in)
{
	struct registry *s = actor_state(self);
	struct replica *r = &s->replica;
	struct member *m;

	if (actor_number_of(in->from) != ACTOR_NUMBER(gateway))
		return REFUSE(self, in, FORBIDDEN, "only gateways follow");
	m = replica_member_for(r, in->from);
	if (m == NULL)
		return REFUSE(self, in, OVERLOADED, "too many gateways follow");
	*m = (struct member){ .address = in->from,
		.joined = ++r->joins,
		.acked = r->head,
		.sent = r->head,
		.lease_until_us = actor_now_us(self) + LEASE_US };
	LOG(REPLICA_JOINED, KU("gateway", in->from), KU("epoch", r->epoch));
	replica_say_joined(self, in);
	return replica_go_on(self);
}

static enum status
replica_on_agreed(struct actor *self, struct op *op, bool all)
{
	(void)self;
	return all ? OP_REPLY(op, done, .nothing = 0)
		   : OP_REFUSE(op, TIMEOUT, "a gateway is silent");
}

/*
 * A change of nobody: who has applied it is of this epoch.  With no room for
 * another, those that are on their way will do.
 */
enum status
replica_on_agree(struct actor *self, const struct msg *in)
{
	static const struct uuid nobody;
	struct op *op = op_open(self, in);

	if (op == NULL)
		return ST_OK;
	if (replica_tell(replica_of(self), CHANGE_ACCOUNT, &nobody) != ST_OK)
		LOG(REPLICA_OVERFLOW, KV("status", status_name(ST_FULL)));
	return replica_wait_for(self, op, replica_on_agreed);
}

/* The id to go on after; NULL for "", which is before the first. */
static bool
replica_cursor(const char *text, struct uuid *id, const struct uuid **ret_after)
{
	*ret_after = text[0] == '\0' ? NULL : id;
	return text[0] == '\0' || id_parse(text, id);
}

enum status
replica_on_read(struct actor *self, const struct msg *in)
{
	struct registry *s = actor_state(self);
	const struct replica_read *ask = in->body;
	const struct uuid *after_user;
	const struct uuid *after_session;
	const struct uuid *after_key;
	struct uuid ids[3];
	struct replica_batch b = { 0 };
	bool more;

	if (ask->epoch != s->replica.epoch)
		return REFUSE(self, in, CONFLICT, "another epoch: join again");
	if (!replica_cursor(ask->after_user, &ids[0], &after_user) ||
	    !replica_cursor(ask->after_session, &ids[1], &after_session) ||
	    !replica_cursor(ask->after_key, &ids[2], &after_key))
		return REFUSE(self, in, VALIDATION, "no such place to go on");
	more = replica_batch_read_accounts(&b, &s->accounts, after_user);
	more =
	    replica_batch_read_revoked(&b, &s->revoked, after_session) || more;
	more = replica_batch_read_keys(&b, &s->api_keys, after_key) || more;
	return REPLY(self, in, replica_page, .accounts = b.accounts,
	    .accounts_count = b.accounts_count, .revoked = b.revoked,
	    .revoked_count = b.revoked_count, .more = more,
	    .api_keys = b.api_keys, .api_keys_count = b.api_keys_count,
	    .unsettled = b.unsettled, .unsettled_count = b.unsettled_count);
}
