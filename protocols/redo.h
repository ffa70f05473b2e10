/*
 * redo - the form of a committed transaction's record in the history.
 *
 * A record: its sum (CRC-32C of what follows), a mark, timeline, transaction,
 * time, size and number of the changes, the sum of the record before it (0 in
 * the first of a timeline), then the changes.  Numbers are big-endian.
 *
 *   T  length (1), name              the changes that follow are of this table
 *   P  key size (2), value size (4), key, value
 *   D  key size (2), key
 *
 * Tables go by name: their numbers are another build's.  Any thread.
 */
#ifndef PROTOCOLS_REDO_H
#define PROTOCOLS_REDO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

#define REDO_HEAD 44
#define REDO_SIZE_MAX (64u << 20) /* of the changes of one record */
#define REDO_TABLE_MAX 64
#define REDO_KEY_MAX 511

struct redo_head {
	uint64_t timeline;
	uint64_t txid;
	int64_t at;
	uint32_t size; /* of the changes */
	uint32_t count;
	uint32_t before; /* the sum of the one before */
	uint32_t sum;
};

/* Fills the first REDO_HEAD bytes of a record whose size changes are there. */
void redo_seal(uint8_t *record, struct redo_head *h);

/* MALFORMED: is no head.  FULL: fewer than REDO_HEAD bytes. */
MUST_CHECK enum status redo_read_head(
    struct bytes at, struct redo_head *ret_head);
/* The head and all of its changes; FULL: it goes on past the end; CORRUPT. */
MUST_CHECK enum status redo_read(struct bytes at, struct redo_head *ret_head);

enum redo_op { REDO_TABLE = 'T', REDO_PUT = 'P', REDO_DELETE = 'D' };

struct redo_change {
	enum redo_op op;
	struct bytes table; /* of this change, or the one that begins */
	struct bytes key;
	struct bytes value;
};

struct redo_reader {
	struct bytes rest;
	struct bytes table;
};

/* Behind the head of a record that redo_read has found good. */
void redo_reader_init(
    struct redo_reader *r, struct bytes record, const struct redo_head *h);
/* Puts and deletes; NOT_FOUND at the end, MALFORMED. */
MUST_CHECK enum status redo_next(
    struct redo_reader *r, struct redo_change *ret_change);

/* How much a change takes, and writes it; at has room. */
size_t redo_change_size(const struct redo_change *c);
void redo_change_write(uint8_t *at, const struct redo_change *c);

#endif
