/* net_test - the same rules over sockets and in memory. */
#include "runtime/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/net_address.h"
#include "runtime/net_fake.h"
#include "runtime/net_uv.h"

#define OWED_MAX 200000
#define TURNS_MAX 10000 /* loop turns before a test gives up */

/* An owner that writes down what it is told. */
struct owner {
	struct net_stream *s;
	char data[4096];
	size_t size;
	size_t pieces;
	int accepted;
	int ended;
	int drained;
	enum status why;
	bool close_on_data;
};

static void
owner_on_data(void *ctx, struct net_stream *s, uint8_t *at, size_t size)
{
	struct owner *o = ctx;

	assert_true(size <= sizeof(o->data) - o->size);
	memcpy(o->data + o->size, at, size);
	o->size += size;
	o->pieces++;
	if (o->close_on_data)
		net_close(s);
}

static void
owner_on_end(void *ctx, struct net_stream *s, enum status why)
{
	struct owner *o = ctx;

	(void)s;
	o->ended++;
	o->why = why;
}

static void
owner_on_drained(void *ctx, struct net_stream *s)
{
	struct owner *o = ctx;

	assert_int_equal(net_owed(s), 0);
	o->drained++;
}

static const struct net_events owner_on = {
	.on_data = owner_on_data,
	.on_end = owner_on_end,
	.on_drained = owner_on_drained,
};

static void
owner_on_accept(void *ctx, struct net_stream *s)
{
	struct owner *o = ctx;

	o->accepted++;
	o->s = s;
	net_own(s, &owner_on, o);
}

static struct net_listen
how(const char *address, struct owner *o)
{
	return (struct net_listen){
		.address = address,
		.streams_max = 2,
		.owed_max = OWED_MAX,
		.on_accept = owner_on_accept,
		.ctx = o,
	};
}

static enum status
write_text(struct net_stream *s, const char *t)
{
	struct net_part part = { { (const uint8_t *)t, strlen(t) }, NULL };

	return net_write(s, &part, 1);
}

/* A hold on static bytes that counts how often it was released. */
struct counted {
	struct net_hold hold;
	int released;
};

static void
counted_release(struct net_hold *h)
{
	((struct counted *)(void *)h)->released++;
}

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

/* Over sockets.  The far end is a plain socket of this same thread. */

struct real {
	uv_loop_t loop;
	struct net *n;
	struct net_listener *l;
	struct owner o;
	int fd;
};

static void
real_start(struct real *r, const char *address)
{
	struct net_listen h = how(address, &r->o);

	memset(r, 0, sizeof(*r));
	assert_int_equal(uv_loop_init(&r->loop), 0);
	r->n = net_uv_create(&r->loop);
	assert_non_null(r->n);
	assert_int_equal(net_listen(r->n, &h, &r->l), ST_OK);
}

static void
real_turn_until(struct real *r, const int *what, int is)
{
	for (int i = 0; i < TURNS_MAX && *what != is; i++)
		uv_run(&r->loop, UV_RUN_ONCE);
	assert_int_equal(*what, is);
}

static void
real_stop(struct real *r)
{
	net_stop(r->n);
	for (int i = 0; i < TURNS_MAX && !net_idle(r->n); i++)
		uv_run(&r->loop, UV_RUN_NOWAIT);
	net_destroy(r->n);
	assert_int_equal(uv_loop_close(&r->loop), 0);
}

static int
real_dial(const struct real *r, const char *address)
{
	char text[NET_ADDRESS_TEXT_SIZE];
	struct net_address a;
	size_t size = strlen(address);
	int fd;

	if (address[size - 1] == '0')
		size--;
	snprintf(text, sizeof(text), "%.*s", (int)size, address);
	if (net_listener_port(r->l) != 0)
		snprintf(text + size, sizeof(text) - size, "%u",
		    (unsigned)net_listener_port(r->l));
	assert_int_equal(net_address_parse(text, &a), ST_OK);
	fd = socket(a.u.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, &a.u.any, a.size), 0);
	return fd;
}

static void
real_exchange(const char *address, struct net_peer *ret_peer)
{
	struct real r;
	char back[16];

	real_start(&r, address);
	r.fd = real_dial(&r, address);
	real_turn_until(&r, &r.o.accepted, 1);
	net_peer(r.o.s, ret_peer);
	assert_int_equal(send(r.fd, "ping", 4, 0), 4);
	while (r.o.size < 4)
		uv_run(&r.loop, UV_RUN_ONCE);
	assert_memory_equal(r.o.data, "ping", 4);
	assert_int_equal(write_text(r.o.s, "pong"), ST_OK);
	assert_int_equal(net_owed(r.o.s), 0);
	assert_int_equal(recv(r.fd, back, sizeof(back), 0), 4);
	assert_memory_equal(back, "pong", 4);
	net_finish(r.o.s);
	assert_int_equal(recv(r.fd, back, sizeof(back), 0), 0);
	close(r.fd);
	real_turn_until(&r, &r.o.ended, 1);
	assert_int_equal(r.o.why, ST_CLOSED);
	net_close(r.o.s);
	real_stop(&r);
}

static void
test_tcp_carries_both_ways(void **state)
{
	struct net_peer peer;

	(void)state;
	real_exchange("127.0.0.1:0", &peer);
	assert_string_equal(peer.text, "127.0.0.1");
	assert_true(peer.port != 0 && !peer.is_local);
	real_exchange("[::1]:0", &peer);
	assert_string_equal(peer.text, "::1");
}

static void
test_unix_sockets_tell_who_calls(void **state)
{
	char folder[] = "/tmp/net_test_XXXXXX";
	char address[64];
	struct net_peer peer;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(address, sizeof(address), "unix:%s/s", folder);
	real_exchange(address, &peer);
	assert_true(peer.is_local);
	assert_int_equal(peer.uid, getuid());
	assert_int_equal(peer.pid, getpid());
	assert_int_equal(stat(address + 5, &st), -1);
	assert_int_equal(rmdir(folder), 0);
}

static void
test_a_leftover_unix_socket_is_replaced(void **state)
{
	char folder[] = "/tmp/net_test_XXXXXX";
	char address[64];
	struct net_listener *second;
	struct net_address a;
	struct stat st;
	struct real r;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(address, sizeof(address), "unix:%s/s", folder);
	assert_int_equal(net_address_parse(address, &a), ST_OK);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, &a.u.any, a.size), 0);
	close(fd);
	real_start(&r, address);
	struct net_listen h = how(address, &r.o);

	assert_int_equal(net_listen(r.n, &h, &second), ST_EXISTS);
	assert_int_equal(stat(address + 5, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	real_stop(&r);
	assert_int_equal(rmdir(folder), 0);
}

static void
test_ports_are_shared_only_on_request(void **state)
{
	struct net_listener *second, *third;
	struct real r;
	char address[64];
	struct net_listen h;

	(void)state;
	real_start(&r, "127.0.0.1:0");
	h = how(address, &r.o);
	snprintf(address, sizeof(address), "127.0.0.1:%u",
	    (unsigned)net_listener_port(r.l));
	assert_int_equal(net_listen(r.n, &h, &second), ST_EXISTS);
	h.reuse_port = true;
	h.address = "127.0.0.1:0";
	assert_int_equal(net_listen(r.n, &h, &second), ST_OK);
	h.address = address;
	snprintf(address, sizeof(address), "127.0.0.1:%u",
	    (unsigned)net_listener_port(second));
	assert_int_equal(net_listen(r.n, &h, &third), ST_OK);
	h.address = "127.0.0.1";
	assert_int_equal(net_listen(r.n, &h, &third), ST_INVALID);
	real_stop(&r);
}

static void
test_one_past_the_bound_is_turned_away(void **state)
{
	struct real r;
	int fds[3];
	char c;

	(void)state;
	real_start(&r, "127.0.0.1:0");
	for (int i = 0; i < 3; i++)
		fds[i] = real_dial(&r, "127.0.0.1:0");
	while (net_listener_counts(r.l).refused == 0)
		uv_run(&r.loop, UV_RUN_ONCE);
	assert_int_equal(r.o.accepted, 2);
	assert_int_equal(net_listener_counts(r.l).streams, 2);
	assert_int_equal(recv(fds[2], &c, 1, 0), 0);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	real_stop(&r);
}

/* Reads all until the end of the far side; a checksum of it. */
static size_t
real_read_some(int fd, uint32_t *sum)
{
	static uint8_t bytes[65536];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	for (ssize_t i = 0; i < n; i++)
		*sum = *sum * 31 + bytes[i];
	return n > 0 ? (size_t)n : 0;
}

static void
test_a_slow_reader_is_owed_and_then_drained(void **state)
{
	static uint8_t bytes[50000];
	struct counted c = { { 1, counted_release }, 0 };
	uint32_t sent_sum = 0, sum = 0;
	size_t sent = 0, got = 0;
	struct real r;

	(void)state;
	real_start(&r, "127.0.0.1:0");
	r.fd = real_dial(&r, "127.0.0.1:0");
	real_turn_until(&r, &r.o.accepted, 1);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	for (int i = 0;; i++) {
		struct net_part parts[] = {
			{ { bytes, 20000 }, i % 3 == 0 ? &c.hold : NULL },
			{ { bytes + 20000, 30000 }, NULL },
		};
		enum status st = net_write(r.o.s, parts, 2);

		if (st == ST_FULL)
			break;
		assert_int_equal(st, ST_OK);
		for (size_t k = 0; k < sizeof(bytes); k++)
			sent_sum = sent_sum * 31 + bytes[k];
		sent += sizeof(bytes);
	}
	assert_true(net_owed(r.o.s) > 0 && net_owed(r.o.s) <= OWED_MAX);
	while (got < sent) {
		got += real_read_some(r.fd, &sum);
		uv_run(&r.loop, UV_RUN_NOWAIT);
	}
	real_turn_until(&r, &r.o.drained, 1);
	assert_int_equal(got, sent);
	assert_int_equal(sum, sent_sum);
	assert_int_equal(c.hold.refs, 1);
	close(r.fd);
	real_stop(&r);
}

static void
test_closing_with_bytes_owed_lets_them_go(void **state)
{
	static uint8_t bytes[100000];
	struct counted c = { { 1, counted_release }, 0 };
	const struct net_part part = { { bytes, sizeof(bytes) }, &c.hold };
	struct real r;

	(void)state;
	real_start(&r, "127.0.0.1:0");
	r.fd = real_dial(&r, "127.0.0.1:0");
	real_turn_until(&r, &r.o.accepted, 1);
	while (net_write(r.o.s, &part, 1) == ST_OK)
		continue;
	assert_true(c.hold.refs > 1);
	net_close(r.o.s);
	real_stop(&r);
	assert_int_equal(c.hold.refs, 1);
	close(r.fd);
}

static void
test_a_reset_ends_the_stream(void **state)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };
	struct real r;

	(void)state;
	real_start(&r, "127.0.0.1:0");
	r.fd = real_dial(&r, "127.0.0.1:0");
	real_turn_until(&r, &r.o.accepted, 1);
	assert_int_equal(
	    setsockopt(r.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	close(r.fd);
	real_turn_until(&r, &r.o.ended, 1);
	assert_int_not_equal(write_text(r.o.s, "x"), ST_OK);
	net_close(r.o.s);
	real_stop(&r);
}

static void
test_closing_in_on_data_is_safe(void **state)
{
	struct real r;

	(void)state;
	real_start(&r, "127.0.0.1:0");
	r.fd = real_dial(&r, "127.0.0.1:0");
	r.o.close_on_data = true;
	assert_int_equal(send(r.fd, "x", 1, 0), 1);
	while (r.o.size == 0)
		uv_run(&r.loop, UV_RUN_ONCE);
	assert_int_equal(net_listener_counts(r.l).streams, 0);
	close(r.fd);
	real_stop(&r);
}

#define RUN(name) cmocka_unit_test(name)

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
		RUN(test_tcp_carries_both_ways),
		RUN(test_unix_sockets_tell_who_calls),
		RUN(test_a_leftover_unix_socket_is_replaced),
		RUN(test_ports_are_shared_only_on_request),
		RUN(test_one_past_the_bound_is_turned_away),
		RUN(test_a_slow_reader_is_owed_and_then_drained),
		RUN(test_closing_with_bytes_owed_lets_them_go),
		RUN(test_a_reset_ends_the_stream),
		RUN(test_closing_in_on_data_is_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
