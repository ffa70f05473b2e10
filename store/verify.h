/*
 * verify - looks at every page and row of a database file that may lie.
 *
 * LMDB believes what it maps: a page number out of its range or a node that
 * reaches over its page ends the process.  So a copy is walked here first,
 * by our own reader of LMDB's form (data version 1, 64 bits): both meta
 * pages, every page of every tree, its nodes, their order and bounds, the
 * pages used once, the counts the file claims.  Then the rows: whatever
 * looks like a record has its checksum, and the schema's version is read.
 *
 * The file must not change meanwhile.  Blocking; never on a loop.
 */
#ifndef STORE_VERIFY_H
#define STORE_VERIFY_H

#include "runtime/base/pace.h"
#include "store/backend.h"

struct verified {
	uint32_t schema;
	uint64_t rows;
	uint64_t pages;
};

/*
 * CORRUPT, NOT_FOUND, NEWER if this program does not know its schema,
 * CANCELLED; backend_why has the words.
 */
MUST_CHECK enum status verify_file(
    const char *file, struct pace *pace, struct verified *ret);

/* Likewise, but for the rows' checksums: for whoever decodes every row then. */
MUST_CHECK enum status verify_pages(
    const char *file, struct pace *pace, struct verified *ret);

/*
 * Before a file is mapped in which LMDB is to believe: CORRUPT if its head is
 * none or pages in use are past its end; with pages, if any page lies.  What
 * rows hold is not looked at.  OK if there is no file.
 */
MUST_CHECK enum status verify_open(const char *file, bool pages);

#endif
