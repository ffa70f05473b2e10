#include "runtime/base/fault.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/base/items.h"

#define FAULT_NAME_SIZE 64
#define FAULT_EVERY INT_MAX /* times that are left, for always */
#define VARIABLE "TROUPE_FAULT"
#define VARIABLE_CLOCK "TROUPE_FAULT_CLOCK"

struct fault {
	char name[FAULT_NAME_SIZE];
	bool kills;
	_Atomic int left; /* times until it happens; 0: never */
};

static pthread_once_t fault_once = PTHREAD_ONCE_INIT;
static struct fault faults[FAULTS_MAX];

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
	if (*nth != ':')
		return 1;
	return nth[1] == '*' ? FAULT_EVERY : (int)strtol(nth + 1, NULL, 10);
}

/* told: up to a comma, or the end. */
static void
fault_read_one(struct fault *f, const char *told)
{
	const char *end = told + strcspn(told, ",");
	const char *name = told + strcspn(told, ":");
	size_t size;

	if (name >= end)
		return;
	name++;
	size = strcspn(name, ":,");
	if (size >= FAULT_NAME_SIZE)
		return;
	memcpy(f->name, name, size);
	f->kills = strncmp(told, "kill:", 5) == 0;
	name += size;
	atomic_store(&f->left, fault_times(name));
}

static void
fault_read(void)
{
	const char *told = getenv(VARIABLE);
	struct bytes rest = { (const uint8_t *)told,
		told == NULL ? 0 : strlen(told) };
	struct bytes one;

	for (int i = 0; i < FAULTS_MAX && items_next(&rest, ',', &one); i++)
		fault_read_one(&faults[i], (const char *)one.at);
}

static bool
fault_happens(const char *name, bool kills)
{
	bool happens = false;

	if (!atomic_load(&fault_allowed))
		return false;
	pthread_once(&fault_once, fault_read);
	for (struct fault *f = faults; f < faults + FAULTS_MAX; f++)
		if (atomic_load(&f->left) > 0 && f->kills == kills &&
		    strcmp(name, f->name) == 0)
			happens |= atomic_load(&f->left) == FAULT_EVERY ||
				   atomic_fetch_sub(&f->left, 1) == 1;
	return happens;
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
