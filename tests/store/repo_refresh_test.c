/* Refresh families: one transaction judges, moves on, or ends it all. */
#include "tests/store/asker.h"

#define NOW INT64_C(1000)
#define END INT64_C(9000)
#define GRACE 10u

static void
begin(const char *id)
{
	const struct refresh_family f = { .session_id = id,
		.user_id = "u",
		.password_sig = "sig",
		.generation = 1,
		.rotated_at = NOW,
		.expires_at = END };

	OK(ASK(store_session_create,
	    .session = { .session_id = id,
		.user_id = "u",
		.username = "name",
		.ip_address = "",
		.user_agent = "",
		.created_at = NOW,
		.last_active_at = NOW,
		.expires_at = END },
	    .refresh = &f));
}

static const struct store_refresh_rotated *
rotate(const char *id, uint64_t generation, int64_t now)
{
	const struct audit_note note = { .at = now,
		.by = { .user_id = "",
		    .username = "",
		    .session_id = "",
		    .address = "192.0.2.1",
		    .user_agent = "" },
		.action = "session.refresh_replayed",
		.target = "",
		.result = AUDIT_REFUSED,
		.detail = "" };

	struct audit_note rotated = note;

	rotated.action = "session.refresh";
	rotated.result = AUDIT_OK;
	OK(ASK(store_refresh_rotate, .session_id = id, .generation = generation,
	    .now = now, .grace_us = GRACE, .audit = &note,
	    .rotated = &rotated));
	return REPLY_IS(store_refresh_rotated);
}

static uint32_t
audited(void)
{
	OK(ASK(store_audit_list, .limit = 10));
	return REPLY_IS(store_audit_page)->entries_count;
}

static bool
is_revoked(const char *id)
{
	OK(ASK(store_session_get, .session_id = id));
	return REPLY_IS(store_session_found)->session->revoked;
}

static void
test_each_generation_is_good_once(void **state)
{
	const struct store_refresh_rotated *r;

	(void)state;
	begin("s");
	for (uint64_t g = 1; g < 50; g++) {
		r = rotate("s", g, NOW + (int64_t)g);
		assert_int_equal(r->outcome, REFRESH_ROTATED);
		assert_int_equal(r->family->generation, g + 1);
		assert_int_equal(r->family->rotated_at, NOW + (int64_t)g);
	}
	assert_int_equal(audited(), 0);
}

static void
test_who_races_gets_the_same_successor_within_the_grace(void **state)
{
	const struct store_refresh_rotated *r;

	(void)state;
	begin("s");
	assert_int_equal(rotate("s", 1, NOW)->outcome, REFRESH_ROTATED);
	r = rotate("s", 1, NOW + GRACE);
	assert_int_equal(r->outcome, REFRESH_AGAIN);
	assert_int_equal(r->family->generation, 2);
	assert_int_equal(r->family->rotated_at, NOW);
	assert_false(is_revoked("s"));
}

/* The whole family dies, durably, and it is in the audit log once. */
static void
test_replay_after_the_grace_ends_the_session(void **state)
{
	const struct store_refresh_rotated *r;

	(void)state;
	begin("s");
	begin("other");
	assert_int_equal(rotate("s", 1, NOW)->outcome, REFRESH_ROTATED);
	r = rotate("s", 1, NOW + GRACE + 1);
	assert_int_equal(r->outcome, REFRESH_REPLAYED);
	assert_string_equal(r->revocation->session_id, "s");
	assert_string_equal(r->revocation->user_id, "u");
	assert_int_equal(r->revocation->expires_at, END);
	assert_true(is_revoked("s"));
	assert_int_equal(audited(), 1);
	assert_int_equal(rotate("s", 2, NOW)->outcome, REFRESH_REVOKED);
	assert_int_equal(rotate("s", 1, NOW)->outcome, REFRESH_REVOKED);
	assert_int_equal(audited(), 1);
	assert_int_equal(rotate("other", 1, NOW)->outcome, REFRESH_ROTATED);
	assert_false(is_revoked("other"));
}

/* Older than the last one is a replay, however quick. */
static void
test_grandparent_is_a_replay_even_within_the_grace(void **state)
{
	(void)state;
	begin("s");
	(void)rotate("s", 1, NOW);
	(void)rotate("s", 2, NOW);
	assert_int_equal(rotate("s", 1, NOW)->outcome, REFRESH_REPLAYED);
	assert_true(is_revoked("s"));
}

static void
test_what_is_over_or_never_was_is_gone(void **state)
{
	(void)state;
	begin("s");
	assert_int_equal(rotate("s", 2, NOW)->outcome, REFRESH_GONE);
	assert_int_equal(rotate("s", 1, END)->outcome, REFRESH_GONE);
	assert_int_equal(rotate("t", 1, NOW)->outcome, REFRESH_GONE);
	assert_int_equal(rotate("s", 1, END - 1)->outcome, REFRESH_ROTATED);
	OK(ASK(store_session_revoke,
	    .revocation = {
		.session_id = "s", .user_id = "u", .expires_at = NOW }));
	assert_int_equal(REPLY_IS(store_session_revoked)->expires_at, END);
	assert_int_equal(rotate("s", 2, NOW)->outcome, REFRESH_REVOKED);
	OK(ASK(store_session_clean, .now = END, .limit = 10));
	assert_int_equal(rotate("s", 2, NOW)->outcome, REFRESH_GONE);
	assert_int_equal(audited(), 0);
}

/* Each successor is in the log, by its owner; who races changes nothing. */
static void
test_each_rotation_is_audited(void **state)
{
	const struct audit_view *e;

	(void)state;
	OK(ASK(store_user_create, .user = { .user_id = "u",
				      .username = "ada",
				      .role = ROLE_MANAGER,
				      .password_hash = "hash" }));
	begin("s");
	assert_int_equal(rotate("s", 1, NOW)->outcome, REFRESH_ROTATED);
	assert_int_equal(rotate("s", 1, NOW)->outcome, REFRESH_AGAIN);
	assert_int_equal(audited(), 1);
	e = &REPLY_IS(store_audit_page)->entries[0];
	assert_string_equal(e->action, "session.refresh");
	assert_string_equal(e->user_id, "u");
	assert_string_equal(e->username, "ada");
	assert_int_equal(e->role, ROLE_MANAGER);
	assert_int_equal(e->method, AUTH_REFRESH);
	assert_string_equal(e->session, "s");
	assert_int_equal(e->result, AUDIT_OK);
	assert_int_equal(rotate("s", 2, NOW + 1)->outcome, REFRESH_ROTATED);
	assert_int_equal(audited(), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ASKED(test_each_rotation_is_audited),
		ASKED(test_each_generation_is_good_once),
		ASKED(test_who_races_gets_the_same_successor_within_the_grace),
		ASKED(test_replay_after_the_grace_ends_the_session),
		ASKED(test_grandparent_is_a_replay_even_within_the_grace),
		ASKED(test_what_is_over_or_never_was_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
