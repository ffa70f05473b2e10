#include "runtime/base/fault.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAULT_NAME_SIZE 64
#define VARIABLE "TROUPE_FAULT"

static pthread_once_t fault_once = PTHREAD_ONCE_INIT;
static char fault_name[FAULT_NAME_SIZE];
static bool fault_kills;
static _Atomic int fault_left; /* times until it happens; 0: never */

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
	atomic_store(
	    &fault_left, nth == NULL ? 1 : (int)strtol(nth + 1, NULL, 10));
}

static bool
fault_happens(const char *name, bool kills)
{
	if (!atomic_load(&fault_allowed))
		return false;
	pthread_once(&fault_once, fault_read);
	return atomic_load(&fault_left) > 0 && fault_kills == kills &&
	       strcmp(name, fault_name) == 0 &&
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
