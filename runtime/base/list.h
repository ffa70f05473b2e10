/* list - a doubly linked ring through a node in each member; never allocates.
 */
#ifndef RUNTIME_BASE_LIST_H
#define RUNTIME_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next;
	struct list *prev;
};

#define LIST_OF(node, type, member) \
	((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool
list_empty(const struct list *l)
{
	return l->next == l;
}

/* A node that is in no list may be taken out again: it points to itself. */
static inline void
list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	node->next = node->prev = node;
}

static inline void
list_append(struct list *l, struct list *node)
{
	node->prev = l->prev;
	node->next = l;
	l->prev->next = node;
	l->prev = node;
}

/* Moves all of from to the end of l. */
static inline void
list_take_all(struct list *l, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = l->prev;
	l->prev->next = from->next;
	from->prev->next = l;
	l->prev = from->prev;
	list_init(from);
}

/*
 * The oldest, or NULL.  The analyzer cannot see that a node was taken out of
 * its ring before it was freed.
 */
static inline struct list *
list_first(const struct list *l)
{
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	return l->next == l ? NULL : l->next;
}

#endif
