/* Proxies: who the client is.  sessions.md 2.6 N-2, scenario 69, SEC-12. */
#include "gateway/forwarded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PEER "10.0.0.1"

static bool
is_trusted(void *ctx, const struct network *address)
{
	static const char *const trusted[] = { "10.0.0.0/8", "fd00::/8" };

	(void)ctx;
	for (size_t i = 0; i < 2; i++) {
		struct network n;

		assert_int_equal(network_parse(trusted[i], &n), ST_OK);
		if (network_holds(&n, address))
			return true;
	}
	return false;
}

static struct bytes
text(const char *t)
{
	return (struct bytes){ (const uint8_t *)t, strlen(t) };
}

static void
walks(const char *line, bool is_rfc7239, const char *client)
{
	struct forwarded f = { .is_trusted = is_trusted, .client = PEER };

	forwarded_walk(&f, text(line), is_rfc7239);
	if (strcmp(f.client, client) != 0)
		fail_msg("'%s' gave %s, expected %s", line, f.client, client);
}

static void
test_69_the_first_untrusted_from_the_right_is_the_client(void **state)
{
	(void)state;
	walks("1.2.3.4", false, "1.2.3.4");
	walks("6.6.6.6, 1.2.3.4", false, "1.2.3.4");
	walks("6.6.6.6,1.2.3.4,10.0.0.9", false, "1.2.3.4");
	walks("garbage, 1.2.3.4", false, "1.2.3.4");
	walks("1.2.3.4, 10.0.0.3 , fd00::1", false, "1.2.3.4");
	walks("2001:db8::1", false, "2001:db8::1");
	walks("[2001:DB8::1]:443", false, "2001:db8::1");
	walks("1.2.3.4:5678", false, "1.2.3.4");
	walks("::ffff:1.2.3.4", false, "::ffff:1.2.3.4");
}

static void
test_when_all_are_trusted_the_leftmost_is_the_client(void **state)
{
	(void)state;
	walks("10.0.0.7, 10.0.0.8", false, "10.0.0.7");
	walks("fd00::9", false, "fd00::9");
}

static void
test_a_bad_element_stops_at_the_last_good_hop(void **state)
{
	(void)state;
	walks("1.2.3.4, unknown, 10.0.0.8", false, "10.0.0.8");
	walks("1.2.3.4, , 10.0.0.8", false, "10.0.0.8");
	walks("1.2.3.4,", false, PEER);
	walks("", false, PEER);
	walks(",,,", false, PEER);
	walks("1.2.3.4 5.6.7.8", false, PEER);
	walks("1.2.3.256", false, PEER);
	walks("1.2.3.4/8", false, PEER);
	walks("1.2.3.4:", false, PEER);
	walks("1.2.3.4:65536", false, PEER);
	walks("1.2.3.4:x", false, PEER);
	walks("[1.2.3.4]", false, PEER);
	walks("[::1", false, PEER);
	walks("[::1]x", false, PEER);
	walks("[::1]:", false, PEER);
	walks("[]", false, PEER);
	walks("fe80::1%eth0", false, PEER);
	walks("01.2.3.4.", false, PEER);
	walks("localhost", false, PEER);
	walks("\"1.2.3.4\"", false, PEER);
	walks("1111111111111111111111111111111111111111111111111111111111111"
	      "11111",
	    false, PEER);
}

static void
test_forwarded_is_read_as_rfc_7239_has_it(void **state)
{
	(void)state;
	walks("for=1.2.3.4", true, "1.2.3.4");
	walks("For=\"[2001:db8:cafe::17]:4711\";proto=https", true,
	    "2001:db8:cafe::17");
	walks("for=6.6.6.6, for=1.2.3.4;by=10.0.0.1", true, "1.2.3.4");
	walks("proto=http;for=1.2.3.4;host=\"a,b;c\"", true, "1.2.3.4");
	walks("for=1.2.3.4, for=10.0.0.2", true, "1.2.3.4");
	walks("for=1.2.3.4, for=unknown", true, PEER);
	walks("for=1.2.3.4, for=_hidden", true, PEER);
	walks("for=1.2.3.4, proto=https", true, PEER);
	walks("for", true, PEER);
	walks("for=", true, PEER);
	walks("for=\"1.2.3.4", true, PEER);
	walks("for=\"1.2\\.3.4\"", true, PEER);
	walks("for=[::1]", true, PEER);
	walks("", true, PEER);
}

static void
test_a_chain_has_an_end(void **state)
{
	char line[16 * (FORWARDED_HOPS_MAX + 8)] = "1.2.3.4";

	(void)state;
	for (unsigned i = 0; i < FORWARDED_HOPS_MAX + 2; i++)
		strncat(line, ",10.9.9.9", 10);
	walks(line, false, "10.9.9.9");
}

static void
test_a_pair_is_found_by_its_name(void **state)
{
	char value[16];

	(void)state;
	assert_int_equal(forwarded_pair(text("for=a;Proto=HTTPS"), "proto",
			     value, sizeof(value)),
	    ST_OK);
	assert_string_equal(value, "HTTPS");
	assert_int_equal(
	    forwarded_pair(text("for=a"), "proto", value, sizeof(value)),
	    ST_NOT_FOUND);
	assert_int_equal(forwarded_pair(text("proto=aaaaaaaaaaaaaaaa"), "proto",
			     value, sizeof(value)),
	    ST_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_69_the_first_untrusted_from_the_right_is_the_client),
		cmocka_unit_test(
		    test_when_all_are_trusted_the_leftmost_is_the_client),
		cmocka_unit_test(test_a_bad_element_stops_at_the_last_good_hop),
		cmocka_unit_test(test_forwarded_is_read_as_rfc_7239_has_it),
		cmocka_unit_test(test_a_chain_has_an_end),
		cmocka_unit_test(test_a_pair_is_found_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
