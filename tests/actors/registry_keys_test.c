/* Rotation of token keys; tests/registry_scene.h sets the stage. */
#include "actors/session_registry.h"

#include <string.h>

#include "tests/registry_scene.h"
#include "tests/store_double.h"

static uint64_t
ask_rotate_as(struct scene *s, struct principal caller)
{
	return RIG_ASK(&s->r, gateway, session_registry, token_keys_rotate,
	    .caller = caller);
}

static uint64_t
ask_rotate(struct scene *s, const char *name, bool drop_old)
{
	return RIG_ASK(&s->r, gateway, session_registry, token_keys_rotate,
	    .caller = scene_caller(name, ""), .drop_old = drop_old,
	    .has_drop_old = true);
}

static enum status
judge(struct scene *s, const char *token)
{
	struct token_claims claims;

	return scene_verify(s, token, &claims);
}

/* No gateway meets a token whose key it does not know. */
static void
test_new_key_signs_when_every_gateway_knows_it(void **state)
{
	const struct token_keys *keys;
	struct auth_token before, between, after;
	struct token_ring old;
	struct scene s;
	struct heard *h;
	uint64_t tag;

	(void)state;
	scene_start(&s);
	before = scene_login(&s, "u1");
	old = s.keys;
	tag = ask_rotate(&s, "c1", false);
	h = RIG_TAKE(&s.r, gateway, replica_change);
	assert_int_equal(RIG_BODY(h, replica_change)->keys_count, 2);
	assert_null(rig_answer_to(&s.r, ACTOR_NUMBER(gateway), tag));
	RIG_ANSWER(&s.r, h, done, .nothing = 0);
	scene_apply(&s);
	keys = RIG_REPLIED(&s.r, gateway, tag, token_keys);
	assert_int_equal(keys->keys_count, 2);
	assert_true(keys->keys[0].signs);
	assert_false(keys->keys[1].signs);
	assert_true(keys->keys[1].has_until);
	between = scene_login(&s, "u2");
	assert_int_equal(judge(&s, before.token), ST_OK);
	assert_int_equal(judge(&s, between.token), ST_OK);
	s.keys = old;
	assert_int_equal(judge(&s, between.token), ST_DENIED);
	assert_int_equal(rig_logged(&s.r, EV_API_KEYS_ROTATED), 1);
	scene_join(&s);
	after = scene_login(&s, "u2");
	assert_int_equal(judge(&s, after.token), ST_OK);
	scene_end(&s);
}

static void
test_dropped_keys_are_refused_before_the_answer(void **state)
{
	struct auth_token before, after;
	struct scene s;
	uint64_t tag;

	(void)state;
	scene_start(&s);
	before = scene_login(&s, "u1");
	tag = ask_rotate(&s, "c1", true);
	RIG_ANSWER(
	    &s.r, RIG_TAKE(&s.r, gateway, replica_change), done, .nothing = 0);
	assert_null(rig_answer_to(&s.r, ACTOR_NUMBER(gateway), tag));
	scene_apply(&s);
	(void)RIG_REPLIED(&s.r, gateway, tag, token_keys);
	assert_int_equal(judge(&s, before.token), ST_DENIED);
	after = scene_login(&s, "u1");
	assert_int_equal(judge(&s, after.token), ST_OK);
	scene_end(&s);
}

/* ASVS 7.5.1; the control socket is this host's own. */
static void
test_a_person_with_a_fresh_password_rotates(void **state)
{
	struct principal who, host = { .user_id = "system",
		.username = "system",
		.role = ROLE_SYSTEM,
		.method = AUTH_LOCAL };
	struct scene s;

	(void)state;
	scene_start(&s);
	who = scene_caller("c1", "");
	who.method = AUTH_API_KEY;
	assert_int_equal(scene_refused(&s, ask_rotate_as(&s, who))->problem,
	    PROBLEM_FORBIDDEN);
	who.method = AUTH_JWT;
	who.authenticated_at = s.r.wall_us - INT64_C(61) * 60 * 1000000;
	assert_int_equal(scene_refused(&s, ask_rotate_as(&s, who))->problem,
	    PROBLEM_REAUTHENTICATE);
	(void)ask_rotate_as(&s, host);
	(void)RIG_TAKE(&s.r, gateway, replica_change);
	scene_end(&s);
}

static void
test_only_a_ceo_rotates_and_one_at_a_time(void **state)
{
	struct scene s;
	uint64_t first, second;

	(void)state;
	scene_start(&s);
	assert_int_equal(
	    scene_refused(&s, ask_rotate(&s, "m1", false))->problem,
	    PROBLEM_FORBIDDEN);
	first = ask_rotate(&s, "c1", false);
	second = ask_rotate(&s, "c1", false);
	assert_int_equal(scene_refused(&s, second)->problem, PROBLEM_IN_FLIGHT);
	scene_apply(&s);
	(void)RIG_REPLIED(&s.r, gateway, first, token_keys);
	for (int i = 2; i < TOKEN_KEYS_MAX; i++) {
		first = ask_rotate(&s, "c1", false);
		scene_apply(&s);
		(void)RIG_REPLIED(&s.r, gateway, first, token_keys);
	}
	assert_int_equal(
	    scene_refused(&s, ask_rotate(&s, "c1", false))->problem,
	    PROBLEM_KEYS_FULL);
	scene_end(&s);
}

/* A gateway that does not answer delays the key, and loses its lease. */
static void
test_silent_gateway_delays_the_new_key(void **state)
{
	struct auth_token t;
	struct scene s;
	uint64_t tag;

	(void)state;
	scene_start(&s);
	tag = ask_rotate(&s, "c1", false);
	rig_advance_ms(&s.r, REPLICA_LEASE_MS - REPLICA_BEAT_MS);
	assert_null(rig_answer_to(&s.r, ACTOR_NUMBER(gateway), tag));
	rig_advance_ms(&s.r, 2 * REPLICA_BEAT_MS);
	(void)RIG_REPLIED(&s.r, gateway, tag, token_keys);
	scene_join(&s);
	t = scene_login(&s, "u1");
	assert_int_equal(judge(&s, t.token), ST_OK);
	scene_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_new_key_signs_when_every_gateway_knows_it),
		cmocka_unit_test(
		    test_dropped_keys_are_refused_before_the_answer),
		cmocka_unit_test(test_a_person_with_a_fresh_password_rotates),
		cmocka_unit_test(test_only_a_ceo_rotates_and_one_at_a_time),
		cmocka_unit_test(test_silent_gateway_delays_the_new_key),
	};

	scene_class = &session_registry_class;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
