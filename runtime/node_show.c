#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/node_inside.h"

/* node_show - what an operator may see of a node. */

static const char *
actor_phase_name(const struct actor *a)
{
	static const char *const names[] = {
#define X(p) #p,
		ACTOR_PHASES(X)
#undef X
	};

	return names[a->phase];
}

/*
 * Three of the books are not kept, since each message would pay for them: what
 * was let in was taken out, waits or is dead; what was handled was taken out
 * and came to no other end; and what was sent stands on the edges, but for
 * further ones, of which the sender is not named.
 */
void
actor_count_books(const struct actor *a, uint64_t ret_books[BOOKS])
{
	const struct edge_table *t = &a->loop->edges;
	uint64_t queued =
	    (uint64_t)a->box.count + a->urgent.count + a->held.count;

	memcpy(ret_books, a->books, BOOKS * sizeof(ret_books[0]));
	ret_books[BOOK_ACCEPTED] = a->flight_at + queued + a->books[BOOK_DEAD];
	ret_books[BOOK_HANDLED] =
	    a->flight_at - a->books[BOOK_LATE] - a->books[BOOK_STALE] -
	    a->books[BOOK_MALFORMED] - a->books[BOOK_UNKNOWN];
	for (uint32_t i = 0; i < t->count; i++) {
		const struct edge *e = edge_nth(t, i);

		if (e->from == a->address)
			ret_books[BOOK_SENT] += e->sent;
	}
}

static void
node_show_row(const struct actor *a, struct book_row *r)
{
	_Static_assert(BOOKS <= sizeof(r->books) / sizeof(r->books[0]),
	    "a row holds every book");
	r->name = a->name;
	r->address = a->address;
	r->phase = actor_phase_name(a);
	r->queued = (uint64_t)a->box.count + a->urgent.count + a->held.count;
	memset(r->books, 0, sizeof(r->books));
	actor_count_books(a, r->books);
}

size_t
node_books(struct node *n, struct book_row *ret_rows, size_t rows_max)
{
	size_t rows = 0;

	for (struct actor *a = n->actors; a != NULL && rows < rows_max;
	     a = a->prev_of_node)
		node_show_row(a, &ret_rows[rows++]);
	return rows;
}

size_t
actor_books(struct actor *self, struct book_row *ret_rows, size_t rows_max)
{
	size_t rows = 0;

	for (struct actor *a = self->loop->node->actors;
	     a != NULL && rows < rows_max; a = a->prev_of_node)
		if (a->loop == self->loop)
			node_show_row(a, &ret_rows[rows++]);
	return rows;
}

const char *
node_name_of(struct node *n, uint64_t address)
{
	for (struct actor *a = n->actors; a != NULL; a = a->prev_of_node)
		if (a->address == address)
			return a->name;
	return "?";
}

bool
node_find_stuck(struct node *n, uint64_t us, struct node_stuck *ret_stuck)
{
	uint64_t now_us = clock_mono_us(n->config.clock);

	for (uint32_t i = 0; i < n->config.loops; i++) {
		struct loop_shared *shared = n->loops[i].shared;
		uint64_t since_us = atomic_load(&shared->turn_since_us);

		if (since_us == 0 || now_us < since_us ||
		    now_us - since_us <= us)
			continue;
		ret_stuck->name =
		    node_name_of(n, atomic_load(&shared->turn_what));
		ret_stuck->us = now_us - since_us;
		return true;
	}
	return false;
}

/* Shards of a gateway share an address; it is told once. */
static bool
node_has_announced(const struct node *n, const char *word)
{
	size_t size = strlen(word);

	for (const char *at = n->announced; (at = strstr(at, word)) != NULL;
	     at++)
		if (at[size] == '\0' || at[size] == ' ')
			return true;
	return false;
}

void
actor_announce(struct actor *self, const char *key, const char *value)
{
	struct node *n = self->loop->node;
	char word[sizeof(n->announced)];
	size_t used;

	snprintf(word, sizeof(word), " %s=%s", key, value);
	pthread_mutex_lock(&n->lock);
	used = strlen(n->announced);
	if (!node_has_announced(n, word))
		snprintf(n->announced + used, sizeof(n->announced) - used, "%s",
		    word);
	pthread_mutex_unlock(&n->lock);
}

const char *
node_announced(const struct node *n)
{
	return n->announced;
}

const char *
node_failure(const struct node *n)
{
	return n->failed_why;
}

static void
flight_dump_entry(int fd, const struct flight_entry *e)
{
	const struct wire_type *t = catalogue_find(frame_get_id(e->first));
	enum status ended =
	    e->first[0] == FRAME_TAG_ARRAY ? ST_OK : (enum status)e->first[0];

	dprintf(fd,
	    "  at_us=%" PRIu64 " %s %s from=%" PRIx64 " ref=%" PRIx64
	    " ended=%s\n",
	    e->at_us, frame_kind_name((enum frame_kind)e->first[FRAME_AT_KIND]),
	    t == NULL ? "?" : t->name, e->from, e->ref, status_name(ended));
}

void
node_dump_flight(struct node *n, int fd)
{
	for (struct actor *a = n->actors; a != NULL; a = a->prev_of_node) {
		uint64_t kept = a->flight_at < FLIGHT_ENTRIES ? a->flight_at
							      : FLIGHT_ENTRIES;

		dprintf(fd, "%s %s queued=%" PRIu32 "\n", a->name,
		    actor_phase_name(a), a->box.count);
		for (uint64_t i = a->flight_at - kept; i != a->flight_at; i++)
			flight_dump_entry(fd, &a->flight[i % FLIGHT_ENTRIES]);
	}
}
