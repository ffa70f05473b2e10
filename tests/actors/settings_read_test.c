/* Who may read and write settings, what is shown, where it comes from. */
#include "actors/safe.h"
#include "tests/actors/settings_rig.h"

#include <stdlib.h>

#include "runtime/base/fault.h"

static void
watch(struct rig *r)
{
	uint64_t tag = RIG_ASK(r, scheduler, settings, setting_watch, 0);

	(void)RIG_REPLIED(r, scheduler, tag, setting_overrides);
}

static void
test_watchers_hear_of_each_change(void **state)
{
	const struct setting_changed *news;
	uint64_t tag;
	struct rig r;

	(void)state;
	settings_rig(&r);
	(void)RIG_TAKE(&r, scheduler, setting_restarted);
	watch(&r);
	watch(&r); /* twice is once */
	(void)put(&r, KEY, NULL, "20");
	news =
	    RIG_BODY(RIG_TAKE(&r, scheduler, setting_changed), setting_changed);
	assert_string_equal(news->key, KEY);
	assert_string_equal(news->value, "20");
	tag = RIG_ASK(&r, gateway, settings, setting_delete,
	    .caller = fresh_ceo(&r), .namespace = API, .key = KEY);
	serve(&r);
	assert_string_equal(entry_of(&r, tag)->setting.value, "12");
	news =
	    RIG_BODY(RIG_TAKE(&r, scheduler, setting_changed), setting_changed);
	assert_null(news->value);
	assert_int_equal(rig_waiting(&r, ACTOR_NUMBER(scheduler)), 0);
	rig_fini(&r);
}

/* Scenario 39: the one who watches hears nothing any more. */
static void
test_failed_notification_does_not_fail_the_write(void **state)
{
	struct rig r;

	(void)state;
	settings_rig(&r);
	watch(&r);
	actor_fail(r.probes[1].actor, ST_BUG, "injected");
	for (int i = 0; i < RIG_WAITING_MAX;
	     i++) /* until its mailbox is full */
		(void)actor_send(r.probes[2].actor,
		    actor_address(r.probes[1].actor), MSG_ping,
		    &(struct ping){ 0 });
	assert_string_equal(put(&r, KEY, NULL, "20")->setting.value, "20");
	assert_string_equal(row.value, "20");
	assert_int_equal(rig_logged(&r, EV_SETTINGS_NOTIFY_FAILED), 1);
	rig_fini(&r);
}

/* Scenario 70 */
static void
test_sensitive_value_is_never_shown(void **state)
{
	const struct setting_overrides *all;
	const struct setting_entry *e;
	uint64_t tag;
	struct rig r;

	(void)state;
	settings_rig(&r);
	watch(&r);
	e = put(&r, SECRET_KEY, NULL, "/etc/key.pem");
	assert_true(safe_is_sealed(row.value));
	assert_null(strstr(row.value, "key.pem"));
	assert_string_equal(e->setting.value, SETTINGS_MASK);
	assert_true(e->setting.sensitive);
	assert_true(e->setting.restart_required);
	assert_string_equal(
	    RIG_BODY(RIG_TAKE(&r, scheduler, setting_changed), setting_changed)
		->value,
	    SETTINGS_MASK);
	tag = RIG_ASK(&r, scheduler, settings, setting_watch, 0);
	all = RIG_REPLIED(&r, scheduler, tag, setting_overrides);
	assert_int_equal(all->rows_count, 0);
	assert_int_equal(put_problem(&r, SECRET_KEY, NULL, SETTINGS_MASK),
	    PROBLEM_VALIDATION);
	assert_true(safe_is_sealed(row.value));
	for (size_t i = 0; i < r.line_count; i++)
		assert_null(strstr(r.lines[i], "key.pem"));
	rig_fini(&r);
}

/* A secret is a ceo's, whatever else a manager may set. */
static void
test_what_is_guarded_is_changed_by_a_ceo_alone(void **state)
{
	const struct principal people[] = { MANAGER, PAIR, OBSERVER };
	struct rig r;

	(void)state;
	settings_rig(&r);
	assert_true(put(&r, SECRET_KEY, NULL, "/etc/key.pem")->setting.guarded);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(problem_of(&r, ask_put_as(&r, people[i],
						    SECRET_KEY, NULL, "/x")),
		    PROBLEM_FORBIDDEN);
		assert_int_equal(
		    problem_of(&r, RIG_ASK(&r, gateway, settings,
				       setting_delete, .caller = people[i],
				       .namespace = API, .key = SECRET_KEY)),
		    PROBLEM_FORBIDDEN);
	}
	assert_true(row.is_there);
	assert_false(
	    put(&r, "ws_ticket_ttl_seconds", NULL, "9")->setting.guarded);
	rig_fini(&r);
}

static uint32_t
change_problem(struct rig *r, struct principal who, const char *value)
{
	uint32_t put = problem_of(
	    r, ask_put_as(r, who, "auth.reauth_minutes", NULL, value));
	uint32_t gone = problem_of(
	    r, RIG_ASK(r, gateway, settings, setting_delete, .caller = who,
		   .namespace = API, .key = "auth.reauth_minutes"));

	assert_int_equal(put, gone);
	return put;
}

/* Nor by its key, nor long after the log-in; this host's commands may. */
static void
test_what_is_guarded_asks_for_a_person_and_a_password(void **state)
{
	const struct principal host = { .user_id = "system",
		.username = "system",
		.role = ROLE_SYSTEM,
		.method = AUTH_LOCAL };
	struct principal who;
	uint64_t tag;
	struct rig r;

	(void)state;
	settings_rig(&r);
	who = fresh_ceo(&r);
	who.method = AUTH_API_KEY;
	assert_int_equal(change_problem(&r, who, "0"), PROBLEM_FORBIDDEN);
	who = CEO; /* a token of before the claim */
	assert_int_equal(change_problem(&r, who, "0"), PROBLEM_REAUTHENTICATE);
	who.authenticated_at = r.wall_us - INT64_C(61) * 60 * 1000000;
	assert_int_equal(change_problem(&r, who, "0"), PROBLEM_REAUTHENTICATE);
	assert_false(row.is_there);
	(void)put(&r, "auth.reauth_minutes", NULL, "120");
	tag = ask_put_as(&r, who, "auth.reauth_minutes", NULL, "60");
	serve(&r);
	assert_string_equal(entry_of(&r, tag)->setting.value, "60");
	assert_int_equal(change_problem(&r, who, "0"), PROBLEM_REAUTHENTICATE);
	tag = ask_put_as(&r, host, "auth.reauth_minutes", NULL, "0");
	serve(&r);
	assert_string_equal(entry_of(&r, tag)->setting.value, "0");
	rig_fini(&r);
}

static void
test_roles_that_change_and_roles_that_only_read(void **state)
{
	const struct principal readers[] = { PAIR, BOARD, OBSERVER };
	uint64_t tag;
	struct rig r;

	(void)state;
	settings_rig(&r);
	for (size_t i = 0; i < 3; i++) {
		tag = RIG_ASK(&r, gateway, settings, setting_put,
		    .caller = readers[i], .namespace = API, .key = KEY,
		    .value = "20");
		assert_int_equal(problem_of(&r, tag), PROBLEM_FORBIDDEN);
		tag = RIG_ASK(&r, gateway, settings, setting_delete,
		    .caller = readers[i], .namespace = API, .key = KEY);
		assert_int_equal(problem_of(&r, tag), PROBLEM_FORBIDDEN);
		tag = RIG_ASK(&r, gateway, settings, setting_get,
		    .caller = readers[i], .namespace = API, .key = KEY);
		(void)entry_of(&r, tag);
	}
	tag = RIG_ASK(&r, gateway, settings, setting_get, .caller = MACHINE,
	    .namespace = API, .key = KEY);
	assert_int_equal(problem_of(&r, tag), PROBLEM_FORBIDDEN);
	tag = RIG_ASK(&r, gateway, settings, setting_list, .caller = NOBODY);
	assert_int_equal(problem_of(&r, tag), PROBLEM_UNAUTHORIZED);
	rig_fini(&r);
}

static void
test_list_shows_all_or_one_namespace(void **state)
{
	const struct setting_entries *all;
	uint64_t tag;
	struct rig r;

	(void)state;
	settings_rig(&r);
	tag = RIG_ASK(&r, gateway, settings, setting_list, .caller = BOARD);
	all = RIG_REPLIED(&r, gateway, tag, setting_entries);
	assert_int_equal(all->settings_count, SETTING_COUNT);
	assert_string_equal(all->settings[0].key, setting_nth(0)->key);
	tag = RIG_ASK(&r, gateway, settings, setting_list, .caller = BOARD,
	    .namespace = "runtime");
	all = RIG_REPLIED(&r, gateway, tag, setting_entries);
	assert_true(all->settings_count < SETTING_COUNT);
	for (uint32_t i = 0; i < all->settings_count; i++)
		assert_string_equal(all->settings[i].namespace, "runtime");
	rig_fini(&r);
}

/* As settings_rig, with what is configured; the caller's, after the rig. */
static struct config *
configured_rig(struct rig *r, const struct config_input *in)
{
	struct mistakes mistakes = { 0 };
	struct config *config = NULL;

	assert_int_equal(config_load(in, &mistakes, &config), ST_OK);
	settings_rig_with(r, config);
	RIG_ANSWER(r, RIG_TAKE(r, store, store_setting_list),
	    store_setting_page, .rows = NULL);
	return config;
}

/* override > flag > environment > file > default */
static void
test_the_first_that_has_a_value_wins(void **state)
{
	static const char text[] = "api: { auth: { min_password_length: 9, "
				   "jwt_expiry_minutes: 9 }, "
				   "ticket_cleanup_interval_seconds: 9 }\n";
	char env1[] = "TROUPE_API_AUTH_MIN_PASSWORD_LENGTH=10";
	char env2[] = "TROUPE_API_AUTH_JWT_EXPIRY_MINUTES=10";
	char *env[] = { env1, env2, NULL };
	const char *sets[] = { "api.auth.min_password_length=11" };
	struct config_input in = { .file = "test.yaml",
		.text = { (const uint8_t *)text, sizeof(text) - 1 },
		.env = env,
		.sets = sets,
		.nsets = 1 };
	struct config *config;
	struct rig r;

	(void)state;
	config = configured_rig(&r, &in);
	assert_string_equal(get(&r, KEY)->setting.value, "11");
	assert_int_equal(get(&r, KEY)->setting.source, SOURCE_FLAG);
	assert_string_equal(
	    get(&r, "auth.jwt_expiry_minutes")->setting.value, "10");
	assert_int_equal(get(&r, "auth.jwt_expiry_minutes")->setting.source,
	    SOURCE_ENVIRONMENT);
	assert_int_equal(
	    get(&r, "ticket_cleanup_interval_seconds")->setting.source,
	    SOURCE_FILE);
	assert_int_equal(
	    put(&r, KEY, "*", "30")->setting.source, SOURCE_OVERRIDE);
	assert_string_equal(get(&r, KEY)->setting.value, "30");
	rig_fini(&r);
	config_destroy(config);
}

static void
test_overrides_are_read_at_the_start_and_nonsense_ignored(void **state)
{
	const struct setting_row rows[] = {
		{ API, KEY, "40", "2026-04-03T10:00:00.000000+00:00", 1 },
		{ API, "auth.jwt_expiry_minutes", "never",
		    "2026-04-03T10:00:00.000001+00:00", 1 },
		{ API, "gone", "1", "2026-04-03T10:00:00.000002+00:00", 1 },
	};
	char etag[ETAG_SIZE];
	uint64_t early;
	struct rig r;

	(void)state;
	settings_rig_with(&r, NULL);
	early = RIG_ASK(&r, gateway, settings, setting_get, .caller = CEO,
	    .namespace = API, .key = KEY);
	rig_refuse(&r, RIG_TAKE(&r, store, store_setting_list), ST_UNAVAILABLE,
	    PROBLEM_UNAVAILABLE, "");
	rig_advance_ms(&r, 1000);
	assert_null(rig_answer_to(&r, ACTOR_NUMBER(gateway), early));
	RIG_ANSWER(&r, RIG_TAKE(&r, store, store_setting_list),
	    store_setting_page, .rows = rows, .rows_count = 3);
	etag_of("40", rows[0].updated_at, etag);
	assert_string_equal(entry_of(&r, early)->etag, etag);
	assert_int_equal(rig_logged(&r, EV_SETTINGS_OVERRIDE_IGNORED), 2);
	assert_int_equal(
	    get(&r, "auth.jwt_expiry_minutes")->setting.source, SOURCE_DEFAULT);
	rig_fini(&r);
}

/* One that needs a restart counts from the start on, for ourselves too. */
static void
test_an_override_of_the_audit_window_is_our_own(void **state)
{
	const struct setting_row rows[] = {
		{ API, "audit.window_seconds", "2",
		    "2026-04-03T10:00:00.000002+00:00", 1 },
	};
	struct rig r;

	(void)state;
	settings_rig_with(&r, NULL);
	RIG_ANSWER(&r, RIG_TAKE(&r, store, store_setting_list),
	    store_setting_page, .rows = rows, .rows_count = 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    problem_of(&r, ask_put_as(&r, OBSERVER, KEY, NULL, "20")),
		    PROBLEM_FORBIDDEN);
	assert_int_equal(noted.times, 0); /* once */
	rig_advance_ms(&r, 1999);
	serve(&r);
	assert_int_equal(noted.times, 0); /* once */
	rig_advance_ms(&r, 1);
	serve(&r);
	assert_int_equal(noted.times, 2);
	rig_fini(&r);
}

static void
test_long_tag_is_cut_in_the_log(void **state)
{
	char tag[IF_MATCH_MAX + 1];
	struct rig r;

	(void)state;
	memset(tag, 'x', IF_MATCH_MAX);
	tag[IF_MATCH_MAX] = '\0';
	settings_rig(&r);
	assert_int_equal(
	    put_problem(&r, KEY, tag, "20"), PROBLEM_VERSION_CONFLICT);
	assert_true(strlen(rig_line(&r, EV_API_CONCURRENCY_CONFLICT, 0)) < 512);
	rig_fini(&r);
}

/* Whether it goes with the rest cannot be said: it is not stored. */
static void
test_a_change_that_cannot_be_judged_is_refused(void **state)
{
	struct config_input in = { 0 };
	struct config *config;
	struct rig r;

	(void)state;
	config = configured_rig(&r, &in);
	fault_allow();
	assert_int_equal(
	    problem_of(&r, ask_put(&r, "server.port", NULL, "3002")),
	    PROBLEM_OVERLOADED);
	assert_false(row.is_there);
	assert_string_equal(
	    put(&r, "server.port", NULL, "3002")->setting.value, "3002");
	rig_fini(&r);
	config_destroy(config);
}

#define RUN(test) cmocka_unit_test(test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_watchers_hear_of_each_change),
		RUN(test_failed_notification_does_not_fail_the_write),
		RUN(test_sensitive_value_is_never_shown),
		RUN(test_what_is_guarded_is_changed_by_a_ceo_alone),
		RUN(test_what_is_guarded_asks_for_a_person_and_a_password),
		RUN(test_roles_that_change_and_roles_that_only_read),
		RUN(test_list_shows_all_or_one_namespace),
		RUN(test_the_first_that_has_a_value_wins),
		RUN(test_overrides_are_read_at_the_start_and_nonsense_ignored),
		RUN(test_an_override_of_the_audit_window_is_our_own),
		RUN(test_long_tag_is_cut_in_the_log),
		RUN(test_a_change_that_cannot_be_judged_is_refused),
	};

	setenv("TROUPE_FAULT", "fail:config.memory", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
