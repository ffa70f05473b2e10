/*
 * The session-registry on the real store, in memory: what the two say to
 * each other.  Everything else is tested with a store double.
 */
#include <string.h>

#include "actors/session_registry.h"
#include "store/store.h"
#include "tests/rig.h"

#define PASSWORD "correct horse battery"
#define SETTLE_MS 10
#define DAY_MS (UINT64_C(86400) * 1000)

static void
pair_start(struct rig *r)
{
	uint64_t tag;

	rig_init(r);
	rig_spawn(r, &store_class, ACTOR_NUMBER(store));
	rig_spawn(r, &session_registry_class, ACTOR_NUMBER(session_registry));
	rig_probe(r, ACTOR_NUMBER(gateway));
	rig_probe(r, ACTOR_NUMBER(event_hub));
	assert_int_equal(rig_start(r), ST_OK);
	rig_advance_ms(r, SETTLE_MS);
	tag = RIG_ASK(r, gateway, session_registry, replica_join, .nothing = 0);
	(void)RIG_REPLIED(r, gateway, tag, replica_joined);
}

/* The gateway does what it is told; there is no ticket-store here. */
static void
pair_settle(struct rig *r)
{
	struct heard *h;

	rig_advance_ms(r, SETTLE_MS);
	while ((h = rig_peek(r, ACTOR_NUMBER(gateway), MSG_replica_change)) !=
	       NULL)
		RIG_ANSWER(r, h, done, .nothing = 0);
	rig_advance_ms(r, SETTLE_MS);
}

static struct principal
boss(const struct rig *r, const char *user_id, const char *session_id)
{
	return (struct principal){ .user_id = user_id,
		.username = "boss",
		.role = ROLE_CEO,
		.method = AUTH_JWT,
		.session_id = session_id,
		.expires_at = r->wall_us + (int64_t)DAY_MS * 1000 };
}

static const struct auth_session_list *
sessions_of(struct rig *r, const char *user_id, const char *session_id)
{
	uint64_t tag = RIG_ASK(r, gateway, session_registry, auth_sessions,
	    .caller = boss(r, user_id, session_id), .scope = "all");

	pair_settle(r);
	return RIG_REPLIED(r, gateway, tag, auth_session_list);
}

/* Set-up; its token, and the id of the account it made. */
static const struct auth_token *
set_up(struct rig *r, const char **ret_user_id)
{
	uint64_t tag = RIG_ASK(r, gateway, session_registry, auth_setup,
	    .username = "boss", .password = PASSWORD);
	struct heard *h;

	rig_advance_ms(r, SETTLE_MS);
	h = rig_peek(r, ACTOR_NUMBER(gateway), MSG_replica_change);
	assert_non_null(h);
	*ret_user_id = RIG_BODY(h, replica_change)->accounts[0].user_id;
	pair_settle(r);
	return RIG_REPLIED(r, gateway, tag, auth_token);
}

/* 1, 2, 4 */
static void
test_setup_login_logout_on_the_real_store(void **state)
{
	const struct auth_token *first, *second;
	const struct auth_session_list *l;
	const char *user_id;
	struct rig r;
	uint64_t tag;

	(void)state;
	pair_start(&r);
	first = set_up(&r, &user_id);
	tag = RIG_ASK(&r, gateway, session_registry, auth_login,
	    .username = "boss", .password = PASSWORD);
	pair_settle(&r);
	second = RIG_REPLIED(&r, gateway, tag, auth_token);
	l = sessions_of(&r, user_id, second->session_id);
	assert_int_equal(l->sessions_count, 2);
	assert_string_equal(l->sessions[0].session_id, second->session_id);
	assert_true(l->sessions[0].is_current);
	tag = RIG_ASK(&r, gateway, session_registry, auth_logout,
	    .caller = boss(&r, user_id, first->session_id));
	pair_settle(&r);
	(void)RIG_REPLIED(&r, gateway, tag, done);
	l = sessions_of(&r, user_id, second->session_id);
	assert_int_equal(l->sessions_count, 1);
	assert_int_equal(rig_logged(&r, EV_API_SESSION_FORCE_LOGOUT), 1);
	tag = RIG_ASK(&r, gateway, session_registry, auth_setup,
	    .username = "other", .password = PASSWORD);
	assert_int_equal(
	    RIG_REPLIED(&r, gateway, tag, refused)->problem, PROBLEM_CONFLICT);
	rig_fini(&r);
}

/* 17, 19, LD-1 */
static void
test_tombstones_and_cleanup_on_the_real_store(void **state)
{
	static const char lost[] = "11111111111141118111111111111111";
	const char *user_id;
	struct rig r;
	uint64_t tag;

	(void)state;
	pair_start(&r);
	(void)set_up(&r, &user_id);
	/* A session that was never stored can be revoked all the same. */
	tag = RIG_ASK(&r, gateway, session_registry, auth_logout,
	    .caller = boss(&r, user_id, lost));
	pair_settle(&r);
	(void)RIG_REPLIED(&r, gateway, tag, done);
	tag = RIG_ASK(&r, gateway, session_registry, auth_revoke_user,
	    .caller = boss(&r, user_id, ""), .user_id = user_id);
	pair_settle(&r);
	assert_int_equal(
	    RIG_REPLIED(&r, gateway, tag, auth_revoked_user)->revoked, 1);
	r.wall_us += (int64_t)DAY_MS * 1000;
	tag = RIG_ASK(&r, gateway, session_registry, auth_clean, .nothing = 0);
	pair_settle(&r);
	assert_int_equal(
	    RIG_REPLIED(&r, gateway, tag, auth_cleaned)->removed, 2);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_setup_login_logout_on_the_real_store),
		cmocka_unit_test(test_tombstones_and_cleanup_on_the_real_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
