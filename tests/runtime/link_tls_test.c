/* Links over TLS: who is let in, who is not and why, and what a reload does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <openssl/tls1.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "runtime/base/log.h"
#include "runtime/link_uv.h"
#include "tests/link_client.h"

#define DEADLINE_US 60000000 /* of a test, under a sanitizer too */
#define DAY_S 86400
#define SHORT_MS 60 /* of a handshake, where a test waits for its end */
#define STORM 300   /* connections with bytes of any kind */

static uv_loop_t uv; /* of all ends */
static struct link_hosts hosts;
static struct link_end ends[LINK_ENDS];
static struct link_authority *strangers; /* another authority */
static char dir[64];
static uint64_t end_us;
static unsigned refused_lines;

static uint64_t
now_us(void)
{
	return clock_mono_us(&clock_system);
}

static void
on_log(void *ctx, enum event_id event, const char *line, size_t size)
{
	(void)ctx;
	refused_lines += event == EV_LINK_TLS_REFUSED;
	if (getenv("LINK_TEST_LOG") != NULL)
		fprintf(stderr, "%.*s\n", (int)size, line);
}

/* A certificate DIR/FILE.pem for a node, from an authority. */
static void
certify(struct link_authority *a, const char *node, const char *file,
    int64_t from_s, int64_t until_s)
{
	const struct link_cert c = { &node, 1, from_s, until_s };
	char cert[LINK_HOSTS_PATH], key[LINK_HOSTS_PATH];

	link_hosts_path(&hosts, file, ".pem", cert);
	link_hosts_path(&hosts, file, ".key", key);
	assert_int_equal(link_authority_issue(a, &c, cert, key), ST_OK);
}

static struct link_authority *
authority(void)
{
	struct link_authority *a;
	char cert[LINK_HOSTS_PATH], key[LINK_HOSTS_PATH];

	link_hosts_path(&hosts, "authority", ".pem", cert);
	link_hosts_path(&hosts, "authority", ".key", key);
	assert_int_equal(link_authority_load(cert, key, &a), ST_OK);
	return a;
}

static int
setup(void **state)
{
	char path[LINK_HOSTS_PATH];

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/troupe-tls-XXXXXX");
	assert_non_null(mkdtemp(dir));
	log_set_sink(on_log, NULL);
	refused_lines = 0;
	end_us = now_us() + DEADLINE_US;
	for (uint16_t i = 0; i < 3; i++) {
		link_end_init(ends, i, dir, 3, &clock_system);
		ends[i].seed ^= now_us();
	}
	link_hosts_init(&hosts, dir, 3);
	link_hosts_use(&hosts, ends, 3);
	assert_int_equal(link_authority_create("others", &strangers), ST_OK);
	link_hosts_path(&hosts, "strangers", ".pem", path);
	assert_int_equal(link_authority_store(strangers, path, NULL), ST_OK);
	return 0;
}

static int
teardown(void **state)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	(void)state;
	for (uint16_t i = 0; i < 3; i++)
		link_end_fini(&ends[i]);
	link_hosts_fini(&hosts);
	link_authority_destroy(strangers);
	while (d != NULL && (e = readdir(d)) != NULL)
		(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		closedir(d);
	(void)rmdir(dir);
	return 0;
}

static void
use_tls(uint16_t node, const char *name, const char *file, const char *ca)
{
	link_tls_destroy(hosts.tls[node]);
	hosts.tls[node] = link_hosts_tls(&hosts, &ends[node], name, file, ca);
	assert_non_null(hosts.tls[node]);
}

static void
open_end(uint16_t node)
{
	struct links_config c = ends[node].config;

	assert_int_equal(
	    link_uv_create(&uv, c.listen, hosts.tls[node], &c.transport),
	    ST_OK);
	assert_int_equal(links_create(&c, &ends[node].links), ST_OK);
}

static void
step(void)
{
	uint64_t at = now_us() + 20000;
	struct pollfd fd = { uv_backend_fd(&uv), POLLIN, 0 };
	bool more = false;

	assert_true(now_us() < end_us);
	uv_run(&uv, UV_RUN_NOWAIT);
	for (uint16_t i = 0; i < 3; i++) {
		if (ends[i].links == NULL)
			continue;
		more |= links_turn(ends[i].links);
		if (links_next_us(ends[i].links) < at)
			at = links_next_us(ends[i].links);
	}
	if (!more && uv_backend_timeout(&uv) != 0 && at > now_us())
		(void)poll(&fd, 1, (int)((at - now_us()) / 1000) + 1);
}

static bool
is_up(uint16_t a, uint16_t b)
{
	return links_state(ends[a].links, b) == LINK_UP &&
	       links_state(ends[b].links, a) == LINK_UP;
}

static uint64_t
refused(uint16_t node, enum link_tls_refusal why)
{
	return link_tls_counts(hosts.tls[node])->refused[why];
}

static uint64_t
shaken(uint16_t node)
{
	return link_tls_counts(hosts.tls[node])->shaken;
}

static void
talk(uint64_t frames)
{
	uint64_t until = ends[0].sent + frames;

	while (ends[1].got < until) {
		while (ends[0].sent < until &&
		       link_end_send(&ends[0], 1, LINK_NORMAL,
			   ends[0].sent % 3000) == ST_OK)
			;
		step();
	}
	assert_int_equal(ends[1].bad, 0);
	assert_int_equal(links_stats(ends[0].links, 1)->lost_with_link, 0);
}

/* ---- who is let in ---- */

static void
test_every_pair_comes_up_and_carries(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < 3; i++)
		open_end(i);
	while (!is_up(0, 1) || !is_up(1, 2) || !is_up(0, 2))
		step();
	talk(2000);
	for (int why = 0; why < LINK_TLS_REFUSAL_COUNT; why++)
		assert_int_equal(refused(0, (enum link_tls_refusal)why), 0);
	assert_int_equal(refused_lines, 0);
}

/* What end 1 shows to end 0, and what each then counts. */
static void
refuses(const char *file, const char *ca, enum link_tls_refusal here,
    enum link_tls_refusal there)
{
	use_tls(1, file[0] == 'v' ? "vault" : "core", file, ca);
	open_end(0);
	open_end(1);
	while (refused(0, here) == 0 || refused(1, there) == 0)
		step();
	assert_int_equal(
	    ends[0].nchanges, link_end_count(&ends[0], LINK_DOWN) +
				  link_end_count(&ends[0], LINK_DIALING));
	assert_false(links_state(ends[0].links, 1) == LINK_UP);
	assert_false(links_state(ends[1].links, 0) == LINK_UP);
	assert_true(refused_lines > 0);
}

static void
test_another_authority_is_refused(void **state)
{
	(void)state;
	certify(strangers, "core", "stranger", -DAY_S, DAY_S);
	refuses("stranger", "authority", LINK_TLS_AUTHORITY, LINK_TLS_TOLD);
}

static void
test_one_that_believes_another_authority_refuses_us(void **state)
{
	(void)state;
	refuses("core", "strangers", LINK_TLS_TOLD, LINK_TLS_AUTHORITY);
}

static void
test_an_expired_certificate_is_refused(void **state)
{
	struct link_authority *a = authority();

	(void)state;
	certify(a, "core", "expired", -2 * DAY_S, -DAY_S);
	link_authority_destroy(a);
	refuses("expired", "authority", LINK_TLS_EXPIRED, LINK_TLS_TOLD);
}

static void
test_a_certificate_of_tomorrow_is_refused(void **state)
{
	struct link_authority *a = authority();

	(void)state;
	certify(a, "core", "tomorrow", DAY_S, 2 * DAY_S);
	link_authority_destroy(a);
	refuses("tomorrow", "authority", LINK_TLS_NOT_YET, LINK_TLS_TOLD);
}

/* A whole host's certificate is no other node's: neither way. */
static void
test_the_certificate_of_another_node_is_refused(void **state)
{
	(void)state;
	refuses("vault", "authority", LINK_TLS_NAME, LINK_TLS_TOLD);
}

/* It dials us, and is let in, until it says that it is core. */
static void
test_a_node_may_not_speak_for_another(void **state)
{
	(void)state;
	/* Nobody is there: what end 0 counts is about who dials it. */
	ends[0].peers[0].url = "tls+tcp://127.0.0.1:1";
	use_tls(1, "vault", "vault", "authority");
	open_end(0);
	open_end(1);
	while (refused(0, LINK_TLS_NAME) == 0)
		step();
	assert_true(shaken(0) > 0);
	assert_int_equal(links_stats(ends[0].links, 1)->strays, 0);
}

static void
test_a_certificate_of_nobody_is_refused(void **state)
{
	struct link_authority *a = authority();

	(void)state;
	certify(a, "vagrant", "vagrant", -DAY_S, DAY_S);
	link_authority_destroy(a);
	use_tls(1, "vagrant", "vagrant", "authority");
	open_end(0);
	open_end(1);
	while (refused(0, LINK_TLS_NAME) < 2)
		step();
	assert_int_equal(shaken(0), 0);
	assert_false(links_state(ends[0].links, 1) == LINK_UP);
}

static void
test_one_certificate_serves_every_node_of_a_host(void **state)
{
	static const char *const names[] = { "core", "vault" };
	const struct link_cert c = { names, 2, -DAY_S, DAY_S };
	struct link_authority *a = authority();
	char cert[LINK_HOSTS_PATH], key[LINK_HOSTS_PATH];

	(void)state;
	link_hosts_path(&hosts, "host", ".pem", cert);
	link_hosts_path(&hosts, "host", ".key", key);
	assert_int_equal(link_authority_issue(a, &c, cert, key), ST_OK);
	link_authority_destroy(a);
	use_tls(1, "core", "host", "authority");
	use_tls(2, "vault", "host", "authority");
	for (uint16_t i = 0; i < 3; i++)
		open_end(i);
	while (!is_up(0, 1) || !is_up(1, 2) || !is_up(0, 2))
		step();
	assert_null(
	    link_hosts_tls(&hosts, &ends[0], "edge", "host", "authority"));
}

static void
test_no_certificate_is_refused(void **state)
{
	(void)state;
	open_end(0);
	link_client_be_refused(&hosts, 0, TLS1_3_VERSION, step);
	assert_int_equal(refused(0, LINK_TLS_NO_CERTIFICATE), 1);
	assert_int_equal(shaken(0), 0);
}

static void
test_older_versions_are_refused(void **state)
{
	(void)state;
	open_end(0);
	link_client_be_refused(&hosts, 0, TLS1_2_VERSION, step);
	assert_int_equal(refused(0, LINK_TLS_VERSION), 1);
}

static void
test_one_without_tls_is_refused(void **state)
{
	static const char *const said[] = { "GET / HTTP/1.1\r\n\r\n",
		"\x51\x00\x00\x00l\x01\x01\x00\x01\x00", "\0\0\0\0\0\0\0\0\0" };

	(void)state;
	open_end(0);
	for (size_t i = 0; i < 3; i++) {
		int fd = link_client_connect(&hosts, 0);

		link_client_send(fd, said[i], i == 0 ? 18 : 9, step);
		link_client_await_end(fd, step);
		assert_int_equal(refused(0, LINK_TLS_PLAIN), i + 1);
	}
	/* One line for all of them. */
	assert_int_equal(refused_lines, 1);
}

/* ---- bounds ---- */

static void
test_half_a_handshake_ends_in_time(void **state)
{
	static const uint8_t begun[] = { 0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc };
	int silent, half;

	(void)state;
	hosts.shake_ms = SHORT_MS;
	use_tls(0, "edge", "edge", "authority");
	open_end(0);
	silent = link_client_connect(&hosts, 0);
	half = link_client_connect(&hosts, 0);
	link_client_send(half, begun, sizeof(begun), step);
	link_client_await_end(silent, step);
	link_client_await_end(half, step);
	assert_int_equal(refused(0, LINK_TLS_LATE), 2);
}

static void
test_handshakes_are_bounded_in_number(void **state)
{
	int fds[LINK_TLS_SHAKES_MAX + 3];
	size_t count = sizeof(fds) / sizeof(fds[0]);

	(void)state;
	open_end(0);
	for (size_t i = 0; i < count; i++)
		fds[i] = link_client_connect(&hosts, 0);
	while (refused(0, LINK_TLS_MANY) < 3)
		step();
	/* The oldest have made room. */
	for (size_t i = 0; i < 3; i++)
		link_client_await_end(fds[i], step);
	open_end(1);
	while (!is_up(0, 1))
		step();
	assert_true(refused(0, LINK_TLS_MANY) >= 4);
	for (size_t i = 3; i < count; i++)
		close(fds[i]);
}

static void
test_bytes_of_any_kind_hurt_nobody(void **state)
{
	uint64_t seed = now_us();
	uint8_t bytes[2048];

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	open_end(0);
	open_end(1);
	while (!is_up(0, 1))
		step();
	for (int i = 0; i < STORM; i++) {
		int fd = link_client_connect(&hosts, 0);
		size_t size = 1 + link_rig_random(&seed) % sizeof(bytes);

		for (size_t k = 0; k < size; k++)
			bytes[k] = (uint8_t)link_rig_random(&seed);
		if (i % 2 == 0) { /* like a record of a handshake */
			bytes[0] = 0x16;
			bytes[1] = 3;
			bytes[2] = 1;
		}
		link_client_send(fd, bytes, size, step);
		close(fd);
		talk(3);
	}
	assert_true(is_up(0, 1));
	assert_int_equal(links_stats(ends[0].links, 1)->reconnects, 0);
}

/* ---- files ---- */

static void
test_files_that_do_not_fit_are_told(void **state)
{
	struct link_authority *a = authority();

	(void)state;
	certify(a, "edge", "second", -DAY_S, DAY_S);
	link_authority_destroy(a);
	assert_null(
	    link_hosts_tls(&hosts, &ends[0], "edge", "missing", "authority"));
	assert_null(
	    link_hosts_tls(&hosts, &ends[0], "edge", "edge", "missing"));
	/* Its own name is not in it: no peer would believe it. */
	assert_null(
	    link_hosts_tls(&hosts, &ends[0], "edge", "core", "authority"));
}

/* Another in its place would be believed by no node. */
static void
test_half_an_authority_is_not_none(void **state)
{
	struct link_authority *a = NULL;
	char cert[LINK_HOSTS_PATH], key[LINK_HOSTS_PATH];
	char missing[LINK_HOSTS_PATH];

	(void)state;
	link_hosts_path(&hosts, "authority", ".pem", cert);
	link_hosts_path(&hosts, "authority", ".key", key);
	link_hosts_path(&hosts, "missing", ".pem", missing);
	assert_int_equal(
	    link_authority_load(cert, missing, &a), ST_UNAVAILABLE);
	assert_int_equal(link_authority_load(missing, key, &a), ST_UNAVAILABLE);
	assert_int_equal(
	    link_authority_load(missing, missing, &a), ST_NOT_FOUND);
	link_hosts_path(&hosts, "core", ".key", key);
	assert_int_equal(link_authority_load(cert, key, &a), ST_INVALID);
	assert_null(a);
}

static enum status
reload(const char *file)
{
	char cert[LINK_HOSTS_PATH], key[LINK_HOSTS_PATH], ca[LINK_HOSTS_PATH];
	char why[LINK_TLS_WHY_SIZE] = "";
	const struct link_tls_config c = {
		.name = "edge", .certfile = cert, .keyfile = key, .ca_certs = ca
	};
	enum status st;

	link_hosts_path(&hosts, file, ".pem", cert);
	link_hosts_path(&hosts, file, ".key", key);
	link_hosts_path(&hosts, "authority", ".pem", ca);
	st = link_tls_reload(hosts.tls[0], &c, why);
	assert_true(st == ST_OK || strstr(why, file) != NULL);
	return st;
}

static void
test_reload_drops_nothing(void **state)
{
	struct link_authority *a = authority();
	int64_t was = link_tls_not_after(hosts.tls[0]);
	uint64_t shakes;

	(void)state;
	open_end(0);
	open_end(1);
	while (!is_up(0, 1))
		step();
	shakes = shaken(0);
	assert_int_equal(reload("missing"), ST_INVALID);
	assert_int_equal(link_tls_not_after(hosts.tls[0]), was);
	certify(a, "edge", "renewed", -DAY_S, 9 * DAY_S);
	link_authority_destroy(a);
	assert_int_equal(reload("renewed"), ST_OK);
	assert_true(link_tls_not_after(hosts.tls[0]) > was);
	talk(500);
	assert_int_equal(shaken(0), shakes);
	assert_int_equal(links_stats(ends[0].links, 1)->reconnects, 0);
	/* Whoever comes now meets the new one. */
	open_end(2);
	while (!is_up(0, 2))
		step();
	assert_true(shaken(0) > shakes);
}

static void
test_keys_are_changed_on_the_way(void **state)
{
	(void)state;
	hosts.rekey_bytes = 50000;
	use_tls(0, "edge", "edge", "authority");
	open_end(0);
	open_end(1);
	while (!is_up(0, 1))
		step();
	talk(2000); /* some three megabytes: sixty times */
	assert_int_equal(links_stats(ends[0].links, 1)->reconnects, 0);
	assert_int_equal(refused(1, LINK_TLS_BROKEN), 0);
}

static void
test_without_files_there_is_no_tls(void **state)
{
	struct link_transport *t = NULL;

	(void)state;
	assert_int_equal(
	    link_uv_create(&uv, ends[0].config.listen, NULL, &t), ST_INVALID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define RUN(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		RUN(test_every_pair_comes_up_and_carries),
		RUN(test_another_authority_is_refused),
		RUN(test_one_that_believes_another_authority_refuses_us),
		RUN(test_an_expired_certificate_is_refused),
		RUN(test_a_certificate_of_tomorrow_is_refused),
		RUN(test_the_certificate_of_another_node_is_refused),
		RUN(test_a_node_may_not_speak_for_another),
		RUN(test_a_certificate_of_nobody_is_refused),
		RUN(test_one_certificate_serves_every_node_of_a_host),
		RUN(test_no_certificate_is_refused),
		RUN(test_older_versions_are_refused),
		RUN(test_one_without_tls_is_refused),
		RUN(test_half_a_handshake_ends_in_time),
		RUN(test_handshakes_are_bounded_in_number),
		RUN(test_bytes_of_any_kind_hurt_nobody),
		RUN(test_files_that_do_not_fit_are_told),
		RUN(test_half_an_authority_is_not_none),
		RUN(test_reload_drops_nothing),
		RUN(test_keys_are_changed_on_the_way),
		RUN(test_without_files_there_is_no_tls),
	};

	if (uv_loop_init(&uv) != 0)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
