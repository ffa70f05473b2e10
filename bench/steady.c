/*
 * steady - requests at a rate of their own, whatever the answers take.
 *
 *     steady PORT TOKEN RATE CONNECTIONS METHOD PATH [BODY]
 *
 * So many fall due each TICK_S, and are sent on connections that have none
 * under way; while all have one a request waits, and counts as slow from when
 * it was due: a server that stalls is not asked less.  After WARM_S it says
 * `warm` and notes what falls due until its input ends; then, as JSON, the
 * rate that was asked and that was reached, and how long the answers took.
 *
 * One that asks seldom runs ahead of all others, if the system lets it: what is
 * told is what the server took, not what the asker waited for a processor.
 * One that asks often would keep the server from its processor that way.
 */
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "bench/bench.h"
#include "load/reply_head.h"

#define TICK_S 0.001
#define WARM_S 1.0
#define PATIENCE_S 30.0
#define SELDOM 1000.0 /* a second */
#define CONNECTIONS_MAX 4096
#define ANSWER_MAX (64u << 10)
#define EVENTS 256

struct line {
	int fd;
	double due_s; /* of the request under way */
	size_t used;
	char answer[ANSWER_MAX];
};

static struct {
	struct line *lines;
	struct line *idle[CONNECTIONS_MAX]; /* a ring: none is idle for long */
	size_t idle_from, idle_count, lines_count;
	char request[8192];
	size_t request_size;
	int epoll;
	double rate;
	double began_s, noted_from_s, noted_to_s;
	uint64_t sent;
	double *took_us;
	size_t took_count, took_room;
	uint64_t reached, refused;
} all;

static void
note(double due_s, double now_s, bool good)
{
	if (due_s < all.noted_from_s || due_s >= all.noted_to_s)
		return;
	if (all.took_count == all.took_room) {
		all.took_room = all.took_room == 0 ? 4096 : 2 * all.took_room;
		all.took_us =
		    realloc(all.took_us, all.took_room * sizeof(*all.took_us));
		CHECK(all.took_us != NULL);
	}
	all.took_us[all.took_count++] = (now_s - due_s) * 1e6;
	all.refused += !good;
	all.reached += good && now_s < all.noted_to_s;
}

static void
line_rest(struct line *l)
{
	all.idle[(all.idle_from + all.idle_count++) % CONNECTIONS_MAX] = l;
}

static void
line_hear(struct line *l)
{
	ssize_t n = recv(l->fd, l->answer + l->used, ANSWER_MAX - l->used, 0);
	struct reply_head head;
	enum status st;

	CHECK(n > 0);
	l->used += (size_t)n;
	st = reply_head_read(l->answer, l->used, &head);
	CHECK(st == ST_OK || (st == ST_NOT_FOUND && l->used < ANSWER_MAX));
	if (st != ST_OK)
		return;
	CHECK(head.size + head.length <= ANSWER_MAX);
	if (l->used < head.size + head.length)
		return;
	note(l->due_s, bench_now_s(), head.status / 100 == 2);
	l->used = 0;
	line_rest(l);
}

static double
next_due_s(void)
{
	return all.began_s +
	       floor((double)all.sent / all.rate / TICK_S) * TICK_S;
}

static void
send_due(double until_s)
{
	double now_s = bench_now_s();

	while (all.idle_count > 0 && next_due_s() <= now_s &&
	       next_due_s() < until_s) {
		struct line *l = all.idle[all.idle_from++ % CONNECTIONS_MAX];

		l->due_s = next_due_s();
		CHECK(send(l->fd, all.request, all.request_size,
			  MSG_NOSIGNAL) == (ssize_t)all.request_size);
		all.idle_count--;
		all.sent++;
	}
}

/* Until the next request is due, or something has come. */
static void
hear(void)
{
	struct epoll_event came[EVENTS];
	double wait_s = next_due_s() - bench_now_s();
	struct timespec t = { 0 };
	int n;

	if (all.idle_count == 0 || wait_s > PATIENCE_S)
		wait_s = 0.1;
	if (wait_s > 0)
		t = (struct timespec){ (time_t)wait_s,
			(long)((wait_s - (double)(time_t)wait_s) * 1e9) };
	n = epoll_pwait2(all.epoll, came, EVENTS, &t, NULL);
	CHECK(n >= 0 || errno == EINTR);
	for (int i = 0; i < n; i++)
		line_hear(came[i].data.ptr);
}

static bool
is_told_to_end(void)
{
	struct pollfd in = { 0, POLLIN, 0 };
	char byte;

	return poll(&in, 1, 0) > 0 && read(0, &byte, 1) <= 0;
}

static void
line_open(struct line *l, uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = l };
	int one = 1;

	l->fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(l->fd >= 0);
	CHECK(setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) ==
	      0);
	CHECK(connect(l->fd, (struct sockaddr *)&at, sizeof(at)) == 0);
	CHECK(epoll_ctl(all.epoll, EPOLL_CTL_ADD, l->fd, &e) == 0);
	line_rest(l);
}

static void
prepare(char **argv, const char *body)
{
	size_t count = strtoul(argv[4], NULL, 10);
	int n = snprintf(all.request, sizeof(all.request),
	    "%s %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n"
	    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
	    argv[5], argv[6], argv[2], strlen(body), body);

	CHECK(n > 0 && (size_t)n < sizeof(all.request));
	all.request_size = (size_t)n;
	all.rate = strtod(argv[3], NULL);
	CHECK(all.rate > 0 && count > 0 && count <= CONNECTIONS_MAX);
	all.epoll = epoll_create1(0);
	all.lines = calloc(count, sizeof(*all.lines));
	CHECK(all.epoll >= 0 && all.lines != NULL);
	all.lines_count = count;
	for (size_t i = 0; i < count; i++)
		line_open(&all.lines[i], (uint16_t)strtoul(argv[1], NULL, 10));
}

static void
run(void)
{
	double last_s;

	all.began_s = bench_now_s();
	all.noted_from_s = all.began_s + WARM_S;
	all.noted_to_s = INFINITY;
	while (bench_now_s() < all.noted_from_s) {
		send_due(INFINITY);
		hear();
	}
	puts("warm");
	fflush(stdout);
	while (!is_told_to_end()) {
		send_due(INFINITY);
		hear();
	}
	all.noted_to_s = bench_now_s();
	/* What was due by then is sent and heard, or it would seem quick. */
	last_s = all.noted_to_s + PATIENCE_S;
	while (
	    bench_now_s() < last_s && (next_due_s() < all.noted_to_s ||
					  all.idle_count < all.lines_count)) {
		send_due(all.noted_to_s);
		hear();
	}
}

int
main(int argc, char **argv)
{
	struct sched_param first = { .sched_priority = 1 };
	double seconds;

	if (argc != 7 && argc != 8)
		return 2;
	prepare(argv, argc == 8 ? argv[7] : "");
	if (all.rate < SELDOM && sched_setscheduler(0, SCHED_FIFO, &first) != 0)
		fputs("steady: waits for a processor like all\n", stderr);
	run();
	CHECK(all.took_count > 0 && all.idle_count == all.lines_count);
	seconds = all.noted_to_s - all.noted_from_s;
	qsort(
	    all.took_us, all.took_count, sizeof(*all.took_us), bench_by_value);
	printf("{\"asked_s\": %.0f, \"reached_s\": %.0f, \"p50_us\": %.0f, "
	       "\"p99_us\": %.0f, \"longest_us\": %.0f, \"refused\": %llu, "
	       "\"seconds\": %.1f}\n",
	    all.rate, (double)all.reached / seconds,
	    all.took_us[all.took_count / 2],
	    all.took_us[all.took_count * 99 / 100],
	    all.took_us[all.took_count - 1], (unsigned long long)all.refused,
	    seconds);
	return 0;
}
