#include "store/cut.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORDS_SIZE 1024

static char words[WORDS_SIZE];
static _Atomic size_t words_size;

/* Nothing but what a signal may interrupt anything with. */
static void
cut_on_bus(int signal)
{
	ssize_t wrote = write(STDERR_FILENO, words, atomic_load(&words_size));

	(void)wrote;         /* to whom would one say so? */
	(void)raise(signal); /* as it is again, once we return */
}

static void
cut_listen(void)
{
	struct sigaction a = { .sa_handler = cut_on_bus,
		.sa_flags = (int)SA_RESETHAND };

	sigemptyset(&a.sa_mask);
	(void)sigaction(SIGBUS, &a, NULL);
}

void
cut_watch(struct cut *c, int fd, const char *path)
{
	int size;

	atomic_store(&words_size, 0);
	size = snprintf(words, sizeof(words),
	    "store: a page of %.600s cannot be read: the file was cut short "
	    "while it was open, or its disk fails. `troupe doctor store` says "
	    "what is left; a backup has the rest.\n",
	    path);
	atomic_store(&words_size,
	    (size_t)size < sizeof(words) ? (size_t)size : sizeof(words) - 1);
	cut_listen();
	c->fd = fd;
	atomic_store(&c->bytes, 0);
	cut_note(c);
}

static uint64_t
cut_size(const struct cut *c)
{
	struct stat s;

	return fstat(c->fd, &s) == 0 && s.st_size > 0 ? (uint64_t)s.st_size : 0;
}

void
cut_note(struct cut *c)
{
	uint64_t bytes = cut_size(c);

	if (bytes > atomic_load(&c->bytes))
		atomic_store(&c->bytes, bytes);
}

bool
cut_is_short(struct cut *c)
{
	return cut_size(c) < atomic_load(&c->bytes);
}
