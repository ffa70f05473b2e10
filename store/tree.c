#include "store/tree.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/fnv.h"

/* Key and value, shared by every version that has not replaced them. */
struct payload {
	_Atomic uint32_t holders;
	uint32_t rank; /* the heap's order */
	size_t key_size;
	size_t value_size;
	uint8_t bytes[];
};

struct tree {
	_Atomic uint32_t holders;
	struct payload *payload;
	struct tree *left;
	struct tree *right;
};

/* Mixed, too, so that keys which count up spread. */
static uint32_t
key_rank(struct bytes key)
{
	uint64_t h = FNV_BASIS;

	for (size_t i = 0; i < key.size; i++)
		h = fnv_byte(h, key.at[i]);
	h ^= h >> 29;
	h *= UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)(h >> 32);
}

static int
key_compare(struct bytes a, struct bytes b)
{
	size_t n = a.size < b.size ? a.size : b.size;
	int order = memcmp(a.at, b.at, n);

	if (order != 0)
		return order;
	return (a.size > b.size) - (a.size < b.size);
}

static struct tree_item
tree_item(const struct tree *t)
{
	const struct payload *p;

	assert(t != NULL);
	p = t->payload;
	return (struct tree_item){
		.key = { p->bytes, p->key_size },
		.value = { p->bytes + p->key_size, p->value_size },
	};
}

static struct payload *
payload_create(struct bytes key, struct bytes value)
{
	struct payload *p = malloc(sizeof(*p) + key.size + value.size);

	if (p == NULL)
		return NULL;
	atomic_init(&p->holders, 1);
	p->rank = key_rank(key);
	p->key_size = key.size;
	p->value_size = value.size;
	memcpy(p->bytes, key.at, key.size);
	if (value.size > 0)
		memcpy(p->bytes + key.size, value.at, value.size);
	return p;
}

static void
payload_release(struct payload *p)
{
	if (atomic_fetch_sub(&p->holders, 1) == 1)
		free(p);
}

struct tree *
tree_retain(struct tree *root)
{
	if (root != NULL)
		atomic_fetch_add(&root->holders, 1);
	return root;
}

void
tree_release(struct tree *root)
{
	if (root == NULL || atomic_fetch_sub(&root->holders, 1) != 1)
		return;
	tree_release(root->left);
	tree_release(root->right);
	payload_release(root->payload);
	free(root);
}

/* Makes *at ours alone, by a copy if others hold it.  False: no memory. */
static bool
tree_own(struct tree **at)
{
	struct tree *shared = *at;
	struct tree *own;

	assert(shared != NULL);
	if (atomic_load(&shared->holders) == 1)
		return true;
	own = malloc(sizeof(*own));
	if (own == NULL)
		return false;
	atomic_init(&own->holders, 1);
	own->payload = shared->payload;
	atomic_fetch_add(&own->payload->holders, 1);
	own->left = tree_retain(shared->left);
	own->right = tree_retain(shared->right);
	tree_release(shared);
	*at = own;
	return true;
}

/* Lifts the left child of *at; both must be owned. */
static void
tree_rotate_right(struct tree **at)
{
	struct tree *down = *at;
	struct tree *up = down->left;

	down->left = up->right;
	up->right = down;
	*at = up;
}

static void
tree_rotate_left(struct tree **at)
{
	struct tree *down = *at;
	struct tree *up = down->right;

	down->right = up->left;
	up->left = down;
	*at = up;
}

static uint32_t
tree_rank(const struct tree *t)
{
	return t == NULL ? 0 : t->payload->rank;
}

bool
tree_find(const struct tree *t, struct bytes key, struct tree_item *ret_item)
{
	while (t != NULL) {
		struct tree_item item = tree_item(t);
		int order = key_compare(key, item.key);

		if (order == 0) {
			*ret_item = item;
			return true;
		}
		t = order < 0 ? t->left : t->right;
	}
	return false;
}

/* Does the wanted item stand left of this one, if not here? */
static bool
seek_goes_left(enum tree_side side, struct bytes key, struct bytes here)
{
	switch (side) {
	case TREE_FIRST:
		return true;
	case TREE_LAST:
		return false;
	case TREE_ABOVE:
		return key_compare(here, key) > 0;
	case TREE_AT_LEAST:
	case TREE_BELOW:
	default:
		return key_compare(here, key) >= 0;
	}
}

bool
tree_seek(const struct tree *t, enum tree_side side, struct bytes key,
    struct tree_item *ret_item)
{
	bool wants_left = side != TREE_LAST && side != TREE_BELOW;
	const struct tree *best = NULL;

	while (t != NULL) {
		bool left = seek_goes_left(side, key, tree_item(t).key);

		if (left == wants_left)
			best = t;
		t = left ? t->left : t->right;
	}
	if (best != NULL)
		*ret_item = tree_item(best);
	return best != NULL;
}

static bool
tree_insert(struct tree **at, struct payload *p, struct bytes key)
{
	int order;

	if (*at == NULL) {
		*at = calloc(1, sizeof(**at));
		if (*at == NULL)
			return false;
		atomic_init(&(*at)->holders, 1);
		(*at)->payload = p;
		return true;
	}
	if (!tree_own(at))
		return false;
	order = key_compare(key, tree_item(*at).key);
	if (order == 0) {
		payload_release((*at)->payload);
		(*at)->payload = p;
		return true;
	}
	if (!tree_insert(order < 0 ? &(*at)->left : &(*at)->right, p, key))
		return false;
	if (tree_rank((*at)->left) > tree_rank(*at))
		tree_rotate_right(at);
	else if (tree_rank((*at)->right) > tree_rank(*at))
		tree_rotate_left(at);
	return true;
}

enum status
tree_put(struct tree **root, struct bytes key, struct bytes value)
{
	struct payload *p = payload_create(key, value);

	if (p == NULL)
		return ST_NO_MEMORY;
	if (tree_insert(root, p, (struct bytes){ p->bytes, p->key_size }))
		return ST_OK;
	payload_release(p);
	return ST_NO_MEMORY;
}

/* Sinks the owned *at until it has one child at most, then cuts it out. */
static enum status
tree_cut(struct tree **at)
{
	struct tree *gone;

	while ((*at)->left != NULL && (*at)->right != NULL) {
		bool left = tree_rank((*at)->left) > tree_rank((*at)->right);

		if (!tree_own(left ? &(*at)->left : &(*at)->right))
			return ST_NO_MEMORY;
		if (left) {
			tree_rotate_right(at);
			at = &(*at)->right;
		} else {
			tree_rotate_left(at);
			at = &(*at)->left;
		}
	}
	gone = *at;
	*at = gone->left != NULL ? gone->left : gone->right;
	payload_release(gone->payload);
	free(gone);
	return ST_OK;
}

enum status
tree_delete(struct tree **at, struct bytes key)
{
	struct tree_item item;

	if (!tree_find(*at, key, &item))
		return ST_NOT_FOUND;
	for (;;) {
		int order;

		if (!tree_own(at))
			return ST_NO_MEMORY;
		order = key_compare(key, tree_item(*at).key);
		if (order == 0)
			return tree_cut(at);
		at = order < 0 ? &(*at)->left : &(*at)->right;
	}
}
