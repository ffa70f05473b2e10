#include "gateway/websocket_handshake.h"

#include "tests/gateway/check.h"

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define UPGRADE "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
#define HEAD(rest) "GET /api/v1/ws HTTP/1.1\r\nHost: a\r\n" rest "\r\n"
#define PLAIN UPGRADE VERSION KEY

static uint32_t
check(const char *t, struct websocket_offer *offer)
{
	const struct http1_refusal *refusal;
	struct http1_head h;

	http1_head_init(&h);
	assert_int_equal(
	    http1_head_feed(&h, text(t).at, strlen(t)), HTTP1_DONE);
	refusal = websocket_handshake_check(&h, text(t).at, offer);
	return refusal == NULL ? 101 : refusal->http;
}

static void
test_handshakes_end_as_written(void **state)
{
	static const struct {
		uint32_t http;
		const char *head;
	} cases[] = {
		{ 101, HEAD(PLAIN) },
		{ 101, HEAD(PLAIN "Sec-WebSocket-Extensions: "
				  "permessage-deflate\r\n") },
		{ 101, HEAD(PLAIN "Content-Length: 0\r\n") },
		{ 426, HEAD(VERSION KEY) },
		{ 426, HEAD("Upgrade: websocket\r\n" VERSION KEY) },
		{ 426, HEAD("Connection: upgrade\r\nUpgrade: h2c\r\n" VERSION
			       KEY) },
		{ 426, HEAD(UPGRADE KEY) },
		{ 426, HEAD(UPGRADE KEY "Sec-WebSocket-Version: 8\r\n") },
		{ 426, HEAD(UPGRADE KEY "Sec-WebSocket-Version: 13, 8\r\n") },
		{ 426, HEAD(UPGRADE KEY VERSION VERSION) },
		{ 400, HEAD(UPGRADE VERSION) },
		{ 400, HEAD(UPGRADE VERSION KEY KEY) },
		{ 400, HEAD(UPGRADE VERSION "Sec-WebSocket-Key:\r\n") },
		{ 400, HEAD(UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbX"
					    "BsZSBub25jZQ=\r\n") },
		{ 400, HEAD(UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbX"
					    "BsZSBub25jZSE=\r\n") },
		{ 400, HEAD(UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbX"
					    "Bs_SBub25jZQ==\r\n") },
		{ 400, HEAD(PLAIN "Content-Length: 1\r\n") },
		{ 400, HEAD(PLAIN "Transfer-Encoding: chunked\r\n") },
		{ 400, HEAD(PLAIN "Sec-WebSocket-Protocol: chat\r\n") },
		{ 400, HEAD(PLAIN "Sec-WebSocket-Protocol:\r\n") },
		{ 400, "POST / HTTP/1.1\r\nHost: a\r\n" PLAIN "\r\n" },
	};
	struct websocket_offer offer;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(check(cases[i].head, &offer), cases[i].http);
}

static void
test_the_clients_first_known_subprotocol_is_chosen(void **state)
{
	struct websocket_offer o;

	(void)state;
	assert_int_equal(check(HEAD(PLAIN), &o), 101);
	assert_false(o.subprotocol_named);
	assert_int_equal(o.subprotocol, WEBSOCKET_JSON);
	assert_int_equal(check(HEAD(PLAIN "Sec-WebSocket-Protocol: chat, "
					  "troupe.msgpack.v1, "
					  "troupe.json.v1\r\n"),
			     &o),
	    101);
	assert_true(o.subprotocol_named);
	assert_int_equal(o.subprotocol, WEBSOCKET_MSGPACK);
	assert_string_equal(
	    websocket_subprotocol_name(o.subprotocol), "troupe.msgpack.v1");
	assert_int_equal(check(HEAD(PLAIN "Sec-WebSocket-Protocol: chat\r\n"
					  "Sec-WebSocket-Protocol: "
					  "troupe.json.v1\r\n"),
			     &o),
	    101);
	assert_true(o.subprotocol_named);
	assert_int_equal(o.subprotocol, WEBSOCKET_JSON);
}

static void
test_accept_is_that_of_the_rfc(void **state)
{
	char accept[WEBSOCKET_ACCEPT_SIZE];

	(void)state;
	assert_int_equal(
	    websocket_accept(text("dGhlIHNhbXBsZSBub25jZQ=="), accept), ST_OK);
	assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_handshakes_end_as_written),
		RUN(test_the_clients_first_known_subprotocol_is_chosen),
		RUN(test_accept_is_that_of_the_rfc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
