#include "tests/registry_scene.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/config.h"
#include "runtime/token.h"
#include "tests/store_double.h"

const struct actor_class *scene_class;

/* A cheap hash of SCENE_PASSWORD: its limits are in it, so it compares fast. */
static const char *
scene_hash(void)
{
	static char hash[crypto_pwhash_STRBYTES];

	if (hash[0] == '\0') {
		assert_true(sodium_init() >= 0);
		assert_int_equal(
		    crypto_pwhash_str(hash, SCENE_PASSWORD,
			strlen(SCENE_PASSWORD), 1, crypto_pwhash_MEMLIMIT_MIN),
		    0);
	}
	return hash;
}

void
scene_add_user(const char *id, const char *name, enum role role)
{
	struct double_user *u = store_double_add_user(id, name, role);

	snprintf(
	    u->password_hash, sizeof(u->password_hash), "%s", scene_hash());
}

/* In a folder of its own, unless the settings name one. */
static void
scene_configure(struct scene *s, const char *const *sets, size_t count)
{
	char folder[sizeof(s->folder) + sizeof("runtime.data_dir=")];
	const char *all[SCENE_SETS_MAX + 1];
	struct config_input input = { .sets = all, .nsets = count };
	struct mistakes m = { 0 };

	assert_true(count <= SCENE_SETS_MAX);
	memcpy(all, sets, count * sizeof(all[0]));
	if (strncmp(sets[0], "runtime.data_dir=", 17) != 0) {
		snprintf(s->folder, sizeof(s->folder), "scene.XXXXXX");
		assert_non_null(mkdtemp(s->folder));
		snprintf(
		    folder, sizeof(folder), "runtime.data_dir=%s", s->folder);
		all[input.nsets++] = folder;
	}
	assert_int_equal(config_load(&input, &m, &s->config), ST_OK);
}

static void
scene_remove(const char *folder)
{
	char path[SCENE_FOLDER_SIZE + 32];

	snprintf(path, sizeof(path), "%s/keys/tokens.keys", folder);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/keys/api.secret", folder);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/keys", folder);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

/* Follows as a gateway does: joins, then hears every change. */
void
scene_join(struct scene *s)
{
	uint64_t tag = RIG_ASK(
	    &s->r, gateway, session_registry, replica_join, .nothing = 0);
	const struct replica_joined *j =
	    RIG_REPLIED(&s->r, gateway, tag, replica_joined);

	assert_true(j->keys_count > 0);
	assert_int_equal(
	    token_ring_fill(&s->keys, j->keys, j->keys_count), ST_OK);
	s->epoch = j->epoch;
}

void
scene_spawn(struct scene *s, const char *const *sets, size_t count)
{
	s->config = NULL;
	s->folder[0] = '\0';
	if (count > 0)
		scene_configure(s, sets, count);
	log_set_level(LOG_DEBUG);
	rig_init_with(&s->r, s->config);
	rig_spawn(&s->r, &store_double_class, ACTOR_NUMBER(store));
	rig_spawn(&s->r, scene_class, ACTOR_NUMBER(session_registry));
	rig_probe(&s->r, ACTOR_NUMBER(ticket_store));
	rig_probe(&s->r, ACTOR_NUMBER(scheduler));
	rig_probe(&s->r, ACTOR_NUMBER(gateway));
}

void
scene_start_with(struct scene *s, const char *const *sets, size_t count)
{
	scene_spawn(s, sets, count);
	assert_int_equal(rig_start(&s->r), ST_OK);
	scene_join(s);
}

/* An observer, another, a manager and a ceo. */
void
scene_start(struct scene *s)
{
	store_double_reset();
	scene_add_user(U1, "u1", ROLE_OBSERVER);
	scene_add_user(U2, "u2", ROLE_OBSERVER);
	scene_add_user(M1, "m1", ROLE_MANAGER);
	scene_add_user(C1, "c1", ROLE_CEO);
	scene_start_with(s, SCENE_UNLIMITED, 1);
}

void
scene_end(struct scene *s)
{
	rig_fini(&s->r);
	config_destroy(s->config);
	if (s->folder[0] != '\0')
		scene_remove(s->folder);
}

static void
scene_take_keys(struct scene *s, const struct replica_change *c)
{
	if (c->keys_count > 0)
		assert_int_equal(
		    token_ring_fill(&s->keys, c->keys, c->keys_count), ST_OK);
}

/* The gateway and the ticket-store do what they are told, until quiet. */
void
scene_apply(struct scene *s)
{
	struct heard *h;

	for (;;) {
		h = rig_peek(&s->r, ACTOR_NUMBER(gateway), MSG_replica_change);
		if (h == NULL)
			h = rig_peek(
			    &s->r, ACTOR_NUMBER(ticket_store), MSG_ticket_drop);
		if (h == NULL)
			return;
		if (h->id == MSG_replica_change)
			scene_take_keys(s, h->body);
		RIG_ANSWER(&s->r, h, done, .nothing = 0);
	}
}

/* As the gateway finds out who asks. */
struct principal
scene_caller(const char *name, const char *session_id)
{
	const struct double_user *u = store_double_user(name);

	assert_non_null(u);
	return (struct principal){ .user_id = u->user_id,
		.username = u->username,
		.role = u->role,
		.method = AUTH_JWT,
		.session_id = session_id,
		.expires_at = RIG_WALL_US + 30 * DAY,
		.authenticated_at = RIG_WALL_US + 30 * DAY,
		.address = "192.0.2.1",
		.user_agent = "test" };
}

uint64_t
scene_ask_login(
    struct scene *s, const char *name, const char *password, const char *agent)
{
	return RIG_ASK(&s->r, gateway, session_registry, auth_login,
	    .caller = { .address = "192.0.2.1", .user_agent = agent },
	    .username = name, .password = password);
}

struct auth_token
scene_login(struct scene *s, const char *name)
{
	static char tokens[SCENE_LOGINS_KEPT][TOKEN_MAX + 1];
	static char ids[SCENE_LOGINS_KEPT][SESSION_ID_MAX + 1];
	static size_t next;
	size_t at = next++ % SCENE_LOGINS_KEPT;
	uint64_t tag = scene_ask_login(s, name, SCENE_PASSWORD, "test");
	struct auth_token t;

	scene_apply(s);
	t = *RIG_REPLIED(&s->r, gateway, tag, auth_token);
	snprintf(tokens[at], sizeof(tokens[at]), "%s", t.token);
	snprintf(ids[at], sizeof(ids[at]), "%s", t.session_id);
	t.token = tokens[at];
	t.session_id = ids[at];
	return t;
}

const struct refused *
scene_refused(struct scene *s, uint64_t tag)
{
	return RIG_REPLIED(&s->r, gateway, tag, refused);
}

uint64_t
scene_ask_logout(struct scene *s, const char *name, const char *session_id)
{
	return RIG_ASK(&s->r, gateway, session_registry, auth_logout,
	    .caller = scene_caller(name, session_id));
}

uint64_t
scene_ask_revoke(
    struct scene *s, const char *name, const char *mine, const char *session_id)
{
	return RIG_ASK(&s->r, gateway, session_registry, auth_session_revoke,
	    .caller = scene_caller(name, mine), .session_id = session_id);
}

void
scene_expect_done(struct scene *s, uint64_t tag)
{
	scene_apply(s);
	(void)RIG_REPLIED(&s->r, gateway, tag, done);
}

const struct auth_session_list *
scene_list(
    struct scene *s, const char *name, const char *mine, const char *scope)
{
	uint64_t tag = RIG_ASK(&s->r, gateway, session_registry, auth_sessions,
	    .caller = scene_caller(name, mine), .scope = scope);

	return RIG_REPLIED(&s->r, gateway, tag, auth_session_list);
}

/* As the gateway's gate would judge a token now. */
enum status
scene_verify(
    struct scene *s, const char *token, struct token_claims *ret_claims)
{
	const struct token_claims *claims = NULL;
	static unsigned char bytes[TOKEN_ROOM];
	struct arena a = { bytes, sizeof(bytes), 0 };
	enum status st =
	    token_verify(&s->keys, token, s->r.wall_us, &a, &claims);

	if (st == ST_OK)
		*ret_claims = *claims;
	return st;
}

/* The revoked set as a gateway that joins now reads it. */
bool
scene_find_revoked(struct scene *s, const char *session_id, size_t *ret_count)
{
	const char *after_user = "";
	const char *after_session = "";
	const struct replica_page *page;
	bool found = false;

	*ret_count = 0;
	do {
		uint64_t tag = RIG_ASK(&s->r, gateway, session_registry,
		    replica_read, .epoch = s->epoch, .after_user = after_user,
		    .after_session = after_session);

		page = RIG_REPLIED(&s->r, gateway, tag, replica_page);
		for (uint32_t i = 0; i < page->revoked_count; i++) {
			after_session = page->revoked[i].session_id;
			found = found || strcmp(after_session, session_id) == 0;
		}
		if (page->accounts_count > 0)
			after_user =
			    page->accounts[page->accounts_count - 1].user_id;
		*ret_count += page->revoked_count;
	} while (page->more);
	return found;
}

bool
scene_is_revoked(struct scene *s, const char *session_id)
{
	size_t count;

	return scene_find_revoked(s, session_id, &count);
}
