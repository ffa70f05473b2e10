/*
 * prove - opens a copy of a database as a restore would, and looks at all of
 * it.
 *
 * First every page, by verify.h: only then is the file believed.  Then all that
 * `troupe doctor store` looks at (inspect.h): rows and their sums, indexes, the
 * chain of the audit log, the journal, what adds up.  A copy of our schema is
 * opened for reading, without a lock or any other trace; one of an older schema
 * is migrated first, as a restore does it, so the file must be the caller's
 * own.  Blocking; never on a loop.
 */
#ifndef STORE_PROVE_H
#define STORE_PROVE_H

#include "store/verify.h"

#define PROVE_WHY_SIZE 256

struct proven {
	struct verified verified;
	uint64_t entries;         /* of indexes */
	uint64_t wrong;           /* findings */
	char why[PROVE_WHY_SIZE]; /* the first: table/key: what */
};

/*
 * file is data.mdb in a folder of its own.  ours: it may be changed.
 * CORRUPT: with a finding in why, and in backend_why; UNSUPPORTED: of an older
 * schema, and not ours; NEWER, NOT_FOUND, CANCELLED, IO.
 */
MUST_CHECK enum status prove_file(
    const char *file, bool ours, struct pace *pace, struct proven *ret);

#endif
