/*
 * backend - an ordered key-value store with transactions, whoever keeps it.
 *
 * One writer at a time, any number of readers up to readers_max; a reader
 * sees the last commit before it began, for as long as it lives.  Keys
 * compare bytewise and have 1 to BACKEND_KEY_MAX bytes.  Bytes handed out
 * are good until the next write of their transaction, or its end.
 *
 * Threads: a backend serves all; a transaction and its cursors belong to the
 * thread that began them, and a thread has one transaction at a time.
 *
 * Errors: EXISTS (already there, already open), NOT_FOUND, INVALID (key),
 * UNAVAILABLE (no such table yet: migrate), FULL (map, readers), NEWER,
 * CORRUPT, NO_MEMORY, IO.  backend_why has the library's words.
 */
#ifndef STORE_BACKEND_H
#define STORE_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

#define BACKEND_KEY_MAX 511
#define BACKEND_PATH_MAX 4096
#define BACKEND_READERS_MAX 126
#define BACKEND_MAP_MIN (UINT64_C(1) << 20)
#define BACKEND_MAP_DEFAULT (UINT64_C(1) << 30)
#define BACKEND_MAP_MAX (UINT64_C(1) << 44)
#define BACKEND_GROW_DEFAULT 2

enum table {
#define TABLE(id, name, doc) TABLE_##id,
#include "store/tables.def"
#undef TABLE
	TABLE_COUNT
};

/* In the order of the words of persistence.lmdb.durability. */
enum durability {
	DURABLE_FULL, /* on the disk before commit returns */
	DURABLE_LAZY, /* whole, but a power cut may lose the last commit */
	DURABLE_NONE, /* a power cut may lose everything */
};

struct backend;
struct backend_txn;
struct backend_cursor;
struct backend_class;
struct backend_faults;
struct redo;

extern const struct backend_class backend_lmdb;
extern const struct backend_class backend_memory;

struct backend_options {
	const char *path; /* a folder, made if absent; see store/path.h */
	enum durability durability;
	uint64_t map_bytes;     /* 0: BACKEND_MAP_DEFAULT */
	uint64_t map_bytes_max; /* 0: BACKEND_MAP_MAX */
	uint32_t readers_max;   /* 0: BACKEND_READERS_MAX */
	bool verify;            /* every page, before it is believed */
	bool read_only; /* no lock, no write: of a file that nobody changes */
	struct backend_faults *faults; /* NULL outside of tests */
};

struct backend_usage {
	uint64_t used_bytes;
	uint64_t map_bytes;
	uint64_t map_bytes_max;
	uint32_t readers; /* slots in use, also by other processes */
	uint32_t readers_max;
	enum durability durability; /* as it is, whatever was asked for */
};

struct backend_entry {
	struct bytes key;
	struct bytes value;
};

/* "lmdb" or "memory"; NULL for any other name. */
const struct backend_class *backend_find(const char *name);
const char *backend_name(const struct backend *b);
const char *table_name(enum table t);

/* The library's words for the calling thread's last failure; never NULL. */
const char *backend_why(void);

/* Creates no table and changes no data.  EXISTS if somebody has it open. */
MUST_CHECK enum status backend_open(const struct backend_class *class,
    const struct backend_options *options, struct backend **ret_b);

/* No transaction may be left.  Not OK: gone all the same, but not cleanly. */
MUST_CHECK enum status backend_close(struct backend *b);

MUST_CHECK enum status backend_read(
    struct backend *b, struct backend_txn **ret_txn);
/* Waits for the other writer. */
MUST_CHECK enum status backend_write(
    struct backend *b, struct backend_txn **ret_txn);

/* From now on redo hears what a write transaction changes; NULL: nobody. */
void backend_note(struct backend_txn *txn, struct redo *redo);

/* Both end the transaction and its cursors, also when commit fails. */
MUST_CHECK enum status backend_commit(struct backend_txn *txn);
void backend_abort(struct backend_txn *txn);

/* Gives up a reader's snapshot but keeps the reader; renew takes the last. */
void backend_reset(struct backend_txn *txn);
MUST_CHECK enum status backend_renew(struct backend_txn *txn);

/* Makes the table unless it is there. */
MUST_CHECK enum status backend_create(struct backend_txn *txn, enum table t);
MUST_CHECK enum status backend_count(
    struct backend_txn *txn, enum table t, uint64_t *ret_count);

MUST_CHECK enum status backend_get(struct backend_txn *txn, enum table t,
    struct bytes key, struct bytes *ret_value);
MUST_CHECK enum status backend_put(struct backend_txn *txn, enum table t,
    struct bytes key, struct bytes value);
/* EXISTS, and nothing changes, if the key is there. */
MUST_CHECK enum status backend_put_new(struct backend_txn *txn, enum table t,
    struct bytes key, struct bytes value);
/* EXISTS unless the key sorts after every other; cheaper than put. */
MUST_CHECK enum status backend_append(struct backend_txn *txn, enum table t,
    struct bytes key, struct bytes value);
MUST_CHECK enum status backend_delete(
    struct backend_txn *txn, enum table t, struct bytes key);

/*
 * A cursor survives writes: NEXT goes on from the key it stood on.  One that
 * is new or got NOT_FOUND stands nowhere: NEXT is FIRST then, PREV is LAST.
 */
MUST_CHECK enum status backend_cursor_open(
    struct backend_txn *txn, enum table t, struct backend_cursor **ret_c);
void backend_cursor_close(struct backend_cursor *c); /* NULL is fine */

enum move {
	MOVE_FIRST,
	MOVE_LAST,
	MOVE_SEEK,   /* to the first that is not before key */
	MOVE_BEFORE, /* to the last that is before key */
	MOVE_NEXT,
	MOVE_PREV,
};

/* NOT_FOUND past the end; key counts for SEEK and BEFORE only. */
MUST_CHECK enum status backend_move(struct backend_cursor *c, enum move how,
    struct bytes key, struct backend_entry *ret_entry);

MUST_CHECK enum status backend_sync(struct backend *b);
/*
 * A failure after which nothing is read or written until it is closed and
 * opened again: the last page of a commit could not be written.
 */
bool backend_is_broken(struct backend *b);
void backend_usage(struct backend *b, struct backend_usage *ret_usage);
/* Waits for the transactions there are; BUSY if they stay, FULL at the max. */
MUST_CHECK enum status backend_grow(struct backend *b);
/* Frees the slots of readers whose process has died; returns how many. */
uint32_t backend_check_readers(struct backend *b);
/* A copy of the last commit into a new folder; EXISTS if it is there. */
MUST_CHECK enum status backend_copy(struct backend *b, const char *folder);

#endif
