#include "gateway/http1_reply.h"

#include "tests/gateway/check.h"

static void
test_writes_a_whole_head(void **state)
{
	struct http1_date d = { 0 };
	struct http1_reply r;
	char out[HTTP1_REPLY_HEAD_MAX];
	size_t size;

	(void)state;
	http1_reply_begin(&r, out, sizeof(out), 404,
	    http1_date_text(&d, INT64_C(784111777) * 1000000));
	http1_reply_field(&r, "Content-Type", "application/json");
	http1_reply_bytes(&r, "X-Empty", text(""));
	http1_reply_length(&r, 12345678901);
	http1_reply_connection(&r, 1, false);
	assert_int_equal(http1_reply_end(&r, &size), ST_OK);
	out[size] = '\0';
	assert_string_equal(out, "HTTP/1.1 404 Not Found\r\n"
				 "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
				 "Content-Type: application/json\r\n"
				 "X-Empty: \r\n"
				 "Content-Length: 12345678901\r\n"
				 "Connection: close\r\n\r\n");
}

static enum status
status_with(const char *name, struct bytes value)
{
	struct http1_reply r;
	char out[256];
	size_t size = 7;
	enum status st;

	http1_reply_begin(&r, out, sizeof(out), 200, NULL);
	http1_reply_bytes(&r, name, value);
	http1_reply_field(&r, "X", "y");
	st = http1_reply_end(&r, &size);
	if (st != ST_OK)
		assert_int_equal(size, 7);
	return st;
}

static void
test_no_value_breaks_out_of_its_line(void **state)
{
	static const char *const bad[] = { "a\r\nX: b", "a\n", "\r", "\x01",
		"\x7f" };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(status_with("A", text(bad[i])), ST_INVALID);
	assert_int_equal(
	    status_with("A", (struct bytes){ (const uint8_t *)"a\0b", 3 }),
	    ST_INVALID);
	assert_int_equal(status_with("A: b\r\nC", text("d")), ST_INVALID);
	assert_int_equal(status_with("A b", text("d")), ST_INVALID);
	assert_int_equal(status_with("", text("d")), ST_INVALID);
	assert_int_equal(status_with("A", text("a\tb \xc3\xa4")), ST_OK);
}

static void
test_fits_or_is_full(void **state)
{
	const size_t least = strlen("HTTP/1.1 200 OK\r\n\r\n");
	struct http1_reply r;
	char out[64];
	size_t size;

	(void)state;
	http1_reply_begin(&r, out, least, 200, NULL);
	assert_int_equal(http1_reply_end(&r, &size), ST_OK);
	assert_int_equal(size, least);
	http1_reply_begin(&r, out, least - 1, 200, NULL);
	assert_int_equal(http1_reply_end(&r, &size), ST_FULL);
	http1_reply_begin(&r, out, sizeof(out), 99, NULL);
	assert_int_equal(http1_reply_end(&r, &size), ST_INVALID);
}

static void
test_replies_without_a_body_have_no_length(void **state)
{
	static const uint32_t codes[] = { 101, 204, 304 };
	struct http1_reply r;
	char out[256];
	size_t size;

	(void)state;
	for (size_t i = 0; i < COUNT(codes); i++) {
		http1_reply_begin(&r, out, sizeof(out), codes[i], NULL);
		http1_reply_length(&r, 0);
		assert_int_equal(http1_reply_end(&r, &size), ST_OK);
		out[size] = '\0';
		assert_null(strstr(out, "Content-Length"));
	}
}

static void
test_connection_is_named_where_it_is_not_the_default(void **state)
{
	static const struct {
		uint8_t minor;
		bool keep_alive;
		const char *named;
	} cases[] = {
		{ 1, true, NULL },
		{ 1, false, "Connection: close\r\n" },
		{ 0, true, "Connection: keep-alive\r\n" },
		{ 0, false, "Connection: close\r\n" },
	};
	struct http1_reply r;
	char out[256];
	size_t size;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		http1_reply_begin(&r, out, sizeof(out), 200, NULL);
		http1_reply_connection(&r, cases[i].minor, cases[i].keep_alive);
		assert_int_equal(http1_reply_end(&r, &size), ST_OK);
		out[size] = '\0';
		if (cases[i].named == NULL)
			assert_null(strstr(out, "Connection"));
		else
			assert_non_null(strstr(out, cases[i].named));
	}
}

static void
test_date_is_kept_for_its_second(void **state)
{
	struct http1_date d = { 0 };

	(void)state;
	assert_string_equal(
	    http1_date_text(&d, 999999), "Thu, 01 Jan 1970 00:00:00 GMT");
	memcpy(d.text, "kept", 5);
	assert_string_equal(http1_date_text(&d, 0), "kept");
	assert_string_equal(
	    http1_date_text(&d, 1000000), "Thu, 01 Jan 1970 00:00:01 GMT");
	assert_string_equal(
	    http1_date_text(&d, INT64_MIN), "Thu, 01 Jan 1970 00:00:00 GMT");
	assert_string_equal(
	    http1_date_text(&d, INT64_MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_writes_a_whole_head),
		RUN(test_no_value_breaks_out_of_its_line),
		RUN(test_fits_or_is_full),
		RUN(test_replies_without_a_body_have_no_length),
		RUN(test_connection_is_named_where_it_is_not_the_default),
		RUN(test_date_is_kept_for_its_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
