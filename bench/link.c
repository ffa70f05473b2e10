/*
 * Two processes over ipc://: how many 64-byte frames a second with sequence,
 * acknowledgement and credit on, and what a round trip costs with one frame
 * in flight, beside NNG's bare PUSH and PULL in the same run.
 *
 *	bench_link [seconds of each part]
 *
 * The other process is this program again.  Nobody polls: each side sleeps
 * until it is woken, as an idle loop does.
 */
#include <assert.h>
#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/folder.h"
#include "runtime/base/log.h"
#include "runtime/link.h"

#define FRAME_SIZE 64
#define TRIPS_MAX 200000
#define NAME_SIZE 128
#define SECOND_US 1000000

enum frame_kind { FRAME_COUNT, FRAME_PING, FRAME_SUM };

struct frame {
	uint8_t kind;
	uint8_t rest[FRAME_SIZE - 1];
};

struct side {
	struct links *links;
	uint16_t node;
	int wake_fd;
	uint64_t counted; /* frames of FRAME_COUNT */
	uint64_t answered;
	bool echoes;
	bool more; /* than one turn takes in */
};

static struct seal_keypair *keys[2];
static uint32_t trips_us[TRIPS_MAX];
static char dir[NAME_SIZE];

static uint64_t
now_us(void)
{
	return clock_mono_us(&clock_system);
}

static void
on_wake(void *ctx)
{
	struct side *s = ctx;
	uint64_t one = 1;

	if (write(s->wake_fd, &one, sizeof(one)) < 0)
		return; /* it is full of wake-ups already */
}

static void
on_random(void *ctx, void *bytes, size_t size)
{
	(void)ctx;
	seal_random(bytes, size);
}

static bool
on_key(void *ctx, const char *name, uint8_t ret_public[SEAL_PUBLIC_SIZE])
{
	(void)ctx;
	memcpy(ret_public, seal_keypair_public(keys[name[0] == 'b']),
	    SEAL_PUBLIC_SIZE);
	return true;
}

static void
on_frame(void *ctx, uint16_t peer, const struct link_frame *frame)
{
	struct side *s = ctx;
	struct bytes all = frame->head; /* too short to share it */

	if (all.at[0] == FRAME_COUNT)
		s->counted++;
	else if (!s->echoes)
		s->answered++;
	else if (links_send(s->links, peer, LINK_NORMAL, all.at, all.size) !=
		 ST_OK)
		abort();
}

static void
on_state(void *ctx, uint16_t peer, enum link_state was, enum link_state now,
    uint64_t incarnation, const char *why)
{
	struct side *s = ctx;

	(void)peer;
	(void)was;
	(void)incarnation;
	(void)why;
	if (now == LINK_DOWN && s->echoes)
		_exit(0);
}

static void
side_open(struct side *s, uint16_t node)
{
	char urls[2][NAME_SIZE + 16];
	struct link_peer peer = { !node, node ? "a" : "b", urls[!node] };
	uint8_t seed[SEAL_SEED_SIZE] = { 0 };
	struct links_config c = { .node = node,
		.name = node ? "b" : "a",
		.listen = urls[node],
		.peers = &peer,
		.npeers = 1,
		.clock = &clock_system,
		.ctx = s,
		.random = on_random,
		.wake = on_wake,
		.key_of = on_key,
		.on_frame = on_frame,
		.on_state = on_state };

	memset(s, 0, sizeof(*s));
	s->node = node;
	s->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	log_set_level(LOG_ERROR);
	assert(seal_start() == ST_OK);
	for (int i = 0; i < 2; i++) {
		snprintf(urls[i], sizeof(urls[i]), "ipc://%s/%d", dir, i);
		seed[0] = (uint8_t)i;
		assert(seal_keypair_create(seed, &keys[i]) == ST_OK);
	}
	c.keys = keys[node];
	assert(links_create(&c, &s->links) == ST_OK);
}

/* Sleeps until something is to be done, then does it. */
static void
side_step(struct side *s)
{
	struct pollfd fd = { s->wake_fd, POLLIN, 0 };
	uint64_t at_us = links_next_us(s->links);
	uint64_t wakes;

	if (!s->more && at_us > now_us()) {
		(void)poll(&fd, 1, (int)((at_us - now_us()) / 1000) + 1);
		if (read(s->wake_fd, &wakes, sizeof(wakes)) < 0)
			wakes = 0; /* it was the time */
	}
	s->more = links_turn(s->links);
}

/* Sends for so long, then waits until the other has counted it all. */
static double
count_links(struct side *s, double seconds)
{
	struct frame f = { .kind = FRAME_COUNT };
	uint64_t start_us = now_us();
	uint64_t until_us = start_us + (uint64_t)(seconds * SECOND_US);
	uint64_t sent = 0;

	while (now_us() < until_us) {
		while (links_send(s->links, 1, LINK_NORMAL, &f, sizeof(f)) ==
		       ST_OK)
			sent++;
		links_flush(s->links);
		side_step(s);
	}
	while (!links_idle(s->links))
		side_step(s);
	return (double)sent * SECOND_US / (double)(now_us() - start_us);
}

static size_t
ping_links(struct side *s, double seconds)
{
	struct frame f = { .kind = FRAME_PING };
	uint64_t until_us = now_us() + (uint64_t)(seconds * SECOND_US);
	size_t n = 0;

	for (; n < TRIPS_MAX && now_us() < until_us; n++) {
		uint64_t start_us = now_us();
		uint64_t before = s->answered;

		assert(links_send(s->links, 1, LINK_NORMAL, &f, sizeof(f)) ==
		       ST_OK);
		links_flush(s->links);
		while (s->answered == before)
			side_step(s);
		trips_us[n] = (uint32_t)(now_us() - start_us);
	}
	return n;
}

static int
echo_links(void)
{
	struct side s;

	side_open(&s, 1);
	s.echoes = true;
	while (s.links != NULL)
		side_step(&s);
	return 0;
}

/* --- bare NNG: blocking PUSH and PULL, one message a frame --- */

static void
bare_open(int node, nng_socket *in, nng_socket *out)
{
	char url[NAME_SIZE + 16];
	int rv = nng_pull0_open(in) | nng_push0_open(out);

	snprintf(url, sizeof(url), "ipc://%s/bare%d", dir, node);
	rv |= nng_listen(*in, url, NULL, 0);
	snprintf(url, sizeof(url), "ipc://%s/bare%d", dir, !node);
	rv |= nng_dial(*out, url, NULL, NNG_FLAG_NONBLOCK);
	assert(rv == 0);
}

static int
echo_bare(void)
{
	nng_socket in, out;

	bare_open(1, &in, &out);
	for (;;) {
		nng_msg *m;

		if (nng_recvmsg(in, &m, 0) != 0)
			return 1;
		if (*(uint8_t *)nng_msg_body(m) == FRAME_COUNT)
			nng_msg_free(m);
		else if (nng_sendmsg(out, m, 0) != 0)
			return 1;
	}
}

static void
bare_send(nng_socket out, enum frame_kind kind)
{
	struct frame f = { .kind = (uint8_t)kind };
	nng_msg *m;

	assert(nng_msg_alloc(&m, 0) == 0);
	assert(nng_msg_append(m, &f, sizeof(f)) == 0);
	assert(nng_sendmsg(out, m, 0) == 0);
}

static void
bare_receive(nng_socket in)
{
	nng_msg *m;

	assert(nng_recvmsg(in, &m, 0) == 0);
	nng_msg_free(m);
}

static double
count_bare(nng_socket in, nng_socket out, double seconds)
{
	uint64_t start_us = now_us();
	uint64_t until_us = start_us + (uint64_t)(seconds * SECOND_US);
	uint64_t sent = 0;

	for (; now_us() < until_us; sent++)
		bare_send(out, FRAME_COUNT);
	bare_send(out, FRAME_SUM);
	bare_receive(in);
	return (double)sent * SECOND_US / (double)(now_us() - start_us);
}

static size_t
ping_bare(nng_socket in, nng_socket out, double seconds)
{
	uint64_t until_us = now_us() + (uint64_t)(seconds * SECOND_US);
	size_t n = 0;

	for (; n < TRIPS_MAX && now_us() < until_us; n++) {
		uint64_t start_us = now_us();

		bare_send(out, FRAME_PING);
		bare_receive(in);
		trips_us[n] = (uint32_t)(now_us() - start_us);
	}
	return n;
}

/* --- the whole --- */

static int
compare_us(const void *one, const void *two)
{
	uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)two;

	return (a > b) - (a < b);
}

struct result {
	double frames_s;
	uint32_t median_us;
	uint32_t p99_us;
};

static void
set_trips(struct result *r, size_t n)
{
	assert(n > 0);
	qsort(trips_us, n, sizeof(trips_us[0]), compare_us);
	r->median_us = trips_us[n / 2];
	r->p99_us = trips_us[n - 1 - n / 100];
}

static pid_t
start_other(const char *what)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl("/proc/self/exe", "bench_link", what, dir, (char *)NULL);
		_exit(1);
	}
	assert(pid > 0);
	return pid;
}

static struct result
run_links(double seconds)
{
	struct result r = { 0 };
	pid_t pid = start_other("echo-links");
	struct side s;

	side_open(&s, 0);
	while (links_state(s.links, 1) != LINK_UP)
		side_step(&s);
	set_trips(&r, ping_links(&s, seconds));
	r.frames_s = count_links(&s, seconds);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	links_destroy(s.links);
	return r;
}

static struct result
run_bare(double seconds)
{
	struct result r = { 0 };
	pid_t pid = start_other("echo-bare");
	nng_socket in, out;

	bare_open(0, &in, &out);
	bare_send(out, FRAME_PING);
	bare_receive(in);
	set_trips(&r, ping_bare(in, out, seconds));
	r.frames_s = count_bare(in, out, seconds);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return r;
}

static void
print(const struct result *links, const struct result *bare)
{
	printf("%-22s %14s %12s %10s\n", "64-byte frames, ipc://", "million/s",
	    "median us", "p99 us");
	printf("%-22s %14.2f %12u %10u\n", "links", links->frames_s / 1e6,
	    links->median_us, links->p99_us);
	printf("%-22s %14.2f %12u %10u\n", "bare NNG PUSH/PULL",
	    bare->frames_s / 1e6, bare->median_us, bare->p99_us);
	printf("{\"bench\":\"link\",\"frames_s\":%.0f,\"trip_us\":%u,"
	       "\"trip_p99_us\":%u,\"bare_frames_s\":%.0f,"
	       "\"bare_trip_us\":%u,\"bare_trip_p99_us\":%u}\n",
	    links->frames_s, links->median_us, links->p99_us, bare->frames_s,
	    bare->median_us, bare->p99_us);
}

int
main(int argc, char **argv)
{
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 3;
	struct result links, bare;

	if (argc == 3) {
		snprintf(dir, sizeof(dir), "%s", argv[2]);
		return strcmp(argv[1], "echo-bare") == 0 ? echo_bare()
							 : echo_links();
	}
	snprintf(dir, sizeof(dir), "/tmp/troupe-bench-XXXXXX");
	assert(mkdtemp(dir) != NULL);
	links = run_links(seconds);
	bare = run_bare(seconds);
	remove_folder(dir);
	print(&links, &bare);
	return 0;
}
