#include "store/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/crc32c.h"
#include "store/backend_class.h"
#include "store/key.h"
#include "store/meta.h"
#include "store/migrate.h"

/* Where things stand in LMDB's file, and what they may be. */
#define PAGE_HEAD 16u
#define NODE_HEAD 8u
#define PAGE_BRANCH 0x01u
#define PAGE_LEAF 0x02u
#define PAGE_OVERFLOW 0x04u
#define PAGE_META 0x08u
#define NODE_BIG 0x01u /* the value stands on pages of its own */
#define NODE_TREE 0x02u
#define META_MAGIC 0xBEEFC0DEu
#define META_VERSION 1u
#define TREE_SIZE 48u
#define TREE_DEPTH_MAX 32u
#define FREE_FLAGS 0x08u /* keys are integers */
#define NO_PAGE UINT64_MAX
#define WHY_SIZE 128
#define PACE_PAGES 256u
#define PAGES_GIVEN_UP_MAX 65536u

struct tree {
	uint32_t psize; /* of the first tree: the file's page size */
	uint16_t flags;
	uint16_t depth;
	uint64_t branches, leaves, overflows, entries, root;
};

struct span { /* of keys; at NULL: open */
	const uint8_t *low, *high;
	size_t low_size, high_size;
};

struct node {
	const uint8_t *key;
	size_t key_size;
	const uint8_t *value;
	uint64_t value_size;
	uint64_t child;
	uint16_t flags;
};

enum kind { KIND_FREE, KIND_MAIN, KIND_TABLE };

struct walk {
	const uint8_t *map;
	uint64_t size;
	uint32_t psize;
	uint64_t pages; /* in use: all page numbers are below */
	uint64_t whole; /* in the file: what is past them may only be free */
	uint8_t *seen;
	struct pace *pace;
	struct tree found; /* of the tree in hand, counted */
	enum kind kind;
	bool is_meta_table;
	bool pages_only; /* rows may be what they are */
	bool sums_later; /* rows: whoever decodes them looks at their sums */
	bool head_only;  /* pages too, if the file is long enough */
	uint64_t schema;
	uint64_t rows;
	uint64_t used;
	enum status st;
	char why[WHY_SIZE];
};

static uint64_t
load(const uint8_t *at, size_t size)
{
	uint64_t n = 0;

	memcpy(&n, at, size); /* the file is little-endian, as we are */
	return n;
}

static bool
walk_fail(struct walk *w, uint64_t page, const char *why)
{
	if (w->st == ST_OK) {
		w->st = ST_CORRUPT;
		snprintf(w->why, sizeof(w->why), "page %llu: %s",
		    (unsigned long long)page, why);
	}
	return false;
}

static bool
walk_mark(struct walk *w, uint64_t page, uint64_t count, bool free)
{
	if (page < 2 || page >= w->pages || count > w->pages - page ||
	    (!free && (page >= w->whole || count > w->whole - page)))
		return walk_fail(w, page, "out of the file");
	for (uint64_t i = page; i < page + count; i++) {
		if (w->seen[i / 8] & (1u << (i % 8)))
			return walk_fail(w, i, "used twice");
		w->seen[i / 8] |= (uint8_t)(1u << (i % 8));
	}
	w->used += count;
	if (!pace_took(w->pace, count * w->psize)) {
		w->st = ST_CANCELLED;
		return false;
	}
	return true;
}

static int
key_order(const struct walk *w, const uint8_t *a, size_t a_size,
    const uint8_t *b, size_t b_size)
{
	size_t common = a_size < b_size ? a_size : b_size;
	int order;

	if (w->kind == KIND_FREE) {
		uint64_t x = load(a, 8), y = load(b, 8);

		return x < y ? -1 : x > y;
	}
	order = memcmp(a, b, common);
	if (order != 0)
		return order;
	return a_size < b_size ? -1 : a_size > b_size;
}

static bool
walk_key(struct walk *w, uint64_t page, const struct node *n, struct span *s)
{
	if (n->key_size == 0 || n->key_size > BACKEND_KEY_MAX ||
	    (w->kind == KIND_FREE && n->key_size != 8))
		return walk_fail(w, page, "a key has no size a key may have");
	if (s->low != NULL &&
	    key_order(w, n->key, n->key_size, s->low, s->low_size) < 0)
		return walk_fail(w, page, "keys are out of order");
	if (s->high != NULL &&
	    key_order(w, n->key, n->key_size, s->high, s->high_size) >= 0)
		return walk_fail(w, page, "a key is past its branch");
	return true;
}

/* The value of a leaf's node, wherever it stands. */
static bool
walk_value(struct walk *w, uint64_t page, const uint8_t *end, struct node *n)
{
	uint64_t first, count;
	const uint8_t *head;

	if (!(n->flags & NODE_BIG)) {
		if (n->value_size > (uint64_t)(end - n->value))
			return walk_fail(w, page, "a value is past its page");
		return true;
	}
	if (end - n->value < 8)
		return walk_fail(w, page, "a value is past its page");
	first = load(n->value, 8);
	count = (PAGE_HEAD + n->value_size + w->psize - 1) / w->psize;
	if (!walk_mark(w, first, count, false))
		return false;
	head = w->map + first * w->psize;
	if (load(head, 8) != first || load(head + 10, 2) != PAGE_OVERFLOW ||
	    load(head + 12, 4) != count)
		return walk_fail(w, first, "is no overflow page");
	n->value = head + PAGE_HEAD;
	w->found.overflows += count;
	return true;
}

/* Reads the nth node of a page whose head has been checked. */
static bool
walk_node(
    struct walk *w, uint64_t page, uint32_t nth, bool leaf, struct node *ret)
{
	const uint8_t *at = w->map + page * w->psize, *end = at + w->psize;
	uint64_t offset = load(at + PAGE_HEAD + 2 * (size_t)nth, 2);
	uint64_t upper = load(at + 14, 2);
	const uint8_t *node = at + offset;
	uint64_t low, high;

	if (offset < upper || offset % 2 != 0 || offset + NODE_HEAD > w->psize)
		return walk_fail(w, page, "a node is out of the page");
	low = load(node, 2);
	high = load(node + 2, 2);
	ret->flags = (uint16_t)load(node + 4, 2);
	ret->key_size = (size_t)load(node + 6, 2);
	ret->key = node + NODE_HEAD;
	if (ret->key_size > (size_t)(end - ret->key))
		return walk_fail(w, page, "a key is past its page");
	ret->value = ret->key + ret->key_size;
	ret->value_size = low | high << 16;
	ret->child = low | high << 16 | (uint64_t)ret->flags << 32;
	if (!leaf)
		return true;
	if (ret->flags & ~(w->kind == KIND_MAIN ? NODE_TREE : NODE_BIG))
		return walk_fail(w, page, "a node has flags of no use here");
	return walk_value(w, page, end, ret);
}

/* How many nodes; 0: it has failed. */
static uint32_t
walk_head(struct walk *w, uint64_t page, bool leaf)
{
	const uint8_t *at = w->map + page * w->psize;
	uint64_t lower, upper;

	if (!walk_mark(w, page, 1, false))
		return 0;
	lower = load(at + 12, 2);
	upper = load(at + 14, 2);
	if (load(at, 8) != page ||
	    load(at + 10, 2) != (leaf ? PAGE_LEAF : PAGE_BRANCH)) {
		(void)walk_fail(w, page, "is not the page it should be");
		return 0;
	}
	if (lower < PAGE_HEAD || lower % 2 != 0 || lower > upper ||
	    upper > w->psize || (lower - PAGE_HEAD) / 2 < (leaf ? 1 : 2)) {
		(void)walk_fail(w, page, "its head cannot be");
		return 0;
	}
	return (uint32_t)(lower - PAGE_HEAD) / 2;
}

/* A list of free pages: a count, then so many numbers, descending. */
static bool
walk_free(struct walk *w, uint64_t page, const struct node *n)
{
	uint64_t count, last = NO_PAGE;

	if (n->value_size < 8 || n->value_size % 8 != 0)
		return walk_fail(w, page, "a free list has no such size");
	count = load(n->value, 8);
	if (count != n->value_size / 8 - 1)
		return walk_fail(w, page, "a free list has another size");
	for (uint64_t i = 1; i <= count; i++) {
		uint64_t free_page = load(n->value + 8 * i, 8);

		if (free_page >= last)
			return walk_fail(w, page, "a free list has no order");
		if (!walk_mark(w, free_page, 1, true))
			return false;
		w->used--;
		last = free_page;
	}
	return true;
}

/* "v" is the first key of every record's map. */
static bool
looks_like_a_record(const uint8_t *at, uint64_t size)
{
	size_t head = 1;

	if (size < 8)
		return false;
	if (at[0] == 0xde)
		head = 3;
	else if ((at[0] & 0xf0) != 0x80)
		return false;
	return at[head] == 0xa1 && at[head + 1] == 'v';
}

static bool
walk_row(struct walk *w, uint64_t page, const struct node *n)
{
	size_t size = (size_t)n->value_size;
	struct key version;

	w->rows++;
	if (!w->pages_only && !w->sums_later && n->value != NULL &&
	    looks_like_a_record(n->value, size)) {
		uint32_t sum;

		memcpy(&sum, n->value + size - 4, 4);
		if (__builtin_bswap32(sum) != crc32c(n->value, size - 4))
			return walk_fail(w, page, "a row has another checksum");
	}
	if (!w->is_meta_table)
		return true;
	key_init(&version);
	key_tail(&version, META_SCHEMA_VERSION);
	if (n->key_size == version.size &&
	    memcmp(n->key, version.at, version.size) == 0) {
		struct key_reader r;

		key_read(&r, (struct bytes){ n->value, size });
		w->schema = key_read_number(&r);
	}
	return true;
}

static void
tree_read(const uint8_t *at, struct tree *ret)
{
	*ret = (struct tree){
		.psize = (uint32_t)load(at, 4),
		.flags = (uint16_t)load(at + 4, 2),
		.depth = (uint16_t)load(at + 6, 2),
		.branches = load(at + 8, 8),
		.leaves = load(at + 16, 8),
		.overflows = load(at + 24, 8),
		.entries = load(at + 32, 8),
		.root = load(at + 40, 8),
	};
}

static bool
walk_leaf(struct walk *w, uint64_t page, struct span s)
{
	uint32_t count = walk_head(w, page, true);
	struct node n = { 0 };

	w->found.leaves++;
	for (uint32_t i = 0; i < count; i++) {
		if (!walk_node(w, page, i, true, &n) ||
		    !walk_key(w, page, &n, &s))
			return false;
		if (i > 0 &&
		    key_order(w, n.key, n.key_size, s.low, s.low_size) == 0)
			return walk_fail(w, page, "a key is there twice");
		s.low = n.key;
		s.low_size = n.key_size;
		w->found.entries++;
		if (w->kind == KIND_TABLE && !walk_row(w, page, &n))
			return false;
		if (w->kind == KIND_FREE && !walk_free(w, page, &n))
			return false;
		if (w->kind == KIND_MAIN &&
		    (!(n.flags & NODE_TREE) || n.value_size != TREE_SIZE))
			return walk_fail(w, page, "a table has no tree");
	}
	return w->st == ST_OK;
}

static bool
walk_branch(struct walk *w, uint64_t page, uint32_t depth, struct span s)
{
	uint32_t count;
	struct node n = { 0 }, next = { 0 };

	if (depth == 1)
		return walk_leaf(w, page, s);
	count = walk_head(w, page, false);
	w->found.branches++;
	for (uint32_t i = 0; i < count; i++) {
		struct span inner = s;

		if (!walk_node(w, page, i, false, &n))
			return false;
		if (i > 0) {
			if (!walk_key(w, page, &n, &s))
				return false;
			inner.low = s.low = n.key;
			inner.low_size = s.low_size = n.key_size;
		}
		if (i + 1 < count) {
			if (!walk_node(w, page, i + 1, false, &next) ||
			    !walk_key(w, page, &next, &inner))
				return false;
			inner.high = next.key;
			inner.high_size = next.key_size;
		}
		if (!walk_branch(w, n.child, depth - 1, inner))
			return false;
	}
	return w->st == ST_OK;
}

static bool
walk_tree(struct walk *w, const struct tree *t, enum kind kind)
{
	const struct tree *f = &w->found;

	w->kind = kind;
	w->found = (struct tree){ 0 };
	if (t->flags != (kind == KIND_FREE ? FREE_FLAGS : 0))
		return walk_fail(w, t->root, "a tree has flags of no use here");
	if (t->depth > TREE_DEPTH_MAX ||
	    (t->depth == 0) != (t->root == NO_PAGE))
		return walk_fail(w, t->root, "a tree has no such depth");
	if (t->depth > 0 &&
	    !walk_branch(w, t->root, t->depth, (struct span){ 0 }))
		return false;
	if (f->branches != t->branches || f->leaves != t->leaves ||
	    f->overflows != t->overflows || f->entries != t->entries)
		return walk_fail(w, t->root, "a tree is not what it claims");
	return true;
}

/* The table's tree, as the main tree's nodes name it. */
static bool
walk_table(struct walk *w, const struct node *n)
{
	const char *meta = table_name(TABLE_META);
	struct tree t;

	tree_read(n->value, &t);
	w->is_meta_table = n->key_size == strlen(meta) &&
			   memcmp(n->key, meta, n->key_size) == 0;
	return walk_tree(w, &t, KIND_TABLE);
}

/* Once the main tree has been found good: each of its tables. */
static bool
walk_tables(struct walk *w, uint64_t page, uint32_t depth)
{
	const uint8_t *at = w->map + page * w->psize;
	uint32_t count = (uint32_t)(load(at + 12, 2) - PAGE_HEAD) / 2;
	struct node n = { 0 };

	for (uint32_t i = 0; i < count; i++) {
		w->kind = KIND_MAIN;
		if (!walk_node(w, page, i, depth == 1, &n))
			return false;
		if (depth > 1 ? !walk_tables(w, n.child, depth - 1)
			      : !walk_table(w, &n))
			return false;
	}
	return true;
}

/*
 * A copy has every page.  LMDB's own file may lack some of its last ones, if
 * they were given up in the transaction that took them.
 */
static uint64_t
walk_pages_max(const struct walk *w)
{
	return w->pages_only ? w->whole + PAGES_GIVEN_UP_MAX : w->whole;
}

/* The newer of the two meta pages, both of which LMDB looks at. */
static bool
walk_metas(struct walk *w, struct tree ret_trees[2])
{
	const uint8_t *first = w->map + PAGE_HEAD, *newest = NULL;

	if (w->size < 2 * (PAGE_HEAD + 152))
		return walk_fail(w, 0, "the file is too short");
	w->psize = (uint32_t)load(first + 24, 4);
	if (w->psize < 512 || w->psize > 65536 ||
	    (w->psize & (w->psize - 1)) != 0 || w->size < 2ull * w->psize)
		return walk_fail(w, 0, "no page has such a size");
	for (uint64_t i = 0; i < 2; i++) {
		const uint8_t *page = w->map + i * w->psize;
		const uint8_t *meta = page + PAGE_HEAD;

		if (load(page, 8) != i || load(page + 10, 2) != PAGE_META ||
		    load(meta, 4) != META_MAGIC ||
		    load(meta + 4, 4) != META_VERSION ||
		    load(meta + 24, 4) != w->psize)
			return walk_fail(w, i, "is no meta page");
		if (newest == NULL ||
		    load(meta + 128, 8) > load(newest + 128, 8))
			newest = meta;
	}
	w->pages = load(newest + 120, 8) + 1;
	w->whole = w->size / w->psize;
	if (w->pages < 2 || w->pages > walk_pages_max(w))
		return walk_fail(w, 0, "the file is cut short");
	tree_read(newest + 24, &ret_trees[0]);
	tree_read(newest + 24 + TREE_SIZE, &ret_trees[1]);
	return true;
}

static void
walk_run(struct walk *w)
{
	struct tree trees[2] = { { 0 } };

	if (!walk_metas(w, trees) || (w->head_only && w->pages <= w->whole))
		return;
	w->seen = calloc(1, (size_t)(w->pages / 8 + 1));
	if (w->seen == NULL) {
		w->st = ST_NO_MEMORY;
		return;
	}
	if (walk_tree(w, &trees[1], KIND_MAIN) && trees[1].depth > 0 &&
	    walk_tables(w, trees[1].root, trees[1].depth))
		(void)walk_tree(w, &trees[0], KIND_FREE);
	free(w->seen);
	if (w->st == ST_OK && w->schema == 0 && !w->pages_only)
		(void)walk_fail(w, 0, "it has no schema version");
}

static enum status
walk_map(struct walk *w, const char *file, int fd)
{
	struct stat s;
	void *map;

	if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode))
		return backend_fail(ST_CORRUPT, file, "is no file");
	if (s.st_size == 0)
		return backend_fail(ST_CORRUPT, file, "is empty");
	w->size = (uint64_t)s.st_size;
	map = mmap(NULL, (size_t)w->size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return backend_fail(ST_IO, file, strerror(errno));
	w->map = map;
	walk_run(w);
	munmap(map, (size_t)w->size);
	return w->st == ST_OK ? ST_OK : backend_fail(w->st, file, w->why);
}

static enum status
verify_walk(const char *file, struct walk *w)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	enum status st;

	if (fd < 0)
		return backend_fail(errno == ENOENT ? ST_NOT_FOUND : ST_IO,
		    file, strerror(errno));
	st = walk_map(w, file, fd);
	close(fd);
	return st;
}

static enum status
verify_all(const char *file, struct walk *from, struct verified *ret)
{
	struct walk w = *from;
	enum status st = verify_walk(file, &w);

	if (st != ST_OK)
		return st;
	if (w.schema > migrate_newest())
		return backend_fail(ST_NEWER, file, "of a newer schema");
	*ret = (struct verified){ (uint32_t)w.schema, w.rows, w.used };
	return ST_OK;
}

enum status
verify_file(const char *file, struct pace *pace, struct verified *ret)
{
	return verify_all(file, &(struct walk){ .pace = pace }, ret);
}

enum status
verify_pages(const char *file, struct pace *pace, struct verified *ret)
{
	return verify_all(
	    file, &(struct walk){ .pace = pace, .sums_later = true }, ret);
}

enum status
verify_open(const char *file, bool pages)
{
	struct walk w = { .pages_only = true, .head_only = !pages };
	enum status st = verify_walk(file, &w);

	return st == ST_NOT_FOUND ? ST_OK : st;
}
