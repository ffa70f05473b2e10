/*
 * describe - the catalogue as text.
 *
 * For people: docs/PROTOCOLS.md.  For programs: the dump, a line per fact in
 * a form that stays, words with one space between, no docs in it:
 *
 *	enum NAME
 *	value ENUM NUMBER TEXT
 *	record NAME
 *	message ID NAME
 *	field OWNER PLACE NAME KIND FLAGS MAX ITEMS OF
 *
 * ID is 0x0123; FLAGS are o (optional), c (filled by the gateway), s (secret)
 * or -; MAX and ITEMS are 0 where they mean nothing; OF is the record or enum
 * it holds, or -.  compat compares dumps, the digest sums one up.
 */
#ifndef PROTOCOLS_DESCRIBE_H
#define PROTOCOLS_DESCRIBE_H

#include <stdio.h>

#include "protocols/wire.h"

#define DESCRIBE_LINE_MAX 512 /* with its NUL */

void describe_markdown(FILE *to);
void describe_dump(FILE *to);

/* line has no newline, and lives until the call returns. */
typedef void (*describe_line_fn)(void *ctx, const char *line);

/* The dump, line by line. */
void describe_lines(describe_line_fn fn, void *ctx);

/* The line of field i of t. */
void describe_field(
    const struct wire_type *t, size_t i, char ret_line[DESCRIBE_LINE_MAX]);

/* "U32", "TEXT", ...: as the .def files say it. */
const char *describe_kind(enum wire_kind kind);

#endif
