/* Live sockets of who is revoked, demoted or gone.  Numbers are scenarios. */
#include "tests/gateway/live.h"

static void
live_revoke(struct live_rig *l, const char *session_id)
{
	struct revocation r = { .session_id = session_id,
		.user_id = "u1",
		.expires_at = RIG_WALL_US + INT64_C(3600000000) };

	RIG_ASK(&l->rig, session_registry, gateway, replica_change,
	    .epoch = LIVE_EPOCH, .revoked = &r, .revoked_count = 1);
}

static void
test_63_revoked_session_ends_its_sockets(void **state)
{
	struct live_rig l;
	struct client a, b, other, checking, listening;

	(void)state;
	live_init(&l, NULL);
	a = client_open(&l);
	client_log_in(&a, "u1", "j1");
	b = client_open(&l);
	client_log_in(&b, "u1", "j1");
	other = client_open(&l);
	client_log_in(&other, "u1", "j2");
	listening = client_open(&l);
	client_send(&listening, AUTH_FRAME);
	live_hold(&l, "u2", "j1");
	checking = client_open(&l);
	client_send(&checking, AUTH_FRAME);

	live_revoke(&l, "j1");
	client_expect_close(&a, 4003, "Session revoked");
	client_expect_close(&b, 4003, "Session revoked");
	client_expect_close(&listening, 4003, "Session revoked");
	client_expect_nothing(&other);
	live_hold(&l, "u1", "j1");
	client_expect_close(&checking, 4001, "Invalid or expired ticket");

	live_tell(&l, "user:u1", "{}");
	client_expect_event(&other, "user:u1", "{}");
	client_expect_nothing(&a);
	live_listen(&l);
	client_expect_nothing(&listening);
	live_fini(&l);
}

/* Joins once more, and learns by pages what it was not told. */
static void
live_join_again(struct live_rig *l, const struct replica_page *page)
{
	static const uint8_t public_key[32] = { 1 };
	const struct token_key key = { .key_id = "k",
		.verifier = { public_key, sizeof(public_key) } };
	struct rig *r = &l->rig;

	RIG_SEND(r, session_registry, gateway, replica_beat,
	    .epoch = LIVE_EPOCH + 1);
	RIG_ANSWER(r, RIG_TAKE(r, session_registry, replica_join),
	    replica_joined, .epoch = LIVE_EPOCH + 1, .keys = &key,
	    .keys_count = 1);
	rig_answer(r, RIG_TAKE(r, session_registry, replica_read),
	    MSG_replica_page, page);
}

/* Whoever was revoked while the gateway followed nobody hears no more. */
static void
test_63_joining_again_ends_what_was_revoked_meanwhile(void **state)
{
	const struct revocation r = { .session_id = "j1",
		.user_id = "u1",
		.expires_at = RIG_WALL_US + INT64_C(3600000000) };
	const struct account known[] = {
		{ "c", "chief", ROLE_CEO, false, "other", false },
		{ "u1", "one", ROLE_OBSERVER, false, "", false },
	};
	const struct replica_page page = { .accounts = known,
		.accounts_count = 2,
		.revoked = &r,
		.revoked_count = 1 };
	struct live_rig l;
	struct client revoked, stays, deleted, changed, keyed;

	(void)state;
	live_init(&l, NULL);
	revoked = client_open(&l);
	client_log_in(&revoked, "u1", "j1");
	stays = client_open(&l);
	client_log_in(&stays, "u1", "j2");
	deleted = client_open(&l);
	client_log_in(&deleted, "u2", "j3");
	changed = client_open(&l);
	client_log_in(&changed, "c", "j4");
	live_join_again(&l, &page);
	client_expect_close(&revoked, 4003, "Session revoked");
	client_expect_close(&deleted, 4003, "Session revoked (account gone)");
	client_expect_close(&changed, 4003, "Session revoked (password)");
	client_expect_nothing(&stays);
	keyed = client_open(&l);
	client_send(&keyed, AUTH_FRAME);
	live_hold(
	    &l, "u1", AUTH_KEY_SESSION "00000000000000000000000000000001");
	client_expect_close(&keyed, 4001, "Invalid or expired ticket");
	live_fini(&l);
}

static void
test_revoked_api_key_ends_its_sockets(void **state)
{
	static const uint8_t digest[32] = { 1 };
	const char *id = "00000000000000000000000000000001";
	struct known_key key = { .key_id = id,
		.user_id = "u1",
		.digest = { digest, sizeof(digest) } };
	struct live_rig l;
	struct client keyed, other;

	(void)state;
	live_init(&l, NULL);
	RIG_ASK(&l.rig, session_registry, gateway, replica_change,
	    .epoch = LIVE_EPOCH, .api_keys = &key, .api_keys_count = 1);
	keyed = client_open(&l);
	client_log_in(
	    &keyed, "u1", AUTH_KEY_SESSION "00000000000000000000000000000001");
	other = client_open(&l);
	client_log_in(&other, "u1", id);
	key.gone = true;
	RIG_ASK(&l.rig, session_registry, gateway, replica_change,
	    .epoch = LIVE_EPOCH, .api_keys = &key, .api_keys_count = 1);
	client_expect_close(&keyed, 4003, "Session revoked");
	client_expect_nothing(&other);
	live_fini(&l);
}

static void
live_change_account(
    struct live_rig *l, const char *user_id, enum role role, bool gone)
{
	struct account a = {
		.user_id = user_id, .username = "x", .role = role, .gone = gone
	};

	RIG_ASK(&l->rig, session_registry, gateway, replica_change,
	    .epoch = LIVE_EPOCH, .accounts = &a, .accounts_count = 1);
}

static void
test_demoted_user_hears_no_more_budget(void **state)
{
	struct live_rig l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	c = client_of(&l, "m");
	client_subscribe(&c, "\"budget\",\"tasks\"", "");
	client_expect(&c, "{\"action\":\"subscribed\","
			  "\"channels\":[\"budget\",\"tasks\",\"user:m\"]}");
	live_change_account(&l, "m", ROLE_OBSERVER, false);
	assert_string_equal(
	    RIG_BODY(RIG_TAKE(&l.rig, event_hub, hub_unlisten), hub_unlisten)
		->channel,
	    "budget");
	live_tell(&l, "budget", "{}");
	client_expect_nothing(&c);
	live_tell(&l, "tasks", "{}");
	client_expect_event(&c, "tasks", "{}");
	client_subscribe(&c, "\"budget\"", "");
	client_expect(&c, "{\"action\":\"subscribed\","
			  "\"channels\":[\"tasks\",\"user:m\"]}");
	live_fini(&l);
}

static void
test_demotion_overtakes_a_subscription(void **state)
{
	struct live_rig l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	c = client_of(&l, "m");
	client_send(&c, "{\"action\":\"subscribe\",\"channels\":[\"budget\"]}");
	live_change_account(&l, "m", ROLE_OBSERVER, false);
	live_listen(&l);
	client_expect(
	    &c, "{\"action\":\"subscribed\",\"channels\":[\"user:m\"]}");
	live_tell(&l, "budget", "{}");
	client_expect_nothing(&c);
	(void)RIG_TAKE(&l.rig, event_hub, hub_unlisten);
	live_fini(&l);
}

static void
test_lost_accounts_end_their_sockets(void **state)
{
	struct live_rig l;
	struct client gone, system, late;

	(void)state;
	live_init(&l, NULL);
	gone = client_of(&l, "u1");
	system = client_of(&l, "u2");
	live_change_account(&l, "u1", ROLE_OBSERVER, true);
	live_change_account(&l, "u2", ROLE_SYSTEM, false);
	client_expect_close(&gone, 4003, "Session revoked (account gone)");
	client_expect_close(&system, 4003, "Session revoked (role)");

	late = client_open(&l);
	client_send(&late, AUTH_FRAME);
	live_hold(&l, "u1", "s");
	client_expect_close(&late, 4001, "Invalid or expired ticket");
	late = client_open(&l);
	client_send(&late, AUTH_FRAME);
	live_hold(&l, "u2", "s");
	client_expect_close(&late, 4003, "Insufficient permissions");
	late = client_open(&l);
	client_send(&late, AUTH_FRAME);
	live_hold(&l, "nobody", "s");
	client_expect_close(&late, 4001, "Invalid or expired ticket");
	live_fini(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_63_revoked_session_ends_its_sockets),
		RUN(test_63_joining_again_ends_what_was_revoked_meanwhile),
		RUN(test_revoked_api_key_ends_its_sockets),
		RUN(test_demoted_user_hears_no_more_budget),
		RUN(test_demotion_overtakes_a_subscription),
		RUN(test_lost_accounts_end_their_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
