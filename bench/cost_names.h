/* cost_names - whose the records of bench/cost.c are. */
#ifndef BENCH_COST_NAMES_H
#define BENCH_COST_NAMES_H

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocols/messages.h"

static uint64_t projects = 1000;

struct names {
	char project[32], agent[32], task[32], hold[32];
	struct uuid id;
};

/* Ids of records are spread, as random ones are; holds are named by time. */
static void
names_of(uint64_t n, struct names *ret)
{
	uint64_t mixed = n * UINT64_C(0x9e3779b97f4a7c15);

	snprintf(ret->project, sizeof(ret->project), "project-%" PRIu64,
	    mixed % projects);
	snprintf(ret->agent, sizeof(ret->agent), "agent-%" PRIu64, n % 200);
	snprintf(
	    ret->task, sizeof(ret->task), "task-%" PRIu64, n / 20 % 100000);
	snprintf(ret->hold, sizeof(ret->hold), "%016" PRIx64, n);
	memcpy(ret->id.octets, &mixed, 8);
	memcpy(ret->id.octets + 8, &n, 8);
}

#endif
