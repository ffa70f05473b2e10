/*
 * The settings, with a probe in the place of the store that compares and
 * swaps as the store does, when the test lets it.
 */
#include "tests/actors/settings_rig.h"

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
	struct principal who;
	uint64_t tag;
	struct rig r;

	(void)state;
	settings_rig(&r);
	who = fresh_ceo(&r);
	who.session_id = "abcdef0123456789";
	tag = ask_put_as(&r, who, KEY, "*", "20");
	row_put("99", RIG_WALL_US + 7);
	assert_int_equal(problem_of(&r, tag), PROBLEM_VERSION_CONFLICT);
	assert_int_equal(rig_logged(&r, EV_SETTINGS_VERSION_CONFLICT), 1);
	assert_non_null(strstr(rig_line(&r, EV_SETTINGS_VERSION_CONFLICT, 0),
	    "reason=concurrent_modification"));
	assert_string_equal(noted.session, "abcdef01");
	assert_string_equal(noted.username, who.username);
	assert_string_equal(noted.action, "setting.put");
	assert_string_equal(noted.detail, "version conflict");
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

/* LD-8: a delete minds the tag, and there may be nothing to take back. */
static void
test_delete_compares_too(void **state)
{
	char etag[ETAG_SIZE];
	uint64_t tag;
	struct rig r;

	(void)state;
	settings_rig(&r);
	tag = RIG_ASK(&r, gateway, settings, setting_delete,
	    .caller = fresh_ceo(&r), .namespace = API, .key = KEY);
	serve(&r);
	assert_int_equal(entry_of(&r, tag)->setting.source, SOURCE_DEFAULT);
	memcpy(etag, put(&r, KEY, NULL, "20")->etag, sizeof(etag));
	tag = RIG_ASK(&r, gateway, settings, setting_delete,
	    .caller = fresh_ceo(&r), .namespace = API, .key = KEY,
	    .if_match = "\"0000000000000000\"");
	assert_int_equal(problem_of(&r, tag), PROBLEM_VERSION_CONFLICT);
	tag = RIG_ASK(&r, gateway, settings, setting_delete,
	    .caller = fresh_ceo(&r), .namespace = API, .key = KEY,
	    .if_match = etag);
	row_put("21", RIG_WALL_US + 9); /* slipped in between */
	assert_int_equal(problem_of(&r, tag), PROBLEM_VERSION_CONFLICT);
	assert_int_equal(rig_logged(&r, EV_SETTINGS_VERSION_CONFLICT), 1);
	tag = RIG_ASK(&r, gateway, settings, setting_delete,
	    .caller = fresh_ceo(&r), .namespace = API, .key = KEY,
	    .if_match = get(&r, KEY)->etag);
	serve(&r);
	assert_string_equal(entry_of(&r, tag)->setting.value, "12");
	assert_false(row.is_there);
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
		RUN(test_two_writes_in_one_tick_have_two_tags),
		RUN(test_writes_chain_by_their_tags_alone),
		RUN(test_delete_compares_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
