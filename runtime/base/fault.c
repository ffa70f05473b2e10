#include "runtime/base/fault.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FAULT_NAME_SIZE 64
#define FAULT_EVERY (-1) /* times that are left, for always */
#define VARIABLE "TROUPE_FAULT"
#define VARIABLE_CLOCK "TROUPE_FAULT_CLOCK"

static pthread_once_t fault_once = PTHREAD_ONCE_INIT;
static char fault_name[FAULT_NAME_SIZE];
static bool fault_kills;
static _Atomic int fault_left; /* times until it happens; 0: never */

static _Atomic bool fault_allowed;

bool
fault_is_asked(void)
{
	return getenv(VARIABLE) != NULL || getenv(VARIABLE_CLOCK) != NULL;
}

void
fault_allow(void)
{
	atomic_store(&fault_allowed, true);
}

static int
fault_times(const char *nth)
{
	if (nth == NULL)
		return 1;
	return strcmp(nth, ":*") == 0 ? FAULT_EVERY
				      : (int)strtol(nth + 1, NULL, 10);
}

static void
fault_read(void)
{
	const char *told = getenv(VARIABLE);
	const char *name = told == NULL ? NULL : strchr(told, ':');
	const char *nth;
	size_t size;

	if (name == NULL)
		return;
	nth = strchr(name + 1, ':');
	size = nth == NULL ? strlen(name + 1) : (size_t)(nth - name - 1);
	if (size >= FAULT_NAME_SIZE)
		return;
	memcpy(fault_name, name + 1, size);
	fault_kills = strncmp(told, "kill:", 5) == 0;
	atomic_store(&fault_left, fault_times(nth));
}

static bool
fault_happens(const char *name, bool kills)
{
	if (!atomic_load(&fault_allowed))
		return false;
	pthread_once(&fault_once, fault_read);
	if (atomic_load(&fault_left) == 0 || fault_kills != kills ||
	    strcmp(name, fault_name) != 0)
		return false;
	return atomic_load(&fault_left) == FAULT_EVERY ||
	       atomic_fetch_sub(&fault_left, 1) == 1;
}

void
fault_point(const char *name)
{
	if (fault_happens(name, true))
		kill(getpid(), SIGKILL);
}

bool
fault_fails(const char *name)
{
	return fault_happens(name, false);
}

static uint64_t
fault_mono_us(void *ctx)
{
	(void)ctx;
	return clock_mono_us(&clock_system);
}

static int64_t
fault_wall_us(void *ctx)
{
	_Atomic int64_t *ahead_us = ctx;

	return clock_wall_us(&clock_system) + atomic_load(ahead_us);
}

/* Shared, so that one writer turns the clock of every process at once. */
const struct clock *
fault_clock(void)
{
	static struct clock clock = { fault_mono_us, fault_wall_us, NULL };
	const char *path = getenv(VARIABLE_CLOCK);
	void *at;
	int fd;

	if (path == NULL || !atomic_load(&fault_allowed))
		return &clock_system;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	at = fd < 0 ? MAP_FAILED
		    : mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	if (at == MAP_FAILED)
		abort(); /* a test without its clock would show nothing */
	clock.ctx = at;
	return &clock;
}
