#include "load/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t came;

static void
interrupt_on_signal(int number)
{
	(void)number;
	came = 1;
}

void
interrupt_watch(void)
{
	const struct sigaction act = { .sa_handler = interrupt_on_signal };

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
}

bool
interrupt_came(void)
{
	return came != 0;
}
