/*
 * txn - a transaction that repositories can write straight lines with.
 *
 * It sticks at its first failure: what follows does nothing and gives nothing,
 * and whoever began it asks once, at the end, in txn_status.  Absent and
 * "there already" are answers, not failures.  It knows whether it has tried
 * to write, which is what lets a group commit drop one bad request.
 *
 * Rows come out in the room's arena and last until the room is used for the
 * next transaction.  One thread.
 */
#ifndef STORE_TXN_H
#define STORE_TXN_H

#include <stdbool.h>

#include "protocols/wire.h"
#include "runtime/base/arena.h"
#include "store/backend.h"
#include "store/key.h"

#define TXN_ARENA_BYTES (16u << 20)
#define TXN_ROW_MAX (1u << 20) /* encoded */
#define TXN_WHY_SIZE 256

/* Memory that a thread uses for one transaction after the other. */
struct txn_room {
	struct arena arena;
	unsigned char *row; /* TXN_ROW_MAX bytes */
};

struct txn {
	struct backend_txn *inner;
	struct txn_room *room;
	enum status st;
	bool dirty;     /* has tried to write */
	bool map_full;  /* st is FULL because the map is */
	uint32_t swept; /* rows that had expired and went along */
	char why[TXN_WHY_SIZE];
};

struct txn_room *txn_room_create(void); /* NULL: no memory */
void txn_room_destroy(struct txn_room *room);

/* Begins again on inner, with an empty room. */
void txn_init(struct txn *t, struct backend_txn *inner, struct txn_room *room);
/* What it stuck at; why says it in words. */
enum status txn_status(const struct txn *t);
/* Sticks, unless it has already; returns what it sticks at. */
enum status txn_fail(struct txn *t, enum status st, const char *why);
/* Zeroed; NULL once stuck, FULL if the arena has no more. */
void *txn_take(struct txn *t, size_t size);
/* Gives back what was taken since; the rows in it are gone. */
size_t txn_mark(const struct txn *t);
void txn_release(struct txn *t, size_t mark);
const char *txn_copy_text(struct txn *t, struct bytes text);

/* ---- bytes: false means absent, or stuck ---- */

bool txn_get(struct txn *t, enum table table, const struct key *key,
    struct bytes *ret_value);
void txn_put(
    struct txn *t, enum table table, const struct key *key, struct bytes value);
/* False, and unchanged, if the key is there. */
bool txn_put_new(
    struct txn *t, enum table table, const struct key *key, struct bytes value);
bool txn_delete(struct txn *t, enum table table, const struct key *key);
uint64_t txn_count(struct txn *t, enum table table);

/* ---- scans: what begins with a prefix; close them ---- */

struct scan {
	struct txn *t;
	struct backend_cursor *cursor;
	struct key prefix; /* empty: everything */
	enum table table;
};

/* prefix may be NULL. */
void scan_open(
    struct scan *s, struct txn *t, enum table table, const struct key *prefix);
void scan_close(struct scan *s);
bool scan_first(struct scan *s, struct backend_entry *ret_entry);
bool scan_last(struct scan *s, struct backend_entry *ret_entry);
/* The first that is not before key; the last that is. */
bool scan_seek(
    struct scan *s, const struct key *key, struct backend_entry *ret_entry);
bool scan_before(
    struct scan *s, const struct key *key, struct backend_entry *ret_entry);
bool scan_next(struct scan *s, struct backend_entry *ret_entry);
bool scan_prev(struct scan *s, struct backend_entry *ret_entry);

#endif
