#include "runtime/base/network.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static bool
holds(const char *block, const char *address)
{
	struct network n;
	struct network a;

	assert_int_equal(network_parse(block, &n), ST_OK);
	assert_int_equal(network_parse(address, &a), ST_OK);
	return network_holds(&n, &a);
}

static void
test_a_block_holds_its_addresses_and_no_neighbour(void **state)
{
	(void)state;
	assert_true(holds("10.0.0.0/8", "10.255.255.255"));
	assert_false(holds("10.0.0.0/8", "11.0.0.0"));
	assert_true(holds("10.0.0.0/9", "10.127.0.1"));
	assert_false(holds("10.0.0.0/9", "10.128.0.1"));
	assert_true(holds("10.1.2.3", "10.1.2.3"));
	assert_false(holds("10.1.2.3", "10.1.2.2"));
	assert_true(holds("10.1.2.2/31", "10.1.2.3"));
	assert_true(holds("fd00::/8", "fdff::1"));
	assert_false(holds("fd00::/8", "fe00::1"));
	assert_true(holds("0.0.0.0/1", "127.0.0.1"));
	assert_false(holds("128.0.0.0/1", "127.0.0.1"));
}

/* Scenario 68: host bits are tolerated. */
static void
test_s68_host_bits_do_not_count(void **state)
{
	(void)state;
	assert_true(holds("10.0.0.5/8", "10.9.9.9"));
	assert_true(holds("fd00::5/8", "fd00::9"));
}

/* A listener on :: sees IPv4 clients in their mapped form. */
static void
test_an_ip4_block_holds_the_mapped_form(void **state)
{
	(void)state;
	assert_true(holds("10.0.0.0/8", "::ffff:10.1.1.1"));
	assert_false(holds("10.0.0.0/8", "::10.1.1.1"));
	assert_false(holds("::/1", "8000::"));
	assert_true(holds("::/1", "7fff::"));
	assert_false(holds("::/1", "10.1.1.1"));
	assert_false(holds("::fffe:0:0/95", "10.1.1.1"));
}

static void
test_what_is_no_network_is_refused(void **state)
{
	static const char *const bad[] = { "", "/", "/8", "10.0.0.1/",
		"10.0.0.1/33", "10.0.0.1/-1", "10.0.0.1/ 8", "10.0.0.1/8/8",
		"10.0.0.1/0008", "::1/129", "10.0.0", "10.0.0.256", "localhost",
		" 10.0.0.1", "10.0.0.1 ",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000" };
	struct network n = { .prefix = 77 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(network_parse(bad[i], &n), ST_MALFORMED);
	assert_int_equal(network_parse("0.0.0.0/0", &n), ST_INVALID);
	assert_int_equal(network_parse("::/0", &n), ST_INVALID);
	assert_int_equal(network_parse("::ffff:0:0/96", &n), ST_INVALID);
	assert_int_equal(network_parse("::ffff:1.2.3.4/96", &n), ST_INVALID);
	assert_int_equal(n.prefix, 77);
}

static void
assert_stands_for(const char *address, const char *expected)
{
	char text[NETWORK_OF_CLIENT_SIZE];

	network_of_client(address, text);
	assert_string_equal(text, expected);
}

/* However it is written; whoever has a /64 has all of it. */
static void
test_a_client_stands_for_its_network(void **state)
{
	(void)state;
	assert_stands_for("192.0.2.7", "192.0.2.7");
	assert_stands_for("::ffff:192.0.2.7", "192.0.2.7");
	assert_stands_for("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64");
	assert_stands_for("2001:DB8:1:2::", "2001:db8:1:2::/64");
	assert_stands_for("2001:db8::1", "2001:db8::/64");
	assert_stands_for("2001:db8::ffff:2", "2001:db8::/64");
	assert_stands_for("2001:db8:0:1::1", "2001:db8:0:1::/64");
	assert_stands_for("::1", "::/64");
	assert_stands_for("fe80::1%lo", "fe80::1%lo");
	assert_stands_for("", "");
}

#define RUN(name) cmocka_unit_test(name)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RUN(test_a_block_holds_its_addresses_and_no_neighbour),
		RUN(test_s68_host_bits_do_not_count),
		RUN(test_an_ip4_block_holds_the_mapped_form),
		RUN(test_what_is_no_network_is_refused),
		RUN(test_a_client_stands_for_its_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
