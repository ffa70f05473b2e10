#include "runtime/door.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct config *
load(const char *const *sets, size_t nsets)
{
	struct config_input in = { .sets = sets, .nsets = nsets };
	struct config *c = NULL;
	struct mistakes m;

	mistakes_init(&m);
	if (config_load(&in, &m, &c) != ST_OK)
		assert_null(c);
	return c;
}

static bool
exposed(const char *set)
{
	struct config *c = load(&set, 1);
	bool answer;

	assert_non_null(c);
	answer = config_is_exposed(c);
	config_destroy(c);
	return answer;
}

static void
takes(const char *item, const char *address, bool tls, bool proxy, bool trusted,
    mode_t mode)
{
	struct door_spec d;
	char why[DOOR_WHY_SIZE];

	assert_int_equal(door_parse(item, true, &d, why), ST_OK);
	assert_string_equal(d.address, address);
	assert_int_equal(d.tls, tls);
	assert_int_equal(d.proxy, proxy);
	assert_int_equal(d.trusted, trusted);
	assert_int_equal(d.mode, mode);
}

static void
test_a_door_has_an_address_and_words(void **state)
{
	(void)state;
	takes("127.0.0.1:80", "127.0.0.1:80", true, false, false, 0);
	takes("[::1]:0;plain", "[::1]:0", false, false, false, 0);
	takes("10.0.0.1:1;proxy;tls", "10.0.0.1:1", true, true, false, 0);
	takes("unix:/a;trusted;mode=0660", "unix:/a", false, false, true, 0660);
	takes("unix:/a;tls;proxy", "unix:/a", true, true, false, 0);
}

static void
test_what_is_no_door_is_refused(void **state)
{
	static const char *const bad[] = { "", ":80", "80", "localhost:80",
		"127.0.0.1", "127.0.0.1:65536", "127.0.0.1:80;", "::1:80",
		"unix:a", "127.0.0.1:80;TLS", "127.0.0.1:80;trusted",
		"127.0.0.1:80;mode=0600", "unix:/a;mode=", "unix:/a;mode=888",
		"unix:/a;mode=1777", "unix:/a;mode=-1", "unix:/a;mode=0x1" };
	struct door_spec d = { .mode = 7 };
	char why[DOOR_WHY_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (door_parse(bad[i], true, &d, why) != ST_INVALID)
			fail_msg("took '%s'", bad[i]);
		assert_true(strlen(why) > 10);
	}
	assert_int_equal(d.mode, 7);
	assert_int_equal(
	    door_parse("127.0.0.1:1;tls", false, &d, why), ST_INVALID);
}

static void
test_without_a_list_there_is_one_door(void **state)
{
	const char *sets[] = { "api.server.host=::1", "api.server.port=8" };
	struct config *c = load(sets, 2);
	struct door_spec d;

	(void)state;
	assert_int_equal(door_nth(c, 0, &d), ST_OK);
	assert_string_equal(d.address, "[::1]:8");
	assert_int_equal(door_nth(c, 1, &d), ST_NOT_FOUND);
	config_destroy(c);
}

static void
test_a_list_is_all_there_is(void **state)
{
	const char *sets[] = {
		"api.server.listen=127.0.0.1:1, unix:/s;mode=0666"
	};
	struct config *c = load(sets, 1);
	struct door_spec d;

	(void)state;
	assert_int_equal(door_nth(c, 0, &d), ST_OK);
	assert_string_equal(d.address, "127.0.0.1:1");
	assert_int_equal(door_nth(c, 1, &d), ST_OK);
	assert_int_equal(d.mode, 0666);
	assert_int_equal(door_nth(c, 2, &d), ST_NOT_FOUND);
	config_destroy(c);
}

static void
test_mistakes_in_a_list_are_told(void **state)
{
	static const char *const bad[] = { "api.server.listen=127.0.0.1",
		"api.server.listen=127.0.0.1:1,,",
		"api.server.listen=127.0.0.1:1;proxy",
		"api.server.listen=127.0.0.1:1;tls",
		"api.ssl_client_auth=required" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (load(&bad[i], 1) != NULL)
			fail_msg("took '%s'", bad[i]);
}

/* Scenario 67, D-51, LD-6: by what the address is, not by how it is spelt. */
static void
test_67_every_spelling_of_everywhere_is_exposed(void **state)
{
	(void)state;
	assert_true(exposed("api.server.host=0.0.0.0"));
	assert_true(exposed("api.server.host=::"));
	assert_true(exposed("api.server.host=::0"));
	assert_true(exposed("api.server.host=0:0::0"));
	assert_true(exposed("api.server.host=::ffff:0.0.0.0"));
	assert_true(exposed("api.server.listen=127.0.0.1:1,[::]:1"));
	assert_true(exposed("api.server.listen=0.0.0.0:1;plain"));
	assert_false(exposed("api.server.host=127.0.0.1"));
	assert_false(exposed("api.server.host=::1"));
	assert_false(exposed("api.server.host=::ffff:10.0.0.1"));
	assert_false(exposed("api.server.listen=unix:/s"));
}

static void
test_67_tls_or_a_proxy_is_not_exposed(void **state)
{
	const char *tls[] = { "api.server.host=0.0.0.0", "api.ssl_certfile=c",
		"api.ssl_keyfile=k" };
	const char *proxy[] = { "api.server.host=::",
		"api.trusted_proxies=10.0.0.0/8" };
	const char *plain[] = { "api.server.listen=0.0.0.0:1;plain",
		"api.ssl_certfile=c", "api.ssl_keyfile=k" };
	struct config *c = load(tls, 3);

	(void)state;
	assert_false(config_is_exposed(c));
	config_destroy(c);
	c = load(proxy, 2);
	assert_false(config_is_exposed(c));
	config_destroy(c);
	c = load(plain, 3);
	assert_true(config_is_exposed(c));
	config_destroy(c);
}

static void
test_the_control_socket_stands_in_the_data_folder(void **state)
{
	const char *sets[] = { "runtime.data_dir=/d" };
	const char *none[] = { "api.server.control_socket=" };
	char here[NET_ADDRESS_TEXT_SIZE], want[NET_ADDRESS_TEXT_SIZE + 64];
	char longer[300] = "runtime.data_dir=/";
	const char *too_long[] = { longer };
	char address[NET_ADDRESS_TEXT_SIZE];
	struct config *c = load(sets, 1);

	(void)state;
	assert_int_equal(door_control(c, address), ST_OK);
	assert_string_equal(address, "unix:/d/run/control.sock");
	config_destroy(c);
	c = load(NULL, 0);
	assert_int_equal(door_control(c, address), ST_OK);
	assert_non_null(getcwd(here, sizeof(here)));
	snprintf(want, sizeof(want), "unix:%s/data/run/control.sock", here);
	assert_string_equal(address, want);
	config_destroy(c);
	c = load(none, 1);
	assert_int_equal(door_control(c, address), ST_OK);
	assert_string_equal(address, "");
	config_destroy(c);
	memset(longer + strlen(longer), 'd', 120);
	c = load(too_long, 1);
	assert_int_equal(door_control(c, address), ST_INVALID);
	config_destroy(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_door_has_an_address_and_words),
		cmocka_unit_test(test_what_is_no_door_is_refused),
		cmocka_unit_test(test_without_a_list_there_is_one_door),
		cmocka_unit_test(test_a_list_is_all_there_is),
		cmocka_unit_test(test_mistakes_in_a_list_are_told),
		cmocka_unit_test(
		    test_67_every_spelling_of_everywhere_is_exposed),
		cmocka_unit_test(test_67_tls_or_a_proxy_is_not_exposed),
		cmocka_unit_test(
		    test_the_control_socket_stands_in_the_data_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
