#include "runtime/base/fault.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAULT_NAME_SIZE 64
#define VARIABLE "TROUPE_FAULT"

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
	return getenv(VARIABLE) != NULL;
}

void
fault_allow(void)
{
	atomic_store(&fault_allowed, true);
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
	atomic_store(
	    &f->left, *name == ':' ? (int)strtol(name + 1, NULL, 10) : 1);
}

static void
fault_read(void)
{
	const char *told = getenv(VARIABLE);

	for (int i = 0; told != NULL && i < FAULTS_MAX; i++) {
		fault_read_one(&faults[i], told);
		told = strchr(told, ',');
		told += told != NULL;
	}
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
			happens |= atomic_fetch_sub(&f->left, 1) == 1;
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
