/* spent - what a part took of the machine, whoever else was busy on it. */
#ifndef BENCH_SPENT_H
#define BENCH_SPENT_H

#include <stdio.h>
#include <sys/resource.h>

#include "bench/bench.h"

struct spent {
	double cpu_us, kib;
};

static struct spent
spent_now(void)
{
	struct rusage r;

	CHECK(getrusage(RUSAGE_SELF, &r) == 0);
	return (struct spent){
		.cpu_us = bench_cpu_s() * 1e6,
		.kib = (double)r.ru_oublock / 2,
	};
}

/* Since the last call, for each of so many. */
static void
spent_since(struct spent *last, uint64_t count, double *cpu, double *kib)
{
	struct spent now = spent_now();

	*cpu = (now.cpu_us - last->cpu_us) / (double)count;
	*kib = (now.kib - last->kib) / (double)count;
	*last = now;
}

/* Of the process, less what is mapped from files. */
static double
own_mib(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[128];
	unsigned long kib = 0;

	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "RssAnon: %lu kB", &kib) == 1)
			break;
	fclose(f);
	return (double)kib / 1024;
}

#endif
