/*
 * The settings, with a probe in the place of the store that compares and
 * swaps as the store does, when the test lets it.
 */
#include "actors/settings.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/config.h"
#include "runtime/etag.h"
#include "tests/actors/people.h"
#include "tests/rig.h"

#define API "api"
#define KEY "auth.min_password_length" /* 8 to 128, default 12 */
#define SECRET_KEY "ssl_keyfile"

/* What the store holds of one setting. */
struct row {
	bool is_there;
	char value[256];
	char updated_at[CLOCK_TEXT_SIZE];
};

static struct row row;
static int64_t stamp_us;

static void
settings_rig_with(struct rig *r, const struct config *config)
{
	row = (struct row){ 0 };
	stamp_us = 0;
	rig_init_with(r, config);
	rig_probe(r, ACTOR_NUMBER(store));
	rig_spawn(r, &settings_class, ACTOR_NUMBER(settings));
	rig_probe(r, ACTOR_NUMBER(scheduler));
	rig_probe(r, ACTOR_NUMBER(gateway));
	assert_int_equal(rig_start(r), ST_OK);
}

static void
settings_rig(struct rig *r)
{
	settings_rig_with(r, NULL);
	RIG_ANSWER(r, RIG_TAKE(r, store, store_setting_list),
	    store_setting_page, .rows = NULL);
}

static void
row_put(const char *value, int64_t now)
{
	stamp_us = now > stamp_us ? now : stamp_us + 1;
	row.is_there = true;
	snprintf(row.value, sizeof(row.value), "%s", value);
	clock_text(stamp_us, row.updated_at);
}

static bool
row_is_expected(const char *expected)
{
	if (expected == NULL)
		return true;
	return strcmp(row.is_there ? row.updated_at : "", expected) == 0;
}

static void
serve_put(struct rig *r, struct heard *h)
{
	const struct store_setting_put *ask = RIG_BODY(h, store_setting_put);
	struct setting_row out = { ask->namespace, ask->key, row.value,
		row.updated_at };

	if (!row_is_expected(ask->expected)) {
		rig_refuse(r, h, ST_CONFLICT, 0, "changed");
		return;
	}
	row_put(ask->value, ask->now);
	RIG_ANSWER(r, h, store_setting_found, .row = &out);
}

static void
serve_get(struct rig *r, struct heard *h)
{
	const struct store_setting_get *ask = RIG_BODY(h, store_setting_get);
	struct setting_row out = { ask->namespace, ask->key, row.value,
		row.updated_at };

	RIG_ANSWER(
	    r, h, store_setting_found, .row = row.is_there ? &out : NULL);
}

static void
serve_delete(struct rig *r, struct heard *h)
{
	const struct store_setting_delete *ask =
	    RIG_BODY(h, store_setting_delete);

	if (!row_is_expected(ask->expected)) {
		rig_refuse(r, h, ST_CONFLICT, 0, "changed");
	} else if (!row.is_there) {
		rig_refuse(r, h, ST_NOT_FOUND, 0, "none");
	} else {
		row.is_there = false;
		RIG_ANSWER(r, h, done, 0);
	}
}

/* The store does all it was asked to, in the order it was asked. */
static void
serve(struct rig *r)
{
	const uint32_t at = ACTOR_NUMBER(store);
	struct heard *h;

	do {
		while ((h = rig_peek(r, at, MSG_store_setting_put)) != NULL)
			serve_put(r, h);
		while ((h = rig_peek(r, at, MSG_store_setting_delete)) != NULL)
			serve_delete(r, h);
		while ((h = rig_peek(r, at, MSG_store_setting_get)) != NULL)
			serve_get(r, h);
	} while (rig_waiting(r, at) > 0);
}

static uint64_t
ask_put(struct rig *r, const char *key, const char *if_match, const char *value)
{
	return RIG_ASK(r, gateway, settings, setting_put, .caller = MANAGER,
	    .namespace = API, .key = key, .if_match = if_match, .value = value);
}

static const struct setting_entry *
entry_of(struct rig *r, uint64_t tag)
{
	return RIG_REPLIED(r, gateway, tag, setting_entry);
}

static const struct setting_entry *
get(struct rig *r, const char *key)
{
	return entry_of(
	    r, RIG_ASK(r, gateway, settings, setting_get, .caller = OBSERVER,
		   .namespace = API, .key = key));
}

static const struct setting_entry *
put(struct rig *r, const char *key, const char *if_match, const char *value)
{
	uint64_t tag = ask_put(r, key, if_match, value);

	serve(r);
	return entry_of(r, tag);
}

static uint32_t
problem_of(struct rig *r, uint64_t tag)
{
	serve(r);
	return RIG_REPLIED(r, gateway, tag, refused)->problem;
}

static uint32_t
put_problem(
    struct rig *r, const char *key, const char *if_match, const char *value)
{
	return problem_of(r, ask_put(r, key, if_match, value));
}

/* Scenario 30 */
static void
test_never_stored_setting_has_a_stable_tag(void **state)
{
	const struct setting_entry *e;
	char etag[ETAG_SIZE];
	struct rig r;

	(void)state;
	settings_rig(&r);
	e = get(&r, KEY);
	etag_of("12", NULL, etag);
	assert_string_equal(e->etag, etag);
	assert_string_equal(e->setting.value, "12");
	assert_null(e->setting.updated_at);
	assert_int_equal(e->setting.source, SOURCE_DEFAULT);
	assert_false(e->setting.restart_required);
	assert_string_equal(get(&r, KEY)->etag, etag);
	assert_int_equal(rig_logged(&r, EV_SETTINGS_VALUE_RESOLVED), 1);
	rig_fini(&r);
}

/* Scenario 31; D-03, CC-6 */
static void
test_first_write_with_the_tag_of_the_default(void **state)
{
	const struct setting_entry *before, *after;
	struct rig r;

	(void)state;
	settings_rig(&r);
	before = get(&r, KEY);
	after = put(&r, KEY, before->etag, "20");
	assert_string_equal(after->setting.value, "20");
	assert_int_equal(after->setting.source, SOURCE_OVERRIDE);
	assert_non_null(after->setting.updated_at);
	assert_string_not_equal(after->etag, before->etag);
	assert_string_equal(get(&r, KEY)->etag, after->etag);
	rig_fini(&r);
}

/* Scenario 32; D-06 */
static void
test_old_tag_is_a_conflict_and_changes_nothing(void **state)
{
	const struct setting_entry *old;
	struct rig r;

	(void)state;
	settings_rig(&r);
	old = get(&r, KEY);
	(void)put(&r, KEY, NULL, "20");
	assert_int_equal(
	    put_problem(&r, KEY, old->etag, "30"), PROBLEM_VERSION_CONFLICT);
	assert_string_equal(get(&r, KEY)->setting.value, "20");
	assert_int_equal(rig_logged(&r, EV_API_CONCURRENCY_CONFLICT), 1);
	assert_non_null(strstr(rig_line(&r, EV_API_CONCURRENCY_CONFLICT, 0),
	    "resource=" API ":" KEY));
	assert_int_equal(problem_find(PROBLEM_VERSION_CONFLICT)->http, 409);
	rig_fini(&r);
}

/* Scenario 33 */
static void
test_no_tag_and_an_empty_one_write_whatever(void **state)
{
	struct rig r;

	(void)state;
	settings_rig(&r);
	(void)put(&r, KEY, NULL, "20");
	row_put("25", RIG_WALL_US + 1); /* somebody else's */
	assert_string_equal(put(&r, KEY, NULL, "30")->setting.value, "30");
	assert_string_equal(put(&r, KEY, "", "31")->setting.value, "31");
	rig_fini(&r);
}

/* Scenario 34; CC-5 */
static void
race(bool stored_before)
{
	enum { RIVALS = 50 };
	uint64_t tags[RIVALS];
	char winner[8] = "";
	struct rig r;
	int wins = 0;
	char etag[ETAG_SIZE];

	settings_rig(&r);
	if (stored_before)
		(void)put(&r, KEY, NULL, "100");
	memcpy(etag, get(&r, KEY)->etag, sizeof(etag));
	for (int i = 0; i < RIVALS; i++) {
		char value[8];

		snprintf(value, sizeof(value), "%d", 20 + i);
		tags[i] = ask_put(&r, KEY, etag, value);
	}
	serve(&r);
	for (int i = 0; i < RIVALS; i++) {
		struct heard *h =
		    rig_answer_to(&r, ACTOR_NUMBER(gateway), tags[i]);

		if (h->id == MSG_setting_entry) {
			wins++;
			snprintf(winner, sizeof(winner), "%d", 20 + i);
		} else {
			assert_int_equal(RIG_BODY(h, refused)->problem,
			    PROBLEM_VERSION_CONFLICT);
		}
	}
	assert_int_equal(wins, 1);
	assert_string_equal(row.value, winner);
	assert_string_equal(get(&r, KEY)->setting.value, winner);
	rig_fini(&r);
}

static void
test_one_of_fifty_rivals_wins(void **state)
{
	(void)state;
	race(false);
	race(true);
}

/* Scenario 35; D-02, D-05 */
static void
test_stars_lists_and_weak_tags(void **state)
{
	char list[64], weak[64], bare[64];
	struct rig r;

	(void)state;
	settings_rig(&r);
	assert_string_equal(put(&r, KEY, "*", "20")->setting.value, "20");
	snprintf(
	    list, sizeof(list), "\"0000000000000000\", %s", get(&r, KEY)->etag);
	assert_string_equal(put(&r, KEY, list, "21")->setting.value, "21");
	snprintf(weak, sizeof(weak), "W/%s", get(&r, KEY)->etag);
	assert_int_equal(
	    put_problem(&r, KEY, weak, "22"), PROBLEM_VERSION_CONFLICT);
	snprintf(bare, sizeof(bare), "%.16s", get(&r, KEY)->etag + 1);
	assert_int_equal(
	    put_problem(&r, KEY, bare, "22"), PROBLEM_VERSION_CONFLICT);
	assert_string_equal(get(&r, KEY)->setting.value, "21");
	rig_fini(&r);
}

/* Scenario 36; D-01, D-07, D-08 */
static void
test_write_that_slips_in_between_is_a_conflict(void **state)
{
	uint64_t tag;
	struct rig r;

	(void)state;
	settings_rig(&r);
	tag = ask_put(&r, KEY, "*", "20");
	row_put("99", RIG_WALL_US + 7);
	assert_int_equal(problem_of(&r, tag), PROBLEM_VERSION_CONFLICT);
	assert_int_equal(rig_logged(&r, EV_SETTINGS_VERSION_CONFLICT), 1);
	assert_non_null(strstr(rig_line(&r, EV_SETTINGS_VERSION_CONFLICT, 0),
	    "reason=concurrent_modification"));
	assert_int_equal(rig_logged(&r, EV_SETTINGS_VALIDATION_FAILED), 0);
	assert_string_equal(row.value, "99");
	assert_string_equal(get(&r, KEY)->setting.value, "99");
	rig_fini(&r);
}

/* Scenario 37 */
static void
test_stale_tag_comes_before_a_bad_value(void **state)
{
	char fresh[ETAG_SIZE];
	uint64_t tag;
	struct rig r;

	(void)state;
	settings_rig(&r);
	assert_int_equal(put_problem(&r, KEY, "\"0000000000000000\"", "short"),
	    PROBLEM_VERSION_CONFLICT);
	assert_int_equal(rig_logged(&r, EV_SETTINGS_VALIDATION_FAILED), 0);
	memcpy(fresh, get(&r, KEY)->etag, sizeof(fresh));
	for (int i = 0; i < 3; i++) {
		static const char *const lies[] = { "7", "129", "12 " };

		tag = ask_put(&r, KEY, fresh, lies[i]);
		assert_int_equal(problem_of(&r, tag), PROBLEM_VALIDATION);
	}
	assert_int_equal(rig_logged(&r, EV_SETTINGS_VALIDATION_FAILED), 3);
	assert_string_equal(get(&r, KEY)->etag, fresh);
	assert_string_equal(put(&r, KEY, fresh, "8")->setting.value, "8");
	assert_string_equal(put(&r, KEY, NULL, "128")->setting.value, "128");
	rig_fini(&r);
}

/* Scenario 38 */
static void
test_unknown_names_are_not_found(void **state)
{
	uint64_t tag;
	struct rig r;

	(void)state;
	settings_rig(&r);
	assert_int_equal(
	    put_problem(&r, "nonsense", NULL, "1"), PROBLEM_NOT_FOUND);
	assert_int_equal(
	    put_problem(&r, "nonsense", "*", "1"), PROBLEM_NOT_FOUND);
	tag = RIG_ASK(&r, gateway, settings, setting_get, .caller = CEO,
	    .namespace = "nowhere", .key = KEY);
	assert_int_equal(problem_of(&r, tag), PROBLEM_NOT_FOUND);
	tag = RIG_ASK(&r, gateway, settings, setting_list, .caller = CEO,
	    .namespace = "nowhere");
	assert_int_equal(problem_of(&r, tag), PROBLEM_NOT_FOUND);
	rig_fini(&r);
}

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
	tag = RIG_ASK(&r, gateway, settings, setting_delete, .caller = CEO,
	    .namespace = API, .key = KEY);
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
	for (int i = 0; i < RIG_HEARD_MAX; i++) /* until its mailbox is full */
		(void)actor_send(r.probes[2].actor,
		    actor_address(r.probes[1].actor), MSG_ping,
		    &(struct ping){ 0 });
	assert_string_equal(put(&r, KEY, NULL, "20")->setting.value, "20");
	assert_string_equal(row.value, "20");
	assert_int_equal(rig_logged(&r, EV_SETTINGS_NOTIFY_FAILED), 1);
	rig_fini(&r);
}

/* Scenario 40; LD-4 */
static void
two_writes_in_one_tick(const char *key)
{
	char first[ETAG_SIZE];
	struct rig r;

	settings_rig(&r);
	memcpy(first, put(&r, key, NULL, "20")->etag, sizeof(first));
	assert_string_not_equal(put(&r, key, NULL, "20")->etag, first);
	assert_int_equal(
	    put_problem(&r, key, first, "21"), PROBLEM_VERSION_CONFLICT);
	rig_fini(&r);
}

static void
test_two_writes_in_one_tick_have_two_tags(void **state)
{
	(void)state;
	two_writes_in_one_tick(KEY);
	two_writes_in_one_tick(SECRET_KEY);
}

/* Scenario 41 */
static void
test_writes_chain_by_their_tags_alone(void **state)
{
	char etag[ETAG_SIZE];
	struct rig r;

	(void)state;
	settings_rig(&r);
	memcpy(etag, get(&r, KEY)->etag, sizeof(etag));
	for (int i = 0; i < 10; i++) {
		char value[8];

		snprintf(value, sizeof(value), "%d", 20 + i);
		memcpy(etag, put(&r, KEY, etag, value)->etag, sizeof(etag));
	}
	assert_string_equal(row.value, "29");
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
	assert_string_equal(row.value, "/etc/key.pem");
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
	assert_string_equal(row.value, "/etc/key.pem");
	for (size_t i = 0; i < r.line_count; i++)
		assert_null(strstr(r.lines[i], "key.pem"));
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

/* LD-8: a delete minds the tag, and there may be nothing to take back. */
static void
test_delete_compares_too(void **state)
{
	char etag[ETAG_SIZE];
	uint64_t tag;
	struct rig r;

	(void)state;
	settings_rig(&r);
	tag = RIG_ASK(&r, gateway, settings, setting_delete, .caller = CEO,
	    .namespace = API, .key = KEY);
	serve(&r);
	assert_int_equal(entry_of(&r, tag)->setting.source, SOURCE_DEFAULT);
	memcpy(etag, put(&r, KEY, NULL, "20")->etag, sizeof(etag));
	tag = RIG_ASK(&r, gateway, settings, setting_delete, .caller = CEO,
	    .namespace = API, .key = KEY, .if_match = "\"0000000000000000\"");
	assert_int_equal(problem_of(&r, tag), PROBLEM_VERSION_CONFLICT);
	tag = RIG_ASK(&r, gateway, settings, setting_delete, .caller = CEO,
	    .namespace = API, .key = KEY, .if_match = etag);
	row_put("21", RIG_WALL_US + 9); /* slipped in between */
	assert_int_equal(problem_of(&r, tag), PROBLEM_VERSION_CONFLICT);
	assert_int_equal(rig_logged(&r, EV_SETTINGS_VERSION_CONFLICT), 1);
	tag = RIG_ASK(&r, gateway, settings, setting_delete, .caller = CEO,
	    .namespace = API, .key = KEY, .if_match = get(&r, KEY)->etag);
	serve(&r);
	assert_string_equal(entry_of(&r, tag)->setting.value, "12");
	assert_false(row.is_there);
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
	struct mistakes mistakes = { 0 };
	struct config *config = NULL;
	struct rig r;

	(void)state;
	assert_int_equal(config_load(&in, &mistakes, &config), ST_OK);
	settings_rig_with(&r, config);
	RIG_ANSWER(&r, RIG_TAKE(&r, store, store_setting_list),
	    store_setting_page, .rows = NULL);
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
		{ API, KEY, "40", "2026-04-03T10:00:00.000000+00:00" },
		{ API, "auth.jwt_expiry_minutes", "never",
		    "2026-04-03T10:00:00.000001+00:00" },
		{ API, "gone", "1", "2026-04-03T10:00:00.000002+00:00" },
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

#define RUN(test) cmocka_unit_test(test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_never_stored_setting_has_a_stable_tag),
		RUN(test_first_write_with_the_tag_of_the_default),
		RUN(test_old_tag_is_a_conflict_and_changes_nothing),
		RUN(test_no_tag_and_an_empty_one_write_whatever),
		RUN(test_one_of_fifty_rivals_wins),
		RUN(test_stars_lists_and_weak_tags),
		RUN(test_write_that_slips_in_between_is_a_conflict),
		RUN(test_stale_tag_comes_before_a_bad_value),
		RUN(test_unknown_names_are_not_found),
		RUN(test_watchers_hear_of_each_change),
		RUN(test_failed_notification_does_not_fail_the_write),
		RUN(test_two_writes_in_one_tick_have_two_tags),
		RUN(test_writes_chain_by_their_tags_alone),
		RUN(test_sensitive_value_is_never_shown),
		RUN(test_roles_that_change_and_roles_that_only_read),
		RUN(test_delete_compares_too),
		RUN(test_list_shows_all_or_one_namespace),
		RUN(test_the_first_that_has_a_value_wins),
		RUN(test_overrides_are_read_at_the_start_and_nonsense_ignored),
		RUN(test_long_tag_is_cut_in_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
