/* reply_head_test - what an answer says before its body. */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>

#include "load/reply_head.h"

#define WITH_LENGTH(n) "HTTP/1.1 200 OK\r\nContent-Length: " n "\r\n\r\n"

static struct reply_head head;

static enum status
read_all(const char *text)
{
	return reply_head_read(text, strlen(text), &head);
}

static void
test_a_head_says_how_it_went_and_how_long_the_body_is(void **state)
{
	static const char text[] = "HTTP/1.1 200 OK\r\netag: \"a:b\"\r\n"
				   "X-Etag: no\r\nCONTENT-LENGTH:  12\r\n\r\n";

	(void)state;
	assert_int_equal(read_all(text), ST_OK);
	assert_int_equal(head.status, 200);
	assert_int_equal(head.size, strlen(text));
	assert_true(head.has_length);
	assert_int_equal(head.length, 12);
	assert_string_equal(head.etag, "\"a:b\"");
	assert_int_equal(read_all("HTTP/1.1 204\r\n\r\nETag: x\r\n"), ST_OK);
	assert_int_equal(head.status, 204);
	assert_false(head.has_length);
	assert_string_equal(head.etag, "");
}

static void
test_what_has_not_come_whole_is_waited_for(void **state)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nETag: 1\r\n\r\n";

	(void)state;
	for (size_t size = 0; size < strlen(text); size++)
		assert_int_equal(
		    reply_head_read(text, size, &head), ST_NOT_FOUND);
}

static void
test_what_is_none_of_ours_is_malformed(void **state)
{
	static const char *const lies[] = { "\r\n\r\n",
		"HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.1 \r\n\r\n",
		"HTTP/1.1 2\r\n\r\n", "HTTP/1.1 099 No\r\n\r\n",
		"HTTP/1.1 600 No\r\n\r\n", "HTTP/1.1 2000 No\r\n\r\n",
		WITH_LENGTH("1x"), WITH_LENGTH("-1"),
		WITH_LENGTH("18446744073709551616") };

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		assert_int_equal(read_all(lies[i]), ST_MALFORMED);
}

static void
test_a_long_tag_is_cut(void **state)
{
	char tag[201] = "", text[256];

	(void)state;
	memset(tag, 'e', sizeof(tag) - 1);
	(void)snprintf(
	    text, sizeof(text), "HTTP/1.1 200 OK\r\nETag: %s\r\n\r\n", tag);
	assert_int_equal(read_all(text), ST_OK);
	assert_int_equal(strlen(head.etag), REPLY_ETAG_SIZE - 1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RUN(test_a_head_says_how_it_went_and_how_long_the_body_is),
		RUN(test_what_has_not_come_whole_is_waited_for),
		RUN(test_what_is_none_of_ours_is_malformed),
		RUN(test_a_long_tag_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
