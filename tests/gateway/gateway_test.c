/* A gateway's connections: what they say, how long they live, who is cut. */
#include "protocols/frame_head.h"
#include "runtime/inside.h"
#include "tests/gateway/gate.h"

#define RUN(name) cmocka_unit_test(name)
#define TASKS "GET /api/v1/tasks/t1"
#define LOGIN "POST /api/v1/auth/login HTTP/1.1\r\n" HOST
#define JSON_BODY "Content-Type: application/json\r\n"
#define LOGIN_JSON "{\"username\":\"ada\",\"password\":\"a password\"}"
#define LOGIN_WHOLE LOGIN JSON_BODY "Content-Length: 42\r\n\r\n" LOGIN_JSON

static struct gate g;

/* What the tasks answer a request for one. */
static void
answer_task(const char *title)
{
	RIG_ANSWER(&g.r, RIG_TAKE(&g.r, tasks, task_get), task_made,
	    .task = { .id = "t1", .title = title });
}

static void
test_door_opens_when_the_replica_is_complete(void **state)
{
	struct net_fake_wire *w;

	(void)state;
	gate_spawn(&g, NULL, 0);
	assert_int_equal(net_fake_dial(g.net, GATE_ADDRESS, &w), ST_NOT_FOUND);
	gate_join(&g, GATE_EPOCH);
	assert_int_equal(net_fake_dial(g.net, GATE_ADDRESS, &w), ST_NOT_FOUND);
	gate_page(&g, NULL, 0);
	gate_dial(&g);
	gate_send(&g, LIVEZ);
	assert_has(gate_taken(&g), "HTTP/1.1 200 OK\r\n");
	gate_end(&g);
}

static void
test_answers_keep_the_order_of_a_pipeline(void **state)
{
	const char *taken;
	char text[16384];

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	snprintf(text, sizeof(text), "%s" LIVEZ,
	    gate_request(TASKS, gate_token(&g, "ceo", JTI_1, SIG_1), "\r\n"));
	gate_send(&g, text);
	assert_string_equal(gate_taken(&g), "");
	assert_false(net_fake_is_reading(g.wire));
	answer_task("first");
	taken = gate_taken(&g);
	assert_true(strstr(taken, "first") < strstr(taken, "\"live\""));
	assert_int_equal(occurs(taken, "HTTP/1.1 200"), 2);
	assert_true(net_fake_is_reading(g.wire));
	gate_end(&g);
}

/* A request's trace and span are in the envelope of what it asks. */
static void
test_a_trace_travels_with_the_message(void **state)
{
	static const uint8_t id[] = { 0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d,
		0xa6, 0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36 };
	struct heard *h;
	uint64_t own;
	char span[40];

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	gate_send(&g, gate_request(TASKS, gate_token(&g, "ceo", JTI_1, SIG_1),
			  "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-"
			  "00f067aa0ba902b7-01\r\n\r\n"));
	h = RIG_TAKE(&g.r, tasks, task_get);
	assert_memory_equal(h->op->head + FRAME_AT_TRACE, id, sizeof(id));
	own = frame_get_u64(h->op->head, FRAME_AT_SPAN);
	assert_true(own != 0 && own != 0x00f067aa0ba902b7);
	snprintf(span, sizeof(span), "-%016llx-01", (unsigned long long)own);
	RIG_ANSWER(&g.r, h, task_made, .task = { .id = "t1", .title = "t" });
	assert_has(gate_taken(&g), span);
	gate_end(&g);
}

static void
test_any_cut_of_the_bytes_is_the_same(void **state)
{
	const char *text = LIVEZ LOGIN_WHOLE LIVEZ;

	(void)state;
	for (size_t step = 1; step < strlen(text); step += 7) {
		gate_start(&g);
		gate_dial(&g);
		for (size_t at = 0; at < strlen(text);) {
			size_t n = net_fake_send(g.wire, text + at,
			    strlen(text) - at < step ? strlen(text) - at : step,
			    step);

			rig_settle(&g.r);
			if (rig_peek(&g.r, REGISTRY, MSG_auth_login) != NULL)
				RIG_ANSWER(&g.r,
				    RIG_TAKE(
					&g.r, session_registry, auth_login),
				    auth_token, .token = "x");
			at += n;
		}
		assert_int_equal(occurs(gate_taken(&g), "HTTP/1.1 200"), 3);
		gate_end(&g);
	}
}

/* A client that reads nothing is owed one answer, not a pipeline of them. */
static void
test_unread_answer_stops_the_pipeline(void **state)
{
	(void)state;
	gate_start(&g);
	gate_dial(&g);
	net_fake_take(g.wire, 10);
	gate_send(&g, LIVEZ LIVEZ LIVEZ);
	assert_false(net_fake_is_reading(g.wire));
	assert_int_equal(net_fake_taken(g.wire).size, 10);
	net_fake_take(g.wire, SIZE_MAX);
	rig_settle(&g.r);
	assert_int_equal(occurs(gate_taken(&g), "\"live\""), 3);
	assert_true(net_fake_is_reading(g.wire));
	gate_end(&g);
}

static void
test_unread_answer_is_waited_for_but_not_for_ever(void **state)
{
	static const char *const sets[] = { "api.server.write_timeout_ms=1000",
		"api.server.idle_timeout_ms=60000" };

	(void)state;
	gate_start_with(&g, sets, 2);
	gate_dial(&g);
	net_fake_take(g.wire, 10);
	gate_send(&g, LIVEZ);
	gate_live_ms(&g, 900);
	assert_false(net_fake_is_closed(g.wire));
	gate_live_ms(&g, 600);
	assert_true(net_fake_is_closed(g.wire));
	gate_end(&g);
}

/* Fixed: what was kept of a pipeline was forgotten twice. */
static void
test_refusal_within_a_pipeline_that_nobody_reads(void **state)
{
	(void)state;
	gate_start(&g);
	gate_dial(&g);
	gate_send(&g,
	    gate_request(TASKS, gate_token(&g, "ceo", JTI_1, SIG_1), "\r\n"));
	net_fake_take(g.wire, 10);
	gate_hang_up(&g);
	answer_task("nobody reads it");

	gate_dial(&g);
	gate_send(&g, "GET /livez HTTP/1.1\r\nHos");
	net_fake_take(g.wire, 10);
	gate_send(&g, "t: a\r\nConnection: close\r\n\r\n" LIVEZ LIVEZ);
	assert_int_equal(net_fake_taken(g.wire).size, 10);
	net_fake_take(g.wire, SIZE_MAX);
	assert_int_equal(occurs(gate_taken(&g), "HTTP/1.1 200"), 1);
	assert_true(net_fake_is_finished(g.wire));
	gate_end(&g);
}

static void
test_half_closed_client_gets_every_answer(void **state)
{
	char text[16384];
	const char *taken;

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	snprintf(text, sizeof(text), "%s" LIVEZ,
	    gate_request(TASKS, gate_token(&g, "ceo", JTI_1, SIG_1), "\r\n"));
	gate_send(&g, text);
	net_fake_end(g.wire, ST_CLOSED);
	net_fake_take(g.wire, 10);
	answer_task("first");
	assert_false(net_fake_is_closed(g.wire));
	net_fake_take(g.wire, SIZE_MAX);
	taken = gate_taken(&g);
	assert_int_equal(occurs(taken, "HTTP/1.1 200"), 2);
	assert_true(net_fake_is_closed(g.wire));
	gate_end(&g);
}

static void
test_client_that_broke_off_is_forgotten(void **state)
{
	(void)state;
	gate_start(&g);
	gate_dial(&g);
	gate_send(&g,
	    gate_request(TASKS, gate_token(&g, "ceo", JTI_1, SIG_1), "\r\n"));
	net_fake_end(g.wire, ST_IO);
	assert_true(net_fake_is_closed(g.wire));
	answer_task("too late");
	assert_string_equal(gate_taken(&g), "");
	gate_end(&g);
}

static void
test_close_waits_for_the_peer_and_drops_what_it_sends(void **state)
{
	(void)state;
	gate_start(&g);
	gate_dial(&g);
	gate_send(&g, "nonsense\r\n\r\n" LIVEZ);
	assert_has(gate_taken(&g), "HTTP/1.1 400 ");
	assert_true(net_fake_is_finished(g.wire));
	assert_false(net_fake_is_closed(g.wire));
	gate_send(&g, LIVEZ LIVEZ);
	assert_string_equal(gate_taken(&g), "");
	net_fake_end(g.wire, ST_CLOSED);
	assert_true(net_fake_is_closed(g.wire));
	gate_hang_up(&g);

	gate_dial(&g);
	gate_send(&g, "nonsense\r\n\r\n");
	gate_live_ms(&g, 1500);
	assert_true(net_fake_is_closed(g.wire));
	gate_end(&g);
}

static void
test_head_has_the_length_and_no_body(void **state)
{
	const char *taken;

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	gate_send(&g, "HEAD /livez HTTP/1.1\r\n" HOST "\r\n");
	taken = gate_taken(&g);
	assert_has(taken, "Content-Length: 13\r\n");
	assert_string_equal(strstr(taken, "\r\n\r\n"), "\r\n\r\n");
	gate_end(&g);
}

static void
test_http_1_0_is_closed_unless_it_asks(void **state)
{
	(void)state;
	gate_start(&g);
	gate_dial(&g);
	gate_send(&g, "GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_has(gate_taken(&g), "Connection: keep-alive\r\n");
	gate_send(&g, "GET /livez HTTP/1.0\r\n\r\n");
	assert_has(gate_taken(&g), "Connection: close\r\n");
	assert_true(net_fake_is_finished(g.wire));
	gate_end(&g);
}

static void
test_continue_is_said_only_for_a_body_that_is_wanted(void **state)
{
	(void)state;
	gate_start(&g);
	gate_dial(&g);
	gate_send(&g, LOGIN JSON_BODY
	    "Expect: 100-continue\r\nContent-Length: 42\r\n\r\n");
	assert_string_equal(gate_taken(&g), "HTTP/1.1 100 Continue\r\n\r\n");
	gate_send(&g, LOGIN_JSON);
	(void)RIG_TAKE(&g.r, session_registry, auth_login);
	gate_hang_up(&g);

	gate_dial(&g);
	gate_send(&g, LOGIN JSON_BODY
	    "Expect: 100-continue\r\nContent-Length: 1048577\r\n\r\n");
	assert_has(gate_taken(&g), "HTTP/1.1 413 ");
	gate_hang_up(&g);

	gate_dial(&g);
	gate_send(&g, "POST /api/v1/tasks HTTP/1.1\r\n" HOST
		      "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	assert_has(gate_taken(&g), "HTTP/1.1 401 ");
	gate_end(&g);
}

static void
test_slow_head_and_slow_body_get_408(void **state)
{
	static const char *const sets[] = { "api.server.header_timeout_ms=1000",
		"api.server.body_timeout_ms=2000" };

	(void)state;
	gate_start_with(&g, sets, 2);
	gate_dial(&g);
	gate_send(&g, "GET /livez HT");
	gate_live_ms(&g, 500);
	gate_send(&g, "TP/1.1\r\nA: b");
	gate_live_ms(&g, 400);
	assert_string_equal(gate_taken(&g), "");
	gate_live_ms(&g, 400);
	assert_has(gate_taken(&g), "HTTP/1.1 408 ");
	gate_hang_up(&g);

	gate_dial(&g);
	gate_send(&g, LOGIN JSON_BODY "Content-Length: 42\r\n\r\n{");
	gate_live_ms(&g, 1900);
	assert_string_equal(gate_taken(&g), "");
	gate_live_ms(&g, 400);
	assert_has(gate_taken(&g), "HTTP/1.1 408 ");
	gate_end(&g);
}

static void
test_silent_connections_end(void **state)
{
	static const char *const sets[] = { "api.server.header_timeout_ms=1000",
		"api.server.idle_timeout_ms=3000" };

	(void)state;
	gate_start_with(&g, sets, 2);
	gate_dial(&g);
	gate_live_ms(&g, 1300);
	assert_true(net_fake_is_closed(g.wire));
	gate_hang_up(&g);

	gate_dial(&g);
	gate_send(&g, LIVEZ);
	gate_live_ms(&g, 2900);
	assert_false(net_fake_is_closed(g.wire));
	gate_live_ms(&g, 400);
	assert_true(net_fake_is_closed(g.wire));
	gate_end(&g);
}

static void
test_narrower_bounds_of_the_head_hold(void **state)
{
	static const char *const sets[] = { "api.server.header_bytes_max=1024",
		"api.server.headers_max=8" };
	char text[2048];

	(void)state;
	gate_start_with(&g, sets, 2);
	gate_dial(&g);
	/* One byte more than fits, and then a head that fits exactly. */
	for (int over = 0; over <= 1; over++) {
		snprintf(text, sizeof(text),
		    "GET /livez HTTP/1.1\r\n" HOST "A: %0*d\r\n\r\n",
		    1024 + over - (int)strlen(LIVEZ "A: \r\n"), 1);
		gate_send(&g, text);
		assert_has(
		    gate_taken(&g), over ? "HTTP/1.1 431 " : "HTTP/1.1 200 ");
	}
	gate_hang_up(&g);

	gate_dial(&g);
	gate_send(&g, "GET /livez HTTP/1.1\r\n" HOST
		      "A: 1\r\nA: 2\r\nA: 3\r\nA: 4\r\nA: 5\r\nA: 6\r\n"
		      "A: 7\r\n\r\n");
	assert_has(gate_taken(&g), "HTTP/1.1 200 ");
	gate_send(&g, "GET /livez HTTP/1.1\r\n" HOST
		      "A: 1\r\nA: 2\r\nA: 3\r\nA: 4\r\nA: 5\r\nA: 6\r\n"
		      "A: 7\r\nA: 8\r\n\r\n");
	assert_has(gate_taken(&g), "HTTP/1.1 431 ");
	gate_end(&g);
}

static void
test_last_request_of_a_connection_says_so(void **state)
{
	static const char *const sets[] = { "api.server.requests_max=2" };
	const char *taken;

	(void)state;
	gate_start_with(&g, sets, 1);
	gate_dial(&g);
	gate_send(&g, LIVEZ LIVEZ LIVEZ);
	taken = gate_taken(&g);
	assert_int_equal(occurs(taken, "HTTP/1.1 200"), 2);
	assert_int_equal(occurs(taken, "Connection: close"), 1);
	gate_end(&g);
}

static void
test_connection_past_the_bound_is_turned_away(void **state)
{
	static const char *const sets[] = { "api.server.connections_max=1" };
	struct net_fake_wire *w;

	(void)state;
	gate_start_with(&g, sets, 1);
	gate_dial(&g);
	assert_int_equal(net_fake_dial(g.net, GATE_ADDRESS, &w), ST_DENIED);
	gate_send(&g, LIVEZ);
	assert_has(gate_taken(&g), "HTTP/1.1 200 ");
	gate_end(&g);
}

static void
test_actor_that_never_answers_is_504(void **state)
{
	static const char *const sets[] = {
		"api.server.request_timeout_ms=8000"
	};

	(void)state;
	gate_start_with(&g, sets, 1);
	gate_dial(&g);
	gate_send(&g,
	    gate_request(TASKS, gate_token(&g, "ceo", JTI_1, SIG_1), "\r\n"));
	gate_live_ms(&g, 7900);
	assert_string_equal(gate_taken(&g), "");
	gate_live_ms(&g, 400);
	assert_has(gate_taken(&g), "HTTP/1.1 504 ");
	gate_send(&g, LIVEZ);
	assert_has(gate_taken(&g), "HTTP/1.1 200 ");
	gate_end(&g);
}

/* Nothing that a client sends may stand where the gateway speaks for it. */
static void
test_user_agent_that_is_no_text_is_left_out(void **state)
{
	const struct auth_login *ask;

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	gate_send(&g, LOGIN JSON_BODY
	    "User-Agent: \xff\xfe\r\nContent-Length: 42\r\n\r\n" LOGIN_JSON);
	ask =
	    RIG_BODY(RIG_TAKE(&g.r, session_registry, auth_login), auth_login);
	assert_string_equal(ask->caller.user_agent, "");
	assert_string_equal(ask->caller.address, "127.0.0.1");
	gate_end(&g);
}

static void
test_caller_cannot_be_forged(void **state)
{
	(void)state;
	gate_start(&g);
	gate_dial(&g);
	gate_send(&g, LOGIN JSON_BODY
	    "Content-Length: 51\r\n\r\n"
	    "{\"username\":\"a\",\"password\":\"b\",\"caller\":{\"role\":0}}");
	assert_has(gate_taken(&g), "HTTP/1.1 422 ");
	gate_send(&g,
	    "POST /api/v1/auth/login?caller=x HTTP/1.1\r\n" HOST JSON_BODY
	    "Content-Length: 42\r\n\r\n" LOGIN_JSON);
	assert_has(gate_taken(&g), "HTTP/1.1 422 ");
	assert_null(rig_peek(&g.r, REGISTRY, MSG_auth_login));
	gate_end(&g);
}

/* Any page makes a browser send these, without asking us first. */
static void
test_a_query_fills_nothing_of_a_body(void **state)
{
	static const char *const asks[] = {
		"POST /api/v1/auth/setup?username=evil&password=a+password",
		"POST /api/v1/auth/setup?password=a+password&username=evil",
		"POST /api/v1/auth/login?username=ada&password=a+password",
		"POST /api/v1/auth/refresh?refresh_token=a+password",
		"POST /api/v1/auth/reauthenticate?password=a+password",
		"PATCH /api/v1/tasks/x?title=a+password",
		"PUT /api/v1/tasks/x?title=a+password",
	};
	const char *answer;

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	for (size_t i = 0; i < sizeof(asks) / sizeof(*asks); i++) {
		gate_send(&g,
		    gate_request(asks[i], gate_token(&g, "ceo", JTI_1, SIG_1),
			"Content-Type: text/plain\r\n"
			"Content-Length: 0\r\n\r\n"));
		answer = gate_taken(&g);
		assert_has(answer, "HTTP/1.1 422 ");
		assert_has(answer, "this method takes its fields in the body");
		assert_null(strstr(answer, "a password"));
	}
	assert_null(rig_peek(&g.r, REGISTRY, MSG_auth_setup));
	assert_null(rig_peek(&g.r, REGISTRY, MSG_auth_login));
	assert_null(rig_peek(&g.r, REGISTRY, MSG_auth_refresh));
	assert_null(rig_peek(&g.r, REGISTRY, MSG_auth_reauthenticate));
	gate_end(&g);
}

/* The largest body there may be, of the kind that takes most memory. */
static void
test_largest_body_is_answered(void **state)
{
	size_t size = 1u << 20;
	char *body = malloc(size + 1);
	char head[512];

	(void)state;
	assert_non_null(body);
	for (size_t i = 0; i < size; i++)
		body[i] = "[\"\",\"\","[i % 7];
	body[size] = '\0';
	gate_start(&g);
	gate_dial(&g);
	for (size_t n = size; n <= size + 1; n++) {
		snprintf(head, sizeof(head),
		    LOGIN JSON_BODY "Content-Length: %zu\r\n\r\n", n);
		gate_send(&g, head);
		gate_send(&g, body);
		assert_has(
		    gate_taken(&g), n == size ? "HTTP/1.1 4" : "HTTP/1.1 413 ");
	}
	gate_end(&g);
	free(body);
}

static void
test_drain_answers_what_was_asked_and_nothing_new(void **state)
{
	struct net_fake_wire *w;
	const char *taken;

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	gate_send(&g,
	    gate_request(TASKS, gate_token(&g, "ceo", JTI_1, SIG_1), "\r\n"));
	node_drain(g.r.node, 1000000);
	assert_int_equal(net_fake_dial(g.net, GATE_ADDRESS, &w), ST_NOT_FOUND);
	answer_task("asked before");
	taken = gate_taken(&g);
	assert_has(taken, "asked before");
	assert_has(taken, "Connection: close");
	/* A new epoch does not open the door again. */
	gate_beat(&g, GATE_EPOCH + 1);
	gate_join(&g, GATE_EPOCH + 1);
	gate_page(&g, NULL, 0);
	assert_int_equal(net_fake_dial(g.net, GATE_ADDRESS, &w), ST_NOT_FOUND);
	gate_end(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_door_opens_when_the_replica_is_complete),
		RUN(test_answers_keep_the_order_of_a_pipeline),
		RUN(test_a_trace_travels_with_the_message),
		RUN(test_any_cut_of_the_bytes_is_the_same),
		RUN(test_unread_answer_stops_the_pipeline),
		RUN(test_unread_answer_is_waited_for_but_not_for_ever),
		RUN(test_refusal_within_a_pipeline_that_nobody_reads),
		RUN(test_half_closed_client_gets_every_answer),
		RUN(test_client_that_broke_off_is_forgotten),
		RUN(test_close_waits_for_the_peer_and_drops_what_it_sends),
		RUN(test_head_has_the_length_and_no_body),
		RUN(test_http_1_0_is_closed_unless_it_asks),
		RUN(test_continue_is_said_only_for_a_body_that_is_wanted),
		RUN(test_slow_head_and_slow_body_get_408),
		RUN(test_silent_connections_end),
		RUN(test_narrower_bounds_of_the_head_hold),
		RUN(test_last_request_of_a_connection_says_so),
		RUN(test_connection_past_the_bound_is_turned_away),
		RUN(test_actor_that_never_answers_is_504),
		RUN(test_user_agent_that_is_no_text_is_left_out),
		RUN(test_caller_cannot_be_forged),
		RUN(test_a_query_fills_nothing_of_a_body),
		RUN(test_largest_body_is_answered),
		RUN(test_drain_answers_what_was_asked_and_nothing_new),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
