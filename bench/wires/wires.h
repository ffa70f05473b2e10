/*
 * wires - what the peers between two processes share.
 *
 *   PEER count|trip MESSAGES WHERE     prints "messages seconds"
 *
 * count: 64-byte messages one way, until the receiver has all of them and
 * says so; trip: one in flight, there and back.  The receiver is a process of
 * its own, forked first.  WHERE is an address, or a port of a server on
 * loopback that bench/wires.py has started.
 */
#ifndef BENCH_WIRES_WIRES_H
#define BENCH_WIRES_WIRES_H

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOAD_SIZE 64

struct wires {
	bool is_trip;
	uint64_t wanted;
	const char *where;
	int told; /* the receiver's end of a pipe, or ours to read */
};

static inline void
need(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static inline double
now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* One byte through the pipe: ready, or all there. */
static inline void
tell(const struct wires *w)
{
	need(write(w->told, "", 1) == 1, "tell");
}

static inline void
hear(const struct wires *w)
{
	char byte;

	need(read(w->told, &byte, 1) == 1, "hear");
}

typedef void (*wires_fn)(const struct wires *w);

/* receive tells once when it is ready, and once more when it has all. */
static inline int
wires_main(int argc, char **argv, wires_fn receive, wires_fn send)
{
	struct wires w = { 0 };
	double start_s;
	int ends[2];
	pid_t pid;

	need(argc == 4, "usage: count|trip MESSAGES WHERE");
	w.is_trip = strcmp(argv[1], "trip") == 0;
	w.wanted = strtoull(argv[2], NULL, 10);
	w.where = argv[3];
	need(pipe(ends) == 0, "pipe");
	pid = fork();
	need(pid >= 0, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		w.told = ends[1];
		receive(&w);
		_exit(0);
	}
	w.told = ends[0];
	hear(&w);
	start_s = now_s();
	send(&w);
	if (!w.is_trip)
		hear(&w);
	printf("%" PRIu64 " %.9f\n", w.wanted, now_s() - start_s);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return 0;
}

#endif
