/*
 * Links over real sockets, ipc:// unless it is said otherwise: cuts under load,
 * killed peers.
 *
 * Compiled three times: on NNG's threads, (link_uv_test.c) on libuv's handles,
 * and (link_uv_tls_test.c) on these with TLS over loopback.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <assert.h>
#include <cmocka.h>
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/log.h"
#include "tests/link_rig.h"

#ifdef LINK_UV
#include <uv.h>

#include "runtime/link_uv.h"

static uv_loop_t uv; /* of both ends */
#endif

#ifdef LINK_TLS
#include "tests/link_hosts.h"

static struct link_hosts hosts;
#endif

#define CUTS 200       /* that an end has noticed */
#define CUT_FRAMES 400 /* delivered between two cuts */
#define KILLS 10
#define KILL_FRAMES 200
#define DEADLINE_US 100000000 /* of a whole test, under a sanitizer too */
#define PAD_MAX 3000
#define FDS_MAX 1024

struct pair {
	char dir[64];
	struct link_end ends[LINK_ENDS];
	int wake_fd;
	uint64_t end_us;
};

static struct pair pair;

static void
quiet(void *ctx, enum event_id event, const char *line, size_t size)
{
	(void)ctx;
	(void)event;
	if (getenv("LINK_TEST_LOG") != NULL)
		fprintf(stderr, "%.*s\n", (int)size, line);
}

static uint64_t
now_us(void)
{
	return clock_mono_us(&clock_system);
}

static int
setup(void **state)
{
	(void)state;
	memset(&pair, 0, sizeof(pair));
	snprintf(pair.dir, sizeof(pair.dir), "/tmp/troupe-link-XXXXXX");
	assert_non_null(mkdtemp(pair.dir));
	pair.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	pair.end_us = now_us() + DEADLINE_US;
	log_set_sink(quiet, NULL);
	for (uint16_t i = 0; i < 2; i++) {
		link_end_init(pair.ends, i, pair.dir, 2, &clock_system);
		pair.ends[i].wake_fd = pair.wake_fd;
		pair.ends[i].seed ^= now_us();
	}
#ifdef LINK_TLS
	link_hosts_init(&hosts, pair.dir, 2);
	link_hosts_use(&hosts, pair.ends, 2);
#endif
	return 0;
}

static void
remove_dir(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		closedir(d);
	(void)rmdir(path);
}

static int
teardown(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < 2; i++)
		link_end_fini(&pair.ends[i]);
#ifdef LINK_TLS
	link_hosts_fini(&hosts);
#endif
	close(pair.wake_fd);
	remove_dir(pair.dir);
	return 0;
}

static enum status
end_create(const struct link_end *e, struct links **ret_links)
{
	struct links_config c = e->config;

#ifdef LINK_UV
	struct link_tls *tls = NULL;
	enum status st;

#ifdef LINK_TLS
	tls = hosts.tls[c.node];
#endif
	st = link_uv_create(&uv, c.listen, tls, &c.transport);
	if (st != ST_OK)
		return st;
#endif
	return links_create(&c, ret_links);
}

static void
open_end(uint16_t node)
{
	struct link_end *e = &pair.ends[node];

	assert_int_equal(end_create(e, &e->links), ST_OK);
}

/* Sleeps until something happens, for at most that long. */
static void
sleep_until(uint64_t at_us)
{
	struct pollfd fd = { pair.wake_fd, POLLIN, 0 };
	uint64_t wakes;
	uint64_t now = now_us();

#ifdef LINK_UV
	/* What has been begun in a turn may be done already. */
	if (uv_backend_timeout(&uv) == 0)
		return;
	fd.fd = uv_backend_fd(&uv);
#endif
	if (at_us <= now)
		return;
	(void)poll(&fd, 1, (int)((at_us - now) / 1000) + 1);
	if (read(pair.wake_fd, &wakes, sizeof(wakes)) < 0)
		return; /* nobody woke us; the time has come */
}

/* One turn of every end that is here, then sleep until something happens. */
static void
step(void)
{
	uint64_t at = now_us() + 100000;
	bool more = false;

	assert_true(now_us() < pair.end_us);
#ifdef LINK_UV
	uv_run(&uv, UV_RUN_NOWAIT);
#endif
	for (uint16_t i = 0; i < 2; i++) {
		struct links *l = pair.ends[i].links;

		if (l == NULL)
			continue;
		more |= links_turn(l);
		if (links_next_us(l) < at)
			at = links_next_us(l);
	}
	if (!more)
		sleep_until(at);
}

static bool
both_up(void)
{
	return links_state(pair.ends[0].links, 1) == LINK_UP &&
	       links_state(pair.ends[1].links, 0) == LINK_UP;
}

static void
test_frames_cross_in_order(void **state)
{
	struct link_end *a = &pair.ends[0];
	struct link_end *b = &pair.ends[1];

	(void)state;
	open_end(0);
	open_end(1);
	while (!both_up())
		step();
	while (b->got < 10000) {
		while (a->sent < 10000 &&
		       link_end_send(a, 1, LINK_NORMAL, a->sent % 100) == ST_OK)
			;
		step();
	}
	assert_int_equal(b->bad, 0);
	assert_int_equal(b->got, a->sent);
}

static void
test_largest_frame_crosses(void **state)
{
	struct link_end *a = &pair.ends[0];
	struct link_end *b = &pair.ends[1];
	size_t pad = LINK_FRAME_MAX - sizeof(uint64_t);

	(void)state;
	open_end(0);
	open_end(1);
	while (!both_up())
		step();
	assert_int_equal(link_end_send(a, 1, LINK_NORMAL, pad), ST_OK);
	assert_int_equal(link_end_send(a, 1, LINK_NORMAL, pad + 1), ST_INVALID);
	while (b->got < 1)
		step();
	assert_int_equal(b->got_bytes, LINK_FRAME_MAX);
}

static void
test_second_node_on_a_path_is_refused(void **state)
{
	struct links *second = NULL;

	(void)state;
	open_end(0);
	assert_int_equal(end_create(&pair.ends[0], &second), ST_EXISTS);
}

#ifndef LINK_TLS
static void
test_inbox_is_for_its_user_alone(void **state)
{
	char path[128];
	struct stat about;

	(void)state;
	open_end(0);
	snprintf(path, sizeof(path), "%s/edge", pair.dir);
	assert_int_equal(stat(path, &about), 0);
	assert_true(S_ISSOCK(about.st_mode));
	assert_int_equal(about.st_mode & 0777, 0600);
}
#endif

/* True for a connected socket in our folder, or to one of our ports. */
static bool
is_ours(int fd)
{
#ifdef LINK_TLS
	return link_hosts_has(&hosts, fd);
#endif
	struct sockaddr_un sun = { 0 };
	socklen_t size = sizeof(sun);

	if (getpeername(fd, (struct sockaddr *)&sun, &size) != 0)
		return false;
	if (sun.sun_family == AF_UNIX && strstr(sun.sun_path, pair.dir) != NULL)
		return true;
	size = sizeof(sun);
	return getsockname(fd, (struct sockaddr *)&sun, &size) == 0 &&
	       sun.sun_family == AF_UNIX &&
	       strstr(sun.sun_path, pair.dir) != NULL;
}

static bool
is_alive(int fd)
{
	struct pollfd p = { fd, POLLOUT, 0 };

	return poll(&p, 1, 0) >= 0 && (p.revents & (POLLHUP | POLLERR)) == 0;
}

/* Shuts one of the connections down under NNG. */
static void
cut(uint64_t *seed)
{
	int found[FDS_MAX];
	size_t n = 0;

	for (int fd = 3; fd < FDS_MAX; fd++)
		if (is_ours(fd) && is_alive(fd))
			found[n++] = fd;
	if (n > 0)
		(void)shutdown(found[link_rig_random(seed) % n], SHUT_RDWR);
}

static void
pump(struct link_end *from, uint16_t to, uint64_t *seed)
{
	size_t pad = (size_t)(link_rig_random(seed) % PAD_MAX);

	while (link_end_send(from, to, LINK_NORMAL, pad) == ST_OK)
		pad = (size_t)(link_rig_random(seed) % PAD_MAX);
}

static void
drain(void)
{
	struct link_end *a = &pair.ends[0];
	struct link_end *b = &pair.ends[1];

	while (a->got < b->sent || b->got < a->sent)
		step();
	assert_int_equal(a->bad + b->bad, 0);
	assert_int_equal(links_stats(a->links, 1)->lost_with_link, 0);
	assert_int_equal(links_stats(b->links, 0)->lost_with_link, 0);
}

static void
test_cuts_under_load_lose_and_double_nothing(void **state)
{
	struct link_end *a = &pair.ends[0];
	struct link_end *b = &pair.ends[1];
	uint64_t seed = now_us();
	uint64_t mark = 0;
	size_t cuts = 0; /* some hit what is on its way out */

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	open_end(0);
	open_end(1);
	while (!both_up())
		step();
	while (link_end_count(a, LINK_LOST) + link_end_count(b, LINK_LOST) <
	       CUTS) {
		pump(a, 1, &seed);
		pump(b, 0, &seed);
		if (both_up() && a->got + b->got >= mark) {
			mark = a->got + b->got + CUT_FRAMES;
			cut(&seed);
			cuts++;
		}
		step();
	}
	drain();
	print_message("%zu cuts, %llu frames, %llu sent again, %llu resumed\n",
	    cuts, (unsigned long long)(a->got + b->got),
	    (unsigned long long)links_stats(a->links, 1)->frames_resent,
	    (unsigned long long)links_stats(a->links, 1)->reconnects);
}

/* --- a peer in another process, killed --- */

static struct link_end *echo_end;

static void
echo_on_frame(void *ctx, uint16_t peer, const struct link_frame *frame)
{
	static uint8_t bytes[LINK_FRAME_MAX];
	size_t size = link_frame_join(frame, bytes);

	(void)ctx;
	if (links_send(echo_end->links, peer, LINK_NORMAL, bytes, size) !=
	    ST_OK)
		_exit(3);
}

/* The child: sends back what it gets, until it is killed. */
static int
peer_main(const char *dir)
{
	struct link_end *e = &pair.ends[1];

	snprintf(pair.dir, sizeof(pair.dir), "%s", dir);
	pair.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	pair.end_us = now_us() + DEADLINE_US;
	log_set_sink(quiet, NULL);
	link_end_init(pair.ends, 0, dir, 2, &clock_system);
	link_end_init(pair.ends, 1, dir, 2, &clock_system);
#ifdef LINK_TLS
	link_hosts_join(&hosts, pair.dir, 2);
	link_hosts_use(&hosts, pair.ends, 2);
#endif
	e->wake_fd = pair.wake_fd;
	e->seed ^= now_us() ^ (uint64_t)getpid() << 32;
	e->config.on_frame = echo_on_frame;
	echo_end = e;
	if (end_create(e, &e->links) != ST_OK)
		return 4;
	while (now_us() < pair.end_us)
		step();
	return 5;
}

static pid_t
peer_start(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl("/proc/self/exe", "link_nng_test", "peer", pair.dir,
		    (char *)NULL);
		_exit(6);
	}
	assert_true(pid > 0);
	return pid;
}

static void
peer_kill(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Talks to one incarnation of the peer; frames start at 0 with each. */
static uint64_t
talk(struct link_end *a)
{
	uint64_t incarnation;

	while (links_state(a->links, 1) != LINK_UP)
		step();
	incarnation = a->changes[a->nchanges - 1].incarnation;
	a->sent = a->got = 0;
	while (a->got < KILL_FRAMES) {
		while (a->sent < KILL_FRAMES * 2 &&
		       link_end_send(a, 1, LINK_NORMAL, 50) == ST_OK)
			;
		step();
	}
	return incarnation;
}

static void
test_killed_peer_comes_back_as_another(void **state)
{
	struct link_end *a = &pair.ends[0];
	uint64_t last = 0;

	(void)state;
	open_end(0);
	for (int i = 0; i < KILLS; i++) {
		pid_t pid = peer_start();
		size_t downs = link_end_count(a, LINK_DOWN);
		uint64_t now;

		while (i > 0 && link_end_count(a, LINK_DOWN) == downs)
			step();
		now = talk(a);
		assert_true(now != last);
		last = now;
		peer_kill(pid);
	}
	assert_int_equal(a->bad, 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define RUN(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		RUN(test_frames_cross_in_order),
		RUN(test_largest_frame_crosses),
		RUN(test_second_node_on_a_path_is_refused),
#ifndef LINK_TLS
		RUN(test_inbox_is_for_its_user_alone),
#endif
		RUN(test_cuts_under_load_lose_and_double_nothing),
		RUN(test_killed_peer_comes_back_as_another),
	};

#ifdef LINK_UV
	assert(uv_loop_init(&uv) == 0);
	/* libuv writes to what the other end has closed. */
	signal(SIGPIPE, SIG_IGN);
#endif
	if (argc == 3 && strcmp(argv[1], "peer") == 0)
		return peer_main(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
