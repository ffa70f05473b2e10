/* codes_test - base64url, uuids and times: one text each, and no other. */
#include "tests/check.h"

#include <string.h>

#include "runtime/base/base64url.h"
#include "runtime/base/clock.h"
#include "runtime/base/uuid.h"

/* RFC 4648, section 10, without the padding. */
static void
test_base64url_of_the_rfc(void **state)
{
	static const char *const known[][2] = {
		{ "", "" },
		{ "f", "Zg" },
		{ "fo", "Zm8" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg" },
		{ "fooba", "Zm9vYmE" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xbf", "-_-_" },
	};
	char text[16];
	char bytes[16];

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t size = strlen(known[i][0]);
		size_t longer = strlen(known[i][1]);

		assert_int_equal(BASE64URL_TEXT_SIZE(size), longer);
		assert_int_equal(BASE64URL_BYTES_SIZE(longer), size);
		base64url_encode(known[i][0], size, text);
		assert_memory_equal(text, known[i][1], longer);
		assert_int_equal(base64url_decode(text, longer, bytes), ST_OK);
		assert_memory_equal(bytes, known[i][0], size);
	}
}

static void
test_base64url_has_one_text(void **state)
{
	static const char *const bad[] = { "Z", "Zg==", "Zh", "Zm9", "Zm+v",
		"Zm/v", "Zm 9", "Zm9vY", "Zm\n8" };
	char bytes[16];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
		    base64url_decode(bad[i], strlen(bad[i]), bytes),
		    ST_MALFORMED);
}

static void
test_uuid_text(void **state)
{
	static const char canonical[] = "00112233-4455-6677-8899-aabbccddeeff";
	static const char *const bad[] = {
		"",
		"00112233-4455-6677-8899-aabbccddeef",
		"00112233-4455-6677-8899-aabbccddeeff0",
		"001122334-455-6677-8899-aabbccddeeff",
		"0011223344556677-8899-aabbccddeeff--",
		"00112233-4455-6677-8899-aabbccddeefg",
		"{0112233-4455-6677-8899-aabbccddeef}",
	};
	char text[UUID_TEXT_SIZE];
	struct uuid u;

	(void)state;
	assert_int_equal(uuid_parse(canonical, 36, &u), ST_OK);
	assert_int_equal(u.octets[0], 0);
	assert_int_equal(u.octets[15], 0xff);
	uuid_text(&u, text);
	assert_string_equal(text, canonical);
	assert_int_equal(
	    uuid_parse("00112233-4455-6677-8899-AABBCCDDEEFF", 36, &u), ST_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
		    uuid_parse(bad[i], strlen(bad[i]), &u), ST_MALFORMED);
}

static void
test_times_with_an_offset(void **state)
{
	static const struct {
		const char *text;
		const char *same;
	} known[] = {
		{ "2026-04-03T10:00:00Z", "2026-04-03T10:00:00.000000+00:00" },
		{ "2026-04-03T12:00:00.5+02:00",
		    "2026-04-03T10:00:00.500000+00:00" },
		{ "2026-04-03T00:30:00.0000019-09:30",
		    "2026-04-03T10:00:00.000001+00:00" },
		{ "2024-02-29T23:59:59+00:00",
		    "2024-02-29T23:59:59.000000+00:00" },
		{ "1969-12-31T23:59:59.999999Z",
		    "1969-12-31T23:59:59.999999+00:00" },
		{ "0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000000+00:00" },
		{ "9999-12-31T23:59:59.999999Z",
		    "9999-12-31T23:59:59.999999+00:00" },
		{ "2000-02-29T00:00:00-00:00",
		    "2000-02-29T00:00:00.000000+00:00" },
	};
	char text[CLOCK_TEXT_SIZE];
	int64_t us;

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		assert_int_equal(
		    clock_parse(known[i].text, strlen(known[i].text), &us),
		    ST_OK);
		clock_text(us, text);
		assert_string_equal(text, known[i].same);
	}
}

static void
test_times_that_are_none(void **state)
{
	static const char *const bad[] = {
		"",
		"2026-04-03",
		"2026-04-03T10:00:00",
		"2026-04-03T10:00Z",
		"2026-04-03 10:00:00Z",
		"2026-04-03t10:00:00Z",
		"2026-04-03T10:00:00z",
		"2026-04-03T10:00:00.Z",
		"2026-04-03T10:00:00,5Z",
		"2026-04-03T10:00:00+2:00",
		"2026-04-03T10:00:00+0200",
		"2026-04-03T10:00:00+24:00",
		"2026-04-03T10:00:00+00:60",
		"2026-04-03T24:00:00Z",
		"2026-04-03T10:60:00Z",
		"2026-04-03T10:00:60Z",
		"2026-02-29T00:00:00Z",
		"2100-02-29T00:00:00Z",
		"2026-04-31T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-13-01T00:00:00Z",
		"2026-01-00T00:00:00Z",
		"12026-01-01T00:00:00Z",
		"-026-01-01T00:00:00Z",
		"2026-04-03T10:00:00Z ",
		" 2026-04-03T10:00:00Z",
	};
	int64_t us = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
		    clock_parse(bad[i], strlen(bad[i]), &us), ST_MALFORMED);
	assert_int_equal(
	    clock_parse("0000-01-01T00:00:00+00:01", 25, &us), ST_FULL);
	assert_int_equal(
	    clock_parse("9999-12-31T23:59:59-00:01", 25, &us), ST_FULL);
	assert_int_equal(us, 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_base64url_of_the_rfc),
		RUN(test_base64url_has_one_text),
		RUN(test_uuid_text),
		RUN(test_times_with_an_offset),
		RUN(test_times_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
