#include "runtime/loop.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/node_inside.h"

/*
 * A turn: what other threads gave us, what has fallen due, then the run
 * queue, then what all of that has for others.  Nothing here blocks.
 */

enum status
loop_init(struct loop *l, struct node *node, uint16_t index)
{
	l->node = node;
	l->index = index;
	l->now_us = clock_mono_us(node->config.clock);
	wheel_init(&l->wheel, l->now_us);
	list_init(&l->open_ops);
	l->cause = loop_no_cause;
	l->arena.size = LOOP_ARENA_SIZE;
	l->arena.base = malloc(LOOP_ARENA_SIZE);
	l->shared = aligned_alloc(64, sizeof(*l->shared));
	if (l->arena.base == NULL || l->shared == NULL ||
	    mail_pool_init(&l->pool, index) != ST_OK) {
		loop_fini(l);
		return ST_NO_MEMORY;
	}
	memset(l->shared, 0, sizeof(*l->shared));
	return ST_OK;
}

static void
bundle_destroy(struct bundle *b)
{
	if (b == NULL)
		return;
	for (uint32_t i = 0; i < b->count; i++)
		mail_free(b->mails[i]);
	free(b);
}

void
loop_fini(struct loop *l)
{
	for (size_t i = 0; i < LOOPS_MAX; i++) {
		bundle_destroy(l->out[i].mails);
		bundle_destroy(l->out[i].back);
	}
	edge_table_fini(&l->edges);
	mail_pool_fini(&l->pool);
	free(l->arena.base);
	free(l->shared);
	l->arena.base = NULL;
	l->shared = NULL;
}

void
loop_give(struct loop *to, struct parcel *p)
{
	inbox_push(&to->shared->inbox, p);
	if (atomic_load_explicit(&to->shared->asleep, memory_order_seq_cst) &&
	    to->wake != NULL)
		to->wake(to);
}

void
loop_make_runnable(struct loop *l, struct actor *a)
{
	if (a->runnable)
		return;
	a->runnable = true;
	a->run_next = NULL;
	if (l->run_tail == NULL)
		l->run_head = a;
	else
		l->run_tail->run_next = a;
	l->run_tail = a;
}

static struct actor *
loop_pop_runnable(struct loop *l)
{
	struct actor *a = l->run_head;

	if (a != NULL) {
		l->run_head = a->run_next;
		if (l->run_head == NULL)
			l->run_tail = NULL;
		a->runnable = false;
	}
	return a;
}

bool
loop_take_inbox(struct loop *l)
{
	struct parcel *p = inbox_take(&l->shared->inbox);
	bool any = p != NULL;

	while (p != NULL) {
		struct parcel *next = p->next;

		p->fn(l, p);
		p = next;
	}
	return any;
}

bool
loop_turn(struct loop *l)
{
	uint64_t began_us = clock_mono_us(l->node->config.clock);
	bool busy;

	l->now_us = began_us;
	busy = loop_take_inbox(l);
	wheel_turn(&l->wheel, l->now_us);
	if (l->links_in != NULL)
		busy |= l->links_in(l);
	for (uint32_t i = 0; i < LOOP_TURN_ACTORS; i++) {
		struct actor *a = loop_pop_runnable(l);

		if (a == NULL)
			break;
		if (actor_run(a, LOOP_ACTOR_BUDGET))
			loop_make_runnable(l, a);
		/* A call looks at the clock, a message does not. */
		if (l->now_us - began_us >= LOOP_TURN_CALLS_US)
			break;
	}
	loop_flush(l);
	if (l->links_out != NULL)
		l->links_out(l);
	return busy || l->run_head != NULL;
}

uint64_t
loop_next_us(const struct loop *l)
{
	uint64_t next = wheel_next_us(&l->wheel);
	uint64_t links =
	    l->links_next_us == NULL ? UINT64_MAX : l->links_next_us(l);

	if (l->run_head != NULL)
		return 0;
	return next < links ? next : links;
}
