/*
 * replay - carries records of a log out in a copy of the database.
 *
 * The copy is data.mdb in a folder of its own and nobody has it open.  Each
 * record must be the next of the copy's own timeline and carry the sum of the
 * one before; those that the copy already holds are passed over, so segments
 * may overlap.  Transactions of the replay are large, and on the disk when it
 * returns; what it was cut short in is thrown away by whoever asked.
 *
 * Errors: CORRUPT (a record is not what was written, or not of this copy),
 * CONFLICT (one is missing), NEWER (of a table that is not known), CANCELLED.
 * backend_why has it in words.  Blocking; never on a loop.
 */
#ifndef STORE_REPLAY_H
#define STORE_REPLAY_H

#include "runtime/base/pace.h"
#include "store/redo_log.h"

struct replay_limit {
	uint64_t txid; /* none after it */
	int64_t at;    /* and none later */
};

struct replayed {
	struct redo_place place;
	uint64_t done;
	bool reached; /* there was one past the limit */
};

/* records: whole ones, perhaps with the beginning of another at the end. */
MUST_CHECK enum status replay_bytes(struct backend *b, struct bytes records,
    const struct replay_limit *limit, struct pace *pace,
    struct replayed *ret_replayed);
/* records "": none, only look. */
MUST_CHECK enum status replay_file(const char *file, const char *records,
    const struct replay_limit *limit, struct pace *pace,
    struct replayed *ret_replayed);

/* The copy goes another way from here: its log ends, above a floor. */
MUST_CHECK enum status replay_cut(const char *file, uint64_t txid_floor);

#endif
