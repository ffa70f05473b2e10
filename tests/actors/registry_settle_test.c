/*
 * Revocations that the store did not answer for, and the seams of pages.
 * What was refused once as revoked stays so, whoever is killed.
 */
#include "actors/session_registry.h"

#include <stdio.h>
#include <string.h>

#include "actors/registry.h"
#include "tests/registry_scene.h"
#include "tests/store_double.h"

#define MANY (STORE_PAGE_MAX + 44)
#define VERY_MANY 1100 /* more than four pages of either kind */

/* The store does not answer, so many times. */
static void
fail_revokes(uint32_t count)
{
	store_double.fail_id = MSG_store_session_revoke;
	store_double.fail_status = ST_CLOSED;
	store_double.fail_count = count;
}

/* On what the store has kept, as after the end of the process. */
static void
restart(struct scene *s)
{
	scene_end(s);
	scene_start_with(s, SCENE_UNLIMITED, 1);
}

/* How many a gateway that joins now would call unsettled. */
static uint32_t
unsettled(struct scene *s)
{
	uint64_t tag = RIG_ASK(&s->r, gateway, session_registry, replica_read,
	    .epoch = s->epoch, .after_user = "", .after_session = "",
	    .after_key = "");

	return RIG_REPLIED(&s->r, gateway, tag, replica_page)->unsettled_count;
}

static void
settle(struct scene *s)
{
	rig_advance_ms(&s->r, 100);
	scene_apply(s);
}

static void
add_sessions(size_t count, const char *user_id, bool revoked)
{
	char id[33];

	for (size_t i = 0; i < count; i++) {
		snprintf(id, sizeof(id), "%032zx", i + 1);
		store_double_add_session(
		    id, user_id, RIG_WALL_US, RIG_WALL_US + DAY)
		    ->revoked = revoked;
	}
}

static void
test_unanswered_logout_is_written_until_it_is_there(void **state)
{
	struct auth_token t;
	struct scene s;

	(void)state;
	scene_start(&s);
	t = scene_login(&s, "u1");
	fail_revokes(3);
	(void)scene_refused(&s, scene_ask_logout(&s, "u1", t.session_id));
	scene_apply(&s);
	for (int i = 0; i < 3; i++) {
		assert_true(scene_is_revoked(&s, t.session_id));
		assert_int_equal(unsettled(&s), 1);
		assert_false(store_double_session(t.session_id)->revoked);
		settle(&s);
	}
	assert_true(store_double_session(t.session_id)->revoked);
	assert_int_equal(unsettled(&s), 0);
	assert_int_equal(rig_logged(&s.r, EV_API_SESSION_REVOKED), 1);
	restart(&s);
	assert_true(scene_is_revoked(&s, t.session_id));
	scene_end(&s);
}

/* What a gateway hears: refused at once, revoked once it is durable. */
static void
test_gateways_hear_when_it_is_durable(void **state)
{
	const struct replica_change *c;
	struct auth_token t;
	struct scene s;
	struct heard *h;

	(void)state;
	scene_start(&s);
	t = scene_login(&s, "u1");
	fail_revokes(1);
	(void)scene_refused(&s, scene_ask_logout(&s, "u1", t.session_id));
	for (uint32_t n = 1; n <= 1; n--) {
		h = RIG_TAKE(&s.r, gateway, replica_change);
		c = RIG_BODY(h, replica_change);
		assert_int_equal(c->revoked_count, 1);
		assert_string_equal(c->revoked[0].session_id, t.session_id);
		assert_int_equal(c->unsettled_count, n);
		RIG_ANSWER(&s.r, h, done, .nothing = 0);
		rig_advance_ms(&s.r, 150);
	}
	scene_end(&s);
}

static void
test_unanswered_logout_that_is_repeated_is_settled_by_that(void **state)
{
	struct auth_token t;
	struct scene s;

	(void)state;
	scene_start(&s);
	t = scene_login(&s, "u1");
	fail_revokes(1);
	(void)scene_refused(&s, scene_ask_logout(&s, "u1", t.session_id));
	scene_apply(&s);
	scene_expect_done(&s, scene_ask_logout(&s, "u1", t.session_id));
	assert_int_equal(unsettled(&s), 0);
	settle(&s);
	assert_int_equal(store_double.asked[MSG_store_session_revoke], 2);
	scene_end(&s);
}

static uint64_t
ask_revoke_user(struct scene *s)
{
	uint64_t tag = RIG_ASK(&s->r, gateway, session_registry,
	    auth_revoke_user, .caller = scene_caller("c1", ""), .user_id = U1);

	scene_apply(s);
	return tag;
}

/*
 * The store revoked a page of them and its answer was lost: whoever asks
 * again must not hear "done" while gateways let those in.
 */
static void
test_lost_answer_of_many_is_found_out(void **state)
{
	struct scene s;
	uint64_t tag;
	size_t count;

	(void)state;
	scene_start(&s);
	add_sessions(MANY, U1, false);
	store_double.lose_id = MSG_store_session_revoke_user;
	(void)scene_refused(&s, ask_revoke_user(&s));
	assert_int_equal(scene_refused(&s, ask_revoke_user(&s))->problem,
	    PROBLEM_OVERLOADED);
	settle(&s);
	tag = ask_revoke_user(&s);
	assert_int_equal(
	    RIG_REPLIED(&s.r, gateway, tag, auth_revoked_user)->revoked,
	    MANY - STORE_PAGE_MAX);
	(void)scene_find_revoked(&s, U1, &count);
	assert_int_equal(count, MANY);
	scene_end(&s);
}

static void
test_doubt_lasts_until_the_store_answers(void **state)
{
	struct scene s;

	(void)state;
	scene_start(&s);
	add_sessions(3, U1, false);
	store_double.lose_id = MSG_store_session_revoke_user;
	(void)scene_refused(&s, ask_revoke_user(&s));
	store_double.fail_id = MSG_store_revoked_list;
	store_double.fail_status = ST_TIMEOUT;
	store_double.fail_count = 2;
	for (int i = 0; i < 2; i++) {
		settle(&s);
		(void)scene_refused(&s, ask_revoke_user(&s));
	}
	settle(&s);
	(void)RIG_REPLIED(
	    &s.r, gateway, ask_revoke_user(&s), auth_revoked_user);
	scene_end(&s);
}

/* A log-out behind the reader's place between two pages is told as a change. */
static void
test_join_amid_many_pages_misses_nothing(void **state)
{
	const char *after = "";
	const struct replica_page *page;
	struct scene s;
	size_t count = 0;
	uint64_t tag;

	(void)state;
	scene_start(&s);
	add_sessions(VERY_MANY, U1, true);
	store_double_session("00000000000000000000000000000007")->revoked =
	    false;
	restart(&s);
	do {
		tag = RIG_ASK(&s.r, gateway, session_registry, replica_read,
		    .epoch = s.epoch, .after_user = "", .after_session = after,
		    .after_key = "");
		page = RIG_REPLIED(&s.r, gateway, tag, replica_page);
		count += page->revoked_count;
		if (page->revoked_count == 0)
			break;
		after = page->revoked[page->revoked_count - 1].session_id;
		if (count != REPLICA_PAGE_MAX)
			continue;
		tag = scene_ask_logout(
		    &s, "u1", "00000000000000000000000000000007");
		assert_non_null(
		    rig_peek(&s.r, ACTOR_NUMBER(gateway), MSG_replica_change));
		scene_expect_done(&s, tag);
	} while (page->more);
	assert_int_equal(count, VERY_MANY - 1);
	scene_join(&s);
	(void)scene_find_revoked(&s, U1, &count);
	assert_int_equal(count, VERY_MANY);
	scene_end(&s);
}

/* ---- what else is refused everywhere: users and API keys ---- */

static uint64_t
ask_delete(struct scene *s)
{
	return RIG_ASK(&s->r, gateway, session_registry, user_delete,
	    .caller = scene_caller("c1", ""), .user_id = U1);
}

static void
test_deleting_again_after_a_lost_answer_shuts_the_user_out(void **state)
{
	const struct replica_change *c;
	struct scene s;
	struct heard *h;
	uint64_t tag;

	(void)state;
	scene_start(&s);
	store_double.lose_id = MSG_store_user_delete;
	(void)scene_refused(&s, ask_delete(&s));
	tag = ask_delete(&s);
	h = RIG_TAKE(&s.r, gateway, replica_change);
	c = RIG_BODY(h, replica_change);
	assert_int_equal(c->accounts_count, 1);
	assert_string_equal(c->accounts[0].user_id, U1);
	assert_true(c->accounts[0].gone);
	assert_null(rig_answer_to(&s.r, ACTOR_NUMBER(gateway), tag));
	RIG_ANSWER(&s.r, h, done, .nothing = 0);
	scene_expect_done(&s, tag);
	assert_int_equal(
	    scene_refused(&s, ask_delete(&s))->problem, PROBLEM_NOT_FOUND);
	scene_end(&s);
}

static uint64_t
ask_revoke_key(struct scene *s, const char *who, const char *key_id)
{
	return RIG_ASK(&s->r, gateway, session_registry, api_key_revoke,
	    .caller = scene_caller(who, J_UNKNOWN), .key_id = key_id);
}

static void
test_revoking_a_key_again_after_a_lost_answer_shuts_it(void **state)
{
	const struct replica_change *c;
	char key_id[DOUBLE_TEXT_SIZE];
	struct scene s;
	struct heard *h;
	uint64_t tag;

	(void)state;
	scene_start(&s);
	tag = RIG_ASK(&s.r, gateway, session_registry, api_key_create,
	    .caller = scene_caller("u1", J_UNKNOWN), .name = "ci");
	scene_apply(&s);
	(void)RIG_REPLIED(&s.r, gateway, tag, api_key_made);
	snprintf(key_id, sizeof(key_id), "%s", store_double.key_id);
	store_double.lose_id = MSG_store_key_delete;
	(void)scene_refused(&s, ask_revoke_key(&s, "u1", key_id));
	/* It is no less unknown to whoever does not own it. */
	assert_int_equal(
	    scene_refused(&s, ask_revoke_key(&s, "u2", key_id))->problem,
	    PROBLEM_NOT_FOUND);
	tag = ask_revoke_key(&s, "u1", key_id);
	h = RIG_TAKE(&s.r, gateway, replica_change);
	c = RIG_BODY(h, replica_change);
	assert_int_equal(c->api_keys_count, 1);
	assert_string_equal(c->api_keys[0].key_id, key_id);
	assert_true(c->api_keys[0].gone);
	RIG_ANSWER(&s.r, h, done, .nothing = 0);
	scene_expect_done(&s, tag);
	scene_end(&s);
}

/* Log-outs that the store does not answer; the first has this number. */
static void
leave_unsettled(struct scene *s, uint32_t first, uint32_t count)
{
	char id[33];

	store_double.fail_id = MSG_store_session_revoke;
	store_double.fail_status = ST_TIMEOUT;
	store_double.fail_count = UINT32_MAX;
	for (uint32_t i = 0; i < count; i++) {
		snprintf(id, sizeof(id), "%032x", first + i);
		(void)scene_refused(s, scene_ask_logout(s, "u1", id));
		scene_apply(s);
	}
	store_double.fail_count = 0;
}

static void
settle_all(struct scene *s)
{
	for (uint32_t i = 0; i < 200 && unsettled(s) > 0; i++)
		settle(s);
	assert_int_equal(unsettled(s), 0);
}

/* At the bound nobody may begin: it is refused, not forgotten. */
static void
test_as_many_as_can_be_kept(void **state)
{
	char id[33];
	struct scene s;

	(void)state;
	scene_start(&s);
	leave_unsettled(&s, 1, UNSETTLED_MAX);
	assert_int_equal(rig_logged(&s.r, EV_API_UNSETTLED_FULL), 0);
	snprintf(id, sizeof(id), "%032x", UNSETTLED_MAX + 1);
	assert_int_equal(
	    scene_refused(&s, scene_ask_logout(&s, "u1", id))->problem,
	    PROBLEM_OVERLOADED);
	settle_all(&s);
	scene_expect_done(&s, scene_ask_logout(&s, "u1", id));
	scene_end(&s);
}

/* Those that were on their way at the bound are told, and looked up. */
static void
test_more_than_can_be_kept_are_told(void **state)
{
	uint64_t tags[3];
	char id[33];
	struct scene s;

	(void)state;
	scene_start(&s);
	leave_unsettled(&s, 1, UNSETTLED_MAX - 1);
	store_double.hold_id = MSG_store_session_revoke;
	for (uint32_t i = 0; i < 3; i++) {
		snprintf(id, sizeof(id), "%032x", UNSETTLED_MAX + i);
		tags[i] = scene_ask_logout(&s, "u1", id);
	}
	for (int i = 0; i < 50; i++)
		settle(&s);
	for (uint32_t i = 0; i < 3; i++)
		(void)scene_refused(&s, tags[i]);
	assert_int_equal(rig_logged(&s.r, EV_API_UNSETTLED_FULL), 2);
	assert_non_null(strstr(
	    rig_line(&s.r, EV_API_UNSETTLED_FULL, 1), "kept=4096 refused=2"));
	store_double.hold_id = 0;
	for (int i = 0; i < 50; i++) /* what is held ends first */
		settle(&s);
	settle_all(&s);
	scene_expect_done(&s, scene_ask_logout(&s, "u1", id));
	scene_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_unanswered_logout_is_written_until_it_is_there),
		cmocka_unit_test(test_gateways_hear_when_it_is_durable),
		cmocka_unit_test(
		    test_unanswered_logout_that_is_repeated_is_settled_by_that),
		cmocka_unit_test(test_lost_answer_of_many_is_found_out),
		cmocka_unit_test(test_as_many_as_can_be_kept),
		cmocka_unit_test(test_more_than_can_be_kept_are_told),
		cmocka_unit_test(test_doubt_lasts_until_the_store_answers),
		cmocka_unit_test(test_join_amid_many_pages_misses_nothing),
		cmocka_unit_test(
		    test_deleting_again_after_a_lost_answer_shuts_the_user_out),
		cmocka_unit_test(
		    test_revoking_a_key_again_after_a_lost_answer_shuts_it),
	};

	scene_class = &session_registry_class;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
