#include "protocols/setting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t
accepts(enum setting_id id, const char *text)
{
	char why[SETTING_WHY_SIZE] = "";
	uint64_t number = 0;
	enum status st = setting_check(setting_nth(id), text, &number, why);

	if (st != ST_OK)
		fail_msg("'%s' refused: %s", text, why);
	return number;
}

static void
refuses(enum setting_id id, const char *text, const char *expected)
{
	char why[SETTING_WHY_SIZE] = "";
	uint64_t number = 4711;

	assert_int_equal(
	    setting_check(setting_nth(id), text, &number, why), ST_INVALID);
	assert_int_equal(number, 4711);
	if (strstr(why, expected) == NULL)
		fail_msg("'%s' lacks '%s'", why, expected);
}

static void
test_every_default_is_a_value(void **state)
{
	(void)state;
	for (size_t i = 0; i < SETTING_COUNT; i++)
		accepts((enum setting_id)i, setting_nth(i)->value);
	assert_null(setting_nth(SETTING_COUNT));
}

static void
test_every_address_place_and_variable_is_unique(void **state)
{
	char a[SETTING_NAME_SIZE];
	char b[SETTING_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct setting *s = setting_nth(i);

		assert_ptr_equal(setting_find(s->space, s->key), s);
		setting_place(s, a);
		assert_ptr_equal(setting_find_place(a), s);
		assert_int_equal(setting_id(s), i);
		setting_env_name(s, a);
		for (size_t j = 0; j < i; j++) {
			setting_env_name(setting_nth(j), b);
			assert_string_not_equal(a, b);
		}
	}
}

/* A section of the file may not be a setting as well. */
static void
test_no_place_is_inside_another(void **state)
{
	char a[SETTING_NAME_SIZE];
	char b[SETTING_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		setting_place(setting_nth(i), a);
		for (size_t j = 0; j < SETTING_COUNT; j++) {
			setting_place(setting_nth(j), b);
			if (strncmp(a, b, strlen(a)) == 0)
				assert_true(b[strlen(a)] != '.');
		}
	}
}

static void
test_every_setting_says_when_it_counts_and_keeps_the_bounds(void **state)
{
	(void)state;
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		unsigned flags = setting_nth(i)->flags;

		assert_true(
		    !(flags & SETTING_LIVE) == !!(flags & SETTING_RESTART));
		assert_true(setting_nth(i)->doc[0] != '\0');
		if (setting_is_list(setting_nth(i)))
			assert_true(setting_nth(i)->max <= SETTING_ITEMS_MAX);
	}
}

static void
test_the_four_network_settings_need_a_restart(void **state)
{
	static const enum setting_id ids[] = { SETTING_api_ssl_certfile,
		SETTING_api_ssl_keyfile, SETTING_api_ssl_ca_certs,
		SETTING_api_trusted_proxies };

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_true(setting_nth(ids[i])->flags & SETTING_RESTART);
	assert_true(setting_nth(ids[1])->flags & SETTING_SENSITIVE);
	assert_ptr_equal(setting_find("api", "ssl_keyfile"),
	    setting_nth(SETTING_api_ssl_keyfile));
}

static void
test_names_of_one_setting(void **state)
{
	const struct setting *s = setting_find("api", "server.port");
	const struct setting *tls = setting_find("api", "ssl_certfile");
	char name[SETTING_NAME_SIZE];

	(void)state;
	assert_non_null(s);
	setting_env_name(s, name);
	assert_string_equal(name, "TROUPE_API_SERVER_PORT");
	setting_place(s, name);
	assert_string_equal(name, "api.server.port");
	setting_env_name(tls, name);
	assert_string_equal(name, "TROUPE_API_SSL_CERTFILE");
	setting_place(tls, name);
	assert_string_equal(name, "api.server.ssl_certfile");
	assert_ptr_equal(setting_find_place("api.ssl_certfile"), tls);
}

static void
test_unknown_names_are_not_found(void **state)
{
	(void)state;
	assert_null(setting_find("api", "server"));
	assert_null(setting_find("", ""));
	assert_null(setting_find("nothing", "server.port"));
	assert_null(setting_find_place("api"));
	assert_null(setting_find_place(""));
	assert_null(setting_find_place("api.server.port.x"));
	assert_true(setting_has_namespace("persistence"));
	assert_false(setting_has_namespace("persist"));
}

static void
test_a_number_is_within_its_range(void **state)
{
	enum setting_id id = SETTING_api_auth_jwt_expiry_minutes;
	const char *why = "a whole number from 1 to 43200";

	(void)state;
	assert_int_equal(accepts(id, "1"), 1);
	assert_int_equal(accepts(id, "43200"), 43200);
	assert_int_equal(accepts(id, "007"), 7);
	refuses(id, "0", why);
	refuses(id, "43201", why);
	refuses(id, "-1", why);
	refuses(id, "+1", why);
	refuses(id, "1.0", why);
	refuses(id, " 1", why);
	refuses(id, "", why);
	refuses(id, "1KiB", why);
	refuses(id, "18446744073709551617", why);
}

static void
test_bytes_may_have_a_unit(void **state)
{
	enum setting_id id = SETTING_persistence_lmdb_map_size;

	(void)state;
	assert_int_equal(accepts(id, "1048576"), 1048576);
	assert_int_equal(accepts(id, "1024KiB"), 1048576);
	assert_int_equal(accepts(id, "16TiB"), 17592186044416);
	refuses(id, "17TiB", "KiB");
	refuses(id, "1023KiB", "KiB");
	refuses(id, "1MB", "KiB");
	refuses(id, "MiB", "KiB");
	refuses(id, "1MiB ", "KiB");
	refuses(id, "16777216TiB", "KiB");
	refuses(
	    SETTING_persistence_lmdb_journal_size_limit, "16777216TiB", "KiB");
}

static void
test_a_bool_is_true_or_false(void **state)
{
	enum setting_id id = SETTING_api_lifecycle_cleanup_enabled;

	(void)state;
	assert_int_equal(accepts(id, "true"), 1);
	assert_int_equal(accepts(id, "false"), 0);
	refuses(id, "TRUE", "true or false");
	refuses(id, "yes", "true or false");
	refuses(id, "", "true or false");
}

static void
test_an_enum_names_its_words(void **state)
{
	enum setting_id id = SETTING_persistence_lmdb_durability;

	(void)state;
	assert_int_equal(accepts(id, "full"), 0);
	assert_int_equal(accepts(id, "none"), 2);
	refuses(id, "ful", "one of full, meta_lazy, none");
	refuses(id, "full|none", "one of");
	refuses(id, "", "one of");
}

static void
test_a_text_has_bounds_and_no_control_characters(void **state)
{
	char text[257];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[256] = '\0';
	refuses(SETTING_api_server_host, text, "at most 255 bytes");
	text[255] = '\0';
	accepts(SETTING_api_server_host, text);
	refuses(SETTING_api_server_host, "", "blank");
	refuses(SETTING_api_server_host, " \t", "control");
	refuses(SETTING_api_server_host, "a\nb", "control");
	refuses(SETTING_api_server_host, "a\x7f", "control");
}

static void
test_a_value_has_the_bound_of_all_values(void **state)
{
	char *text = malloc(SETTING_VALUE_MAX + 2);
	struct setting wide = *setting_nth(SETTING_api_server_host);
	char why[SETTING_WHY_SIZE];
	uint64_t number;

	(void)state;
	wide.max = UINT64_MAX;
	memset(text, 'x', SETTING_VALUE_MAX + 1);
	text[SETTING_VALUE_MAX + 1] = '\0';
	assert_int_equal(setting_check(&wide, text, &number, why), ST_INVALID);
	text[SETTING_VALUE_MAX] = '\0';
	assert_int_equal(setting_check(&wide, text, &number, why), ST_OK);
	free(text);
}

static void
test_a_reason_never_repeats_a_text(void **state)
{
	char why[SETTING_WHY_SIZE];
	uint64_t number;
	const struct setting *s = setting_nth(SETTING_api_ssl_keyfile);

	(void)state;
	assert_int_equal(
	    setting_check(s, "secret\n", &number, why), ST_INVALID);
	assert_null(strstr(why, "secret"));
}

static void
lists(const char *text, const char *joined)
{
	char item[SETTING_ITEM_MAX + 1];
	char all[512] = "";
	size_t used = 0;
	struct setting_items it;
	enum status st;

	setting_items_init(&it, text);
	while ((st = setting_items_next(&it, item)) == ST_OK)
		used += (size_t)snprintf(
		    all + used, sizeof(all) - used, "<%s>", item);
	if (joined == NULL) {
		assert_int_equal(st, ST_INVALID);
		return;
	}
	assert_int_equal(st, ST_NOT_FOUND);
	assert_string_equal(all, joined);
}

static void
test_a_list_is_json_or_commas(void **state)
{
	(void)state;
	lists("", "");
	lists("  ", "");
	lists("[]", "");
	lists(" [ ] ", "");
	lists("[\"a\"]", "<a>");
	lists(" [ \"a\" , \"b\" ] ", "<a><b>");
	lists("[\"\"]", "<>");
	lists("[\"a\\\"b\\\\c\\/\"]", "<a\"b\\c/>");
	lists("a", "<a>");
	lists(" a , b c ", "<a><b c>");
	lists("[::]:0", "<[::]:0>");
	lists("[2001:db8::1]:443,127.0.0.1:80;proxy",
	    "<[2001:db8::1]:443><127.0.0.1:80;proxy>");
}

static void
test_what_is_no_list_is_refused(void **state)
{
	static const char *const bad[] = { "[", "[\"a\"", "[\"a", "[\"a\",",
		"[\"a\",]", "[\"a\"]]", "[\"a\"] x", "[a]", "[1]", "[,]",
		"[\"a\" \"b\"]", "[\"\\n\"]", "[\"\\", "[\"\n\"]", ",", "a,",
		"a,,b", ",a", "[[]]", "[::1]", "[::1] :0", "[]:0" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		lists(bad[i], NULL);
}

static void
test_an_item_has_a_bound(void **state)
{
	char text[SETTING_ITEM_MAX + 8];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[SETTING_ITEM_MAX + 1] = '\0';
	lists(text, NULL);
	text[0] = '[';
	text[1] = '"';
	memcpy(text + SETTING_ITEM_MAX + 3, "\"]", 3);
	text[SETTING_ITEM_MAX + 1] = 'x';
	text[SETTING_ITEM_MAX + 2] = 'x';
	lists(text, NULL);
}

/* Scenario 68 */
static void
test_s68_networks_are_checked_one_by_one(void **state)
{
	enum setting_id id = SETTING_api_trusted_proxies;

	(void)state;
	assert_int_equal(accepts(id, "[]"), 0);
	assert_int_equal(accepts(id, "10.0.0.1, 10.0.0.0/8"), 2);
	assert_int_equal(accepts(id, "[\"10.0.0.5/8\", \"fd00::/8\"]"), 2);
	refuses(id, "[\"proxy.local\"]", "'proxy.local' is neither");
	refuses(id, "10.0.0.300", "'10.0.0.300' is neither");
	refuses(id, "[\"\"]", "'' is neither");
	refuses(id, "0.0.0.0/0", "every address");
	refuses(id, "::/0", "every address");
	refuses(id, "10.0.0.1/33", "neither");
	refuses(id, "10.0.0.1/", "neither");
	refuses(id, "::1/129", "neither");
	refuses(id, "[\"10.0.0.1\"", "expected a list");
}

static void
cleans(const char *text, const char *expected)
{
	char clean[64];

	setting_clean(setting_nth(SETTING_persistence_lmdb_path), text, clean);
	assert_string_equal(clean, expected);
}

/* P-37 */
static void
test_p37_paths_are_cleaned(void **state)
{
	(void)state;
	cleans("a//b/./c.db", "a/b/c.db");
	cleans("./a", "a");
	cleans("a/.", "a");
	cleans("/", "/");
	cleans("//", "/");
	cleans("/./a", "/a");
	cleans("././", ".");
	cleans("  ", "");
	cleans(":memory:", ":memory:");
	cleans(".a", ".a");
}

#define RUN(name) cmocka_unit_test(name)

/* Whoever may not see it may not set it either. */
static void
test_all_that_is_sensitive_is_guarded(void **state)
{
	const struct setting *s;
	size_t guarded = 0;

	(void)state;
	for (size_t i = 0; (s = setting_nth(i)) != NULL; i++) {
		if ((s->flags & SETTING_SENSITIVE) != 0)
			assert_true((s->flags & SETTING_GUARDED) != 0);
		guarded += (s->flags & SETTING_GUARDED) != 0;
	}
	assert_true(guarded >= 2);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RUN(test_all_that_is_sensitive_is_guarded),
		RUN(test_every_default_is_a_value),
		RUN(test_every_address_place_and_variable_is_unique),
		RUN(test_no_place_is_inside_another),
		RUN(test_every_setting_says_when_it_counts_and_keeps_the_bounds),
		RUN(test_the_four_network_settings_need_a_restart),
		RUN(test_names_of_one_setting),
		RUN(test_unknown_names_are_not_found),
		RUN(test_a_number_is_within_its_range),
		RUN(test_bytes_may_have_a_unit),
		RUN(test_a_bool_is_true_or_false),
		RUN(test_an_enum_names_its_words),
		RUN(test_a_text_has_bounds_and_no_control_characters),
		RUN(test_a_value_has_the_bound_of_all_values),
		RUN(test_a_reason_never_repeats_a_text),
		RUN(test_a_list_is_json_or_commas),
		RUN(test_what_is_no_list_is_refused),
		RUN(test_an_item_has_a_bound),
		RUN(test_s68_networks_are_checked_one_by_one),
		RUN(test_p37_paths_are_cleaned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
