/*
 * bench - what the benchmarks share: clocks, medians, the machine's load, and
 * CHECK, which ends one that cannot go on.
 *
 * A figure is the median of some rounds, its peers run in between (A B A B),
 * so that a noisy neighbour meets both.  CPU time stands beside wall time
 * where one thread works: it hardly sees the neighbours.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define CHECK(cond)                                                            \
	do {                                                                   \
		if (!(cond)) {                                                 \
			fprintf(                                               \
			    stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			exit(1);                                               \
		}                                                              \
	} while (0)

static inline double
bench_clock_s(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static inline double
bench_now_s(void)
{
	return bench_clock_s(CLOCK_MONOTONIC);
}

static inline double
bench_now_us(void)
{
	return bench_now_s() * 1e6;
}

/* Of every thread of this process. */
static inline double
bench_cpu_s(void)
{
	return bench_clock_s(CLOCK_PROCESS_CPUTIME_ID);
}

static inline int
bench_by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts them: the best is the first, or the last, afterwards. */
static inline double
bench_median(double *values, size_t count)
{
	qsort(values, count, sizeof(values[0]), bench_by_value);
	return values[count / 2];
}

/* Those who wanted to run over the last minute, for each processor. */
static inline double
bench_load(void)
{
	double load = 0;

	if (getloadavg(&load, 1) != 1)
		return 0;
	return load / (double)sysconf(_SC_NPROCESSORS_ONLN);
}

#endif
