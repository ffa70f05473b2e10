/*
 * What gateways that follow are told.  Numbers are those of the session
 * scenarios of the specification; tests/registry_scene.h sets the stage.
 */
#include "actors/session_registry.h"

#include <stdio.h>
#include <string.h>

#include "tests/registry_scene.h"
#include "tests/store_double.h"

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
	t = scene_login(&s, "u1");
	rig_advance_ms(&s.r, 2 * REPLICA_BEAT_MS);
	for (int i = 0; i < 2; i++)
		assert_int_equal(RIG_BODY(RIG_TAKE(&s.r, gateway, replica_beat),
				     replica_beat)
				     ->epoch,
		    s.epoch);
	tag = scene_ask_logout(&s, "u1", t.session_id);
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
	t = scene_login(&s, "u1");
	tag = scene_ask_logout(&s, "u1", t.session_id);
	(void)RIG_TAKE(&s.r, gateway, replica_change);
	scene_join(&s);
	assert_true(scene_is_revoked(&s, t.session_id));
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
	t = scene_login(&s, "u1");
	tag = scene_ask_logout(&s, "u1", t.session_id);
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
	assert_int_equal(scene_refused(&s, tag)->problem, PROBLEM_CONFLICT);
	tag = RIG_ASK(&s.r, gateway, session_registry, replica_read,
	    .epoch = s.epoch, .after_user = "zz", .after_session = "");
	assert_int_equal(scene_refused(&s, tag)->problem, PROBLEM_VALIDATION);
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
		tags[i] = scene_ask_revoke(&s, "u1", "", ids[i]);
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
	tag = scene_ask_login(&s, "u1", SCENE_PASSWORD, "");
	change =
	    RIG_BODY(rig_peek(&s.r, ACTOR_NUMBER(gateway), MSG_replica_change),
		replica_change);
	assert_int_equal(change->accounts[0].role, ROLE_MANAGER);
	assert_null(rig_answer_to(&s.r, ACTOR_NUMBER(gateway), tag));
	scene_apply(&s);
	(void)RIG_REPLIED(&s.r, gateway, tag, auth_token);
	scene_end(&s);
}

/* A registry that has just begun, and gateways of the one before. */
static void
scene_begin_anew(struct scene *s)
{
	store_double_reset();
	scene_add_user(U1, "u1", ROLE_OBSERVER);
	scene_spawn(s, NULL, 0);
	assert_int_equal(rig_start(&s->r), ST_OK);
}

/* It may still let people in on the word of the registry before this one. */
static void
test_revocation_after_a_start_waits_for_gateways_of_before(void **state)
{
	const char *session = "33333333333343338333333333333333";
	struct scene s;
	uint64_t tag;

	(void)state;
	scene_begin_anew(&s);
	tag = scene_ask_logout(&s, "u1", session);
	rig_advance_ms(&s.r, REPLICA_LEASE_MS - REPLICA_BEAT_MS);
	assert_int_equal(
	    RIG_BODY(RIG_TAKE(&s.r, gateway, replica_beat), replica_beat)
		->epoch,
	    0);
	assert_null(rig_answer_to(&s.r, ACTOR_NUMBER(gateway), tag));
	scene_join(&s);
	assert_true(scene_is_revoked(&s, session));
	scene_apply(&s);
	(void)RIG_REPLIED(&s.r, gateway, tag, done);
	scene_end(&s);
}

/* After a restore: nobody is let in on what was there before. */
static void
test_agreement_waits_for_gateways_of_before(void **state)
{
	struct scene s;
	uint64_t tag;

	(void)state;
	scene_begin_anew(&s);
	tag = RIG_ASK(
	    &s.r, scheduler, session_registry, replica_agree, .nothing = 0);
	rig_advance_ms(&s.r, REPLICA_LEASE_MS - REPLICA_BEAT_MS);
	assert_null(rig_answer_to(&s.r, ACTOR_NUMBER(scheduler), tag));
	scene_join(&s);
	scene_apply(&s);
	(void)RIG_REPLIED(&s.r, scheduler, tag, done);
	tag = RIG_ASK(
	    &s.r, scheduler, session_registry, replica_agree, .nothing = 0);
	assert_null(rig_answer_to(&s.r, ACTOR_NUMBER(scheduler), tag));
	scene_apply(&s);
	(void)RIG_REPLIED(&s.r, scheduler, tag, done);
	scene_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_beats_come_until_a_change_is_not_applied),
		cmocka_unit_test(
		    test_gateway_that_joins_anew_has_everything_by_pages),
		cmocka_unit_test(
		    test_gateway_that_refuses_a_change_hears_no_more_beats),
		cmocka_unit_test(
		    test_revocation_after_a_start_waits_for_gateways_of_before),
		cmocka_unit_test(test_agreement_waits_for_gateways_of_before),
		cmocka_unit_test(test_only_gateways_follow),
		cmocka_unit_test(test_storm_of_revocations_goes_in_few_batches),
		cmocka_unit_test(
		    test_account_changed_behind_our_back_reaches_gateways_at_login),
	};

	scene_class = &session_registry_class;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
