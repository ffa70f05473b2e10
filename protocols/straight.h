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

#include "protocols/catalogue.h"

#define STRAIGHT_IDS 0x100 /* those of core.def are below */

/* False: ask the table.  Texts, and bytes that do not stay, go to the arena. */
typedef bool (*unpack_fn)(
    const uint8_t *at, const uint8_t *end, struct arena *a, void *body);

struct straight {
	/* All NULL: none of that id.  NULL: ask the table. */
	uint8_t *(*pack)(const void *body, uint8_t *at, const uint8_t *end);
	unpack_fn unpack;
	unpack_fn unpack_here; /* bytes stay where they were read */
};

extern const struct straight straight_table[STRAIGHT_IDS];

/* NULL: only the table can; a type of that id may be another one. */
static inline const struct straight *
straight_find(const struct wire_type *t)
{
	const struct straight *s = &straight_table[t->id % STRAIGHT_IDS];

	return t->id < STRAIGHT_IDS && s->pack != NULL &&
		       catalogue_find(t->id) == t
		   ? s
		   : NULL;
}

#endif
