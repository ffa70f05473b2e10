/* usage - what a process has used of the machine, by its number. */
#ifndef LOAD_USAGE_H
#define LOAD_USAGE_H

#include <stdint.h>
#include <sys/types.h>

struct usage {
	uint64_t cpu_ns;   /* of all its threads */
	uint64_t switches; /* context switches of those that live */
};

/* All 0 if it has ended. */
struct usage usage_of(pid_t pid);
uint64_t usage_resident(pid_t pid); /* bytes */
uint64_t usage_peak(pid_t pid);     /* most resident bytes so far */

#endif
