/* http1_test - every head of the corpus, whole and byte by byte. */
#include "gateway/http1.h"

#include "tests/gateway/check.h"

enum { MORE = 0, DONE = 200 };

struct head {
	uint32_t outcome;
	const char *name;
	const char *at;
	size_t size;
};

static const struct head heads[] = {
#define HEAD(outcome, name, at) { outcome, name, at, sizeof(at) - 1 },
#include "tests/gateway/http1_corpus.def"
#undef HEAD
};

#define HEADS_COUNT (sizeof(heads) / sizeof(*heads))
#define HEADS_LEAST 120

static uint32_t
outcome_of(const struct http1_head *h)
{
	if (h->step == HTTP1_REFUSED)
		return h->refusal.http;
	return h->step == HTTP1_DONE ? DONE : MORE;
}

/*
 * Feeds in steps of so many bytes.  Each time from memory of exactly the
 * size that has come, so that the sanitizer sees a read past it.
 */
static struct http1_head
fed(const void *at, size_t size, size_t step)
{
	struct http1_head h;

	http1_head_init(&h);
	for (size_t n = step < size ? step : size;; n += step) {
		uint8_t *copy;

		if (n > size)
			n = size;
		copy = malloc(n + 1);
		assert_non_null(copy);
		memcpy(copy + 1, at, n);
		enum http1_step s = http1_head_feed(&h, copy + 1, n);
		free(copy);
		if (s != HTTP1_MORE || n == size)
			return h;
	}
}

static void
same_heads(const struct http1_head *a, const struct http1_head *b)
{
	assert_int_equal(outcome_of(a), outcome_of(b));
	assert_int_equal(a->size, b->size);
	assert_ptr_equal(a->refusal.reason, b->refusal.reason);
	assert_int_equal(a->headers_count, b->headers_count);
	assert_memory_equal(
	    a->headers, b->headers, a->headers_count * sizeof(a->headers[0]));
	assert_memory_equal(&a->path, &b->path, sizeof(a->path));
	assert_memory_equal(&a->query, &b->query, sizeof(a->query));
	assert_int_equal(a->length, b->length);
	assert_int_equal(a->keep_alive, b->keep_alive);
}

static void
test_corpus_ends_as_written(void **state)
{
	int wrong = 0;

	(void)state;
	assert_true(HEADS_COUNT >= HEADS_LEAST);
	for (size_t i = 0; i < HEADS_COUNT; i++) {
		struct http1_head h = fed(heads[i].at, heads[i].size, SIZE_MAX);

		if (outcome_of(&h) == heads[i].outcome)
			continue;
		wrong++;
		print_error("%s: %u, not %u (%s)\n", heads[i].name,
		    outcome_of(&h), heads[i].outcome,
		    h.refusal.reason == NULL ? "" : h.refusal.reason);
	}
	assert_int_equal(wrong, 0);
}

static void
test_corpus_ends_the_same_byte_by_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < HEADS_COUNT; i++) {
		struct http1_head whole =
		    fed(heads[i].at, heads[i].size, SIZE_MAX);

		for (size_t step = 1; step < 8; step++) {
			struct http1_head h =
			    fed(heads[i].at, heads[i].size, step);

			same_heads(&whole, &h);
		}
	}
}

static const char example[] = "POST /api/v1/tasks%20?x=1&y=%41 HTTP/1.1\r\n"
			      "host: Example.org:80\r\n"
			      "Accept: a\r\n"
			      "ACCEPT:  b \r\n"
			      "Connection: Upgrade, keep-alive\r\n"
			      "Upgrade: websocket\r\n"
			      "Content-Length: 12\r\n"
			      "Expect: 100-Continue\r\n"
			      "\r\n"
			      "GET /";

static void
test_head_tells_its_parts(void **state)
{
	const uint8_t *at = (const uint8_t *)example;
	struct http1_head h = fed(at, sizeof(example) - 1, 1);

	(void)state;
	assert_int_equal(h.step, HTTP1_DONE);
	assert_string_equal(http1_method_name(h.method), "POST");
	assert_int_equal(h.minor, 1);
	assert_true(is(http1_bytes(at, h.path), "/api/v1/tasks%20"));
	assert_true(is(http1_bytes(at, h.query), "x=1&y=%41"));
	assert_true(is(http1_bytes(at, h.host), "Example.org:80"));
	assert_true(is(http1_bytes(at, h.upgrade), "websocket"));
	assert_int_equal(h.length, 12);
	assert_true(h.has_length && h.keep_alive && h.expects_continue);
	assert_false(h.chunked);
	assert_memory_equal(at + h.size, "GET /", 5);
}

static void
test_headers_are_found_in_any_case(void **state)
{
	const uint8_t *at = (const uint8_t *)example;
	struct http1_head h = fed(at, sizeof(example) - 1, SIZE_MAX);
	struct bytes value;
	uint32_t cursor = 0;

	(void)state;
	assert_int_equal(http1_head_find(&h, at, "HOST", &value), ST_OK);
	assert_true(is(value, "Example.org:80"));
	assert_int_equal(http1_head_find(&h, at, "x", &value), ST_NOT_FOUND);
	assert_int_equal(
	    http1_head_find(&h, at, "accept", &value), ST_CONFLICT);
	assert_true(http1_head_next(&h, at, "accept", &cursor, &value));
	assert_true(is(value, "a"));
	assert_true(http1_head_next(&h, at, "accept", &cursor, &value));
	assert_true(is(value, "b"));
	assert_false(http1_head_next(&h, at, "accept", &cursor, &value));
}

static const struct {
	const char *head;
	bool keep_alive;
} lives[] = {
	{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", true },
	{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n", false },
	{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n"
	  "Connection: close\r\n\r\n",
	    false },
	{ "GET / HTTP/1.0\r\n\r\n", false },
	{ "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true },
	{ "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false },
};

static void
test_connection_decides_what_follows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lives) / sizeof(*lives); i++) {
		struct http1_head h =
		    fed(lives[i].head, strlen(lives[i].head), SIZE_MAX);

		assert_int_equal(h.step, HTTP1_DONE);
		assert_int_equal(h.keep_alive, lives[i].keep_alive);
	}
}

static void
test_upgrade_needs_connection_and_version(void **state)
{
	static const char lone[] =
	    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n";
	static const char old[] = "GET / HTTP/1.0\r\nUpgrade: websocket\r\n"
				  "Connection: upgrade\r\n\r\n";
	struct http1_head h = fed(lone, sizeof(lone) - 1, SIZE_MAX);

	(void)state;
	assert_int_equal(h.step, HTTP1_DONE);
	assert_int_equal(h.upgrade.size, 0);
	h = fed(old, sizeof(old) - 1, SIZE_MAX);
	assert_int_equal(h.step, HTTP1_DONE);
	assert_int_equal(h.upgrade.size, 0);
}

/* A head of which one part has exactly so many bytes. */
static struct http1_head
padded(const char *before, size_t pad, const char *after, size_t step)
{
	static char text[HTTP1_HEAD_MAX * 2];
	size_t used = strlen(before);

	assert_true(used + pad + strlen(after) < sizeof(text));
	memcpy(text, before, used);
	memset(text + used, 'a', pad);
	memcpy(text + used + pad, after, strlen(after) + 1);
	return fed(text, strlen(text), step);
}

static void
test_request_line_is_bounded(void **state)
{
	const size_t fixed = strlen("GET / HTTP/1.1\r\n");
	const char *after = " HTTP/1.1\r\nHost: a\r\n\r\n";

	(void)state;
	for (size_t step = 1000; step < 20000; step += 17000) {
		struct http1_head h =
		    padded("GET /", HTTP1_LINE_MAX - fixed, after, step);

		assert_int_equal(outcome_of(&h), DONE);
		h = padded("GET /", HTTP1_LINE_MAX - fixed + 1, after, step);
		assert_int_equal(outcome_of(&h), 414);
		h = padded("GET /", HTTP1_LINE_MAX, "", step);
		assert_int_equal(outcome_of(&h), 414);
	}
}

static void
test_head_is_bounded(void **state)
{
	const char *before = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
	const char *after = "\r\n\r\n";
	size_t pad = HTTP1_HEAD_MAX - strlen(before) - strlen(after);
	struct http1_head h;

	(void)state;
	h = padded(before, pad, after, SIZE_MAX);
	assert_int_equal(outcome_of(&h), DONE);
	assert_int_equal(h.size, HTTP1_HEAD_MAX);
	h = padded(before, pad + 1, after, SIZE_MAX);
	assert_int_equal(outcome_of(&h), 431);
	h = padded(before, pad + 1, after, 7);
	assert_int_equal(outcome_of(&h), 431);
	h = padded(before, HTTP1_HEAD_MAX, "", SIZE_MAX);
	assert_int_equal(outcome_of(&h), 431);
}

static void
test_headers_are_counted(void **state)
{
	char text[HTTP1_HEAD_MAX] = "GET / HTTP/1.1\r\nHost: a\r\n";
	size_t used = strlen(text);
	struct http1_head h;

	(void)state;
	for (size_t i = 1; i < HTTP1_HEADERS_MAX; i++, used += 6)
		memcpy(text + used, "X: y\r\n", 6);
	memcpy(text + used, "\r\n", 3);
	h = fed(text, used + 2, SIZE_MAX);
	assert_int_equal(outcome_of(&h), DONE);
	assert_int_equal(h.headers_count, HTTP1_HEADERS_MAX);
	memcpy(text + used, "X: y\r\n\r\n", 9);
	h = fed(text, used + 8, SIZE_MAX);
	assert_int_equal(outcome_of(&h), 431);
}

static void
test_pipelined_heads_are_cut_apart(void **state)
{
	static const uint8_t two[] = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
				     "GET /22 HTTP/1.1\r\nHost: b\r\n\r\n";
	struct http1_head h = fed(two, sizeof(two) - 1, SIZE_MAX);
	size_t first = h.size;

	(void)state;
	assert_int_equal(h.step, HTTP1_DONE);
	http1_head_init(&h);
	assert_int_equal(
	    http1_head_feed(&h, two + first, sizeof(two) - 1 - first),
	    HTTP1_DONE);
	assert_int_equal(first + h.size, sizeof(two) - 1);
	assert_true(is(http1_bytes(two + first, h.path), "/22"));
}

static void
test_done_stays_done(void **state)
{
	const uint8_t *at = (const uint8_t *)example;
	struct http1_head h = fed(at, sizeof(example) - 1, SIZE_MAX);
	size_t size = h.size;

	(void)state;
	assert_int_equal(
	    http1_head_feed(&h, at, sizeof(example) - 1), HTTP1_DONE);
	assert_int_equal(h.size, size);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_corpus_ends_as_written),
		RUN(test_corpus_ends_the_same_byte_by_byte),
		RUN(test_head_tells_its_parts),
		RUN(test_headers_are_found_in_any_case),
		RUN(test_connection_decides_what_follows),
		RUN(test_upgrade_needs_connection_and_version),
		RUN(test_request_line_is_bounded),
		RUN(test_head_is_bounded),
		RUN(test_headers_are_counted),
		RUN(test_pipelined_heads_are_cut_apart),
		RUN(test_done_stays_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
