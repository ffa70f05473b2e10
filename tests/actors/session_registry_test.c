/*
 * The session-registry on the real runtime, with a store double behind it
 * and probes for the gateway, the ticket-store and the scheduler.  Numbers
 * are those of the session scenarios of the specification.
 */
#include "actors/session_registry.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "runtime/config.h"
#include "runtime/token.h"
#include "tests/rig.h"
#include "tests/store_double.h"

#define U1 "00000000000040008000000000000001"
#define U2 "00000000000040008000000000000002"
#define C1 "0000000000004000800000000000000c"
#define M1 "0000000000004000800000000000000d"
#define J_UNKNOWN "11111111111141118111111111111111"
#define PASSWORD "correct horse battery"
#define SECOND INT64_C(1000000)
#define DAY (86400 * SECOND)

struct scene {
	struct rig r;
	struct config *config;
	uint8_t public_key[SEAL_PUBLIC_SIZE];
	uint64_t epoch;
};

/* A cheap hash of PASSWORD: its limits are in it, so it compares fast. */
static const char *
cheap_hash(void)
{
	static char hash[crypto_pwhash_STRBYTES];

	if (hash[0] == '\0')
		assert_int_equal(
		    crypto_pwhash_str(hash, PASSWORD, strlen(PASSWORD), 1,
			crypto_pwhash_MEMLIMIT_MIN),
		    0);
	return hash;
}

static void
add_user(const char *id, const char *name, enum role role)
{
	struct double_user *u = store_double_add_user(id, name, role);

	snprintf(
	    u->password_hash, sizeof(u->password_hash), "%s", cheap_hash());
}

static struct config *
config_of(const char *const *sets, size_t count)
{
	struct config_input input = { .sets = sets, .nsets = count };
	struct config *config = NULL;
	struct mistakes m = { 0 };

	assert_int_equal(config_load(&input, &m, &config), ST_OK);
	return config;
}

/* Follows as a gateway does: joins, then hears every change. */
static void
scene_join(struct scene *s)
{
	uint64_t tag = RIG_ASK(
	    &s->r, gateway, session_registry, replica_join, .nothing = 0);
	const struct replica_joined *j =
	    RIG_REPLIED(&s->r, gateway, tag, replica_joined);

	assert_int_equal(j->public_key.size, SEAL_PUBLIC_SIZE);
	memcpy(s->public_key, j->public_key.at, SEAL_PUBLIC_SIZE);
	s->epoch = j->epoch;
}

static void
scene_spawn(struct scene *s, struct config *config)
{
	s->config = config;
	log_set_level(LOG_DEBUG);
	rig_init_with(&s->r, config);
	rig_spawn(&s->r, &store_double_class, ACTOR_NUMBER(store));
	rig_spawn(
	    &s->r, &session_registry_class, ACTOR_NUMBER(session_registry));
	rig_probe(&s->r, ACTOR_NUMBER(ticket_store));
	rig_probe(&s->r, ACTOR_NUMBER(scheduler));
	rig_probe(&s->r, ACTOR_NUMBER(gateway));
}

static void
scene_start_with(struct scene *s, const char *const *sets, size_t count)
{
	scene_spawn(s, count == 0 ? NULL : config_of(sets, count));
	assert_int_equal(rig_start(&s->r), ST_OK);
	scene_join(s);
}

/* An observer, another, a manager and a ceo. */
static void
scene_start(struct scene *s)
{
	store_double_reset();
	add_user(U1, "u1", ROLE_OBSERVER);
	add_user(U2, "u2", ROLE_OBSERVER);
	add_user(M1, "m1", ROLE_MANAGER);
	add_user(C1, "c1", ROLE_CEO);
	scene_start_with(s, NULL, 0);
}

static void
scene_end(struct scene *s)
{
	rig_fini(&s->r);
	config_destroy(s->config);
}

/* The gateway and the ticket-store do what they are told, until quiet. */
static void
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
		RIG_ANSWER(&s->r, h, done, .nothing = 0);
	}
}

/* As the gateway finds out who asks. */
static struct principal
caller_of(const char *name, const char *session_id)
{
	const struct double_user *u = store_double_user(name);

	assert_non_null(u);
	return (struct principal){ .user_id = u->user_id,
		.username = u->username,
		.role = u->role,
		.method = AUTH_JWT,
		.session_id = session_id,
		.expires_at = RIG_WALL_US + 30 * DAY,
		.address = "192.0.2.1",
		.user_agent = "test" };
}

static uint64_t
ask_login(
    struct scene *s, const char *name, const char *password, const char *agent)
{
	return RIG_ASK(&s->r, gateway, session_registry, auth_login,
	    .caller = { .address = "192.0.2.1", .user_agent = agent },
	    .username = name, .password = password);
}

static struct auth_token
login(struct scene *s, const char *name)
{
	uint64_t tag = ask_login(s, name, PASSWORD, "test");

	scene_apply(s);
	return *RIG_REPLIED(&s->r, gateway, tag, auth_token);
}

static const struct refused *
refused_of(struct scene *s, uint64_t tag)
{
	return RIG_REPLIED(&s->r, gateway, tag, refused);
}

static uint64_t
ask_logout(struct scene *s, const char *name, const char *session_id)
{
	return RIG_ASK(&s->r, gateway, session_registry, auth_logout,
	    .caller = caller_of(name, session_id));
}

static uint64_t
ask_revoke(
    struct scene *s, const char *name, const char *mine, const char *session_id)
{
	return RIG_ASK(&s->r, gateway, session_registry, auth_session_revoke,
	    .caller = caller_of(name, mine), .session_id = session_id);
}

static void
expect_done(struct scene *s, uint64_t tag)
{
	scene_apply(s);
	(void)RIG_REPLIED(&s->r, gateway, tag, done);
}

static const struct auth_session_list *
list(struct scene *s, const char *name, const char *mine, const char *scope)
{
	uint64_t tag = RIG_ASK(&s->r, gateway, session_registry, auth_sessions,
	    .caller = caller_of(name, mine), .scope = scope);

	return RIG_REPLIED(&s->r, gateway, tag, auth_session_list);
}

/* As the gateway's gate would judge a token now. */
static enum status
verify(struct scene *s, const char *token, struct token_claims *ret_claims)
{
	const struct token_claims *claims = NULL;
	static unsigned char bytes[TOKEN_ROOM];
	struct arena a = { bytes, sizeof(bytes), 0 };
	enum status st =
	    token_verify(s->public_key, token, s->r.wall_us, &a, &claims);

	if (st == ST_OK)
		*ret_claims = *claims;
	return st;
}

/* The revoked set as a gateway that joins now reads it. */
static bool
is_revoked(struct scene *s, const char *session_id, size_t *ret_count)
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

static bool
revoked(struct scene *s, const char *session_id)
{
	size_t count;

	return is_revoked(s, session_id, &count);
}

/* ---- set-up ---- */

static uint64_t
ask_setup(struct scene *s, const char *name, const char *password)
{
	return RIG_ASK(&s->r, gateway, session_registry, auth_setup,
	    .caller = { .address = "192.0.2.9", .user_agent = "setup" },
	    .username = name, .password = password);
}

static void
test_setup_makes_a_ceo_whom_every_gateway_knows(void **state)
{
	const struct replica_change *change;
	struct token_claims claims;
	struct scene s;
	uint64_t tag;

	(void)state;
	store_double_reset();
	scene_start_with(&s, NULL, 0);
	tag = ask_setup(&s, "boss", PASSWORD);
	assert_null(rig_answer_to(&s.r, ACTOR_NUMBER(gateway), tag));
	change =
	    RIG_BODY(rig_peek(&s.r, ACTOR_NUMBER(gateway), MSG_replica_change),
		replica_change);
	assert_int_equal(change->accounts_count, 1);
	assert_string_equal(change->accounts[0].username, "boss");
	assert_int_equal(change->accounts[0].role, ROLE_CEO);
	scene_apply(&s);
	assert_int_equal(
	    verify(&s, RIG_REPLIED(&s.r, gateway, tag, auth_token)->token,
		&claims),
	    ST_OK);
	assert_string_equal(claims.sub, change->accounts[0].user_id);
	assert_string_equal(claims.pwd_sig, change->accounts[0].password_sig);
	assert_memory_equal(store_double_user("boss")->password_hash,
	    "$argon2id$v=19$m=65536,t=3,p=1$", 31);
	scene_end(&s);
}

static void
test_setup_happens_once(void **state)
{
	struct scene s;
	uint64_t tag;

	(void)state;
	scene_start(&s);
	tag = ask_setup(&s, "boss", PASSWORD);
	assert_int_equal(refused_of(&s, tag)->problem, PROBLEM_CONFLICT);
	assert_int_equal(store_double.asked[MSG_store_user_create], 0);
	scene_end(&s);
}

static void
test_racing_setups_have_one_winner(void **state)
{
	struct scene s;
	uint64_t tag;

	(void)state;
	store_double_reset();
	scene_start_with(&s, NULL, 0);
	/* Another registry was faster: the transaction says so. */
	add_user(C1, "c1", ROLE_CEO);
	tag = ask_setup(&s, "boss", PASSWORD);
	assert_int_equal(refused_of(&s, tag)->problem, PROBLEM_CONFLICT);
	assert_int_equal(store_double.users_count, 1);
	scene_end(&s);
}

static void
test_setup_refuses_bad_names_and_short_passwords(void **state)
{
	struct scene s;

	(void)state;
	store_double_reset();
	scene_start_with(&s, NULL, 0);
	assert_int_equal(
	    refused_of(&s, ask_setup(&s, " \t", PASSWORD))->problem,
	    PROBLEM_VALIDATION);
	assert_int_equal(
	    refused_of(&s, ask_setup(&s, "system", PASSWORD))->problem,
	    PROBLEM_CONFLICT);
	assert_int_equal(
	    refused_of(&s, ask_setup(&s, "boss", "elevenchars"))->problem,
	    PROBLEM_VALIDATION);
	/* Eleven characters, however many bytes. */
	assert_int_equal(
	    refused_of(&s, ask_setup(&s, "boss", "äöüäöüäöüäö"))->problem,
	    PROBLEM_VALIDATION);
	assert_int_equal(store_double.users_count, 0);
	scene_end(&s);
}

/* ---- log-in ---- */

/* 1 */
static void
test_login_gives_a_session_that_is_listed(void **state)
{
	const struct auth_session_list *l;
	struct token_claims claims;
	struct auth_token t;
	struct scene s;

	(void)state;
	scene_start(&s);
	t = login(&s, "u1");
	assert_int_equal(verify(&s, t.token, &claims), ST_OK);
	assert_int_equal(strlen(claims.jti), 32);
	assert_string_equal(claims.jti, t.session_id);
	assert_string_equal(claims.sub, U1);
	assert_int_equal(claims.exp - claims.iat, 86400);
	l = list(&s, "u1", t.session_id, NULL);
	assert_int_equal(l->sessions_count, 1);
	assert_string_equal(l->sessions[0].session_id, t.session_id);
	assert_string_equal(l->sessions[0].user_id, U1);
	assert_string_equal(l->sessions[0].username, "u1");
	assert_true(l->sessions[0].is_current);
	assert_true(l->sessions[0].created_at <= l->sessions[0].last_active_at);
	assert_int_equal(
	    l->sessions[0].expires_at, (int64_t)claims.exp * SECOND);
	assert_int_equal(rig_logged(&s.r, EV_API_SESSION_CREATED), 1);
	assert_null(
	    strstr(rig_line(&s.r, EV_API_SESSION_CREATED, 0), t.session_id));
	scene_end(&s);
}

/* 2 */
static void
test_two_logins_are_two_sessions_newest_first(void **state)
{
	const struct auth_session_list *l;
	struct auth_token a, b;
	struct scene s;

	(void)state;
	scene_start(&s);
	a = login(&s, "u1");
	rig_advance_ms(&s.r, 1);
	b = login(&s, "u1");
	l = list(&s, "u1", a.session_id, "own");
	assert_int_equal(l->sessions_count, 2);
	assert_string_equal(l->sessions[0].session_id, b.session_id);
	assert_string_equal(l->sessions[1].session_id, a.session_id);
	assert_false(l->sessions[0].is_current);
	assert_true(l->sessions[1].is_current);
	scene_end(&s);
}

static void
test_every_bad_login_looks_the_same(void **state)
{
	const struct refused *unknown, *wrong, *machine, *disabled;
	struct scene s;

	(void)state;
	scene_start(&s);
	add_user(J_UNKNOWN, "machine", ROLE_SYSTEM);
	store_double_user("u2")->disabled = true;
	unknown = refused_of(&s, ask_login(&s, "nobody", PASSWORD, ""));
	wrong = refused_of(&s, ask_login(&s, "u1", "wrong", ""));
	machine = refused_of(&s, ask_login(&s, "machine", PASSWORD, ""));
	disabled = refused_of(&s, ask_login(&s, "u2", PASSWORD, ""));
	assert_int_equal(unknown->problem, PROBLEM_UNAUTHORIZED);
	assert_string_equal(unknown->detail, "Invalid credentials");
	assert_memory_equal(&wrong->status, &unknown->status, 8);
	assert_string_equal(wrong->detail, unknown->detail);
	assert_string_equal(machine->detail, unknown->detail);
	assert_string_equal(disabled->detail, unknown->detail);
	assert_int_equal(rig_logged(&s.r, EV_API_AUTH_FAILED), 4);
	for (size_t i = 0; i < 4; i++)
		assert_null(
		    strstr(rig_line(&s.r, EV_API_AUTH_FAILED, i), PASSWORD));
	scene_end(&s);
}

static void
test_blank_name_is_refused_unasked(void **state)
{
	struct scene s;

	(void)state;
	scene_start(&s);
	assert_int_equal(
	    refused_of(&s, ask_login(&s, "  ", PASSWORD, ""))->problem,
	    PROBLEM_VALIDATION);
	assert_int_equal(store_double.asked[MSG_store_user_find], 0);
	scene_end(&s);
}

/* 7: the gateway cuts to the bound of the field; no more can come here. */
static void
test_user_agent_is_kept_up_to_its_bound(void **state)
{
	char agent[USER_AGENT_MAX + 1];
	const struct auth_session_list *l;
	struct scene s;
	uint64_t tag;

	(void)state;
	scene_start(&s);
	memset(agent, 'x', USER_AGENT_MAX);
	agent[USER_AGENT_MAX] = '\0';
	tag = ask_login(&s, "u1", PASSWORD, agent);
	(void)RIG_REPLIED(&s.r, gateway, tag, auth_token);
	rig_advance_ms(&s.r, 1);
	tag = ask_login(&s, "u1", PASSWORD, "");
	(void)RIG_REPLIED(&s.r, gateway, tag, auth_token);
	l = list(&s, "u1", "", NULL);
	assert_string_equal(l->sessions[0].user_agent, "");
	assert_string_equal(l->sessions[1].user_agent, agent);
	scene_end(&s);
}

/* 8 */
static void
test_login_survives_a_store_that_cannot_write(void **state)
{
	struct token_claims claims;
	struct auth_token t;
	struct scene s;

	(void)state;
	scene_start(&s);
	store_double.fail_id = MSG_store_session_create;
	store_double.fail_status = ST_IO;
	store_double.fail_count = 1;
	t = login(&s, "u1");
	assert_int_equal(verify(&s, t.token, &claims), ST_OK);
	assert_int_equal(rig_logged(&s.r, EV_API_SESSION_CREATE_FAILED), 1);
	assert_int_equal(rig_logged(&s.r, EV_API_SESSION_CREATED), 0);
	scene_end(&s);
}

/* 9, LD-1 */
static void
test_session_without_a_row_can_be_logged_out_for_good(void **state)
{
	struct auth_token t;
	struct scene s;

	(void)state;
	scene_start(&s);
	store_double.fail_id = MSG_store_session_create;
	store_double.fail_status = ST_IO;
	store_double.fail_count = 1;
	t = login(&s, "u1");
	expect_done(&s, ask_logout(&s, "u1", t.session_id));
	assert_true(revoked(&s, t.session_id));
	scene_end(&s);
	scene_start_with(&s, NULL, 0);
	assert_true(revoked(&s, t.session_id));
	scene_end(&s);
}

/* LD-1, by DELETE: one's own current session, and again as a tombstone. */
static void
test_session_without_a_row_can_be_revoked_by_its_holder(void **state)
{
	struct auth_token t;
	struct scene s;

	(void)state;
	scene_start(&s);
	store_double.fail_id = MSG_store_session_create;
	store_double.fail_status = ST_IO;
	store_double.fail_count = 1;
	t = login(&s, "u1");
	assert_int_equal(
	    refused_of(&s, ask_revoke(&s, "u2", "", t.session_id))->problem,
	    PROBLEM_NOT_FOUND);
	expect_done(&s, ask_revoke(&s, "u1", t.session_id, t.session_id));
	expect_done(&s, ask_revoke(&s, "c1", "", t.session_id));
	assert_int_equal(
	    refused_of(&s, ask_revoke(&s, "u2", "", t.session_id))->problem,
	    PROBLEM_NOT_FOUND);
	assert_int_equal(rig_logged(&s.r, EV_API_SESSION_REVOKED), 1);
	scene_end(&s);
}

static void
test_ten_failures_lock_an_account_for_a_while(void **state)
{
	const struct refused *why;
	struct scene s;
	uint64_t tag;

	(void)state;
	scene_start(&s);
	for (int i = 0; i < 10; i++)
		assert_int_equal(
		    refused_of(&s, ask_login(&s, "u1", "wrong", ""))->problem,
		    PROBLEM_UNAUTHORIZED);
	assert_int_equal(rig_logged(&s.r, EV_API_AUTH_LOCKED), 1);
	why = refused_of(&s, ask_login(&s, "u1", PASSWORD, ""));
	assert_int_equal(why->problem, PROBLEM_ACCOUNT_LOCKED);
	assert_int_equal(why->retry_after_ms, 15 * 60 * 1000);
	(void)login(&s, "u2");
	rig_advance_ms(&s.r, 15 * 60 * 1000 - 1);
	assert_int_equal(
	    refused_of(&s, ask_login(&s, "u1", PASSWORD, ""))->problem,
	    PROBLEM_ACCOUNT_LOCKED);
	rig_advance_ms(&s.r, 1);
	tag = ask_login(&s, "u1", PASSWORD, "");
	(void)RIG_REPLIED(&s.r, gateway, tag, auth_token);
	scene_end(&s);
}

static void
test_a_good_login_forgets_failures(void **state)
{
	struct scene s;

	(void)state;
	scene_start(&s);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 9; i++)
			(void)refused_of(&s, ask_login(&s, "u1", "wrong", ""));
		(void)login(&s, "u1");
	}
	assert_int_equal(rig_logged(&s.r, EV_API_AUTH_LOCKED), 0);
	scene_end(&s);
}

/* 27 */
static void
test_oldest_sessions_go_beyond_the_limit(void **state)
{
	static const char *const sets[] = {
		"api.auth.max_concurrent_sessions=2"
	};
	struct auth_token t[3];
	struct scene s;

	(void)state;
	store_double_reset();
	add_user(U1, "u1", ROLE_OBSERVER);
	scene_start_with(&s, sets, 1);
	for (int i = 0; i < 3; i++) {
		t[i] = login(&s, "u1");
		rig_advance_ms(&s.r, 1);
	}
	assert_true(revoked(&s, t[0].session_id));
	assert_false(revoked(&s, t[1].session_id));
	assert_int_equal(
	    list(&s, "u1", t[2].session_id, NULL)->sessions_count, 2);
	assert_int_equal(rig_logged(&s.r, EV_API_SESSION_LIMIT_ENFORCED), 1);
	scene_end(&s);
}

/* 27, with more to revoke than one batch holds */
static void
test_limit_reaches_all_old_sessions(void **state)
{
	char id[33];
	struct auth_token t;
	struct scene s;
	size_t count;

	(void)state;
	store_double_reset();
	add_user(U1, "u1", ROLE_OBSERVER);
	for (int i = 0; i < 50; i++) {
		snprintf(id, sizeof(id), "%032x", i + 1);
		store_double_add_session(
		    id, U1, RIG_WALL_US - DAY + i, RIG_WALL_US + DAY);
	}
	scene_start_with(&s, NULL, 0);
	t = login(&s, "u1");
	assert_int_equal(list(&s, "u1", "", NULL)->sessions_count, 5);
	assert_false(is_revoked(&s, t.session_id, &count));
	assert_int_equal(count, 46);
	scene_end(&s);
}

/* ---- log-out and revocation ---- */

/* 4, 5: refused everywhere before the answer, and after a restart. */
static void
test_logout_is_answered_when_the_gateway_has_applied_it(void **state)
{
	const struct replica_change *change;
	struct auth_token a, b;
	struct heard *h;
	struct scene s;
	uint64_t tag;

	(void)state;
	scene_start(&s);
	a = login(&s, "u1");
	b = login(&s, "u1");
	tag = ask_logout(&s, "u1", a.session_id);
	h = RIG_TAKE(&s.r, gateway, replica_change);
	change = RIG_BODY(h, replica_change);
	assert_int_equal(change->revoked_count, 1);
	assert_string_equal(change->revoked[0].session_id, a.session_id);
	assert_null(rig_answer_to(&s.r, ACTOR_NUMBER(gateway), tag));
	assert_null(
	    rig_peek(&s.r, ACTOR_NUMBER(ticket_store), MSG_ticket_drop));
	RIG_ANSWER(&s.r, h, done, .nothing = 0);
	assert_null(rig_answer_to(&s.r, ACTOR_NUMBER(gateway), tag));
	h = RIG_TAKE(&s.r, ticket_store, ticket_drop);
	assert_string_equal(
	    RIG_BODY(h, ticket_drop)->session_ids[0], a.session_id);
	RIG_ANSWER(&s.r, h, done, .nothing = 0);
	(void)RIG_REPLIED(&s.r, gateway, tag, done);
	assert_int_equal(rig_logged(&s.r, EV_API_SESSION_FORCE_LOGOUT), 1);
	scene_end(&s);
	scene_start_with(&s, NULL, 0);
	assert_true(revoked(&s, a.session_id));
	assert_false(revoked(&s, b.session_id));
	scene_end(&s);
}

/* 23 */
static void
test_logout_without_a_session_changes_nothing(void **state)
{
	struct scene s;

	(void)state;
	scene_start(&s);
	expect_done(&s, ask_logout(&s, "u1", ""));
	assert_int_equal(store_double.asked[MSG_store_session_revoke], 0);
	assert_int_equal(rig_logged(&s.r, EV_API_LOGOUT_NO_SESSION), 1);
	scene_end(&s);
}

/* 24 */
static void
test_strangers_are_refused_with_distinct_reasons(void **state)
{
	static const char *const reasons[] = { "unauthenticated_session_list",
		"unauthenticated_session_revoke", "unauthenticated_logout" };
	struct principal nobody = { .address = "192.0.2.1" };
	uint64_t tags[3];
	struct scene s;

	(void)state;
	scene_start(&s);
	tags[0] = RIG_ASK(&s.r, gateway, session_registry, auth_sessions,
	    .caller = nobody, .scope = "own");
	tags[1] = RIG_ASK(&s.r, gateway, session_registry, auth_session_revoke,
	    .caller = nobody, .session_id = J_UNKNOWN);
	tags[2] = RIG_ASK(
	    &s.r, gateway, session_registry, auth_logout, .caller = nobody);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(
		    refused_of(&s, tags[i])->problem, PROBLEM_UNAUTHORIZED);
		assert_non_null(
		    strstr(rig_line(&s.r, EV_API_AUTH_FAILED, i), reasons[i]));
	}
	scene_end(&s);
}

/* 13, D-23, D-24 */
static void
test_foreign_and_unknown_sessions_look_the_same(void **state)
{
	const struct refused *foreign, *unknown;
	struct auth_token t;
	const char *line;
	struct scene s;

	(void)state;
	scene_start(&s);
	t = login(&s, "u1");
	foreign = refused_of(&s, ask_revoke(&s, "u2", "", t.session_id));
	unknown = refused_of(&s, ask_revoke(&s, "u2", "", J_UNKNOWN));
	assert_int_equal(foreign->problem, PROBLEM_NOT_FOUND);
	assert_int_equal(unknown->problem, PROBLEM_NOT_FOUND);
	assert_int_equal(foreign->status, unknown->status);
	assert_string_equal(foreign->detail, unknown->detail);
	assert_false(revoked(&s, t.session_id));
	assert_int_equal(rig_logged(&s.r, EV_API_AUTH_FAILED), 1);
	line = rig_line(&s.r, EV_API_AUTH_FAILED, 0);
	assert_non_null(strstr(line, "session_not_owned"));
	assert_non_null(strstr(line, U2));
	assert_null(strstr(line, t.session_id));
	scene_end(&s);
}

/* 14, 15, D-22 */
static void
test_only_a_ceo_revokes_for_others_and_twice_is_once(void **state)
{
	struct auth_token t;
	struct scene s;

	(void)state;
	scene_start(&s);
	t = login(&s, "u1");
	assert_int_equal(
	    refused_of(&s, ask_revoke(&s, "m1", "", t.session_id))->problem,
	    PROBLEM_NOT_FOUND);
	expect_done(&s, ask_revoke(&s, "c1", "", t.session_id));
	expect_done(&s, ask_revoke(&s, "c1", "", t.session_id));
	assert_true(revoked(&s, t.session_id));
	assert_int_equal(rig_logged(&s.r, EV_API_SESSION_REVOKED), 1);
	assert_non_null(strstr(rig_line(&s.r, EV_API_SESSION_REVOKED, 0), C1));
	assert_null(
	    strstr(rig_line(&s.r, EV_API_SESSION_REVOKED, 0), t.session_id));
	scene_end(&s);
}

/* 16 */
static void
test_one_may_revoke_the_session_in_use(void **state)
{
	struct auth_token t;
	struct scene s;

	(void)state;
	scene_start(&s);
	t = login(&s, "u1");
	expect_done(&s, ask_revoke(&s, "u1", t.session_id, t.session_id));
	assert_true(revoked(&s, t.session_id));
	assert_int_equal(list(&s, "u1", t.session_id, NULL)->sessions_count, 0);
	scene_end(&s);
}

static void
test_hostile_session_ids_are_simply_unknown(void **state)
{
	static const char *const ids[] = { "", " ", "x", "../../etc/passwd",
		"0000000000004000800000000000000G",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"000000000000400080000000000000011" };
	struct scene s;

	(void)state;
	scene_start(&s);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		assert_string_equal(
		    refused_of(&s, ask_revoke(&s, "c1", "", ids[i]))->detail,
		    "Session not found");
	scene_end(&s);
}

static void
test_store_that_refuses_a_revocation_is_told(void **state)
{
	struct auth_token t;
	struct scene s;

	(void)state;
	scene_start(&s);
	t = login(&s, "u1");
	store_double.fail_id = MSG_store_session_revoke;
	store_double.fail_status = ST_IO;
	store_double.fail_count = 1;
	assert_int_equal(
	    refused_of(&s, ask_logout(&s, "u1", t.session_id))->problem,
	    PROBLEM_STORE_FAILED);
	assert_false(revoked(&s, t.session_id));
	assert_int_equal(rig_logged(&s.r, EV_API_SESSION_REVOKE_FAILED), 1);
	assert_int_equal(rig_logged(&s.r, EV_API_SESSION_FORCE_LOGOUT), 0);
	scene_end(&s);
}

/* Nobody knows whether it was written: the token is refused all the same. */
static void
test_revocation_of_unknown_outcome_fails_closed(void **state)
{
	struct auth_token t;
	struct scene s;
	size_t count;

	(void)state;
	scene_start(&s);
	t = login(&s, "u1");
	store_double.fail_id = MSG_store_session_revoke;
	store_double.fail_status = ST_CLOSED;
	store_double.fail_count = 1;
	(void)refused_of(&s, ask_logout(&s, "u1", t.session_id));
	scene_apply(&s);
	assert_true(revoked(&s, t.session_id));
	assert_int_equal(list(&s, "u1", t.session_id, NULL)->sessions_count, 0);
	/* It is forgotten when it expires, though no row says so. */
	store_double.sessions_count = 0;
	rig_advance_ms(&s.r, UINT64_C(31) * 86400 * 1000);
	(void)RIG_ASK(
	    &s.r, gateway, session_registry, auth_clean, .nothing = 0);
	scene_join(&s);
	assert_false(is_revoked(&s, t.session_id, &count));
	assert_int_equal(count, 0);
	scene_end(&s);
}

/* 17, D-29, D-30 */
static void
test_revoking_all_counts_the_active_ones(void **state)
{
	char id[33];
	struct scene s;
	uint64_t tag;

	(void)state;
	scene_start(&s);
	for (int i = 0; i < 5; i++) {
		snprintf(id, sizeof(id), "%032x", i + 1);
		store_double_add_session(id, U1, RIG_WALL_US - DAY,
		    i == 3 ? RIG_WALL_US : RIG_WALL_US + DAY);
	}
	store_double_session(id)->revoked = true;
	store_double_add_session(J_UNKNOWN, U2, RIG_WALL_US, RIG_WALL_US + DAY);
	tag = RIG_ASK(&s.r, gateway, session_registry, auth_revoke_user,
	    .caller = caller_of("c1", ""), .user_id = U1);
	scene_apply(&s);
	assert_int_equal(
	    RIG_REPLIED(&s.r, gateway, tag, auth_revoked_user)->revoked, 3);
	assert_false(revoked(&s, J_UNKNOWN));
	tag = RIG_ASK(&s.r, gateway, session_registry, auth_revoke_user,
	    .caller = caller_of("u1", ""), .user_id = U1);
	assert_int_equal(
	    RIG_REPLIED(&s.r, gateway, tag, auth_revoked_user)->revoked, 0);
	tag = RIG_ASK(&s.r, gateway, session_registry, auth_revoke_user,
	    .caller = caller_of("m1", ""), .user_id = U1);
	assert_int_equal(refused_of(&s, tag)->problem, PROBLEM_FORBIDDEN);
	scene_end(&s);
}

/* 18: what is listed is not refused, and what is refused is not listed. */
static void
test_logins_racing_with_revoking_all_are_never_a_mix(void **state)
{
	enum { LOGINS = 200 };
	static const char *const sets[] = {
		"api.auth.max_concurrent_sessions=0"
	};
	const struct auth_session_list *l;
	uint64_t tags[LOGINS];
	size_t refused_count = 0;
	struct scene s;

	(void)state;
	store_double_reset();
	add_user(U1, "u1", ROLE_OBSERVER);
	scene_start_with(&s, sets, 1);
	for (size_t i = 0; i < LOGINS; i++) {
		tags[i] = ask_login(&s, "u1", PASSWORD, "");
		if (i % 50 == 25)
			(void)RIG_ASK(&s.r, gateway, session_registry,
			    auth_revoke_user, .caller = caller_of("u1", ""),
			    .user_id = U1);
	}
	scene_apply(&s);
	for (size_t i = 0; i < LOGINS; i++)
		refused_count +=
		    revoked(&s, RIG_REPLIED(&s.r, gateway, tags[i], auth_token)
				    ->session_id);
	l = RIG_REPLIED(&s.r, gateway,
	    RIG_ASK(&s.r, gateway, session_registry, auth_sessions,
		.caller = caller_of("u1", ""), .has_limit = true,
		.limit = SESSIONS_PAGE_MAX),
	    auth_session_list);
	assert_int_equal(l->sessions_count + refused_count, LOGINS);
	for (uint32_t i = 0; i < l->sessions_count; i++)
		assert_false(revoked(&s, l->sessions[i].session_id));
	scene_end(&s);
}

/* 25, the registry's part: a tombstone needs no user. */
static void
test_revocation_outlives_its_user(void **state)
{
	struct auth_token t;
	struct scene s;

	(void)state;
	scene_start(&s);
	t = login(&s, "u1");
	expect_done(&s, ask_logout(&s, "u1", t.session_id));
	store_double_user("u1")->disabled = true;
	scene_end(&s);
	scene_start_with(&s, NULL, 0);
	assert_true(revoked(&s, t.session_id));
	scene_end(&s);
}

/* ---- listing ---- */

/* 10 */
static void
test_expired_sessions_are_not_listed(void **state)
{
	struct auth_token t;
	struct scene s;

	(void)state;
	scene_start(&s);
	t = login(&s, "u1");
	store_double_session(t.session_id)->expires_at = s.r.wall_us + 1000;
	assert_int_equal(list(&s, "u1", "", NULL)->sessions_count, 1);
	rig_advance_ms(&s.r, 1);
	assert_int_equal(list(&s, "u1", "", NULL)->sessions_count, 0);
	scene_end(&s);
}

/* 11, D-25 */
static void
test_unknown_scope_is_refused_before_the_store_is_asked(void **state)
{
	static const char *const scopes[] = { "ALL", "", "mine", "own " };
	struct scene s;

	(void)state;
	scene_start(&s);
	for (size_t i = 0; i < 4; i++) {
		uint64_t tag =
		    RIG_ASK(&s.r, gateway, session_registry, auth_sessions,
			.caller = caller_of("c1", ""), .scope = scopes[i]);

		assert_int_equal(
		    refused_of(&s, tag)->problem, PROBLEM_VALIDATION);
		assert_non_null(
		    strstr(refused_of(&s, tag)->detail, "own, all"));
	}
	assert_int_equal(store_double.asked[MSG_store_session_list], 0);
	scene_end(&s);
}

/* 12, D-26, D-27 */
static void
test_scope_all_is_for_a_ceo_and_narrowed_for_others(void **state)
{
	const struct auth_session_list *l;
	struct scene s;

	(void)state;
	scene_start(&s);
	(void)login(&s, "u1");
	(void)login(&s, "u2");
	l = list(&s, "u1", "", "all");
	assert_string_equal(l->scope, "own");
	assert_int_equal(l->sessions_count, 1);
	assert_string_equal(l->sessions[0].user_id, U1);
	l = list(&s, "c1", "", "all");
	assert_string_equal(l->scope, "all");
	assert_int_equal(l->sessions_count, 2);
	l = list(&s, "m1", "", "all");
	assert_string_equal(l->scope, "own");
	assert_int_equal(l->sessions_count, 0);
	scene_end(&s);
}

/* ---- clean-up ---- */

/* 6, 19, D-31, D-37, D-38 */
static void
test_cleanup_forgets_what_has_expired(void **state)
{
	struct auth_token t[4];
	struct heard *h;
	struct scene s;
	uint64_t tag;
	size_t count;

	(void)state;
	scene_start(&s);
	for (int i = 0; i < 4; i++)
		t[i] = login(&s, "u1");
	expect_done(&s, ask_logout(&s, "u1", t[0].session_id));
	expect_done(&s, ask_logout(&s, "u1", t[2].session_id));
	for (int i = 0; i < 2; i++)
		store_double_session(t[i].session_id)->expires_at = s.r.wall_us;
	tag = RIG_ASK(&s.r, scheduler, session_registry, service_run,
	    .service = "session-cleanup", .generation = 7);
	assert_int_equal(
	    RIG_REPLIED(&s.r, scheduler, tag, service_ran)->count, 2);
	assert_int_equal(
	    RIG_REPLIED(&s.r, scheduler, tag, service_ran)->generation, 7);
	h = RIG_TAKE(&s.r, gateway, replica_change);
	assert_int_equal(RIG_BODY(h, replica_change)->pruned_count, 1);
	assert_string_equal(
	    RIG_BODY(h, replica_change)->pruned[0], t[0].session_id);
	RIG_ANSWER(&s.r, h, done, .nothing = 0);
	assert_false(is_revoked(&s, t[0].session_id, &count));
	assert_int_equal(count, 1);
	tag =
	    RIG_ASK(&s.r, gateway, session_registry, auth_clean, .nothing = 0);
	assert_int_equal(
	    RIG_REPLIED(&s.r, gateway, tag, auth_cleaned)->removed, 0);
	assert_int_equal(rig_logged(&s.r, EV_API_SESSION_CLEANUP), 1);
	scene_end(&s);
}

static void
test_cleanup_works_in_batches(void **state)
{
	char id[33];
	struct scene s;
	uint64_t tag;

	(void)state;
	scene_start(&s);
	for (int i = 0; i < 2 * STORE_PAGE_MAX + 1; i++) {
		snprintf(id, sizeof(id), "%032x", i + 1);
		store_double_add_session(
		    id, U1, RIG_WALL_US - DAY, RIG_WALL_US);
	}
	tag =
	    RIG_ASK(&s.r, gateway, session_registry, auth_clean, .nothing = 0);
	assert_int_equal(RIG_REPLIED(&s.r, gateway, tag, auth_cleaned)->removed,
	    2 * STORE_PAGE_MAX + 1);
	assert_int_equal(store_double.asked[MSG_store_session_clean], 3);
	scene_end(&s);
}

/* 20, the registry's part */
static void
test_failed_cleanup_is_told_and_the_next_one_works(void **state)
{
	struct scene s;
	uint64_t tag;

	(void)state;
	scene_start(&s);
	store_double.fail_id = MSG_store_session_clean;
	store_double.fail_status = ST_IO;
	store_double.fail_count = 1;
	tag = RIG_ASK(&s.r, scheduler, session_registry, service_run,
	    .service = "session-cleanup", .generation = 1);
	(void)RIG_REPLIED(&s.r, scheduler, tag, refused);
	assert_int_equal(rig_logged(&s.r, EV_API_SESSION_CLEANUP_FAILED), 1);
	tag = RIG_ASK(&s.r, scheduler, session_registry, service_run,
	    .service = "session-cleanup", .generation = 2);
	(void)RIG_REPLIED(&s.r, scheduler, tag, service_ran);
	tag = RIG_ASK(&s.r, scheduler, session_registry, service_run,
	    .service = "ticket-cleanup", .generation = 1);
	(void)RIG_REPLIED(&s.r, scheduler, tag, refused);
	scene_end(&s);
}

/* ---- the replica protocol ---- */

static void
test_beats_come_until_a_change_is_not_applied(void **state)
{
	struct auth_token t;
	struct scene s;
	uint64_t tag;
	size_t beats = 0;

	(void)state;
	scene_start(&s);
	t = login(&s, "u1");
	rig_advance_ms(&s.r, 2 * REPLICA_BEAT_MS);
	for (int i = 0; i < 2; i++)
		assert_int_equal(RIG_BODY(RIG_TAKE(&s.r, gateway, replica_beat),
				     replica_beat)
				     ->epoch,
		    s.epoch);
	tag = ask_logout(&s, "u1", t.session_id);
	rig_advance_ms(&s.r, REPLICA_LEASE_MS - 1);
	while (
	    rig_peek(&s.r, ACTOR_NUMBER(gateway), MSG_replica_beat) != NULL) {
		(void)RIG_TAKE(&s.r, gateway, replica_beat);
		beats++;
	}
	assert_true(beats <= 1);
	assert_null(rig_answer_to(&s.r, ACTOR_NUMBER(gateway), tag));
	/* The lease of the last beat runs out; nobody waits any longer. */
	rig_advance_ms(&s.r, 2 * REPLICA_BEAT_MS);
	scene_apply(&s);
	(void)RIG_REPLIED(&s.r, gateway, tag, done);
	assert_int_equal(rig_logged(&s.r, EV_REPLICA_LOST), 1);
	scene_end(&s);
}

static void
test_gateway_that_joins_anew_has_everything_by_pages(void **state)
{
	struct auth_token t;
	struct scene s;
	uint64_t tag;

	(void)state;
	scene_start(&s);
	t = login(&s, "u1");
	tag = ask_logout(&s, "u1", t.session_id);
	(void)RIG_TAKE(&s.r, gateway, replica_change);
	scene_join(&s);
	assert_true(revoked(&s, t.session_id));
	scene_apply(&s);
	(void)RIG_REPLIED(&s.r, gateway, tag, done);
	scene_end(&s);
}

static void
test_gateway_that_refuses_a_change_hears_no_more_beats(void **state)
{
	struct auth_token t;
	struct scene s;
	uint64_t tag;

	(void)state;
	scene_start(&s);
	t = login(&s, "u1");
	tag = ask_logout(&s, "u1", t.session_id);
	rig_refuse(&s.r, RIG_TAKE(&s.r, gateway, replica_change), ST_FULL,
	    PROBLEM_OVERLOADED, "no room");
	assert_int_equal(rig_logged(&s.r, EV_REPLICA_SILENT), 1);
	rig_advance_ms(&s.r, REPLICA_LEASE_MS - REPLICA_BEAT_MS);
	assert_null(rig_peek(&s.r, ACTOR_NUMBER(gateway), MSG_replica_beat));
	assert_null(rig_answer_to(&s.r, ACTOR_NUMBER(gateway), tag));
	rig_advance_ms(&s.r, 2 * REPLICA_BEAT_MS);
	scene_apply(&s);
	(void)RIG_REPLIED(&s.r, gateway, tag, done);
	scene_end(&s);
}

static void
test_only_gateways_follow(void **state)
{
	struct scene s;
	uint64_t tag;

	(void)state;
	scene_start(&s);
	tag = RIG_ASK(
	    &s.r, scheduler, session_registry, replica_join, .nothing = 0);
	assert_int_equal(RIG_REPLIED(&s.r, scheduler, tag, refused)->problem,
	    PROBLEM_FORBIDDEN);
	tag = RIG_ASK(&s.r, gateway, session_registry, replica_read,
	    .epoch = s.epoch + 1, .after_user = "", .after_session = "");
	assert_int_equal(refused_of(&s, tag)->problem, PROBLEM_CONFLICT);
	tag = RIG_ASK(&s.r, gateway, session_registry, replica_read,
	    .epoch = s.epoch, .after_user = "zz", .after_session = "");
	assert_int_equal(refused_of(&s, tag)->problem, PROBLEM_VALIDATION);
	scene_end(&s);
}

/* Changes that come while one is on its way go together in the next. */
static void
test_storm_of_revocations_goes_in_few_batches(void **state)
{
	enum { SESSIONS = 300 };
	static char ids[SESSIONS][33];
	uint64_t tags[SESSIONS];
	struct scene s;
	struct heard *h;
	size_t batches = 0;

	(void)state;
	scene_start(&s);
	for (int i = 0; i < SESSIONS; i++) {
		snprintf(ids[i], sizeof(ids[i]), "%032x", i + 1);
		store_double_add_session(
		    ids[i], U1, RIG_WALL_US, RIG_WALL_US + DAY);
	}
	for (int i = 0; i < SESSIONS; i++)
		tags[i] = ask_revoke(&s, "u1", "", ids[i]);
	while ((h = rig_peek(
		    &s.r, ACTOR_NUMBER(gateway), MSG_replica_change)) != NULL) {
		RIG_ANSWER(&s.r, h, done, .nothing = 0);
		batches++;
	}
	assert_int_equal(batches, 3);
	scene_apply(&s);
	for (int i = 0; i < SESSIONS; i++)
		(void)RIG_REPLIED(&s.r, gateway, tags[i], done);
	scene_end(&s);
}

static void
test_account_changed_behind_our_back_reaches_gateways_at_login(void **state)
{
	const struct replica_change *change;
	struct scene s;
	uint64_t tag;

	(void)state;
	scene_start(&s);
	store_double_user("u1")->role = ROLE_MANAGER;
	tag = ask_login(&s, "u1", PASSWORD, "");
	change =
	    RIG_BODY(rig_peek(&s.r, ACTOR_NUMBER(gateway), MSG_replica_change),
		replica_change);
	assert_int_equal(change->accounts[0].role, ROLE_MANAGER);
	assert_null(rig_answer_to(&s.r, ACTOR_NUMBER(gateway), tag));
	scene_apply(&s);
	(void)RIG_REPLIED(&s.r, gateway, tag, auth_token);
	scene_end(&s);
}

/* ---- start ---- */

static void
test_pages_of_accounts_and_revocations_are_all_read(void **state)
{
	enum { USERS = 2 * STORE_PAGE_MAX + 3 };
	char id[33];
	char name[32];
	struct scene s;
	size_t count;
	uint64_t tag;

	(void)state;
	store_double_reset();
	for (int i = 0; i < USERS; i++) {
		snprintf(id, sizeof(id), "%032x", i + 1);
		snprintf(name, sizeof(name), "user%d", i);
		add_user(id, name, ROLE_OBSERVER);
		store_double_add_session(
		    id, id, RIG_WALL_US - DAY, RIG_WALL_US + DAY)
		    ->revoked = true;
	}
	/* D-31: expired ones are not loaded. */
	store_double.sessions[0].expires_at = RIG_WALL_US;
	scene_start_with(&s, NULL, 0);
	assert_true(is_revoked(&s, id, &count));
	assert_int_equal(count, USERS - 1);
	tag = RIG_ASK(&s.r, gateway, session_registry, replica_read,
	    .epoch = s.epoch, .after_user = "", .after_session = "");
	assert_int_equal(
	    RIG_REPLIED(&s.r, gateway, tag, replica_page)->accounts_count,
	    REPLICA_PAGE_MAX);
	scene_end(&s);
}

/* 21, D-12 */
static void
test_store_that_cannot_be_read_fails_the_start(void **state)
{
	static const uint16_t reads[] = { MSG_store_user_list,
		MSG_store_revoked_list };
	struct scene s;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		store_double_reset();
		store_double.fail_id = reads[i];
		store_double.fail_status = ST_IO;
		store_double.fail_count = 1000;
		scene_spawn(&s, NULL);
		(void)rig_start(&s.r);
		assert_int_equal(rig_logged(&s.r, EV_API_APP_STARTUP), 1);
		assert_int_equal(rig_logged(&s.r, EV_API_REGISTRY_READY), 0);
		rig_advance_ms(&s.r, 60000);
		assert_int_equal(rig_logged(&s.r, EV_ACTOR_QUARANTINE), 1);
		scene_end(&s);
	}
}

static void
test_store_with_ids_that_are_none_fails_the_start(void **state)
{
	struct scene s;

	(void)state;
	store_double_reset();
	add_user("not-an-id", "u1", ROLE_OBSERVER);
	scene_spawn(&s, NULL);
	(void)rig_start(&s.r);
	assert_int_equal(rig_logged(&s.r, EV_API_APP_STARTUP), 1);
	scene_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_setup_makes_a_ceo_whom_every_gateway_knows),
		cmocka_unit_test(test_setup_happens_once),
		cmocka_unit_test(test_racing_setups_have_one_winner),
		cmocka_unit_test(
		    test_setup_refuses_bad_names_and_short_passwords),
		cmocka_unit_test(test_login_gives_a_session_that_is_listed),
		cmocka_unit_test(test_two_logins_are_two_sessions_newest_first),
		cmocka_unit_test(test_every_bad_login_looks_the_same),
		cmocka_unit_test(test_blank_name_is_refused_unasked),
		cmocka_unit_test(test_user_agent_is_kept_up_to_its_bound),
		cmocka_unit_test(test_login_survives_a_store_that_cannot_write),
		cmocka_unit_test(
		    test_session_without_a_row_can_be_logged_out_for_good),
		cmocka_unit_test(
		    test_session_without_a_row_can_be_revoked_by_its_holder),
		cmocka_unit_test(test_ten_failures_lock_an_account_for_a_while),
		cmocka_unit_test(test_a_good_login_forgets_failures),
		cmocka_unit_test(test_oldest_sessions_go_beyond_the_limit),
		cmocka_unit_test(test_limit_reaches_all_old_sessions),
		cmocka_unit_test(
		    test_logout_is_answered_when_the_gateway_has_applied_it),
		cmocka_unit_test(test_logout_without_a_session_changes_nothing),
		cmocka_unit_test(
		    test_strangers_are_refused_with_distinct_reasons),
		cmocka_unit_test(
		    test_foreign_and_unknown_sessions_look_the_same),
		cmocka_unit_test(
		    test_only_a_ceo_revokes_for_others_and_twice_is_once),
		cmocka_unit_test(test_one_may_revoke_the_session_in_use),
		cmocka_unit_test(test_hostile_session_ids_are_simply_unknown),
		cmocka_unit_test(test_store_that_refuses_a_revocation_is_told),
		cmocka_unit_test(
		    test_revocation_of_unknown_outcome_fails_closed),
		cmocka_unit_test(test_revoking_all_counts_the_active_ones),
		cmocka_unit_test(
		    test_logins_racing_with_revoking_all_are_never_a_mix),
		cmocka_unit_test(test_revocation_outlives_its_user),
		cmocka_unit_test(test_expired_sessions_are_not_listed),
		cmocka_unit_test(
		    test_unknown_scope_is_refused_before_the_store_is_asked),
		cmocka_unit_test(
		    test_scope_all_is_for_a_ceo_and_narrowed_for_others),
		cmocka_unit_test(test_cleanup_forgets_what_has_expired),
		cmocka_unit_test(test_cleanup_works_in_batches),
		cmocka_unit_test(
		    test_failed_cleanup_is_told_and_the_next_one_works),
		cmocka_unit_test(test_beats_come_until_a_change_is_not_applied),
		cmocka_unit_test(
		    test_gateway_that_joins_anew_has_everything_by_pages),
		cmocka_unit_test(
		    test_gateway_that_refuses_a_change_hears_no_more_beats),
		cmocka_unit_test(test_only_gateways_follow),
		cmocka_unit_test(test_storm_of_revocations_goes_in_few_batches),
		cmocka_unit_test(
		    test_account_changed_behind_our_back_reaches_gateways_at_login),
		cmocka_unit_test(
		    test_pages_of_accounts_and_revocations_are_all_read),
		cmocka_unit_test(
		    test_store_that_cannot_be_read_fails_the_start),
		cmocka_unit_test(
		    test_store_with_ids_that_are_none_fails_the_start),
	};

	return sodium_init() < 0 ? 1
				 : cmocka_run_group_tests(tests, NULL, NULL);
}
