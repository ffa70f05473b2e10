/*
 * straight - the codec of the hottest messages as straight code.
 *
 * wire.c walks a table for each field; for the messages of core.def the same
 * lists make one function each way, in which every bound and kind is a
 * constant.  They know only the usual case: nothing past a bound, all fields
 * there, no other heads than our packer writes.  Whatever else they meet
 * they leave to the table, which judges it; so they can be slower than it,
 * never different.  tests/protocols/straight_test.c compares the two.
 */
#ifndef PROTOCOLS_STRAIGHT_H
#define PROTOCOLS_STRAIGHT_H

#include "protocols/wire.h"

#define STRAIGHT_IDS 0x100 /* those of core.def are below */

struct reader;

struct straight {
	/* NULL: none of that id.  False: ask the table, nothing is written. */
	bool (*pack)(const void *body, struct wire_out *out);
	/* False: ask the table; what was taken of the arena is nobody's. */
	bool (*unpack)(struct reader *r, void *body);
};

extern const struct straight straight_table[STRAIGHT_IDS];

/* NULL: only the table can. */
static inline const struct straight *
straight_find(const struct wire_type *t)
{
	const struct straight *s = &straight_table[t->id % STRAIGHT_IDS];

	return t->is_listed && t->id < STRAIGHT_IDS && s->pack != NULL ? s
								       : NULL;
}

#endif
