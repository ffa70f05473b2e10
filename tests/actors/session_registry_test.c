/*
 * Start, lists and clean-up of the session-registry.  Numbers are those of the
 * session scenarios of the specification; tests/registry_scene.h sets the
 * stage.
 */
#include "actors/session_registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/registry_scene.h"
#include "tests/store_double.h"
#include "tests/tempdir.h"

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
		scene_add_user(id, name, ROLE_OBSERVER);
		store_double_add_session(
		    id, id, RIG_WALL_US - DAY, RIG_WALL_US + DAY)
		    ->revoked = true;
	}
	/* D-31: expired ones are not loaded. */
	store_double.sessions[0].expires_at = RIG_WALL_US;
	scene_start_with(&s, NULL, 0);
	assert_true(scene_find_revoked(&s, id, &count));
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
		scene_spawn(&s, NULL, 0);
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
	scene_add_user("not-an-id", "u1", ROLE_OBSERVER);
	scene_spawn(&s, NULL, 0);
	(void)rig_start(&s.r);
	assert_int_equal(rig_logged(&s.r, EV_API_APP_STARTUP), 1);
	scene_end(&s);
}

/* 5: tokens outlive a restart, because the key does. */
static void
test_signing_key_is_made_once_and_kept_from_others(void **state)
{
	const char *folder = tempdir_make();
	char set[64];
	char path[64];
	const char *sets[] = { set };
	struct token_claims claims;
	struct auth_token t;
	struct stat about;
	struct scene s;

	(void)state;
	snprintf(set, sizeof(set), "runtime.data_dir=%s", folder);
	store_double_reset();
	scene_add_user(U1, "u1", ROLE_OBSERVER);
	scene_start_with(&s, sets, 1);
	t = scene_login(&s, "u1");
	scene_end(&s);
	snprintf(path, sizeof(path), "%s/keys/tokens.keys", folder);
	assert_int_equal(stat(path, &about), 0);
	assert_int_equal(about.st_mode & 0777, 0600);
	scene_start_with(&s, sets, 1);
	assert_int_equal(scene_verify(&s, t.token, &claims), ST_OK);
	scene_end(&s);
	/* A key that others may read is none. */
	assert_int_equal(chmod(path, 0640), 0);
	scene_spawn(&s, sets, 1);
	(void)rig_start(&s.r);
	assert_int_equal(rig_logged(&s.r, EV_API_APP_STARTUP), 1);
	scene_end(&s);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/keys/api.secret", folder);
	assert_int_equal(stat(path, &about), 0);
	assert_int_equal(about.st_mode & 0777, 0600);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/keys", folder);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(folder), 0);
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
	t = scene_login(&s, "u1");
	store_double_session(t.session_id)->expires_at = s.r.wall_us + 1000;
	assert_int_equal(scene_list(&s, "u1", "", NULL)->sessions_count, 1);
	rig_advance_ms(&s.r, 1);
	assert_int_equal(scene_list(&s, "u1", "", NULL)->sessions_count, 0);
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
			.caller = scene_caller("c1", ""), .scope = scopes[i]);

		assert_int_equal(
		    scene_refused(&s, tag)->problem, PROBLEM_VALIDATION);
		assert_non_null(
		    strstr(scene_refused(&s, tag)->detail, "own, all"));
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
	(void)scene_login(&s, "u1");
	(void)scene_login(&s, "u2");
	l = scene_list(&s, "u1", "", "all");
	assert_string_equal(l->scope, "own");
	assert_int_equal(l->sessions_count, 1);
	assert_string_equal(l->sessions[0].user_id, U1);
	l = scene_list(&s, "c1", "", "all");
	assert_string_equal(l->scope, "all");
	assert_int_equal(l->sessions_count, 2);
	l = scene_list(&s, "m1", "", "all");
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
		t[i] = scene_login(&s, "u1");
	scene_expect_done(&s, scene_ask_logout(&s, "u1", t[0].session_id));
	scene_expect_done(&s, scene_ask_logout(&s, "u1", t[2].session_id));
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
	assert_false(scene_find_revoked(&s, t[0].session_id, &count));
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_pages_of_accounts_and_revocations_are_all_read),
		cmocka_unit_test(
		    test_store_that_cannot_be_read_fails_the_start),
		cmocka_unit_test(
		    test_store_with_ids_that_are_none_fails_the_start),
		cmocka_unit_test(
		    test_signing_key_is_made_once_and_kept_from_others),
		cmocka_unit_test(test_expired_sessions_are_not_listed),
		cmocka_unit_test(
		    test_unknown_scope_is_refused_before_the_store_is_asked),
		cmocka_unit_test(
		    test_scope_all_is_for_a_ceo_and_narrowed_for_others),
		cmocka_unit_test(test_cleanup_forgets_what_has_expired),
		cmocka_unit_test(test_cleanup_works_in_batches),
		cmocka_unit_test(
		    test_failed_cleanup_is_told_and_the_next_one_works),
	};

	scene_class = &session_registry_class;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
