/* Which stored overrides count, and which a change would contradict. */
#include "runtime/overlay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/fault.h"
#include "tests/check.h"

#define ROW(key, value) ((struct config_override){ "api", key, value })
#define SECRET "0123456789abcdef0123456789abcdef"

static struct config *base;
static char dropped[512];
static char why[OVERLAY_WHY_SIZE];

static void
load(const char *const *sets, size_t count)
{
	struct config_input in = { .sets = sets, .nsets = count };
	struct mistakes m;

	mistakes_init(&m);
	config_destroy(base);
	base = NULL;
	assert_int_equal(config_load(&in, &m, &base), ST_OK);
}

static int
setup(void **state)
{
	(void)state;
	load(NULL, 0);
	return 0;
}

static void
note(void *ctx, const struct config_override *row, const char *text)
{
	size_t used = strlen(dropped);

	(void)ctx;
	snprintf(dropped + used, sizeof(dropped) - used, "%s%s", row->key, ";");
	snprintf(why, sizeof(why), "%s", text);
}

/* What is left; dropped and why say the rest. */
static size_t
choose(struct config_override *rows, size_t count)
{
	struct config *whole = NULL;
	struct mistakes m;

	dropped[0] = why[0] = '\0';
	count = overlay_choose(base, rows, count, note, NULL);
	mistakes_init(&m);
	assert_int_equal(config_overlay(base, rows, count, &m, &whole), ST_OK);
	config_destroy(whole);
	return count;
}

static void
test_what_goes_together_stays(void **state)
{
	struct config_override rows[] = { ROW("ssl_certfile", "/c.pem"),
		ROW("ssl_keyfile", "/k.pem"), ROW("cors.origins", "*") };

	(void)state;
	assert_int_equal(choose(rows, 3), 3);
	assert_string_equal(dropped, "");
}

/* It was the file that changed: one row goes, the others count. */
static void
test_only_what_contradicts_the_file_is_left_out(void **state)
{
	static const char *const sets[] = { "api.cors.credentials=true" };
	struct config_override rows[] = { ROW("ssl_certfile", "/c.pem"),
		ROW("cors.origins", "*"), ROW("ssl_keyfile", "/k.pem"),
		ROW("metrics.listen", "127.0.0.1:9464") };

	(void)state;
	load(sets, 1);
	assert_int_equal(choose(rows, 4), 3);
	assert_string_equal(dropped, "cors.origins;");
	assert_non_null(strstr(why, "api.cors.origins"));
	assert_non_null(strstr(why, "api.cors.credentials"));
	assert_string_equal(rows[2].key, "metrics.listen");
}

/* The mistake stands where nothing is stored: its cause goes. */
static void
test_the_cause_is_found_where_the_mistake_names_the_file(void **state)
{
	static const char *const sets[] = {
		"api.server.listen=127.0.0.1:0;proxy",
		"api.trusted_proxies=10.0.0.0/8",
	};
	struct config_override rows[] = { ROW("cors.origins", "https://a.b"),
		ROW("trusted_proxies", "") };

	(void)state;
	load(sets, 2);
	assert_int_equal(choose(rows, 2), 1);
	assert_string_equal(dropped, "trusted_proxies;");
}

/* A certificate of the store and a key of the file are nobody's pair. */
static void
test_pairs_go_together(void **state)
{
	static const char *const sets[] = { "api.ssl_certfile=/file.pem",
		"api.ssl_keyfile=/file.key" };
	struct config_override rows[] = { ROW("auth.jwt_algorithm", "HS512"),
		ROW("cors.origins", "https://a.b"),
		ROW("auth.jwt_secret", SECRET) };
	struct config_override half[] = { ROW("ssl_certfile", "/c.pem") };

	(void)state;
	assert_int_equal(choose(rows, 3), 1);
	assert_string_equal(dropped, "auth.jwt_algorithm;auth.jwt_secret;");
	assert_string_equal(rows[0].key, "cors.origins");
	assert_int_equal(choose(half, 1), 0);
	load(sets, 2);
	half[0] = ROW("ssl_certfile", "/c.pem");
	assert_int_equal(choose(half, 1), 1);
}

static void
test_a_change_that_contradicts_is_refused_by_both_names(void **state)
{
	struct config_override rows[] = { ROW("cors.origins", "*") };
	struct config_override bad = ROW("cors.credentials", "true");
	struct config_override good = ROW("cors.origins", "https://a.b");

	(void)state;
	assert_int_equal(overlay_allows(base, rows, 1, &bad, why), ST_INVALID);
	assert_non_null(strstr(why, "api.cors.origins"));
	assert_non_null(strstr(why, "api.cors.credentials"));
	assert_int_equal(overlay_allows(base, rows, 1, &good, why), ST_OK);
}

/* One after the other: there is no way to set two at once. */
static void
test_half_a_pair_may_be_set_first(void **state)
{
	struct config_override cert = ROW("ssl_certfile", "/c.pem");
	struct config_override key = ROW("ssl_keyfile", "/k.pem");
	struct config_override authority = ROW("ssl_ca_certs", "/ca.pem");

	(void)state;
	assert_int_equal(overlay_allows(base, NULL, 0, &key, why), ST_OK);
	assert_int_equal(overlay_allows(base, &key, 1, &cert, why), ST_OK);
	assert_int_equal(overlay_allows(base, &cert, 1, &key, why), ST_OK);
	assert_int_equal(
	    overlay_allows(base, NULL, 0, &authority, why), ST_INVALID);
	assert_non_null(strstr(why, "ssl_certfile"));
	assert_int_equal(
	    overlay_allows(base, &cert, 1, &authority, why), ST_OK);
}

/* What is wrong already must not keep anybody from setting it right. */
static void
test_only_new_mistakes_count(void **state)
{
	static const char *const sets[] = { "api.cors.credentials=true" };
	struct config_override rows[] = { ROW("cors.origins", "*") };
	struct config_override other = ROW("metrics.listen", "127.0.0.1:9464");
	struct config_override back = { "api", "cors.origins", NULL };
	struct config_override worse = ROW("metrics.listen", "nowhere");

	(void)state;
	load(sets, 1);
	assert_int_equal(overlay_allows(base, rows, 1, &other, why), ST_OK);
	assert_int_equal(overlay_allows(base, rows, 1, &back, why), ST_OK);
	assert_int_equal(
	    overlay_allows(base, rows, 1, &worse, why), ST_INVALID);
}

/* Of the times that a configuration is laid out in the test below. */
#define NO_MEMORY_AT(n) "fail:config.memory:" #n

/* Nobody can say, so nobody may; and what was not tried is not to blame. */
static void
test_without_memory_no_change_is_allowed(void **state)
{
	static const char *const sets[] = { "api.cors.credentials=true" };
	struct config_override bad = ROW("cors.origins", "*");
	struct config_override good = ROW("cors.origins", "https://a.b");
	struct config_override rows[] = {
		ROW("metrics.listen", "127.0.0.1:9464"), bad
	};

	(void)state;
	load(sets, 1);
	fault_allow();
	assert_int_equal(
	    overlay_allows(base, NULL, 0, &good, why), ST_NO_MEMORY); /* 1 */
	assert_int_equal(
	    overlay_allows(base, NULL, 0, &bad, why), ST_NO_MEMORY); /* 2, 3 */
	assert_int_equal(overlay_allows(base, NULL, 0, &good, why), ST_OK);
	assert_int_equal(overlay_allows(base, NULL, 0, &bad, why), ST_INVALID);
	assert_int_equal(choose(rows, 2), 1); /* 7, 8 without the first */
	assert_string_equal(dropped, "cors.origins;");
}

int
main(void)
{
#define READY(test) cmocka_unit_test_setup(test, setup)
	const struct CMUnitTest tests[] = {
		READY(test_what_goes_together_stays),
		READY(test_only_what_contradicts_the_file_is_left_out),
		READY(test_the_cause_is_found_where_the_mistake_names_the_file),
		READY(test_pairs_go_together),
		READY(test_a_change_that_contradicts_is_refused_by_both_names),
		READY(test_half_a_pair_may_be_set_first),
		READY(test_only_new_mistakes_count),
		READY(test_without_memory_no_change_is_allowed),
	};

	setenv("TROUPE_FAULT",
	    NO_MEMORY_AT(1) "," NO_MEMORY_AT(3) "," NO_MEMORY_AT(8), 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
