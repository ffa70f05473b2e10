/*
 * Set-up and log-in.  Numbers are those of the session
 * scenarios of the specification; tests/registry_scene.h sets the stage.
 */
#include "actors/session_registry.h"

#include <stdio.h>
#include <string.h>

#include "tests/registry_scene.h"
#include "tests/store_double.h"

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
	tag = ask_setup(&s, "boss", SCENE_PASSWORD);
	assert_null(rig_answer_to(&s.r, ACTOR_NUMBER(gateway), tag));
	change =
	    RIG_BODY(rig_peek(&s.r, ACTOR_NUMBER(gateway), MSG_replica_change),
		replica_change);
	assert_int_equal(change->accounts_count, 1);
	assert_string_equal(change->accounts[0].username, "boss");
	assert_int_equal(change->accounts[0].role, ROLE_CEO);
	scene_apply(&s);
	assert_int_equal(
	    scene_verify(&s, RIG_REPLIED(&s.r, gateway, tag, auth_token)->token,
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
	tag = ask_setup(&s, "boss", SCENE_PASSWORD);
	assert_int_equal(scene_refused(&s, tag)->problem, PROBLEM_CONFLICT);
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
	scene_add_user(C1, "c1", ROLE_CEO);
	tag = ask_setup(&s, "boss", SCENE_PASSWORD);
	assert_int_equal(scene_refused(&s, tag)->problem, PROBLEM_CONFLICT);
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
	    scene_refused(&s, ask_setup(&s, " \t", SCENE_PASSWORD))->problem,
	    PROBLEM_VALIDATION);
	assert_int_equal(
	    scene_refused(&s, ask_setup(&s, "system", SCENE_PASSWORD))->problem,
	    PROBLEM_CONFLICT);
	assert_int_equal(
	    scene_refused(&s, ask_setup(&s, "boss", "elevenchars"))->problem,
	    PROBLEM_VALIDATION);
	/* Eleven characters, however many bytes. */
	assert_int_equal(
	    scene_refused(&s, ask_setup(&s, "boss", "äöüäöüäöüäö"))->problem,
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
	t = scene_login(&s, "u1");
	assert_int_equal(scene_verify(&s, t.token, &claims), ST_OK);
	assert_int_equal(strlen(claims.jti), 32);
	assert_string_equal(claims.jti, t.session_id);
	assert_string_equal(claims.sub, U1);
	assert_int_equal(claims.exp - claims.iat, 86400);
	l = scene_list(&s, "u1", t.session_id, NULL);
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
	a = scene_login(&s, "u1");
	rig_advance_ms(&s.r, 1);
	b = scene_login(&s, "u1");
	l = scene_list(&s, "u1", a.session_id, "own");
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
	scene_add_user(J_UNKNOWN, "machine", ROLE_SYSTEM);
	store_double_user("u2")->disabled = true;
	unknown = scene_refused(
	    &s, scene_ask_login(&s, "nobody", SCENE_PASSWORD, ""));
	wrong = scene_refused(&s, scene_ask_login(&s, "u1", "wrong", ""));
	machine = scene_refused(
	    &s, scene_ask_login(&s, "machine", SCENE_PASSWORD, ""));
	disabled =
	    scene_refused(&s, scene_ask_login(&s, "u2", SCENE_PASSWORD, ""));
	assert_int_equal(unknown->problem, PROBLEM_UNAUTHORIZED);
	assert_string_equal(unknown->detail, "Invalid credentials");
	assert_memory_equal(&wrong->status, &unknown->status, 8);
	assert_string_equal(wrong->detail, unknown->detail);
	assert_string_equal(machine->detail, unknown->detail);
	assert_string_equal(disabled->detail, unknown->detail);
	assert_int_equal(rig_logged(&s.r, EV_API_AUTH_FAILED), 4);
	for (size_t i = 0; i < 4; i++)
		assert_null(strstr(
		    rig_line(&s.r, EV_API_AUTH_FAILED, i), SCENE_PASSWORD));
	scene_end(&s);
}

static void
test_blank_name_is_refused_unasked(void **state)
{
	struct scene s;

	(void)state;
	scene_start(&s);
	assert_int_equal(
	    scene_refused(&s, scene_ask_login(&s, "  ", SCENE_PASSWORD, ""))
		->problem,
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
	tag = scene_ask_login(&s, "u1", SCENE_PASSWORD, agent);
	(void)RIG_REPLIED(&s.r, gateway, tag, auth_token);
	rig_advance_ms(&s.r, 1);
	tag = scene_ask_login(&s, "u1", SCENE_PASSWORD, "");
	(void)RIG_REPLIED(&s.r, gateway, tag, auth_token);
	l = scene_list(&s, "u1", "", NULL);
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
	t = scene_login(&s, "u1");
	assert_int_equal(scene_verify(&s, t.token, &claims), ST_OK);
	assert_int_equal(rig_logged(&s.r, EV_API_SESSION_CREATE_FAILED), 1);
	assert_int_equal(rig_logged(&s.r, EV_API_SESSION_CREATED), 0);
	scene_end(&s);
}

/* 8: a store that says nothing holds a log-in up, but not past its end. */
static void
test_login_is_answered_in_time_by_a_silent_store(void **state)
{
	struct scene s;
	uint64_t tag;

	(void)state;
	scene_start(&s);
	store_double.hold_id = MSG_store_session_create;
	tag = scene_ask_login(&s, "u1", SCENE_PASSWORD, "");
	assert_null(rig_answer_to(&s.r, ACTOR_NUMBER(gateway), tag));
	rig_advance_ms(&s.r, RIG_WITHIN_US / 2000);
	(void)RIG_REPLIED(&s.r, gateway, tag, auth_token);
	assert_int_equal(rig_logged(&s.r, EV_API_SESSION_CREATE_FAILED), 1);
	assert_non_null(
	    strstr(rig_line(&s.r, EV_API_SESSION_CREATE_FAILED, 0), "TIMEOUT"));
	scene_end(&s);
}

/*
 * 18: what refuses the rest when very many log in at once, or all have to wait
 * for a processor.  Either way no session is left behind.
 */
static void
test_logins_have_a_bound_and_an_end(void **state)
{
	static uint64_t tags[LOGINS_MAX];
	static const char *const sets[] = { "api.auth.tries_per_minute=0" };
	struct scene s;
	uint64_t tag;

	(void)state;
	store_double_reset();
	scene_add_user(U1, "u1", ROLE_OBSERVER);
	scene_start_with(&s, sets, 1);
	store_double.hold_id = MSG_store_user_find;
	for (size_t i = 0; i < LOGINS_MAX; i++)
		tags[i] = scene_ask_login(&s, "u1", SCENE_PASSWORD, "");
	tag = scene_ask_login(&s, "u1", SCENE_PASSWORD, "");
	assert_int_equal(scene_refused(&s, tag)->problem, PROBLEM_OVERLOADED);
	rig_advance_ms(&s.r, RIG_WITHIN_US / 1000 - 1);
	assert_null(rig_answer_to(&s.r, ACTOR_NUMBER(gateway), tags[0]));
	rig_advance_ms(&s.r, 1);
	for (size_t i = 0; i < LOGINS_MAX; i++)
		assert_int_equal(
		    scene_refused(&s, tags[i])->problem, PROBLEM_TIMEOUT);
	assert_int_equal(store_double.asked[MSG_store_session_create], 0);
	store_double.hold_id = 0;
	(void)scene_login(&s, "u1");
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
	t = scene_login(&s, "u1");
	scene_expect_done(&s, scene_ask_logout(&s, "u1", t.session_id));
	assert_true(scene_is_revoked(&s, t.session_id));
	scene_end(&s);
	scene_start_with(&s, NULL, 0);
	assert_true(scene_is_revoked(&s, t.session_id));
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
	t = scene_login(&s, "u1");
	assert_int_equal(
	    scene_refused(&s, scene_ask_revoke(&s, "u2", "", t.session_id))
		->problem,
	    PROBLEM_NOT_FOUND);
	scene_expect_done(
	    &s, scene_ask_revoke(&s, "u1", t.session_id, t.session_id));
	scene_expect_done(&s, scene_ask_revoke(&s, "c1", "", t.session_id));
	assert_int_equal(
	    scene_refused(&s, scene_ask_revoke(&s, "u2", "", t.session_id))
		->problem,
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
		    scene_refused(&s, scene_ask_login(&s, "u1", "wrong", ""))
			->problem,
		    PROBLEM_UNAUTHORIZED);
	assert_int_equal(rig_logged(&s.r, EV_API_AUTH_LOCKED), 1);
	why = scene_refused(&s, scene_ask_login(&s, "u1", SCENE_PASSWORD, ""));
	assert_int_equal(why->problem, PROBLEM_ACCOUNT_LOCKED);
	assert_int_equal(why->retry_after_ms, 15 * 60 * 1000);
	(void)scene_login(&s, "u2");
	rig_advance_ms(&s.r, 15 * 60 * 1000 - 1);
	assert_int_equal(
	    scene_refused(&s, scene_ask_login(&s, "u1", SCENE_PASSWORD, ""))
		->problem,
	    PROBLEM_ACCOUNT_LOCKED);
	rig_advance_ms(&s.r, 1);
	tag = scene_ask_login(&s, "u1", SCENE_PASSWORD, "");
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
			(void)scene_refused(
			    &s, scene_ask_login(&s, "u1", "wrong", ""));
		(void)scene_login(&s, "u1");
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
	scene_add_user(U1, "u1", ROLE_OBSERVER);
	scene_start_with(&s, sets, 1);
	for (int i = 0; i < 3; i++) {
		t[i] = scene_login(&s, "u1");
		rig_advance_ms(&s.r, 1);
	}
	assert_true(scene_is_revoked(&s, t[0].session_id));
	assert_false(scene_is_revoked(&s, t[1].session_id));
	assert_int_equal(
	    scene_list(&s, "u1", t[2].session_id, NULL)->sessions_count, 2);
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
	scene_add_user(U1, "u1", ROLE_OBSERVER);
	for (int i = 0; i < 50; i++) {
		snprintf(id, sizeof(id), "%032x", i + 1);
		store_double_add_session(
		    id, U1, RIG_WALL_US - DAY + i, RIG_WALL_US + DAY);
	}
	scene_start_with(&s, NULL, 0);
	t = scene_login(&s, "u1");
	assert_int_equal(scene_list(&s, "u1", "", NULL)->sessions_count, 5);
	assert_false(scene_find_revoked(&s, t.session_id, &count));
	assert_int_equal(count, 46);
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
		    test_login_is_answered_in_time_by_a_silent_store),
		cmocka_unit_test(test_logins_have_a_bound_and_an_end),
		cmocka_unit_test(
		    test_session_without_a_row_can_be_logged_out_for_good),
		cmocka_unit_test(
		    test_session_without_a_row_can_be_revoked_by_its_holder),
		cmocka_unit_test(test_ten_failures_lock_an_account_for_a_while),
		cmocka_unit_test(test_a_good_login_forgets_failures),
		cmocka_unit_test(test_oldest_sessions_go_beyond_the_limit),
		cmocka_unit_test(test_limit_reaches_all_old_sessions),
	};

	scene_class = &session_registry_class;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
