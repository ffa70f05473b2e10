/* Answers that come piece by piece: framing, bounds, and how they end. */
#include "gateway/stream.h"

#include "runtime/net_inside.h"

#include "tests/gateway/gate.h"

#define LOGIN_ASK                                                      \
	"POST /api/v1/auth/login HTTP/1.%c\r\n" HOST                   \
	"Content-Type: application/json\r\nContent-Length: 42\r\n\r\n" \
	"{\"username\":\"ada\",\"password\":\"a password\"}"

static struct gate g;
static unsigned drained, ended;

static void
on_drained(void *ctx)
{
	(void)ctx;
	drained++;
}

static void
on_end(void *ctx)
{
	(void)ctx;
	ended++;
}

static const struct stream_events events = { on_drained, on_end };

static struct conn *
wire_conn(void)
{
	return ((struct net_stream *)(void *)g.wire)->ctx;
}

/* A request waits for its actor; it is answered with a stream instead. */
static struct conn *
begin(char minor)
{
	char text[512];
	struct conn *c;

	drained = ended = 0;
	gate_start(&g);
	gate_dial(&g);
	snprintf(text, sizeof(text), LOGIN_ASK, minor);
	gate_send(&g, text);
	c = wire_conn();
	assert_int_equal(c->state, CONN_WAITING);
	actor_enter(c->gateway->self);
	assert_true(stream_begin(c, 200, "text/event-stream", &events, NULL));
	actor_leave(c->gateway->self, ST_OK);
	return c;
}

static enum status
write_text(struct conn *c, const char *text)
{
	struct gateway *gw = c->gateway;
	const struct net_part parts[] = { { { (const uint8_t *)text, 1 },
					      NULL },
		{ { (const uint8_t *)text + 1, strlen(text) - 1 }, NULL } };
	enum status st;

	actor_enter(gw->self);
	st = stream_write(c, parts, 2);
	actor_leave(gw->self, ST_OK);
	return st;
}

static void
end(struct conn *c)
{
	struct gateway *gw = c->gateway;

	actor_enter(gw->self);
	stream_end(c);
	actor_leave(gw->self, ST_OK);
}

static void
test_pieces_are_chunks(void **state)
{
	struct conn *c = begin('1');
	const char *head = gate_taken(&g);

	(void)state;
	assert_has(head, "Transfer-Encoding: chunked\r\n");
	assert_has(head, "Content-Type: text/event-stream\r\n");
	assert_null(strstr(head, "Content-Length"));
	assert_int_equal(write_text(c, "data: 1\n\n"), ST_OK);
	assert_int_equal(write_text(c, "data: a longer one\n\n"), ST_OK);
	end(c);
	assert_string_equal(gate_taken(&g),
	    "9\r\ndata: 1\n\n\r\n14\r\ndata: a longer one\n\n\r\n"
	    "0\r\n\r\n");
	assert_true(net_fake_is_finished(g.wire));
	assert_int_equal(ended, 0);
	gate_end(&g);
	assert_int_equal(ended, 0);
}

static void
test_http_1_0_gets_no_chunks(void **state)
{
	struct conn *c = begin('0');

	(void)state;
	assert_null(strstr(gate_taken(&g), "chunked"));
	assert_int_equal(write_text(c, "piece"), ST_OK);
	end(c);
	assert_string_equal(gate_taken(&g), "piece");
	gate_end(&g);
}

static void
test_a_client_that_goes_is_told_once(void **state)
{
	(void)state;
	(void)begin('1');
	net_fake_end(g.wire, ST_CLOSED);
	assert_int_equal(ended, 1);
	assert_true(net_fake_is_closed(g.wire));
	gate_end(&g);
	assert_int_equal(ended, 1);
}

/* What would owe too much is refused whole, and what was owed stays good. */
static void
test_a_slow_client_owes_up_to_its_bound(void **state)
{
	struct conn *c = begin('1');
	static char piece[60000];
	size_t sent = 0;

	(void)state;
	memset(piece, 'x', sizeof(piece) - 1);
	net_fake_take(g.wire, 0);
	while (write_text(c, piece) == ST_OK)
		sent++;
	assert_true(sent > 10 && sent < 20);
	assert_true(stream_owed(c) <= 1u << 20);
	assert_int_equal(ended, 0);
	net_fake_take(g.wire, SIZE_MAX);
	assert_int_equal(drained, 1);
	assert_int_equal(write_text(c, piece), ST_OK);
	gate_end(&g);
	assert_int_equal(ended, 1);
}

static void
test_a_client_that_takes_nothing_is_cut(void **state)
{
	struct conn *c = begin('1');

	(void)state;
	gate_live_ms(&g, 120000);
	assert_int_equal(ended, 0);
	net_fake_take(g.wire, 0);
	assert_int_equal(write_text(c, "piece"), ST_OK);
	gate_live_ms(&g, 29000);
	assert_int_equal(ended, 0);
	gate_live_ms(&g, 2000);
	assert_int_equal(ended, 1);
	assert_true(net_fake_is_closed(g.wire));
	gate_end(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces_are_chunks),
		cmocka_unit_test(test_http_1_0_gets_no_chunks),
		cmocka_unit_test(test_a_client_that_goes_is_told_once),
		cmocka_unit_test(test_a_slow_client_owes_up_to_its_bound),
		cmocka_unit_test(test_a_client_that_takes_nothing_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
