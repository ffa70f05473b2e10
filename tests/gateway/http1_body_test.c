/* http1_body_test - bodies, whole and in pieces of every size. */
#include "gateway/http1_body.h"

#include <stdio.h>

#include "tests/gateway/check.h"

#define BODY_MAX 64

struct body_case {
	const char *name;
	uint32_t outcome; /* 0: more, 200: done, else refused with it */
	const char *bytes;
	const char *data;
	size_t used; /* when done */
};

static const struct body_case chunked[] = {
	{ "no chunk", 200, "0\r\n\r\n", "", 5 },
	{ "one chunk", 200, "5\r\nhello\r\n0\r\n\r\n", "hello", 15 },
	{ "two chunks", 200, "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc", 18 },
	{ "next request", 200, "1\r\na\r\n0\r\n\r\nGET /", "a", 11 },
	{ "capital digits", 200, "A\r\n0123456789\r\n0\r\n\r\n", "0123456789",
	    20 },
	{ "small digits", 200, "a\r\n0123456789\r\n0\r\n\r\n", "0123456789",
	    20 },
	{ "leading zeros", 200, "00000001\r\na\r\n00\r\n\r\n", "a", 19 },
	{ "extension", 200, "1;a=b;c\r\na\r\n0;x=\"y\"\r\n\r\n", "a", 23 },
	{ "quoted extension", 200, "0;a=\"; \\\" \\\\\";b\r\n\r\n", "", 19 },
	{ "space in an extension", 400, "0;a b\r\n\r\n", "", 0 },
	{ "nameless extension", 400, "0;=b\r\n\r\n", "", 0 },
	{ "empty extension", 400, "0;\r\n\r\n", "", 0 },
	{ "empty extension value", 400, "0;a=\r\n\r\n", "", 0 },
	{ "open quote", 400, "0;a=\"b\r\n\r\n", "", 0 },
	{ "text after a quote", 400, "0;a=\"b\"c\r\n\r\n", "", 0 },
	{ "trailers", 200, "0\r\nA: b\r\nContent-Length: 9\r\n\r\n", "", 30 },
	{ "empty trailer value", 200, "0\r\nA:\r\n\r\n", "", 9 },
	{ "nothing", 0, "", "", 0 },
	{ "half a size", 0, "5", "", 0 },
	{ "half the data", 0, "5\r\nhel", "hel", 0 },
	{ "no last line", 0, "0\r\n", "", 0 },
	{ "no last feed", 0, "0\r\n\r", "", 0 },
	{ "no size", 400, "\r\nhello", "", 0 },
	{ "empty size with an extension", 400, ";a\r\n", "", 0 },
	{ "not a digit", 400, "g\r\n", "", 0 },
	{ "0x", 400, "0x5\r\nhello\r\n", "", 0 },
	{ "plus", 400, "+5\r\nhello", "", 0 },
	{ "minus", 400, "-1\r\n", "", 0 },
	{ "space before the size", 400, " 5\r\nhello", "", 0 },
	{ "space after the size", 400, "5 \r\nhello", "", 0 },
	{ "space before an extension", 400, "5 ;a\r\nhello", "", 0 },
	{ "underscore", 400, "1_0\r\n", "", 0 },
	{ "nine digits", 400, "000000001\r\na", "", 0 },
	{ "overflow", 400, "FFFFFFFFFFFFFFFFF\r\n", "", 0 },
	{ "bare feed after the size", 400, "5\nhello", "", 0 },
	{ "bare return after the size", 400, "5\rhello", "", 0 },
	{ "two returns after the size", 400, "5\r\r\n", "", 0 },
	{ "feed in an extension", 400, "5;a\nhello", "", 0 },
	{ "NUL-like byte in an extension", 400, "5;\x01\r\n", "", 0 },
	{ "return in an extension", 400, "5;a\rb\r\n", "", 0 },
	{ "data too long", 400, "1\r\nab\r\n", "a", 0 },
	{ "data too short", 400, "3\r\nab\r\n0\r\n\r\n", "ab\r", 0 },
	{ "no line end after data", 400, "1\r\na0\r\n\r\n", "a", 0 },
	{ "bare feed after data", 400, "1\r\na\n0\r\n\r\n", "a", 0 },
	{ "bare return after data", 400, "1\r\na\r0\r\n\r\n", "a", 0 },
	{ "trailer without colon", 400, "0\r\nabc\r\n\r\n", "", 0 },
	{ "trailer without name", 400, "0\r\n: a\r\n\r\n", "", 0 },
	{ "folded trailer", 400, "0\r\nA: b\r\n c\r\n\r\n", "", 0 },
	{ "space in a trailer name", 400, "0\r\nA : b\r\n\r\n", "", 0 },
	{ "bare feed ends trailers", 400, "0\r\nA: b\n\r\n", "", 0 },
	{ "bare feed for the end", 400, "0\r\n\n", "", 0 },
	{ "request where trailers stand", 400, "0\r\nGET / HTTP/1.1\r\n\r\n",
	    "", 0 },
	{ "chunk past the bound", 413, "41\r\n", "", 0 },
	{ "largest chunk", 413, "FFFFFFFF\r\n", "", 0 },
};

static uint32_t
outcome_of(const struct http1_body *b)
{
	if (b->step == HTTP1_REFUSED)
		return b->refusal.http;
	return b->step == HTTP1_DONE ? 200 : 0;
}

/* Feeds in steps; what comes out lands in ret_data; returns bytes taken. */
static size_t
feed(struct http1_body *b, struct bytes in, size_t step, char *ret_data)
{
	size_t fed = 0, kept = 0, used;
	struct bytes data;

	for (;;) {
		size_t n = in.size - fed < step ? in.size - fed : step;
		enum http1_step s =
		    http1_body_feed(b, in.at + fed, n, &used, &data);

		assert_true(used <= n);
		fed += used;
		if (s == HTTP1_DATA) {
			assert_true(data.size > 0);
			memcpy(ret_data + kept, data.at, data.size);
			kept += data.size;
		} else if (s != HTTP1_MORE || n == 0) {
			break;
		} else {
			assert_int_equal(used, n);
		}
	}
	assert_int_equal(kept, b->size);
	ret_data[kept] = '\0';
	return fed;
}

static void
test_chunked_corpus_at_every_step(void **state)
{
	struct http1_head head = { .chunked = true };
	char data[256];

	(void)state;
	for (size_t i = 0; i < COUNT(chunked); i++)
		for (size_t step = 1; step < 40; step++) {
			const struct body_case *c = &chunked[i];
			struct http1_body b;
			size_t used;

			http1_body_init(&b, &head, BODY_MAX);
			used = feed(&b, text(c->bytes), step, data);
			if (outcome_of(&b) != c->outcome)
				print_error(
				    "%s: %u\n", c->name, outcome_of(&b));
			assert_int_equal(outcome_of(&b), c->outcome);
			assert_string_equal(data, c->data);
			if (c->outcome == 200)
				assert_int_equal(used, c->used);
		}
}

static void
test_plain_body_ends_where_it_said(void **state)
{
	struct http1_head head = { .has_length = true, .length = 5 };
	struct http1_body b;
	char data[16];

	(void)state;
	for (size_t step = 1; step < 12; step++) {
		http1_body_init(&b, &head, 5);
		assert_int_equal(feed(&b, text("helloGET"), step, data), 5);
		assert_string_equal(data, "hello");
		assert_int_equal(outcome_of(&b), 200);
	}
}

static void
test_no_body_is_done_at_once(void **state)
{
	struct http1_head head = { .chunked = false };
	struct http1_body b;

	(void)state;
	http1_body_init(&b, &head, 0);
	assert_int_equal(b.step, HTTP1_DONE);
	head.has_length = true;
	http1_body_init(&b, &head, 0);
	assert_int_equal(b.step, HTTP1_DONE);
}

static void
test_length_past_the_bound_is_413_at_once(void **state)
{
	struct http1_head head = { .has_length = true, .length = 6 };
	struct http1_body b;

	(void)state;
	http1_body_init(&b, &head, 5);
	assert_int_equal(outcome_of(&b), 413);
	head.length = UINT64_MAX;
	http1_body_init(&b, &head, INT64_MAX);
	assert_int_equal(outcome_of(&b), 413);
}

static void
test_chunks_add_up_to_the_bound(void **state)
{
	struct http1_head head = { .chunked = true };
	struct http1_body b;
	char data[256];

	(void)state;
	http1_body_init(&b, &head, 4);
	feed(&b, text("2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n"), 3, data);
	assert_int_equal(outcome_of(&b), 200);
	http1_body_init(&b, &head, 3);
	feed(&b, text("2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n"), 3, data);
	assert_int_equal(outcome_of(&b), 413);
}

/* before, then n times a filler, then after. */
static uint32_t
filled(const char *before, size_t n, const char *after)
{
	static char bytes[HTTP1_TRAILERS_MAX * 2];
	struct http1_head head = { .chunked = true };
	struct http1_body b;
	char data[16];
	size_t used = strlen(before);

	memcpy(bytes, before, used);
	memset(bytes + used, 'x', n);
	memcpy(bytes + used + n, after, strlen(after) + 1);
	http1_body_init(&b, &head, BODY_MAX);
	feed(&b, text(bytes), SIZE_MAX, data);
	return outcome_of(&b);
}

static void
test_extensions_and_trailers_are_bounded(void **state)
{
	const size_t trailer = strlen("A:") + 2 + 2;

	(void)state;
	assert_int_equal(filled("0;", HTTP1_CHUNK_EXTRA_MAX, "\r\n\r\n"), 200);
	assert_int_equal(
	    filled("0;", HTTP1_CHUNK_EXTRA_MAX + 1, "\r\n\r\n"), 431);
	assert_int_equal(
	    filled("0\r\nA:", HTTP1_TRAILERS_MAX - trailer, "\r\n\r\n"), 200);
	assert_int_equal(
	    filled("0\r\nA:", HTTP1_TRAILERS_MAX - trailer + 1, "\r\n\r\n"),
	    431);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_chunked_corpus_at_every_step),
		RUN(test_plain_body_ends_where_it_said),
		RUN(test_no_body_is_done_at_once),
		RUN(test_length_past_the_bound_is_413_at_once),
		RUN(test_chunks_add_up_to_the_bound),
		RUN(test_extensions_and_trailers_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
