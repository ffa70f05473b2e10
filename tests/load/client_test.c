/* client_test - answers and frames, however they are cut in pieces. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "load/client.h"

static struct client c;

static int
setup(void **state)
{
	(void)state;
	client_init(&c);
	c.in = malloc(CLIENT_IN_MAX);
	return c.in == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	client_fini(&c);
	return 0;
}

/* As client_read does. */
static void
arrives(const void *bytes, size_t size)
{
	memcpy(c.in + c.in_used, bytes, size);
	c.in_used += size;
}

static void
test_a_reply_is_taken_once_it_is_whole(void **state)
{
	static const char text[] =
	    "HTTP/1.1 201 Created\r\netag: \"a-b\"\r\n"
	    "Content-Length: 5\r\n\r\nhelloHTTP/1.1 204 No Content\r\n\r\n";
	struct client_reply r;
	enum status st;
	size_t at = 0;

	(void)state;
	while (!client_take_reply(&c, &r, &st)) {
		assert_int_equal(st, ST_OK);
		assert_true(at < sizeof(text) - 1);
		arrives(text + at++, 1);
	}
	assert_int_equal(r.status, 201);
	assert_string_equal(r.etag, "\"a-b\"");
	assert_int_equal(r.body.size, 5);
	assert_memory_equal(r.body.at, "hello", 5);
	c.in_used -= c.in_taken; /* as the next call does */
	memmove(c.in, c.in + c.in_taken, c.in_used);
	c.in_taken = 0;
	arrives(text + at, sizeof(text) - 1 - at);
	assert_true(client_take_reply(&c, &r, &st));
	assert_int_equal(r.status, 204);
	assert_string_equal(r.etag, "");
	assert_int_equal(r.body.size, 0);
	assert_false(client_take_reply(&c, &r, &st));
	assert_int_equal(st, ST_OK);
}

static void
test_what_is_no_reply_is_malformed(void **state)
{
	static const char text[] = "SSH-2.0-something or other\r\n\r\n";
	struct client_reply r;
	enum status st;

	(void)state;
	arrives(text, sizeof(text) - 1);
	assert_false(client_take_reply(&c, &r, &st));
	assert_int_equal(st, ST_MALFORMED);
}

static void
test_a_reply_over_the_bound_is_refused(void **state)
{
	static const char text[] =
	    "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n";
	struct client_reply r;
	enum status st;

	(void)state;
	arrives(text, sizeof(text) - 1);
	assert_false(client_take_reply(&c, &r, &st));
	assert_int_equal(st, ST_FULL);
}

static void
test_frames_of_each_length(void **state)
{
	static char body[70000];
	static const size_t sizes[] = { 0, 1, 125, 126, 65535, 65536, 70000 };
	struct bytes text;
	enum status st;

	(void)state;
	memset(body, 'x', sizeof(body));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t head[10] = { 0x81 };
		size_t n = sizes[i], head_size = n < 126     ? 2
						 : n < 65536 ? 4
							     : 10;

		head[1] = (uint8_t)(n < 126 ? n : n < 65536 ? 126 : 127);
		for (size_t k = 2; k < head_size; k++)
			head[k] = (uint8_t)(n >> 8 * (head_size - 1 - k));
		arrives(head, head_size);
		arrives(body, n);
		assert_true(client_take_frame(&c, &text, &st));
		assert_int_equal(text.size, n);
		assert_memory_equal(text.at, body, n);
		assert_false(client_take_frame(&c, &text, &st));
	}
}

static void
test_pings_are_answered_and_a_close_is_told(void **state)
{
	struct bytes text;
	enum status st;

	(void)state;
	arrives("\x89\x02hi\x81\x01z", 7);
	assert_true(client_take_frame(&c, &text, &st));
	assert_int_equal(text.at[0], 'z');
	assert_int_equal(c.out_used, 2 + 4 + 2);
	assert_memory_equal(c.out, "\x8a\x82\0\0\0\0hi", 8);
	arrives("\x88\x02\x03\xe8", 4);
	assert_false(client_take_frame(&c, &text, &st));
	assert_int_equal(st, ST_CLOSED);
}

static void
test_what_leaves_is_masked_and_bounded(void **state)
{
	static char text[CLIENT_OUT_MAX];

	(void)state;
	memset(text, 'y', 300);
	assert_int_equal(client_put_frame(&c, text), ST_OK);
	assert_memory_equal(c.out, "\x81\xfe\x01\x2c\0\0\0\0yyy", 11);
	assert_int_equal(c.out_used, 8 + 300);
	memset(text, 'y', sizeof(text) - 1);
	assert_int_equal(client_put_frame(&c, text), ST_FULL);
	assert_int_equal(c.out_used, 8 + 300);
}

static void
test_addresses(void **state)
{
	static const char *const bad[] = { "", "localhost", ":80", "1.2.3.4:" };
	struct addrinfo *found = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(client_resolve(bad[i], &found), ST_INVALID);
	assert_int_equal(client_resolve("127.0.0.1:80", &found), ST_OK);
	freeaddrinfo(found);
	assert_int_equal(client_resolve("[::1]:80", &found), ST_OK);
	freeaddrinfo(found);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_reply_is_taken_once_it_is_whole),
		CASE(test_what_is_no_reply_is_malformed),
		CASE(test_a_reply_over_the_bound_is_refused),
		CASE(test_frames_of_each_length),
		CASE(test_pings_are_answered_and_a_close_is_told),
		CASE(test_what_leaves_is_masked_and_bounded),
		CASE(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
