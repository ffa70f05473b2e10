/*
 * Log-out and revocation.  Numbers are those of the session
 * scenarios of the specification; tests/registry_scene.h sets the stage.
 */
#include "actors/session_registry.h"

#include <stdio.h>
#include <string.h>

#include "tests/registry_scene.h"
#include "tests/store_double.h"

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
	a = scene_login(&s, "u1");
	b = scene_login(&s, "u1");
	tag = scene_ask_logout(&s, "u1", a.session_id);
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
	assert_true(scene_is_revoked(&s, a.session_id));
	assert_false(scene_is_revoked(&s, b.session_id));
	scene_end(&s);
}

/* 23 */
static void
test_logout_without_a_session_changes_nothing(void **state)
{
	struct scene s;

	(void)state;
	scene_start(&s);
	scene_expect_done(&s, scene_ask_logout(&s, "u1", ""));
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
		    scene_refused(&s, tags[i])->problem, PROBLEM_UNAUTHORIZED);
		assert_non_null(
		    strstr(rig_line(&s.r, EV_API_AUTH_FAILED, i), reasons[i]));
	}
	scene_end(&s);
}

/* 13, D-23, D-24 */
static void
test_foreign_and_unknown_sessions_look_the_same(void **state)
{
	const struct refused *foreign, *unknown, *malformed;
	struct auth_token t;
	const char *line;
	struct scene s;

	(void)state;
	scene_start(&s);
	t = scene_login(&s, "u1");
	foreign =
	    scene_refused(&s, scene_ask_revoke(&s, "u2", "", t.session_id));
	unknown = scene_refused(&s, scene_ask_revoke(&s, "u2", "", J_UNKNOWN));
	malformed =
	    scene_refused(&s, scene_ask_revoke(&s, "u2", "", "nonsense it is"));
	assert_int_equal(foreign->problem, PROBLEM_NOT_FOUND);
	assert_int_equal(unknown->problem, PROBLEM_NOT_FOUND);
	assert_int_equal(foreign->status, unknown->status);
	assert_string_equal(foreign->detail, unknown->detail);
	assert_int_equal(unknown->status, malformed->status);
	assert_int_equal(unknown->problem, malformed->problem);
	assert_string_equal(unknown->detail, malformed->detail);
	assert_int_equal(
	    store_double_noted("session.revoke/" U2 "/nonsense/refused"), 1);
	assert_false(scene_is_revoked(&s, t.session_id));
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
	t = scene_login(&s, "u1");
	assert_int_equal(
	    scene_refused(&s, scene_ask_revoke(&s, "m1", "", t.session_id))
		->problem,
	    PROBLEM_NOT_FOUND);
	scene_expect_done(&s, scene_ask_revoke(&s, "c1", "", t.session_id));
	scene_expect_done(&s, scene_ask_revoke(&s, "c1", "", t.session_id));
	assert_true(scene_is_revoked(&s, t.session_id));
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
	t = scene_login(&s, "u1");
	scene_expect_done(
	    &s, scene_ask_revoke(&s, "u1", t.session_id, t.session_id));
	assert_true(scene_is_revoked(&s, t.session_id));
	assert_int_equal(
	    scene_list(&s, "u1", t.session_id, NULL)->sessions_count, 0);
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
		    scene_refused(&s, scene_ask_revoke(&s, "c1", "", ids[i]))
			->detail,
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
	t = scene_login(&s, "u1");
	store_double.fail_id = MSG_store_session_revoke;
	store_double.fail_status = ST_IO;
	store_double.fail_count = 1;
	assert_int_equal(
	    scene_refused(&s, scene_ask_logout(&s, "u1", t.session_id))
		->problem,
	    PROBLEM_STORE_FAILED);
	assert_false(scene_is_revoked(&s, t.session_id));
	assert_int_equal(rig_logged(&s.r, EV_API_SESSION_REVOKE_FAILED), 1);
	assert_int_equal(rig_logged(&s.r, EV_API_SESSION_FORCE_LOGOUT), 0);
	scene_end(&s);
}

/* Nobody knows whether it was written: the token is refused all the same. */
static void
test_revocation_of_unknown_outcome_fails_closed(void **state)
{
	struct principal soon;
	struct auth_token t;
	struct scene s;
	size_t count;

	(void)state;
	scene_start(&s);
	t = scene_login(&s, "u1");
	store_double.fail_id = MSG_store_session_revoke;
	store_double.fail_status = ST_CLOSED;
	store_double.fail_count = 1;
	soon = scene_caller("u1", t.session_id);
	soon.expires_at = s.r.wall_us + SECOND;
	(void)scene_refused(&s, RIG_ASK(&s.r, gateway, session_registry,
				    auth_logout, .caller = soon));
	scene_apply(&s);
	assert_true(scene_is_revoked(&s, t.session_id));
	assert_int_equal(
	    scene_list(&s, "u1", t.session_id, NULL)->sessions_count, 0);
	/* It is forgotten when it expires, though no row says so. */
	store_double.sessions_count = 0;
	rig_advance_ms(&s.r, 1000);
	(void)RIG_ASK(
	    &s.r, gateway, session_registry, auth_clean, .nothing = 0);
	scene_join(&s);
	assert_false(scene_find_revoked(&s, t.session_id, &count));
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
	    .caller = scene_caller("c1", ""), .user_id = U1);
	scene_apply(&s);
	assert_int_equal(
	    RIG_REPLIED(&s.r, gateway, tag, auth_revoked_user)->revoked, 3);
	assert_false(scene_is_revoked(&s, J_UNKNOWN));
	tag = RIG_ASK(&s.r, gateway, session_registry, auth_revoke_user,
	    .caller = scene_caller("u1", ""), .user_id = U1);
	assert_int_equal(
	    RIG_REPLIED(&s.r, gateway, tag, auth_revoked_user)->revoked, 0);
	tag = RIG_ASK(&s.r, gateway, session_registry, auth_revoke_user,
	    .caller = scene_caller("m1", ""), .user_id = U1);
	assert_int_equal(scene_refused(&s, tag)->problem, PROBLEM_FORBIDDEN);
	scene_end(&s);
}

/* 18: what is listed is not refused, and what is refused is not listed. */
static void
test_logins_racing_with_revoking_all_are_never_a_mix(void **state)
{
	enum { LOGINS = 200 };
	static const char *const sets[] = {
		"api.auth.max_concurrent_sessions=0",
		"api.auth.tries_per_minute=0"
	};
	const struct auth_session_list *l;
	uint64_t tags[LOGINS];
	size_t refused_count = 0;
	struct scene s;

	(void)state;
	store_double_reset();
	scene_add_user(U1, "u1", ROLE_OBSERVER);
	scene_start_with(&s, sets, 2);
	for (size_t i = 0; i < LOGINS; i++) {
		tags[i] = scene_ask_login(&s, "u1", SCENE_PASSWORD, "");
		if (i % 50 == 25)
			(void)RIG_ASK(&s.r, gateway, session_registry,
			    auth_revoke_user, .caller = scene_caller("u1", ""),
			    .user_id = U1);
	}
	scene_apply(&s);
	for (size_t i = 0; i < LOGINS; i++)
		refused_count += scene_is_revoked(
		    &s, RIG_REPLIED(&s.r, gateway, tags[i], auth_token)
			    ->session_id);
	l = RIG_REPLIED(&s.r, gateway,
	    RIG_ASK(&s.r, gateway, session_registry, auth_sessions,
		.caller = scene_caller("u1", ""), .has_limit = true,
		.limit = SESSIONS_PAGE_MAX),
	    auth_session_list);
	assert_int_equal(l->sessions_count + refused_count, LOGINS);
	for (uint32_t i = 0; i < l->sessions_count; i++)
		assert_false(scene_is_revoked(&s, l->sessions[i].session_id));
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
	t = scene_login(&s, "u1");
	scene_expect_done(&s, scene_ask_logout(&s, "u1", t.session_id));
	store_double_user("u1")->disabled = true;
	scene_end(&s);
	scene_start_with(&s, NULL, 0);
	assert_true(scene_is_revoked(&s, t.session_id));
	scene_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	scene_class = &session_registry_class;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
