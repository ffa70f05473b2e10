/*
 * Reads sockets that others have opened, as fast as it can, and says what
 * came: the reader of fanout.py, which would be too slow itself.
 *
 *     drain FD,FD,... [every]
 *
 * Every message holds one '~' and, right behind it, twenty digits, the first
 * of them 0: when it was sent, in ns of the monotonic clock.  (A '~' alone is
 * also the length byte of many frames.)  One socket of `every` (1) is read so;
 * of the others the bytes are counted and thrown away unseen, for those whose
 * messages have one length.  Lines on standard input:
 *   go     says what came since the last: messages, the median and the 99th
 *          percentile of their age in us
 *   lazy   look every LAZY_MS from now on, as a busy network card would let
 *          us: a sender that wakes us pays for it
 *   eager  be woken by every message again
 * It ends with its input.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ_SIZE (256 * 1024)
#define EVENTS_MAX 512
#define STAMP_SIZE 20
#define AGES 2000000 /* us, one slot each */
#define LAZY_MS 1
#define FDS_MAX 65536

struct drain {
	int poll;
	int every;
	int is_lazy;
	uint64_t messages; /* of those that are read */
	uint64_t read_bytes;
	uint64_t unseen_bytes; /* of the others */
	uint64_t told;         /* messages, so far */
	uint64_t sampled;
	uint32_t *ages;
	char cut[FDS_MAX]; /* the last read ended in a '~' */
	char buffer[READ_SIZE + 1];
};

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void
drain_stamp(struct drain *d, const char *at, uint64_t now)
{
	char text[STAMP_SIZE + 1];
	uint64_t sent, age;

	memcpy(text, at, STAMP_SIZE);
	text[STAMP_SIZE] = '\0';
	sent = strtoull(text, NULL, 10);
	age = now > sent ? (now - sent) / 1000 : 0;
	d->ages[age < AGES ? age : AGES - 1]++;
	d->sampled++;
}

/* A stamp that a read cuts is counted, and its age is not looked at. */
static void
drain_count(struct drain *d, int fd, const char *at, size_t size)
{
	const char *end = at + size;
	uint64_t now = now_ns();

	d->messages += d->cut[fd] && *at == '0';
	d->cut[fd] = end[-1] == '~';
	while ((at = memchr(at, '~', (size_t)(end - at))) != NULL) {
		at++;
		if (at == end || *at != '0')
			continue;
		d->messages++;
		if (end - at >= STAMP_SIZE)
			drain_stamp(d, at, now);
	}
}

static void
drain_read(struct drain *d, int fd)
{
	int is_read = fd % d->every == 0;
	ssize_t n = recv(fd, d->buffer, READ_SIZE, is_read ? 0 : MSG_TRUNC);

	if (n > 0 && is_read) {
		d->read_bytes += (uint64_t)n;
		drain_count(d, fd, d->buffer, (size_t)n);
	} else if (n > 0)
		d->unseen_bytes += (uint64_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		epoll_ctl(d->poll, EPOLL_CTL_DEL, fd, NULL);
}

static uint64_t
drain_percentile(const struct drain *d, double part)
{
	uint64_t wanted = (uint64_t)(part * (double)d->sampled), seen = 0;

	for (uint64_t us = 0; us < AGES; us++) {
		seen += d->ages[us];
		if (seen > wanted)
			return us;
	}
	return 0;
}

/* Whole messages; before the first is read nobody knows their length. */
static uint64_t
drain_messages(const struct drain *d)
{
	uint64_t size = d->messages == 0 ? 0 : d->read_bytes / d->messages;

	return d->messages + (size == 0 ? 0 : d->unseen_bytes / size);
}

static void
drain_answer(struct drain *d)
{
	uint64_t messages = drain_messages(d);

	if (messages < d->told) /* its length was a guess while one was cut */
		messages = d->told;
	printf("%llu %llu %llu\n", (unsigned long long)(messages - d->told),
	    (unsigned long long)drain_percentile(d, 0.5),
	    (unsigned long long)drain_percentile(d, 0.99));
	fflush(stdout);
	d->told = messages;
	d->sampled = 0;
	memset(d->ages, 0, AGES * sizeof(d->ages[0]));
}

/* Several lines may have come; false: the input has ended. */
static int
drain_obey(struct drain *d)
{
	char lines[64];
	ssize_t n = read(STDIN_FILENO, lines, sizeof(lines));

	for (ssize_t i = 0; i < n; i++) {
		if (i > 0 && lines[i - 1] != '\n')
			continue;
		if (lines[i] == 'g')
			drain_answer(d);
		else
			d->is_lazy = lines[i] == 'l';
	}
	return n > 0;
}

static void
drain_add(struct drain *d, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (epoll_ctl(d->poll, EPOLL_CTL_ADD, fd, &e) != 0) {
		perror("epoll_ctl");
		exit(1);
	}
}

int
main(int argc, char **argv)
{
	struct epoll_event events[EVENTS_MAX];
	struct drain *d = calloc(1, sizeof(*d));
	char *at;

	if (argc < 2 || argc > 3 || d == NULL)
		return 2;
	d->every = argc == 3 ? (int)strtol(argv[2], NULL, 10) : 1;
	if (d->every < 1)
		return 2;
	d->ages = calloc(AGES, sizeof(d->ages[0]));
	d->poll = epoll_create1(0);
	if (d->ages == NULL || d->poll < 0)
		return 1;
	drain_add(d, STDIN_FILENO);
	for (at = argv[1]; *at != '\0'; at += *at == ',')
		drain_add(d, (int)strtol(at, &at, 10));
	for (;;) {
		int n = epoll_wait(d->poll, events, EVENTS_MAX, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd != STDIN_FILENO)
				drain_read(d, events[i].data.fd);
			else if (!drain_obey(d))
				return 0;
		}
		if (d->is_lazy && n < EVENTS_MAX)
			(void)poll(NULL, 0, LAZY_MS);
	}
}
