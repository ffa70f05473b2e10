/*
 * What the session-registry writes down of refusals: once, then counted,
 * with a rate for each caller.
 */
#include <stdio.h>
#include <string.h>

#include "actors/auditor.h"
#include "actors/session_registry.h"
#include "tests/check.h"
#include "tests/registry_scene.h"
#include "tests/store_double.h"

#define WINDOW_MS 60000
#define BURST 100

static struct scene s;

static struct audit_note
denied(const char *address, const char *why, uint32_t times)
{
	return (struct audit_note){ .at = RIG_WALL_US,
		.by = { .user_id = "",
		    .username = "",
		    .session_id = "",
		    .address = address,
		    .user_agent = "" },
		.action = "access.credential",
		.target = "",
		.result = AUDIT_REFUSED,
		.detail = why,
		.times = times };
}

static void
tell(const struct audit_note *notes, uint32_t count, uint64_t lost)
{
	uint64_t tag = RIG_ASK(&s.r, gateway, session_registry, audit_refusals,
	    .notes = notes, .notes_count = count, .lost = lost);

	(void)RIG_REPLIED(&s.r, gateway, tag, done);
}

static void
test_the_same_again_is_counted_until_its_window_ends(void **state)
{
	const char *entry = "access.credential///refused";
	struct audit_note note = denied("192.0.2.7", "invalid_token", 3);

	(void)state;
	scene_start(&s);
	tell(&note, 1, 0);
	assert_int_equal(store_double_noted(entry), 1);
	assert_int_equal(store_double_times(entry), 3);
	for (int i = 0; i < 1000; i++)
		tell(&note, 1, 0);
	assert_int_equal(store_double_noted(entry), 1);
	rig_advance_ms(&s.r, WINDOW_MS - 1);
	assert_int_equal(store_double_noted(entry), 1);
	rig_advance_ms(&s.r, 1);
	assert_int_equal(store_double_noted(entry), 2);
	assert_int_equal(store_double_times(entry), 3003);
	/* Nothing more came: it is forgotten, and the next one is new. */
	rig_advance_ms(&s.r, 2 * WINDOW_MS);
	assert_int_equal(store_double_noted(entry), 2);
	tell(&note, 1, 0);
	assert_int_equal(store_double_noted(entry), 3);
	scene_end(&s);
}

/* A clean stop loses no count, nor the number of what was lost. */
static void
test_a_drain_tells_what_was_counted(void **state)
{
	const char *entry = "access.credential///refused";
	struct audit_note note = denied("192.0.2.7", "invalid_token", 1);

	(void)state;
	scene_start(&s);
	for (int i = 0; i < 10; i++)
		tell(&note, 1, i == 9 ? 41 : 0);
	assert_int_equal(store_double_noted(entry), 1);
	assert_int_equal(store_double_noted("audit.lost///failed"), 0);
	node_drain(s.r.node, 1000000);
	assert_int_equal(store_double_noted(entry), 2);
	assert_int_equal(store_double_times(entry), 10);
	assert_int_equal(store_double_noted("audit.lost///failed"), 1);
	scene_end(&s);
}

static void
test_what_was_lost_is_told_when_a_window_ends(void **state)
{
	struct audit_note note = denied("192.0.2.7", "invalid_token", 1);

	(void)state;
	scene_start(&s);
	tell(&note, 1, 0);
	tell(NULL, 0, 41);
	assert_int_equal(store_double_noted("audit.lost///failed"), 0);
	rig_advance_ms(&s.r, 2 * WINDOW_MS);
	assert_int_equal(store_double_noted("audit.lost///failed"), 1);
	scene_end(&s);
}

/* Whatever he thinks of, one caller has a bound; others are heard on. */
static void
test_one_network_cannot_fill_the_log(void **state)
{
	struct audit_note note;
	char why[32];

	(void)state;
	scene_start(&s);
	for (int i = 0; i < 3 * BURST; i++) {
		(void)snprintf(why, sizeof(why), "reason %d", i);
		note = denied("2001:db8::1", why, 1);
		tell(&note, 1, 0);
	}
	assert_int_equal(store_double.noted_count -
			     store_double_noted("audit.lost///failed"),
	    BURST);
	note = denied("2001:db8::2", "another of the same /64", 1);
	tell(&note, 1, 0);
	assert_int_equal(
	    store_double_noted("access.credential///refused"), BURST);
	rig_advance_ms(&s.r, 60000); /* strangers together have a rate too */
	note = denied("2001:db8:0:1::1", "a stranger elsewhere", 1);
	tell(&note, 1, 0);
	assert_int_equal(
	    store_double_noted("access.credential///refused"), BURST + 1);
	assert_true(store_double_noted("audit.lost///failed") > 0);
	scene_end(&s);
}

/* Nor does one account, however many addresses it has. */
static void
test_one_account_cannot_fill_the_log(void **state)
{
	char path[64];

	(void)state;
	scene_start(&s);
	for (int i = 0; i < 3 * BURST; i++) {
		struct principal eve = scene_caller("u1", J_UNKNOWN);
		char address[32];
		uint64_t tag;

		(void)snprintf(path, sizeof(path), "no such user %d", i);
		(void)snprintf(address, sizeof(address), "192.0.2.%d", i % 250);
		eve.address = address;
		tag = RIG_ASK(&s.r, gateway, session_registry, user_delete,
		    .caller = eve, .user_id = path);
		assert_int_equal(
		    scene_refused(&s, tag)->problem, PROBLEM_FORBIDDEN);
	}
	assert_int_equal(store_double.noted_count -
			     store_double_noted("audit.lost///failed"),
	    BURST);
	scene_end(&s);
}

static void
test_what_a_gateway_lost_is_told(void **state)
{
	struct audit_note note = denied("192.0.2.7", "invalid_token", 1);

	(void)state;
	scene_start(&s);
	tell(&note, 1, 41);
	note.detail = "another";
	tell(&note, 1, 0);
	assert_int_equal(store_double_noted("audit.lost///failed"), 1);
	scene_end(&s);
}

static void
test_only_gateways_tell_refusals(void **state)
{
	struct audit_note note = denied("192.0.2.7", "invalid_token", 1);
	uint64_t tag;

	(void)state;
	scene_start(&s);
	tag = RIG_ASK(&s.r, scheduler, session_registry, audit_refusals,
	    .notes = &note, .notes_count = 1);
	(void)RIG_REPLIED(&s.r, scheduler, tag, refused);
	assert_int_equal(store_double.noted_count, 0);
	scene_end(&s);
}

/* While the store takes nothing, what waits is bounded, and then counted. */
static void
test_a_store_that_appends_nothing(void **state)
{
	struct audit_note notes[AUDIT_NOTES_MAX];
	char address[AUDIT_NOTES_MAX][32];

	(void)state;
	scene_start(&s);
	store_double.fail_id = MSG_store_audit_append;
	store_double.fail_status = ST_IO;
	store_double.fail_count = 3;
	for (uint32_t i = 0; i < AUDIT_NOTES_MAX; i++) {
		(void)snprintf(address[i], sizeof(address[i]), "10.0.0.%u", i);
		notes[i] = denied(address[i], "invalid_token", 1);
	}
	tell(notes, AUDIT_NOTES_MAX, 0);
	assert_int_equal(store_double.noted_count, 0);
	rig_advance_ms(&s.r, 5000);
	assert_int_equal(
	    store_double_noted("access.credential///refused"), AUDIT_NOTES_MAX);
	scene_end(&s);
}

/* ---- what the registry refuses by itself ---- */

static void
test_a_setup_that_comes_too_late(void **state)
{
	uint64_t tag;

	(void)state;
	scene_start(&s);
	tag = RIG_ASK(&s.r, gateway, session_registry, auth_setup,
	    .caller = { .address = "192.0.2.9" }, .username = "boss",
	    .password = SCENE_PASSWORD);
	assert_int_equal(scene_refused(&s, tag)->problem, PROBLEM_CONFLICT);
	assert_int_equal(store_double_noted("auth.setup//boss/refused"), 1);
	scene_end(&s);
}

static void
test_sessions_that_an_account_takes_with_it_are_told(void **state)
{
	uint64_t tag;

	(void)state;
	scene_start(&s);
	(void)scene_login(&s, "u1");
	tag = RIG_ASK(&s.r, gateway, session_registry, user_change,
	    .caller = scene_caller("c1", J_UNKNOWN), .user_id = U1,
	    .disabled = true, .has_disabled = true);
	scene_apply(&s);
	(void)RIG_REPLIED(&s.r, gateway, tag, user_made);
	assert_int_equal(store_double_noted("user.change/" C1 "/" U1 "/ok"), 1);
	assert_int_equal(
	    store_double_noted("session.revoke_all/" C1 "/" U1 "/ok"), 1);
	scene_end(&s);
}

static void
test_bad_requests_to_change_accounts_are_told(void **state)
{
	struct principal ceo;
	uint64_t tag;

	(void)state;
	scene_start(&s);
	ceo = scene_caller("c1", J_UNKNOWN);
	tag =
	    RIG_ASK(&s.r, gateway, session_registry, user_create, .caller = ceo,
		.username = "bob", .role = ROLE_OBSERVER, .password = "short");
	assert_int_equal(scene_refused(&s, tag)->problem, PROBLEM_VALIDATION);
	tag = RIG_ASK(&s.r, gateway, session_registry, user_delete,
	    .caller = ceo, .user_id = "nobody");
	assert_int_equal(scene_refused(&s, tag)->problem, PROBLEM_NOT_FOUND);
	tag = RIG_ASK(&s.r, gateway, session_registry, api_key_revoke,
	    .caller = ceo, .key_id = J_UNKNOWN);
	assert_int_equal(scene_refused(&s, tag)->problem, PROBLEM_NOT_FOUND);
	assert_int_equal(
	    store_double_noted("user.create/" C1 "/bob/refused"), 1);
	assert_int_equal(
	    store_double_noted("user.delete/" C1 "/nobody/refused"), 1);
	assert_int_equal(
	    store_double_noted("api_key.revoke/" C1 "/" J_UNKNOWN "/refused"),
	    1);
	scene_end(&s);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RUN(test_the_same_again_is_counted_until_its_window_ends),
		RUN(test_a_drain_tells_what_was_counted),
		RUN(test_what_was_lost_is_told_when_a_window_ends),
		RUN(test_one_network_cannot_fill_the_log),
		RUN(test_one_account_cannot_fill_the_log),
		RUN(test_what_a_gateway_lost_is_told),
		RUN(test_only_gateways_tell_refusals),
		RUN(test_a_store_that_appends_nothing),
		RUN(test_a_setup_that_comes_too_late),
		RUN(test_sessions_that_an_account_takes_with_it_are_told),
		RUN(test_bad_requests_to_change_accounts_are_told),
	};

	scene_class = &session_registry_class;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
