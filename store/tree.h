/*
 * tree - an ordered map of bytes to bytes whose old versions stay readable.
 *
 * A treap: a search tree by key, a heap by a hash of the key, so its shape
 * depends on its content alone (Seidel and Aragon, "Randomized search trees",
 * 1996).  A write copies the path to what it changes unless nobody else holds
 * it; a version is its root, kept alive by a count of holders.
 *
 * Threads: a version may be read and released by any; the one root being
 * written belongs to one thread.  Depth grows with the logarithm of the size.
 */
#ifndef STORE_TREE_H
#define STORE_TREE_H

#include <stdbool.h>

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

struct tree; /* a version: its root; NULL is the empty one */

struct tree_item {
	struct bytes key;
	struct bytes value;
};

enum tree_side {
	TREE_FIRST,
	TREE_LAST,
	TREE_AT_LEAST, /* the first that is not before key */
	TREE_ABOVE,    /* the first after key */
	TREE_BELOW,    /* the last before key */
};

struct tree *tree_retain(struct tree *root);
void tree_release(struct tree *root); /* NULL is fine */

bool tree_find(
    const struct tree *root, struct bytes key, struct tree_item *ret_item);

/* key counts for the last three; false: there is none. */
bool tree_seek(const struct tree *root, enum tree_side side, struct bytes key,
    struct tree_item *ret_item);

/* Adds or replaces.  NO_MEMORY leaves the content as it was. */
MUST_CHECK enum status tree_put(
    struct tree **root, struct bytes key, struct bytes value);

/* NOT_FOUND if the key is not there. */
MUST_CHECK enum status tree_delete(struct tree **root, struct bytes key);

#endif
