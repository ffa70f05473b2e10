/* PROXY v2: what a proxy may say, and every cut of it. */
#include "gateway/proxy2.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define FOUR "\x21\x11\x00\x0c\x01\x02\x03\x04\x0a\x00\x00\x01\x04\xd2\x01\xbb"
#define B(text) (const uint8_t *)SIGNATURE text, sizeof(SIGNATURE text) - 1

static enum status
parse(const uint8_t *at, size_t size, struct proxy2 *p)
{
	const char *why = NULL;
	enum status st = ST_BUSY;

	/* Any cut: more is needed, up to the end, and then it stays so. */
	for (size_t n = 0; n <= size && st == ST_BUSY; n++)
		st = proxy2_parse(at, n, p, &why);
	if (st == ST_MALFORMED)
		assert_non_null(why);
	return st;
}

static void
test_the_client_is_who_the_proxy_says(void **state)
{
	struct proxy2 p;

	(void)state;
	assert_int_equal(parse(B(FOUR), &p), ST_OK);
	assert_true(p.has_peer && !p.peer.is_local);
	assert_string_equal(p.peer.text, "1.2.3.4");
	assert_int_equal(p.peer.port, 1234);
	assert_int_equal(p.size, 28);
	assert_int_equal(
	    parse(B("\x21\x21\x00\x24"
		    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
		    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x50\x01\xbb"),
		&p),
	    ST_OK);
	assert_string_equal(p.peer.text, "2001:db8::1");
}

static void
test_a_proxy_may_speak_for_itself(void **state)
{
	struct proxy2 p;

	(void)state;
	assert_int_equal(parse(B("\x20\x00\x00\x00"), &p), ST_OK);
	assert_false(p.has_peer);
	assert_int_equal(parse(B("\x21\x00\x00\x00"), &p), ST_OK);
	assert_false(p.has_peer);
	assert_int_equal(parse(B("\x20\xff\x00\x03xyz"), &p), ST_OK);
	assert_int_equal(p.size, 19);
}

static void
test_values_behind_the_addresses_are_passed_over(void **state)
{
	struct proxy2 p;

	(void)state;
	assert_int_equal(
	    parse(B("\x21\x11\x00\x12\x01\x02\x03\x04\x0a\0\0\x01\x04\xd2\x01"
		    "\xbb\x04\x00\x03xyz"),
		&p),
	    ST_OK);
	assert_int_equal(p.size, 34);
	assert_int_equal(
	    parse(B("\x21\x11\x00\x12\x01\x02\x03\x04\x0a\0\0\x01\x04\xd2\x01"
		    "\xbb\x04\x00\x04xyz"),
		&p),
	    ST_MALFORMED);
	assert_int_equal(
	    parse(B("\x21\x11\x00\x0e\x01\x02\x03\x04\x0a\0\0\x01\x04\xd2\x01"
		    "\xbb\x04\x00"),
		&p),
	    ST_MALFORMED);
}

/* The sum is CRC-32C of all of it, with the sum's own place zero. */
static void
test_a_checksum_must_be_right(void **state)
{
	uint8_t good[] = SIGNATURE "\x21\x00\x00\x07\x03\x00\x04\0\0\0\0";
	size_t size = sizeof(good) - 1;
	uint32_t crc = UINT32_MAX;
	struct proxy2 p;

	(void)state;
	for (size_t i = 0; i < size; i++)
		for (int bit = 0; bit < 8; bit++) {
			uint32_t in = good[i] >> bit & 1;

			crc = crc >> 1 ^ ((crc ^ in) & 1 ? 0x82f63b78u : 0);
		}
	crc = ~crc;
	for (int i = 0; i < 4; i++)
		good[size - 4 + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
	assert_int_equal(parse(good, size, &p), ST_OK);
	good[size - 1] ^= 1;
	assert_int_equal(parse(good, size, &p), ST_MALFORMED);
}

static void
test_anything_else_is_refused(void **state)
{
	struct proxy2 p;

	(void)state;
	assert_int_equal(
	    parse((const uint8_t *)"PROXY TCP4 1.2.3.4", 18, &p), ST_MALFORMED);
	assert_int_equal(
	    parse((const uint8_t *)"GET / HTTP/1.1", 14, &p), ST_MALFORMED);
	assert_int_equal(parse(B("\x11\x11\x00\x0c"), &p), ST_MALFORMED);
	assert_int_equal(parse(B("\x22\x11\x00\x0c"), &p), ST_MALFORMED);
	assert_int_equal(parse(B("\x21\x12\x00\x0c"), &p), ST_MALFORMED);
	assert_int_equal(parse(B("\x21\x41\x00\x0c"), &p), ST_MALFORMED);
	assert_int_equal(parse(B("\x21\x11\x00\x0b"), &p), ST_MALFORMED);
	assert_int_equal(parse(B("\x21\x21\x00\x23"), &p), ST_MALFORMED);
	assert_int_equal(parse(B("\x21\x11\xff\xff"), &p), ST_MALFORMED);
	assert_int_equal(parse(B("\x21\x11\x00\x0c\x01"), &p), ST_BUSY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_client_is_who_the_proxy_says),
		cmocka_unit_test(test_a_proxy_may_speak_for_itself),
		cmocka_unit_test(
		    test_values_behind_the_addresses_are_passed_over),
		cmocka_unit_test(test_a_checksum_must_be_right),
		cmocka_unit_test(test_anything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
