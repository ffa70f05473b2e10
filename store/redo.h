/*
 * redo - what one write transaction has changed, noted while it does.
 *
 * Attached to a transaction (backend_note), it hears every put and delete
 * that succeeds, in order; the rows of the history itself are left out.  The
 * buffer is kept from one transaction to the next.  Past REDO_SIZE_MAX, or
 * without memory, it is lost: the transaction goes on, its record does not.
 *
 * One thread.
 */
#ifndef STORE_REDO_H
#define STORE_REDO_H

#include "protocols/redo.h"
#include "store/backend.h"

struct redo {
	uint8_t *record; /* REDO_HEAD bytes of room, then changes */
	size_t used;     /* of the changes */
	size_t size;
	uint32_t count;
	enum table last; /* TABLE_COUNT: none yet */
	bool lost;
};

void redo_init(struct redo *r);
void redo_fini(struct redo *r);
void redo_begin(struct redo *r);

/* Where it stood, to take a change back that did not come true. */
struct redo_mark {
	size_t used;
	uint32_t count;
	enum table last;
};
struct redo_mark redo_put(
    struct redo *r, enum table t, struct bytes key, struct bytes value);
struct redo_mark redo_delete(struct redo *r, enum table t, struct bytes key);
void redo_take_back(struct redo *r, struct redo_mark m);

#endif
