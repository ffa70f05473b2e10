/*
 * mistake - everything wrong with what an operator wrote, told at once.
 *
 * Whoever reads a file goes on after a mistake and adds it here; the caller
 * asks once at the end.  Adding logs the mistake as config.invalid or
 * config.warning, so that it is told before anything is refused.
 * Bounds: MISTAKES_MAX are kept, the rest is counted; texts are cut.
 * One thread.
 */
#ifndef RUNTIME_MISTAKE_H
#define RUNTIME_MISTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define MISTAKES_MAX 64
#define MISTAKE_FILE_MAX 255
#define MISTAKE_KEY_MAX 127
#define MISTAKE_TEXT_MAX 383

struct mistake {
	bool warning;  /* told, but nothing is refused for it */
	unsigned line; /* from 1; 0 when there is none */
	char file[MISTAKE_FILE_MAX + 1];
	char key[MISTAKE_KEY_MAX + 1];
	char text[MISTAKE_TEXT_MAX + 1];
};

struct mistakes {
	struct mistake list[MISTAKES_MAX];
	size_t count;
	size_t errors;   /* kept or not */
	size_t warnings; /* kept or not */
	bool quiet;      /* whoever asked tells: nothing is logged */
};

/* Where something stands: a file, or "environment", or "--set". */
struct place {
	const char *file;
	unsigned line;
	const char *key; /* NULL: the file as a whole */
};

void mistakes_init(struct mistakes *m);

void mistakes_add(struct mistakes *m, struct place at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void mistakes_warn(struct mistakes *m, struct place at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One line each, `file:line: key: text`, and how many were not kept. */
void mistakes_print(const struct mistakes *m, FILE *to);

/* What the printed line of one mistake is, without its newline. */
void mistake_text(const struct mistake *one, char *ret_text, size_t size);

#endif
