#include "actors/ticket_store.h"

#include <sodium.h>
#include <string.h>

#include "actors/memo.h"
#include "actors/table.h"
#include "runtime/base/base64url.h"
#include "runtime/base/list.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"
#include "runtime/watch.h"

#define SERVICE_NAME "ticket-cleanup"
#define TICKET_BYTES 32
#define TICKET_TEXT BASE64URL_TEXT_SIZE(TICKET_BYTES)
#define TICKET_BUCKETS 512 /* of users, and of sessions */
#define TICKET_KEY_SIZE 32
#define SECOND_US 1000000u
#define MINUTE_US (UINT64_C(60) * SECOND_US)
#define TICKET_INVALID "Invalid or expired ticket"

struct ticket {
	struct table_row row; /* by the digest of the ticket */
	struct list by_age;   /* first to expire first */
	struct list of_user;
	struct list of_session;
	uint64_t deadline_us;
	int64_t expires_at; /* of the credential it was asked for with */
	enum role role;
	char user_id[ID_MAX + 1];
	char username[USERNAME_MAX + 1];
	char session_id[SESSION_ID_MAX + 1];
	char address[ADDRESS_MAX + 1];
	char user_agent[USER_AGENT_MAX + 1];
};

struct ticket_store {
	struct table tickets;
	struct list by_age;
	struct list users[TICKET_BUCKETS];
	struct list sessions[TICKET_BUCKETS];
	uint8_t key[TICKET_KEY_SIZE];
	struct watch watch;
	struct memo rates; /* of users */
	uint64_t ttl_us;
	uint64_t pending_max;     /* per user */
	uint64_t rate_per_minute; /* likewise; 0: unlimited */
};

/* All are LIVE: a ticket keeps the deadline it was issued with. */
static void
ticket_store_on_settings(struct actor *self)
{
	struct ticket_store *s = actor_state(self);

	s->ttl_us =
	    watch_number(&s->watch, self, SETTING_api_ws_ticket_ttl_seconds) *
	    SECOND_US;
	s->pending_max = watch_number(
	    &s->watch, self, SETTING_api_ws_ticket_max_pending_per_user);
	s->rate_per_minute =
	    watch_number(&s->watch, self, SETTING_api_ws_tickets_per_minute);
}

static enum status
ticket_store_on_changed(struct actor *self, const struct msg *in)
{
	struct ticket_store *s = actor_state(self);

	return watch_on_changed(self, &s->watch, in);
}

static enum status
ticket_store_on_restarted(struct actor *self, const struct msg *in)
{
	struct ticket_store *s = actor_state(self);

	(void)in;
	return watch_on_restarted(self, &s->watch);
}

static enum status
ticket_store_start(struct actor *self)
{
	struct ticket_store *s = actor_state(self);
	uint64_t salt;

	if (sodium_init() < 0)
		return ST_IO;
	actor_random(self, s->key, sizeof(s->key));
	actor_random(self, s->rates.key, sizeof(s->rates.key));
	actor_random(self, &salt, sizeof(salt));
	list_init(&s->by_age);
	for (size_t i = 0; i < TICKET_BUCKETS; i++) {
		list_init(&s->users[i]);
		list_init(&s->sessions[i]);
	}
	ticket_store_on_settings(self);
	(void)watch_start(self, &s->watch, ticket_store_on_settings);
	return table_init(
	    &s->tickets, sizeof(struct ticket), TICKETS_MAX, salt);
}

static void
ticket_store_stop(struct actor *self)
{
	struct ticket_store *s = actor_state(self);

	table_fini(&s->tickets);
	sodium_memzero(s->key, sizeof(s->key));
}

/* Who cannot know the key cannot aim at a row or a bucket. */
static struct uuid
ticket_digest(const struct ticket_store *s, const void *bytes, size_t size)
{
	struct uuid digest;

	crypto_generichash(digest.octets, sizeof(digest.octets), bytes, size,
	    s->key, sizeof(s->key));
	return digest;
}

static struct list *
ticket_bucket(
    const struct ticket_store *s, struct list *buckets, const char *text)
{
	struct uuid digest = ticket_digest(s, text, strlen(text));
	uint32_t n;

	memcpy(&n, digest.octets, sizeof(n));
	return &buckets[n % TICKET_BUCKETS];
}

static void
ticket_forget(struct ticket_store *s, struct ticket *t)
{
	struct uuid digest = t->row.id;

	list_remove(&t->by_age);
	list_remove(&t->of_user);
	list_remove(&t->of_session);
	(void)table_drop(&s->tickets, &digest);
}

static bool
ticket_is_expired(const struct ticket *t, uint64_t now_us)
{
	return now_us > t->deadline_us;
}

static uint32_t
ticket_store_purge(struct ticket_store *s, uint64_t now_us)
{
	uint32_t removed = 0;
	struct list *first;

	while ((first = list_first(&s->by_age)) != NULL) {
		struct ticket *t = LIST_OF(first, struct ticket, by_age);

		if (!ticket_is_expired(t, now_us))
			break;
		ticket_forget(s, t);
		removed++;
	}
	return removed;
}

static uint32_t
ticket_store_pending(struct ticket_store *s, const char *user_id)
{
	const struct list *bucket = ticket_bucket(s, s->users, user_id);
	uint32_t n = 0;

	for (struct list *l = bucket->next; l != bucket; l = l->next)
		n += strcmp(LIST_OF(l, struct ticket, of_user)->user_id,
			 user_id) == 0;
	return n;
}

static void
ticket_fill(struct ticket *t, const struct principal *who)
{
	t->expires_at = who->expires_at;
	t->role = who->role;
	text_fit(t->user_id, sizeof(t->user_id), who->user_id);
	text_fit(t->username, sizeof(t->username), who->username);
	text_fit(t->session_id, sizeof(t->session_id), who->session_id);
	text_fit(t->address, sizeof(t->address), who->address);
	text_fit(t->user_agent, sizeof(t->user_agent), who->user_agent);
}

/* First to expire first: at the end, unless a longer life came before. */
static void
ticket_store_sort_in(struct ticket_store *s, struct ticket *t)
{
	struct list *at = &s->by_age;

	while (at->prev != &s->by_age &&
	       LIST_OF(at->prev, struct ticket, by_age)->deadline_us >
		   t->deadline_us)
		at = at->prev;
	list_append(at, &t->by_age);
}

static enum status
ticket_store_issue(
    struct actor *self, const struct msg *in, const struct principal *who)
{
	struct ticket_store *s = actor_state(self);
	uint8_t bytes[TICKET_BYTES];
	char text[TICKET_TEXT + 1] = { 0 };
	struct uuid digest;
	struct ticket *t;

	actor_random(self, bytes, sizeof(bytes));
	digest = ticket_digest(s, bytes, sizeof(bytes));
	t = table_put(&s->tickets, &digest);
	if (t == NULL)
		return REFUSE(self, in, OVERLOADED, "too many tickets");
	ticket_fill(t, who);
	t->deadline_us = actor_now_us(self) + s->ttl_us;
	ticket_store_sort_in(s, t);
	list_append(ticket_bucket(s, s->users, t->user_id), &t->of_user);
	list_append(
	    ticket_bucket(s, s->sessions, t->session_id), &t->of_session);
	base64url_encode(bytes, sizeof(bytes), text);
	sodium_memzero(bytes, sizeof(bytes));
	return REPLY(self, in, ticket_issued, .ticket = text,
	    .expires_in = (uint32_t)(s->ttl_us / SECOND_US));
}

static enum status
ticket_store_refuse(struct actor *self, const struct msg *in, uint32_t problem,
    const char *detail, uint64_t wait_us)
{
	return actor_refuse_with(self, in,
	    &(struct refused){ .status = ST_FULL,
		.problem = problem,
		.detail = detail,
		.retry_after_ms = (uint32_t)((wait_us + 999) / 1000) });
}

/* What comes too fast; in has been refused unless it is true. */
static bool
ticket_store_may(
    struct actor *self, const struct msg *in, const struct principal *who)
{
	struct ticket_store *s = actor_state(self);
	uint64_t wait_us;

	if (s->rate_per_minute == 0)
		return true;
	wait_us = memo_throttle(&s->rates, who->user_id,
	    MINUTE_US / s->rate_per_minute, (uint32_t)s->rate_per_minute,
	    actor_now_us(self));
	if (wait_us == 0)
		return true;
	LOG(API_AUTH_THROTTLED, KV("address", who->address),
	    KV("action", "ticket.create"));
	(void)ticket_store_refuse(self, in, PROBLEM_RATE_LIMITED,
	    "Too many tickets of this user", wait_us);
	return false;
}

/* Counting, refusing and adding are one turn: no two askers meet in it. */
static enum status
ticket_store_on_create(struct actor *self, const struct msg *in)
{
	struct ticket_store *s = actor_state(self);
	const struct ticket_create *ask = in->body;
	const struct principal *who = &ask->caller;
	uint32_t pending;

	if (who->method != AUTH_JWT || text_is_blank(who->user_id))
		return REFUSE(self, in, UNAUTHORIZED, "Unauthorized");
	if (who->role == ROLE_SYSTEM)
		return REFUSE(self, in, FORBIDDEN, "Forbidden");
	(void)ticket_store_purge(s, actor_now_us(self));
	pending = ticket_store_pending(s, who->user_id);
	if (pending < s->pending_max) {
		if (!ticket_store_may(self, in, who))
			return ST_OK;
		LOG(API_WS_TICKET_ISSUED, KV("user_id", who->user_id),
		    KU("pending", pending + 1));
		return ticket_store_issue(self, in, who);
	}
	LOG(API_WS_TICKET_LIMIT_EXCEEDED, KV("user_id", who->user_id),
	    KU("pending", pending), KU("max", s->pending_max));
	return ticket_store_refuse(self, in, PROBLEM_TICKET_LIMIT,
	    "Too many pending tickets", s->ttl_us);
}

/* NULL unless text is just what was issued once and is still here. */
static struct ticket *
ticket_store_find(struct ticket_store *s, const char *text)
{
	uint8_t bytes[TICKET_BYTES];
	struct uuid digest;

	if (strlen(text) != TICKET_TEXT ||
	    base64url_decode(text, TICKET_TEXT, bytes) != ST_OK)
		return NULL;
	digest = ticket_digest(s, bytes, sizeof(bytes));
	return table_find(&s->tickets, &digest);
}

static struct principal
ticket_holder_of(const struct ticket *t)
{
	return (struct principal){ .user_id = t->user_id,
		.username = t->username,
		.role = t->role,
		.method = AUTH_WS_TICKET,
		.session_id = t->session_id,
		.expires_at = t->expires_at,
		.address = t->address,
		.user_agent = t->user_agent };
}

/* Removed first, judged then: a ticket that came too late is used up too. */
static enum status
ticket_store_on_consume(struct actor *self, const struct msg *in)
{
	struct ticket_store *s = actor_state(self);
	const struct ticket_consume *ask = in->body;
	struct ticket *found = ticket_store_find(s, ask->ticket);
	struct ticket t;

	if (found == NULL) {
		LOG(API_WS_TICKET_INVALID, KV("why", "unknown"));
		return REFUSE(self, in, UNAUTHORIZED, TICKET_INVALID);
	}
	t = *found;
	ticket_forget(s, found);
	if (ticket_is_expired(&t, actor_now_us(self)) ||
	    t.expires_at <= actor_wall_us(self)) {
		LOG(API_WS_TICKET_EXPIRED, KV("user_id", t.user_id));
		return REFUSE(self, in, UNAUTHORIZED, TICKET_INVALID);
	}
	LOG(API_WS_TICKET_CONSUMED, KV("user_id", t.user_id));
	return REPLY(self, in, ticket_holder, .holder = ticket_holder_of(&t));
}

static void
ticket_store_drop_session(struct ticket_store *s, const char *session_id)
{
	struct list *bucket = ticket_bucket(s, s->sessions, session_id);
	struct list *next;

	for (struct list *l = bucket->next; l != bucket; l = next) {
		struct ticket *t = LIST_OF(l, struct ticket, of_session);

		next = l->next;
		if (strcmp(t->session_id, session_id) == 0)
			ticket_forget(s, t);
	}
}

static enum status
ticket_store_on_drop(struct actor *self, const struct msg *in)
{
	const struct ticket_drop *ask = in->body;

	for (uint32_t i = 0; i < ask->session_ids_count; i++)
		if (ask->session_ids[i][0] != '\0')
			ticket_store_drop_session(
			    actor_state(self), ask->session_ids[i]);
	return REPLY(self, in, done, .nothing = 0);
}

static uint32_t
ticket_store_clean(struct actor *self)
{
	struct ticket_store *s = actor_state(self);
	uint32_t removed = ticket_store_purge(s, actor_now_us(self));

	LOG(API_WS_TICKET_CLEANUP, KU("removed", removed),
	    KU("remaining", s->tickets.count));
	return removed;
}

static enum status
ticket_store_on_clean(struct actor *self, const struct msg *in)
{
	const struct ticket_store *s = actor_state(self);
	uint32_t removed = ticket_store_clean(self);

	return REPLY(self, in, ticket_cleaned, .removed = removed,
	    .remaining = s->tickets.count);
}

static enum status
ticket_store_on_service_run(struct actor *self, const struct msg *in)
{
	const struct service_run *ask = in->body;

	if (strcmp(ask->service, SERVICE_NAME) != 0)
		return REFUSE(self, in, NOT_FOUND, "no such service");
	return REPLY(self, in, service_ran, .generation = ask->generation,
	    .count = ticket_store_clean(self));
}

/* A run is one turn: it is over before anybody can cancel it. */
static enum status
ticket_store_on_service_cancel(struct actor *self, const struct msg *in)
{
	(void)self;
	(void)in;
	return ST_OK;
}

static const struct handler ticket_store_on[] = {
	ON(ticket_create, ticket_store_on_create),
	ON(ticket_consume, ticket_store_on_consume),
	ON(ticket_drop, ticket_store_on_drop),
	ON(ticket_clean, ticket_store_on_clean),
	ON(setting_changed, ticket_store_on_changed),
	ON(setting_restarted, ticket_store_on_restarted),
	ON(service_run, ticket_store_on_service_run),
	ON(service_cancel, ticket_store_on_service_cancel),
	{ 0 },
};

const struct actor_class ticket_store_class = {
	.name = "ticket-store",
	.state_size = sizeof(struct ticket_store),
	.restart = RESTART_ON_FAILURE,
	.start = ticket_store_start,
	.stop = ticket_store_stop,
	.on = ticket_store_on,
};
