/*
 * backend_class - what a backend implements, for store/backend*.c alone.
 *
 * backend.c checks arguments, injects faults and puts cursors back on their
 * key after a write; an implementation need not.  Every function follows the
 * contract of its namesake in backend.h.
 */
#ifndef STORE_BACKEND_CLASS_H
#define STORE_BACKEND_CLASS_H

#include <stdatomic.h>

#include "runtime/base/list.h"
#include "store/backend.h"
#include "store/redo.h"

struct backend {
	const struct backend_class *class;
	struct backend_faults *faults;
	_Atomic bool broken;
	struct marks *marks; /* of its writer: store/marks.h */
};

struct backend_txn {
	struct backend *backend;
	bool writes;
	bool resting;     /* reset, not yet renewed */
	uint64_t edition; /* grows with every write */
	struct list cursors;
	struct redo *redo; /* NULL: nobody notes what it changes */
};

struct backend_cursor {
	struct list in_txn;
	struct backend_txn *txn;
	enum table table;
	bool placed;
	uint64_t edition; /* of the transaction when it was placed */
	size_t key_size;  /* of the copy, kept by write transactions only */
	uint8_t key[BACKEND_KEY_MAX];
};

enum put_how { PUT_ANY, PUT_NEW, PUT_APPEND };

struct backend_class {
	const char *name;
	enum status (*open)(
	    const struct backend_options *options, struct backend **ret_b);
	enum status (*close)(struct backend *b);
	enum status (*begin)(
	    struct backend *b, bool writes, struct backend_txn **ret_txn);
	enum status (*commit)(struct backend_txn *txn);
	void (*abort)(struct backend_txn *txn);
	void (*reset)(struct backend_txn *txn);
	enum status (*renew)(struct backend_txn *txn);
	enum status (*create)(struct backend_txn *txn, enum table t);
	enum status (*count)(
	    struct backend_txn *txn, enum table t, uint64_t *ret_count);
	enum status (*get)(struct backend_txn *txn, enum table t,
	    struct bytes key, struct bytes *ret_value);
	enum status (*put)(struct backend_txn *txn, enum table t,
	    struct bytes key, struct bytes value, enum put_how how);
	enum status (*delete)(
	    struct backend_txn *txn, enum table t, struct bytes key);
	enum status (*cursor_open)(struct backend_txn *txn, enum table t,
	    struct backend_cursor **ret_c);
	void (*cursor_close)(struct backend_cursor *c);
	enum status (*move)(struct backend_cursor *c, enum move how,
	    struct bytes key, struct backend_entry *ret_entry);
	enum status (*sync)(struct backend *b);
	void (*usage)(struct backend *b, struct backend_usage *ret_usage);
	enum status (*grow)(struct backend *b);
	uint32_t (*check_readers)(struct backend *b);
	enum status (*copy)(struct backend *b, const char *folder);
	/* The last commit, compact, as the bytes of a file; NULL: no files. */
	enum status (*copy_fd)(struct backend *b, int fd);
};

/* All of it but copies. */
/* clang-format off */
#define BACKEND_MUST_HAVE(X) \
	X(open) X(close) X(begin) X(commit) X(abort) X(reset) X(renew) \
	X(create) X(count) X(get) X(put) X(delete) X(cursor_open) \
	X(cursor_close) X(move) X(sync) X(usage) X(grow) X(check_readers)
/* clang-format on */

/* What a test wants of a copy. */
enum status backend_copy_allowed(struct backend *b);

/* Keeps what for backend_why and returns st. */
enum status backend_fail(enum status st, const char *what, const char *why);

#endif
