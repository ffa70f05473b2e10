#include "tests/store_double.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct store_double store_double;

void
store_double_reset(void)
{
	memset(&store_double, 0, sizeof(store_double));
}

static void
double_set(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%s", text == NULL ? "" : text);
}

#define SET(to, text) double_set((to), sizeof(to), (text))

struct double_user *
store_double_user(const char *username)
{
	for (size_t i = 0; i < store_double.users_count; i++)
		if (strcmp(store_double.users[i].username, username) == 0)
			return &store_double.users[i];
	return NULL;
}

struct double_session *
store_double_session(const char *session_id)
{
	for (size_t i = 0; i < store_double.sessions_count; i++)
		if (strcmp(store_double.sessions[i].session_id, session_id) ==
		    0)
			return &store_double.sessions[i];
	return NULL;
}

struct double_user *
store_double_add_user(const char *user_id, const char *username, enum role role)
{
	struct double_user *u = &store_double.users[store_double.users_count++];

	assert(store_double.users_count <= DOUBLE_USERS_MAX);
	SET(u->user_id, user_id);
	SET(u->username, username);
	u->role = role;
	return u;
}

void
store_double_add_key(const char *key_id, const char *user_id)
{
	SET(store_double.key_id, key_id);
	SET(store_double.key_user, user_id);
}

struct double_session *
store_double_add_session(const char *session_id, const char *user_id,
    int64_t created_at, int64_t expires_at)
{
	struct double_session *s =
	    &store_double.sessions[store_double.sessions_count++];

	assert(store_double.sessions_count <= DOUBLE_SESSIONS_MAX);
	memset(s, 0, sizeof(*s));
	SET(s->session_id, session_id);
	SET(s->user_id, user_id);
	s->created_at = created_at;
	s->expires_at = expires_at;
	s->row = true;
	return s;
}

static enum status
double_on_held(struct actor *self, struct op *op, const struct msg *why)
{
	(void)self;
	return op_pass(op, why);
}

/* True if a test wants the request refused, or never answered. */
static bool
double_fails(struct actor *self, const struct msg *in)
{
	struct refused why = { .status = (uint32_t)store_double.fail_status,
		.problem = problem_of_status(store_double.fail_status),
		.detail = "a fault was injected" };

	store_double.asked[in->id]++;
	if (store_double.hold_id == in->id) {
		(void)op_keep(op_open(self, in), double_on_held);
		return true;
	}
	if (store_double.fail_id != in->id || store_double.fail_count == 0)
		return false;
	store_double.fail_count--;
	(void)actor_refuse_with(self, in, &why);
	return true;
}

/* True if what has been done is not answered. */
static bool
double_loses(struct actor *self, const struct msg *in)
{
	if (store_double.lose_id != in->id)
		return false;
	store_double.lose_id = 0;
	(void)actor_refuse_with(self, in,
	    &(struct refused){ .status = ST_CLOSED,
		.problem = problem_of_status(ST_CLOSED),
		.detail = "the answer was lost" });
	return true;
}

static struct user
double_as_user(const struct double_user *u)
{
	return (struct user){ .user_id = u->user_id,
		.username = u->username,
		.role = u->role,
		.password_hash = u->password_hash,
		.must_change_password = u->must_change_password,
		.disabled = u->disabled };
}

static enum status
double_on_audit_append(struct actor *self, const struct msg *in)
{
	const struct store_audit_append *ask = in->body;

	if (double_fails(self, in))
		return ST_OK;
	for (uint32_t i = 0; i < ask->notes_count; i++)
		store_double_note(&ask->notes[i]);
	return REPLY(self, in, done, .nothing = 0);
}

static enum status
double_on_key_list(struct actor *self, const struct msg *in)
{
	static const uint8_t digest[32];
	const struct api_key k = { .key_id = store_double.key_id,
		.user_id = store_double.key_user,
		.name = "key",
		.digest = { digest, sizeof(digest) } };

	if (double_fails(self, in))
		return ST_OK;
	return REPLY(self, in, store_key_page, .api_keys = &k,
	    .api_keys_count = store_double.key_id[0] != '\0');
}

static enum status
double_on_idle(struct actor *self, const struct msg *in)
{
	if (double_fails(self, in))
		return ST_OK;
	return REPLY(self, in, store_revocations, .revoked_count = 0);
}

static struct double_user *
double_user_by_id(const char *user_id)
{
	for (size_t i = 0; i < store_double.users_count; i++)
		if (strcmp(store_double.users[i].user_id, user_id) == 0)
			return &store_double.users[i];
	return NULL;
}

static enum status
double_refuse(struct actor *self, const struct msg *in, enum status st)
{
	return actor_refuse_with(self, in,
	    &(struct refused){ .status = (uint32_t)st,
		.problem = problem_of_status(st),
		.detail = "no" });
}

/* True: another ceo may come in. */
static bool
double_has_peer(const struct double_user *u)
{
	for (size_t i = 0; i < store_double.users_count; i++) {
		const struct double_user *one = &store_double.users[i];

		if (one != u && one->role == ROLE_CEO && !one->disabled)
			return true;
	}
	return false;
}

static enum status
double_on_user_change(struct actor *self, const struct msg *in)
{
	const struct store_user_change *ask = in->body;
	struct double_user *u = double_user_by_id(ask->user_id);
	struct user user;

	if (double_fails(self, in))
		return ST_OK;
	if (u == NULL)
		return double_refuse(self, in, ST_NOT_FOUND);
	if (u->role == ROLE_CEO && !double_has_peer(u) &&
	    ((ask->has_role && ask->role != ROLE_CEO) ||
		(ask->has_disabled && ask->disabled)))
		return double_refuse(self, in, ST_CONFLICT);
	if (ask->has_role)
		u->role = ask->role;
	if (ask->has_disabled)
		u->disabled = ask->disabled;
	if (ask->has_must_change_password)
		u->must_change_password = ask->must_change_password;
	if (ask->password_hash != NULL)
		SET(u->password_hash, ask->password_hash);
	store_double_note(ask->audit);
	user = double_as_user(u);
	return REPLY(self, in, store_user_found, .user = &user);
}

static enum status
double_on_user_delete(struct actor *self, const struct msg *in)
{
	const struct store_user_delete *ask = in->body;
	struct double_user *u = double_user_by_id(ask->user_id);
	struct double_user was;
	struct user user;

	if (double_fails(self, in))
		return ST_OK;
	if (u == NULL)
		return double_refuse(self, in, ST_NOT_FOUND);
	if (u->role == ROLE_CEO && !double_has_peer(u))
		return double_refuse(self, in, ST_CONFLICT);
	was = *u;
	*u = store_double.users[--store_double.users_count];
	store_double_note(ask->audit);
	if (double_loses(self, in))
		return ST_OK;
	user = double_as_user(&was);
	return REPLY(self, in, store_user_found, .user = &user);
}

static enum status
double_on_key_create(struct actor *self, const struct msg *in)
{
	const struct store_key_create *ask = in->body;

	store_double_add_key(ask->api_key.key_id, ask->api_key.user_id);
	return REPLY(self, in, done, .nothing = 0);
}

static enum status
double_on_key_delete(struct actor *self, const struct msg *in)
{
	const struct store_key_delete *ask = in->body;

	if (strcmp(store_double.key_id, ask->key_id) != 0 ||
	    (ask->user_id != NULL &&
		strcmp(store_double.key_user, ask->user_id) != 0))
		return double_refuse(self, in, ST_NOT_FOUND);
	store_double.key_id[0] = '\0';
	if (double_loses(self, in))
		return ST_OK;
	return REPLY(self, in, done, .nothing = 0);
}

static enum status
double_on_user_create(struct actor *self, const struct msg *in)
{
	const struct store_user_create *ask = in->body;
	struct double_user *u;

	if (double_fails(self, in))
		return ST_OK;
	if (ask->first && store_double.users_count > 0)
		return actor_refuse_with(self, in,
		    &(struct refused){ .status = ST_CONFLICT,
			.problem = PROBLEM_VERSION_CONFLICT,
			.detail = "not the first" });
	u = store_double_add_user(
	    ask->user.user_id, ask->user.username, ask->user.role);
	SET(u->password_hash, ask->user.password_hash);
	u->must_change_password = ask->user.must_change_password;
	store_double_note(ask->audit);
	return REPLY(self, in, done, .nothing = 0);
}

static bool
double_knows(const char *user_id, const char *network)
{
	char pair[DOUBLE_TEXT_SIZE];

	snprintf(pair, sizeof(pair), "%.64s %.66s", user_id, network);
	for (size_t i = 0; i < store_double.known_count; i++)
		if (strcmp(store_double.known[i], pair) == 0)
			return true;
	return false;
}

static enum status
double_on_user_find(struct actor *self, const struct msg *in)
{
	const struct store_user_find *ask = in->body;
	const struct double_user *u;
	struct user user;

	if (double_fails(self, in))
		return ST_OK;
	u = ask->username != NULL ? store_double_user(ask->username)
				  : double_user_by_id(ask->user_id);
	if (u == NULL)
		return REPLY(self, in, store_user_found, .user = NULL);
	user = double_as_user(u);
	return REPLY(self, in, store_user_found, .user = &user,
	    .known_at = actor_wall_us(self),
	    .has_known_at =
		ask->network != NULL && double_knows(u->user_id, ask->network));
}

static int
double_compare_users(const void *a, const void *b)
{
	return strcmp(((const struct double_user *)a)->user_id,
	    ((const struct double_user *)b)->user_id);
}

static enum status
double_on_user_list(struct actor *self, const struct msg *in)
{
	const struct store_user_list *ask = in->body;
	struct user users[STORE_PAGE_MAX];
	uint32_t n = 0;
	size_t i = 0;

	if (double_fails(self, in))
		return ST_OK;
	qsort(store_double.users, store_double.users_count,
	    sizeof(store_double.users[0]), double_compare_users);
	for (; i < store_double.users_count && n < ask->limit; i++)
		if (strcmp(store_double.users[i].user_id, ask->after) > 0)
			users[n++] = double_as_user(&store_double.users[i]);
	return REPLY(self, in, store_user_page, .users = users,
	    .users_count = n, .more = i < store_double.users_count);
}

static struct session
double_as_session(const struct double_session *s)
{
	return (struct session){ .session_id = s->session_id,
		.user_id = s->user_id,
		.username = s->username,
		.ip_address = s->ip_address,
		.user_agent = s->user_agent,
		.created_at = s->created_at,
		.last_active_at = s->created_at,
		.expires_at = s->expires_at,
		.revoked = s->revoked };
}

static enum status
double_on_session_create(struct actor *self, const struct msg *in)
{
	const struct store_session_create *ask = in->body;
	const struct session *from = &ask->session;
	struct double_session *s;

	if (double_fails(self, in))
		return ST_OK;
	s = store_double_add_session(from->session_id, from->user_id,
	    from->created_at, from->expires_at);
	SET(s->username, from->username);
	SET(s->ip_address, from->ip_address);
	SET(s->user_agent, from->user_agent);
	if (ask->network != NULL &&
	    store_double.known_count < DOUBLE_KNOWN_MAX &&
	    !double_knows(from->user_id, ask->network))
		snprintf(store_double.known[store_double.known_count++],
		    DOUBLE_TEXT_SIZE, "%.64s %.66s", from->user_id,
		    ask->network);
	store_double_note(ask->audit);
	return REPLY(self, in, done, .nothing = 0);
}

static enum status
double_on_session_get(struct actor *self, const struct msg *in)
{
	const struct store_session_get *ask = in->body;
	const struct double_session *s;
	struct session session;

	if (double_fails(self, in))
		return ST_OK;
	s = store_double_session(ask->session_id);
	if (s == NULL || !s->row)
		return REPLY(self, in, store_session_found, .session = NULL);
	session = double_as_session(s);
	return REPLY(self, in, store_session_found, .session = &session);
}

static int
double_compare_sessions(const void *a, const void *b)
{
	const struct session *x = a;
	const struct session *y = b;

	if (x->created_at != y->created_at)
		return x->created_at > y->created_at ? -1 : 1;
	return strcmp(x->session_id, y->session_id);
}

static enum status
double_on_session_list(struct actor *self, const struct msg *in)
{
	const struct store_session_list *ask = in->body;
	static struct session all[DOUBLE_SESSIONS_MAX];
	uint32_t n = 0;

	if (double_fails(self, in))
		return ST_OK;
	for (size_t i = 0; i < store_double.sessions_count; i++) {
		const struct double_session *s = &store_double.sessions[i];

		if (s->row && !s->revoked && s->expires_at > ask->now &&
		    (ask->user_id == NULL ||
			strcmp(s->user_id, ask->user_id) == 0))
			all[n++] = double_as_session(s);
	}
	qsort(all, n, sizeof(all[0]), double_compare_sessions);
	return REPLY(self, in, store_session_page, .sessions = all,
	    .sessions_count = n < ask->limit ? n : ask->limit);
}

static enum status
double_on_session_revoke(struct actor *self, const struct msg *in)
{
	const struct store_session_revoke *ask = in->body;
	const struct revocation *r = &ask->revocation;
	struct double_session *s;
	bool changed;

	if (double_fails(self, in))
		return ST_OK;
	s = store_double_session(r->session_id);
	if (s == NULL) {
		s = store_double_add_session(
		    r->session_id, r->user_id, 0, r->expires_at);
		s->row = false;
	}
	changed = !s->revoked;
	s->revoked = true;
	if (changed)
		store_double_note(ask->audit);
	return REPLY(self, in, store_session_revoked, .changed = changed,
	    .expires_at = s->expires_at);
}

static struct revocation
double_as_revocation(const struct double_session *s)
{
	return (struct revocation){ .session_id = s->session_id,
		.user_id = s->user_id,
		.expires_at = s->expires_at };
}

static enum status
double_on_revoke_user(struct actor *self, const struct msg *in)
{
	const struct store_session_revoke_user *ask = in->body;
	struct revocation revoked[STORE_PAGE_MAX];
	uint32_t n = 0;
	size_t i = 0;

	if (double_fails(self, in))
		return ST_OK;
	for (; i < store_double.sessions_count && n < STORE_PAGE_MAX; i++) {
		struct double_session *s = &store_double.sessions[i];

		if (!s->row || s->revoked || s->expires_at <= ask->now ||
		    strcmp(s->user_id, ask->user_id) != 0)
			continue;
		s->revoked = true;
		revoked[n++] = double_as_revocation(s);
	}
	if (n > 0)
		store_double_note(ask->audit);
	if (double_loses(self, in))
		return ST_OK;
	return REPLY(self, in, store_revocations, .revoked = revoked,
	    .revoked_count = n, .more = i < store_double.sessions_count);
}

/* The revoked session with the least id past after; NULL: none. */
static const struct double_session *
double_next_revoked(const char *after, int64_t now)
{
	const struct double_session *next = NULL;

	for (size_t i = 0; i < store_double.sessions_count; i++) {
		const struct double_session *s = &store_double.sessions[i];

		if (s->revoked && s->expires_at > now &&
		    strcmp(s->session_id, after) > 0 &&
		    (next == NULL ||
			strcmp(s->session_id, next->session_id) < 0))
			next = s;
	}
	return next;
}

static enum status
double_on_revoked_list(struct actor *self, const struct msg *in)
{
	const struct store_revoked_list *ask = in->body;
	struct revocation revoked[STORE_PAGE_MAX];
	const char *after = ask->after;
	const struct double_session *s;
	uint32_t n = 0;

	if (double_fails(self, in))
		return ST_OK;
	while (n < ask->limit &&
	       (s = double_next_revoked(after, ask->now)) != NULL) {
		revoked[n++] = double_as_revocation(s);
		after = s->session_id;
	}
	return REPLY(self, in, store_revocations, .revoked = revoked,
	    .revoked_count = n,
	    .more = double_next_revoked(after, ask->now) != NULL);
}

static enum status
double_on_clean(struct actor *self, const struct msg *in)
{
	const struct store_session_clean *ask = in->body;
	static char ids[STORE_PAGE_MAX][DOUBLE_TEXT_SIZE];
	const char *texts[STORE_PAGE_MAX];
	size_t kept = 0;
	uint32_t n = 0;

	if (double_fails(self, in))
		return ST_OK;
	for (size_t i = 0; i < store_double.sessions_count; i++) {
		struct double_session *s = &store_double.sessions[i];

		if (s->expires_at > ask->now || n == ask->limit) {
			store_double.sessions[kept++] = *s;
			continue;
		}
		SET(ids[n], s->session_id);
		texts[n] = ids[n];
		n++;
	}
	store_double.sessions_count = kept;
	return REPLY(self, in, store_session_cleaned, .session_ids = texts,
	    .session_ids_count = n, .more = n == ask->limit);
}

static const struct handler double_on[] = {
	ON(store_user_create, double_on_user_create),
	ON(store_user_find, double_on_user_find),
	ON(store_user_list, double_on_user_list),
	ON(store_session_create, double_on_session_create),
	ON(store_session_get, double_on_session_get),
	ON(store_session_list, double_on_session_list),
	ON(store_session_revoke, double_on_session_revoke),
	ON(store_session_revoke_user, double_on_revoke_user),
	ON(store_revoked_list, double_on_revoked_list),
	ON(store_session_clean, double_on_clean),
	ON(store_session_idle, double_on_idle),
	ON(store_user_change, double_on_user_change),
	ON(store_user_delete, double_on_user_delete),
	ON(store_key_list, double_on_key_list),
	ON(store_key_create, double_on_key_create),
	ON(store_key_delete, double_on_key_delete),
	ON(store_audit_append, double_on_audit_append),
	{ 0 },
};

const struct actor_class store_double_class = {
	.name = "store-double",
	.state_size = 1,
	.on = double_on,
};
