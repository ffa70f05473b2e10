#include "load/usage.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define USAGE_PATH_SIZE 320

/* The number behind a name in one of /proc's status files; 0: none. */
static uint64_t
status_number(const char *path, const char *name)
{
	char line[256];
	uint64_t n = 0;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, name, strlen(name)) == 0 &&
		    line[strlen(name)] == ':') {
			n = strtoull(line + strlen(name) + 1, NULL, 10);
			break;
		}
	fclose(f);
	return n;
}

static uint64_t
usage_switches(pid_t pid)
{
	char path[USAGE_PATH_SIZE];
	struct dirent *e;
	uint64_t n = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%ld/task", (long)pid);
	tasks = opendir(path);
	while (tasks != NULL && (e = readdir(tasks)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%ld/task/%.200s/status",
		    (long)pid, e->d_name);
		n += status_number(path, "voluntary_ctxt_switches") +
		     status_number(path, "nonvoluntary_ctxt_switches");
	}
	if (tasks != NULL)
		closedir(tasks);
	return n;
}

struct usage
usage_of(pid_t pid)
{
	struct usage u = { 0 };
	struct timespec t;
	clockid_t clock;

	if (pid <= 0 || clock_getcpuclockid(pid, &clock) != 0 ||
	    clock_gettime(clock, &t) != 0)
		return u;
	u.cpu_ns = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
	u.switches = usage_switches(pid);
	return u;
}

static uint64_t
usage_kilobytes(pid_t pid, const char *name)
{
	char path[USAGE_PATH_SIZE];

	snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	return status_number(path, name) * 1024;
}

uint64_t
usage_resident(pid_t pid)
{
	return usage_kilobytes(pid, "VmRSS");
}

uint64_t
usage_peak(pid_t pid)
{
	return usage_kilobytes(pid, "VmHWM");
}
