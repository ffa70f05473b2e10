/* net_test - addresses, and the rules of net, in memory. */
#include "runtime/net.h"

#include "runtime/net_address.h"
#include "runtime/net_fake.h"
#include "tests/runtime/net_owner.h"

static void
test_addresses_are_numbers_or_paths(void **state)
{
	static const char *const good[] = { "127.0.0.1:0", "0.0.0.0:65535",
		"[::1]:80", "[::]:0", "unix:/tmp/x" };
	static const char *const bad[] = { "", ":", "80", "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:+1",
		"127.0.0.1:080808", "localhost:80", "::1:80", "[::1]80", "[::1",
		"[127.0.0.1]:80", "[]:80", "unix:", "unix:x", "127.0.0.1:80 ",
		"1111111111222222222233333333334444444444555555555566:80" };
	char path[256] = "unix:/";
	struct net_address a;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_int_equal(net_address_parse(good[i], &a), ST_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(net_address_parse(bad[i], &a), ST_INVALID);
	memset(path + 6, 'x', sizeof(a.u.local.sun_path) - 1);
	assert_int_equal(net_address_parse(path, &a), ST_INVALID);
	path[5 + sizeof(a.u.local.sun_path) - 1] = '\0';
	assert_int_equal(net_address_parse(path, &a), ST_OK);
}

/* In memory. */

static struct net_fake_wire *
dial(struct net *n, struct owner *o)
{
	struct net_listen h = how("127.0.0.1:1", o);
	struct net_listener *l;
	struct net_fake_wire *w;

	assert_int_equal(net_listen(n, &h, &l), ST_OK);
	assert_int_equal(net_fake_dial(n, "127.0.0.1:1", &w), ST_OK);
	assert_int_equal(o->accepted, 1);
	return w;
}

static void
stop(struct net *n)
{
	net_stop(n);
	assert_true(net_idle(n));
	net_destroy(n);
}

static void
test_fake_delivers_in_any_pieces(void **state)
{
	struct net *n = net_fake_create();
	struct owner o = { 0 };
	struct net_fake_wire *w = dial(n, &o);

	(void)state;
	assert_int_equal(net_fake_send(w, "hello", 5, 2), 5);
	assert_int_equal(o.pieces, 3);
	assert_memory_equal(o.data, "hello", 5);
	net_read(o.s, false);
	assert_int_equal(net_fake_send(w, "x", 1, 1), 0);
	net_read(o.s, true);
	o.close_on_data = true;
	assert_int_equal(net_fake_send(w, "abc", 3, 1), 1);
	assert_true(net_fake_is_closed(w));
	net_fake_hang_up(w);
	stop(n);
}

static void
test_fake_stall_makes_the_stream_owe(void **state)
{
	struct net *n = net_fake_create();
	struct owner o = { 0 };
	struct net_fake_wire *w = dial(n, &o);

	(void)state;
	net_fake_take(w, 3);
	assert_int_equal(write_text(o.s, "hello"), ST_OK);
	assert_int_equal(net_owed(o.s), 2);
	assert_int_equal(write_text(o.s, " you"), ST_OK);
	assert_int_equal(net_owed(o.s), 6);
	assert_int_equal(o.drained, 0);
	net_finish(o.s);
	assert_false(net_fake_is_finished(w));
	net_fake_take(w, 4);
	assert_int_equal(net_owed(o.s), 2);
	net_fake_take(w, SIZE_MAX);
	assert_int_equal(o.drained, 1);
	assert_true(net_fake_is_finished(w));
	assert_int_equal(net_fake_taken(w).size, 9);
	assert_memory_equal(net_fake_taken(w).at, "hello you", 9);
	stop(n);
}

static void
test_owing_is_bounded_and_all_or_nothing(void **state)
{
	struct net *n = net_fake_create();
	struct owner o = { 0 };
	struct net_fake_wire *w = dial(n, &o);
	static uint8_t bytes[OWED_MAX + 1];
	struct net_part part = { { bytes, OWED_MAX + 1 }, NULL };

	(void)state;
	net_fake_take(w, 0);
	assert_int_equal(net_write(o.s, &part, 1), ST_FULL);
	assert_int_equal(net_owed(o.s), 0);
	part.bytes.size = OWED_MAX;
	assert_int_equal(net_write(o.s, &part, 1), ST_OK);
	assert_int_equal(net_owed(o.s), OWED_MAX);
	assert_int_equal(write_text(o.s, "x"), ST_FULL);
	net_fake_take(w, SIZE_MAX);
	assert_int_equal(net_owed(o.s), 0);
	assert_int_equal(net_fake_taken(w).size, OWED_MAX);
	stop(n);
}

static void
test_shared_bytes_are_released_once_by_the_last(void **state)
{
	struct net *n = net_fake_create();
	struct owner o = { 0 }, o2 = { 0 };
	struct net_fake_wire *w = dial(n, &o), *w2;
	struct counted c = { { 1, counted_release }, 0 };
	const struct net_part parts[] = {
		{ { (const uint8_t *)"head", 4 }, NULL },
		{ { (const uint8_t *)"body", 4 }, &c.hold },
	};

	(void)state;
	o2.s = o.s;
	assert_int_equal(net_fake_dial(n, "127.0.0.1:1", &w2), ST_OK);
	assert_ptr_not_equal(o.s, o2.s);
	assert_int_equal(net_write(o2.s, parts, 2), ST_OK);
	assert_int_equal(c.hold.refs, 1);
	net_fake_take(w, 0);
	net_fake_take(w2, 5);
	net_fake_forget(w);
	assert_int_equal(net_write(o2.s, parts, 2), ST_OK);
	assert_int_equal(net_write(o.s, parts, 2), ST_OK);
	assert_int_equal(c.hold.refs, 3);
	net_fake_take(w, SIZE_MAX);
	assert_memory_equal(net_fake_taken(w).at, "headbody", 8);
	assert_int_equal(c.hold.refs, 2);
	net_close(o.s);
	assert_int_equal(c.hold.refs, 1);
	assert_int_equal(c.released, 0);
	stop(n);
}

static void
test_a_write_goes_on_where_it_was_cut(void **state)
{
	struct net *n = net_fake_create();
	struct owner o = { 0 };
	struct net_fake_wire *w = dial(n, &o);
	struct counted c = { { 1, counted_release }, 0 };
	const struct net_part parts[] = {
		{ { (const uint8_t *)"head", 4 }, NULL },
		{ { (const uint8_t *)"body", 4 }, &c.hold },
		{ { (const uint8_t *)"tail", 4 }, NULL },
	};

	(void)state;
	for (size_t cut = 0; cut <= 12; cut++) {
		net_fake_take(w, cut);
		assert_int_equal(net_write(o.s, parts, 3), ST_OK);
		assert_int_equal(net_owed(o.s), 12 - cut);
		net_fake_take(w, 1);
		net_fake_take(w, SIZE_MAX);
		assert_int_equal(net_fake_taken(w).size, 12);
		assert_memory_equal(net_fake_taken(w).at, "headbodytail", 12);
		net_fake_forget(w);
		assert_int_equal(c.hold.refs, 1);
	}
	stop(n);
}

static void
test_streams_are_bounded(void **state)
{
	struct net *n = net_fake_create();
	struct owner o = { 0 };
	struct net_fake_wire *w;

	(void)state;
	dial(n, &o);
	assert_int_equal(net_fake_dial(n, "127.0.0.1:1", &w), ST_OK);
	assert_int_equal(net_fake_dial(n, "127.0.0.1:1", &w), ST_DENIED);
	assert_int_equal(net_fake_dial(n, "127.0.0.1:2", &w), ST_NOT_FOUND);
	net_close(o.s);
	assert_int_equal(net_fake_dial(n, "127.0.0.1:1", &w), ST_OK);
	stop(n);
}

static void
test_the_end_is_told_once(void **state)
{
	struct net *n = net_fake_create();
	struct owner o = { 0 };
	struct net_fake_wire *w = dial(n, &o);

	(void)state;
	net_fake_end(w, ST_IO);
	net_fake_end(w, ST_CLOSED);
	assert_int_equal(o.ended, 1);
	assert_int_equal(o.why, ST_IO);
	assert_int_equal(net_fake_send(w, "x", 1, 1), 0);
	stop(n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_addresses_are_numbers_or_paths),
		RUN(test_fake_delivers_in_any_pieces),
		RUN(test_fake_stall_makes_the_stream_owe),
		RUN(test_owing_is_bounded_and_all_or_nothing),
		RUN(test_shared_bytes_are_released_once_by_the_last),
		RUN(test_a_write_goes_on_where_it_was_cut),
		RUN(test_streams_are_bounded),
		RUN(test_the_end_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
