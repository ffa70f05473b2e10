/* sessions.md 2.4.8: the table of expected_updated_at, row by row. */
#include "tests/store/asker.h"

#define NOW INT64_C(1775210400000000)

static char stamp[UPDATED_AT_MAX + 1];

static enum status
put_at(const char *key, const char *value, const char *expected, int64_t now)
{
	enum status st = ASK(store_setting_put, .namespace = "api", .key = key,
	    .value = value, .now = now, .expected = expected);

	if (st == ST_OK)
		snprintf(stamp, sizeof(stamp), "%s",
		    REPLY_IS(store_setting_found)->row->updated_at);
	return st;
}

static enum status
put(const char *key, const char *value, const char *expected)
{
	return put_at(key, value, expected, NOW);
}

static void
value_is(const char *key, const char *value)
{
	const struct setting_row *row;

	OK(ASK(store_setting_get, .namespace = "api", .key = key));
	row = REPLY_IS(store_setting_found)->row;
	if (value == NULL)
		assert_null(row);
	else
		assert_string_equal(row->value, value);
}

static void
test_put_without_expectation_always_puts(void **state)
{
	(void)state;
	OK(put("k", "1", NULL));
	assert_string_equal(stamp, "2026-04-03T10:00:00.000000+00:00");
	OK(put("k", "2", NULL));
	value_is("k", "2");
	value_is("other", NULL);
}

static void
test_empty_expectation_puts_only_the_first(void **state)
{
	(void)state;
	OK(put("k", "1", ""));
	IS(CONFLICT, put("k", "2", ""));
	value_is("k", "1");
}

static void
test_expectation_compares_and_never_inserts(void **state)
{
	char first[sizeof(stamp)];

	(void)state;
	IS(CONFLICT, put("k", "1", "2026-04-03T10:00:00.000000+00:00"));
	value_is("k", NULL);
	OK(put("k", "1", NULL));
	memcpy(first, stamp, sizeof(first));
	OK(put("k", "2", first));
	IS(CONFLICT, put("k", "3", first));
	value_is("k", "2");
	OK(put("k", "3", stamp));
	value_is("k", "3");
}

/* Two writes in one tick, and a clock that goes back, still differ. */
static void
test_updated_at_only_ever_rises(void **state)
{
	char last[sizeof(stamp)];

	(void)state;
	OK(put("k", "same", NULL));
	for (int i = 0; i < 3; i++) {
		memcpy(last, stamp, sizeof(last));
		OK(put_at("k", "same", NULL, NOW - i * 1000));
		assert_true(strcmp(stamp, last) > 0);
	}
	memcpy(last, stamp, sizeof(last));
	OK(ASK(store_setting_delete, .namespace = "api", .key = "k"));
	OK(put("k", "same", ""));
	assert_true(strcmp(stamp, last) > 0);
}

static void
test_delete_takes_back(void **state)
{
	(void)state;
	OK(put("k", "1", NULL));
	IS(CONFLICT, ASK(store_setting_delete, .namespace = "api", .key = "k",
			 .expected = "old"));
	IS(CONFLICT, ASK(store_setting_delete, .namespace = "api", .key = "k",
			 .expected = ""));
	OK(ASK(store_setting_delete, .namespace = "api", .key = "k",
	    .expected = stamp));
	(void)REPLY_IS(done);
	value_is("k", NULL);
	IS(NOT_FOUND,
	    ASK(store_setting_delete, .namespace = "api", .key = "k"));
	IS(CONFLICT, ASK(store_setting_delete, .namespace = "api", .key = "k",
			 .expected = stamp));
}

static void
test_list_is_in_order_and_bounded(void **state)
{
	const struct store_setting_page *page;
	char key[16];

	(void)state;
	for (int i = SETTINGS_PAGE_MAX - 1; i >= 0; i--) {
		snprintf(key, sizeof(key), "k%03d", i);
		OK(put(key, "v", NULL));
	}
	IS(FULL, put("one more", "v", NULL));
	OK(put("k000", "changed", NULL));
	OK(ASK(store_setting_list, .nothing = 0));
	page = REPLY_IS(store_setting_page);
	assert_int_equal(page->rows_count, SETTINGS_PAGE_MAX);
	assert_string_equal(page->rows[0].value, "changed");
	assert_string_equal(page->rows[127].key, "k127");
}

static void
test_namespaces_do_not_mix(void **state)
{
	(void)state;
	OK(ASK(store_setting_put, .namespace = "a", .key = "bc", .value = "1",
	    .now = NOW));
	OK(ASK(store_setting_put, .namespace = "ab", .key = "c", .value = "2",
	    .now = NOW, .expected = ""));
	OK(ASK(store_setting_get, .namespace = "a", .key = "bc"));
	assert_string_equal(REPLY_IS(store_setting_found)->row->value, "1");
	IS(INVALID, ASK(store_setting_get, .namespace = "", .key = "k"));
	IS(INVALID, ASK(store_setting_get, .namespace = "a", .key = " "));
}

static const char *
history(uint64_t before, uint32_t limit)
{
	static char text[512];
	const struct store_setting_changes *page;

	text[0] = '\0';
	OK(ASK(store_setting_history, .namespace = "api", .key = "k",
	    .before = before, .limit = limit));
	page = REPLY_IS(store_setting_changes);
	for (uint32_t i = 0; i < page->changes_count; i++) {
		const struct setting_change *c = &page->changes[i];

		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "%d:%s:%s ", (int)c->revision,
		    c->change == SETTING_PUT ? c->value : "-", c->user_id);
	}
	return text;
}

static enum status
put_by(const char *user, const char *value, int64_t now)
{
	const struct audit_note note = { .at = now,
		.by = { .user_id = user,
		    .username = "n",
		    .session_id = "",
		    .address = "",
		    .user_agent = "" },
		.action = "setting.put",
		.target = "api/k",
		.detail = "" };

	return ASK(store_setting_put, .namespace = "api", .key = "k",
	    .value = value, .now = now, .audit = &note);
}

/* Every change is in the history, once, with who made it. */
static void
test_history_of_a_setting(void **state)
{
	(void)state;
	assert_string_equal(history(0, 9), "");
	OK(put_by("u1", "a", 5));
	assert_int_equal(REPLY_IS(store_setting_found)->row->revision, 1);
	OK(put_by("u2", "b", 5));
	assert_int_equal(REPLY_IS(store_setting_found)->row->revision, 2);
	IS(CONFLICT, ASK(store_setting_put, .namespace = "api", .key = "k",
			 .value = "no", .now = 9, .expected = "other"));
	OK(ASK(store_setting_delete, .namespace = "api", .key = "k"));
	IS(NOT_FOUND,
	    ASK(store_setting_delete, .namespace = "api", .key = "k"));
	OK(put_by("u3", "c", 1));
	OK(ASK(store_setting_put, .namespace = "api", .key = "kk", .value = "x",
	    .now = 1));
	assert_string_equal(history(0, 9), "4:c:u3 3:-: 2:b:u2 1:a:u1 ");
	assert_string_equal(history(3, 9), "2:b:u2 1:a:u1 ");
	assert_string_equal(history(0, 2), "4:c:u3 3:-: ");
	OK(ASK(store_audit_list, .limit = 9));
	assert_int_equal(REPLY_IS(store_audit_page)->entries_count, 3);
}

static void
test_history_is_bounded(void **state)
{
	(void)state;
	for (int i = 0; i < SETTING_HISTORY_MAX + 7; i++)
		OK(put_by("u", "v", i));
	assert_int_equal(
	    asker_count(TABLE_SETTING_HISTORY), SETTING_HISTORY_MAX);
	assert_string_equal(history(9, 9), "8:v:u ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ASKED(test_history_of_a_setting),
		ASKED(test_history_is_bounded),
		ASKED(test_put_without_expectation_always_puts),
		ASKED(test_empty_expectation_puts_only_the_first),
		ASKED(test_expectation_compares_and_never_inserts),
		ASKED(test_updated_at_only_ever_rises),
		ASKED(test_delete_takes_back),
		ASKED(test_list_is_in_order_and_bounded),
		ASKED(test_namespaces_do_not_mix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
