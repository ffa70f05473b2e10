/* permessage-deflate: what is agreed on, and what becomes of messages. */
#include "gateway/deflate.h"

#include "gateway/fanout_inside.h"
#include "tests/gateway/fanout_rig.h"

#define LONG_TEXT 2000

/* ---- what is agreed on ---- */

static struct deflate_offer
offered(const char *extensions)
{
	char head[512];
	struct http1_head h;
	int size = snprintf(head, sizeof(head),
	    "GET / HTTP/1.1\r\nHost: x\r\n"
	    "Sec-WebSocket-Extensions: %s\r\n\r\n",
	    extensions);

	http1_head_init(&h);
	assert_int_equal(
	    http1_head_feed(&h, (const uint8_t *)head, (size_t)size),
	    HTTP1_DONE);
	return deflate_choose(&h, (const uint8_t *)head);
}

static void
test_offers_are_taken_or_passed_over(void **state)
{
	static const struct {
		uint8_t window;
		bool named;
		const char *offer;
	} cases[] = {
		{ 15, false, "permessage-deflate" },
		{ 15, false, "permessage-deflate; client_max_window_bits" },
		{ 15, false, "permessage-deflate; client_max_window_bits=9" },
		{ 10, true, "permessage-deflate; server_max_window_bits=10" },
		{ 8, true, "permessage-deflate;server_max_window_bits=\"8\"" },
		{ 15, false,
		    "x-other, permessage-deflate; "
		    "server_no_context_takeover; "
		    "client_no_context_takeover" },
		{ 11, true,
		    "permessage-deflate; wide=1, "
		    "permessage-deflate; server_max_window_bits=11" },
		{ 0, false, "permessage-deflate; server_max_window_bits" },
		{ 0, false, "permessage-deflate; server_max_window_bits=7" },
		{ 0, false, "permessage-deflate; server_max_window_bits=16" },
		{ 0, false, "permessage-deflate; server_max_window_bits=09" },
		{ 0, false, "permessage-deflate; server_max_window_bits=1a" },
		{ 0, false, "permessage-deflate; client_max_window_bits=0" },
		{ 0, false,
		    "permessage-deflate; server_no_context_takeover=1" },
		{ 0, false,
		    "permessage-deflate; server_max_window_bits=9; "
		    "server_max_window_bits=9" },
		{ 0, false, "permessage-deflate; ; x" },
		{ 0, false, "x-webkit-deflate-frame" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct deflate_offer got = offered(cases[i].offer);

		if (got.window != cases[i].window)
			fail_msg("%s: %u", cases[i].offer, got.window);
		if (got.window != 0)
			assert_int_equal(got.window_is_named, cases[i].named);
	}
}

/* ---- messages ---- */

static void
test_messages_survive_both_ways(void **state)
{
	struct deflater *d = deflater_create();
	uint8_t small[LONG_TEXT], back[LONG_TEXT];
	char *text = payload_of(LONG_TEXT);
	const struct bytes plain = { (const uint8_t *)text, LONG_TEXT };
	size_t first, size, again;

	(void)state;
	assert_non_null(d);
	assert_int_equal(
	    deflate_message(d, plain, small, sizeof(small), &first), ST_OK);
	assert_true(first < LONG_TEXT / 20);
	/* no context of the first is left: the second is as long */
	assert_int_equal(
	    deflate_message(d, plain, small, sizeof(small), &size), ST_OK);
	assert_int_equal(size, first);
	assert_int_equal(inflate_message(d, (struct bytes){ small, size }, back,
			     sizeof(back), &again),
	    ST_OK);
	assert_int_equal(again, LONG_TEXT);
	assert_memory_equal(back, text, LONG_TEXT);
	assert_int_equal(inflate_message(d, (struct bytes){ small, size }, back,
			     LONG_TEXT - 1, &again),
	    ST_FULL);
	for (size_t cut = 1; cut < size; cut++)
		assert_int_equal(
		    inflate_message(d, (struct bytes){ small, size - cut },
			back, sizeof(back), &again),
		    ST_MALFORMED);
	free(text);
	deflater_destroy(d);
}

/* RFC 7692 7.2.3: the examples, by their bytes. */
static void
test_examples_of_the_rfc(void **state)
{
	static const struct {
		size_t size;
		uint8_t bytes[16];
	} cases[] = {
		{ 7, { 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00 } },
		{ 11, { 0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c,
			  0x6f, 0x00 } },
		{ 8, { 0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00 } },
		{ 13, { 0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca,
			  0xc9, 0xc9, 0x07, 0x00 } },
	};
	static const uint8_t noise[] = { 0x06, 0xff, 0xff };
	struct deflater *d = deflater_create();
	uint8_t back[16];
	size_t size;

	(void)state;
	assert_non_null(d);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct bytes b = { cases[i].bytes, cases[i].size };

		assert_int_equal(
		    inflate_message(d, b, back, sizeof(back), &size), ST_OK);
		assert_int_equal(size, 5);
		assert_memory_equal(back, "Hello", 5);
	}
	assert_int_equal(
	    inflate_message(d, (struct bytes){ noise, sizeof(noise) }, back,
		sizeof(back), &size),
	    ST_MALFORMED);
	deflater_destroy(d);
}

/* ---- through a socket ---- */

static const char *const with_deflate[] = { "api.ws_deflate=true", NULL };

/* On the channel of tasks; extension "": it offers none. */
static struct client
client_tight(struct live_rig *l, const char *extension)
{
	char syntax[256];
	struct client c;

	snprintf(syntax, sizeof(syntax), "troupe.json.v1%s%s",
	    *extension == '\0' ? "" : "\r\nSec-WebSocket-Extensions: ",
	    extension);
	c = client_open_as(l, syntax);
	client_log_in(&c, "u1", "session");
	client_subscribe(&c, "\"tasks\"", "");
	client_expect(&c, SUBSCRIBED);
	return c;
}

static bool
answer_names(const struct client *c, const char *text)
{
	const struct bytes b = net_fake_taken(c->wire);

	return memmem(b.at, b.size, text, strlen(text)) != NULL;
}

/* The next frame; true: it was compressed.  Its text is put back into got. */
static bool
client_hear_tight(struct client *c, char *got, size_t got_size)
{
	const uint8_t *at = net_fake_taken(c->wire).at + c->at;
	bool tight = (at[0] & WEBSOCKET_DEFLATED) != 0;
	struct deflater *d = deflater_create();
	struct said s = { 0 };
	size_t size;

	assert_true(client_hear(c, &s));
	size = s.payload.size;
	assert_true(size < got_size);
	if (!tight)
		memcpy(got, s.payload.at, size);
	else
		assert_int_equal(inflate_message(d, s.payload, (uint8_t *)got,
				     got_size - 1, &size),
		    ST_OK);
	got[size] = '\0';
	deflater_destroy(d);
	return tight;
}

static void
test_events_are_compressed_for_those_who_can_read_them(void **state)
{
	struct live_rig l;
	struct client wide, narrow, plain;
	char *text = payload_of(LONG_TEXT);
	char a[2 * LONG_TEXT], b[2 * LONG_TEXT], c[2 * LONG_TEXT];

	(void)state;
	live_init(&l, with_deflate);
	wide = client_tight(&l, "permessage-deflate");
	narrow =
	    client_tight(&l, "permessage-deflate; server_max_window_bits=9");
	plain = client_tight(&l, "");
	assert_true(answer_names(&narrow, "server_max_window_bits=9\r\n"));
	assert_true(answer_names(&wide, "client_no_context_takeover\r\n"));
	assert_false(answer_names(&plain, "permessage"));
	live_tell(&l, "tasks", text);
	assert_true(client_hear_tight(&wide, a, sizeof(a)));
	assert_false(client_hear_tight(&narrow, b, sizeof(b)));
	assert_false(client_hear_tight(&plain, c, sizeof(c)));
	assert_string_equal(a, c);
	assert_string_equal(b, c);
	live_tell(&l, "tasks", "{\"n\":1}");
	assert_true(client_hear_tight(&wide, a, sizeof(a)));
	assert_true(client_hear_tight(&narrow, b, sizeof(b)));
	assert_string_equal(a, b);
	assert_non_null(strstr(a, "\"payload\":{\"n\":1}"));
	assert_int_equal(
	    client_socket(&wide)->all->inflating[WEBSOCKET_JSON], 2);
	net_fake_end(narrow.wire, ST_IO);
	rig_settle(&l.rig);
	assert_int_equal(
	    client_socket(&wide)->all->inflating[WEBSOCKET_JSON], 1);
	live_fini(&l);
	free(text);
}

/* What of one event is compressed, by syntax. */
static void
job_tight(struct sockets *k, bool ret_tight[SYNTAXES])
{
	struct job j = { .channel = CHANNEL_TASKS };
	char *text = payload_of(LONG_TEXT);
	const struct event e = { .event_type = "it.happened",
		.channel = "tasks",
		.timestamp = RIG_WALL_US,
		.event_id = { .octets = { 1 } },
		.payload = text };

	assert_int_equal(job_write(k, &j, &e), ST_OK);
	for (uint32_t i = 0; i < SYNTAXES; i++) {
		ret_tight[i] = j.tight[i].bytes.size > 0;
		shared_drop(j.holds[i]);
		shared_drop(j.tight_holds[i]);
	}
	free(text);
}

static void
test_events_are_compressed_only_as_somebody_reads_them(void **state)
{
	struct live_rig l;
	struct client json, packed;
	bool tight[SYNTAXES];

	(void)state;
	live_init(&l, with_deflate);
	json = client_tight(&l, "permessage-deflate");
	(void)client_open_as(&l, "troupe.msgpack.v1");
	job_tight(client_socket(&json)->all, tight);
	assert_true(tight[WEBSOCKET_JSON]);
	assert_false(tight[WEBSOCKET_MSGPACK]);
	packed =
	    client_open_as(&l, "troupe.msgpack.v1\r\n"
			       "Sec-WebSocket-Extensions: permessage-deflate");
	net_fake_end(json.wire, ST_IO);
	rig_settle(&l.rig);
	job_tight(client_socket(&packed)->all, tight);
	assert_false(tight[WEBSOCKET_JSON]);
	assert_true(tight[WEBSOCKET_MSGPACK]);
	live_fini(&l);
}

static void
client_send_tight(struct client *c, const char *text, size_t size, size_t less)
{
	static const uint8_t mask[4] = { 0 };
	uint8_t small[8192], frame[8192];
	struct deflater *d = deflater_create();
	size_t used, made;

	assert_int_equal(
	    deflate_message(d, (struct bytes){ (const uint8_t *)text, size },
		small, sizeof(small), &made),
	    ST_OK);
	deflater_destroy(d);
	assert_int_equal(
	    websocket_masked_write(frame, sizeof(frame), WEBSOCKET_TEXT, true,
		mask, (struct bytes){ small, made - less }, &used),
	    ST_OK);
	frame[0] |= WEBSOCKET_DEFLATED;
	net_fake_send(c->wire, frame, used, 1); /* byte by byte */
	rig_settle(&c->live->rig);
}

static void
test_what_a_client_compressed(void **state)
{
	static const char ping[] =
	    "{\"action\":\"ping\"                                          "
	    "                                                            }";
	char *bomb = payload_of(1000000);
	char bad[200];
	struct live_rig l;
	struct client c, cut, latin;

	(void)state;
	live_init(&l, with_deflate);
	c = client_tight(&l, "permessage-deflate");
	cut = client_tight(&l, "permessage-deflate");
	latin = client_tight(&l, "permessage-deflate");
	client_send_tight(&c, ping, strlen(ping), 0);
	client_expect(&c, "{\"action\":\"pong\"}");
	client_send_tight(&c, bomb, 1000000, 0);
	client_expect(&c, "{\"error\":\"Message too large\"}");
	client_send_tight(&c, ping, strlen(ping), 0);
	client_expect(&c, "{\"action\":\"pong\"}");
	client_send_tight(&cut, ping, strlen(ping), 2);
	client_expect_close(&cut, 1007, "bad compressed message");
	memset(bad, 0xe9, sizeof(bad));
	client_send_tight(&latin, bad, sizeof(bad), 0);
	client_expect_close(&latin, 1007, "bad compressed message");
	live_fini(&l);
	free(bomb);
}

/* RSV1 where it says nothing: 1002. */
static void
test_reserved_bit_has_its_place(void **state)
{
	static const struct {
		const char *extension;
		size_t size;
		uint8_t bytes[16];
	} cases[] = {
		{ "", 6, { 0xc1, 0x80 } },
		{ "permessage-deflate", 6, { 0xc9, 0x80 } },
		{ "permessage-deflate", 6, { 0xa1, 0x80 } },
		{ "permessage-deflate", 6, { 0xd1, 0x80 } },
		{ "permessage-deflate", 12,
		    { 0x41, 0x80, 0, 0, 0, 0, 0xc0, 0x80 } },
		{ "permessage-deflate", 12,
		    { 0x01, 0x80, 0, 0, 0, 0, 0xc0, 0x80 } },
	};
	struct live_rig l;

	(void)state;
	live_init(&l, with_deflate);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct client c = client_tight(&l, cases[i].extension);

		net_fake_send(c.wire, cases[i].bytes, cases[i].size, SIZE_MAX);
		rig_settle(&l.rig);
		client_expect_close(&c, 1002, "reserved bit set");
	}
	live_fini(&l);
}

static void
test_off_by_default(void **state)
{
	struct live_rig l;
	struct client c;

	(void)state;
	live_init(&l, NULL);
	c = client_tight(&l, "permessage-deflate");
	assert_false(answer_names(&c, "permessage"));
	assert_null(client_socket(&c)->all->deflater);
	live_fini(&l);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offers_are_taken_or_passed_over),
		cmocka_unit_test(test_messages_survive_both_ways),
		cmocka_unit_test(test_examples_of_the_rfc),
		cmocka_unit_test(
		    test_events_are_compressed_for_those_who_can_read_them),
		cmocka_unit_test(
		    test_events_are_compressed_only_as_somebody_reads_them),
		cmocka_unit_test(test_what_a_client_compressed),
		cmocka_unit_test(test_reserved_bit_has_its_place),
		cmocka_unit_test(test_off_by_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
