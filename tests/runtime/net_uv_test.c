/*
 * net_uv_test - the rules of net over sockets.  The far end is a plain socket
 * of this same thread.
 */
#include "runtime/net_uv.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/net_address.h"
#include "tests/runtime/net_owner.h"

#define TURNS_MAX 10000 /* loop turns before a test gives up */

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
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
