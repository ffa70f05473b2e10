#include "load/player_inside.h"

/*
 * The first member of each node asks those of the others whether they are
 * there, until all have answered; the conductor waits for that, at the start
 * and after a node was killed.  That a link is up says less: a node whose
 * actors have not begun yet hears nothing of it.
 */

#define HELLO_US 20000 /* between two rounds of questions */
#define HELLO_IDLE_US 200000

static enum status hello_on_timer(struct actor *self, struct timer *t);

static _Atomic uint32_t *
hello_ups(struct player *p)
{
	return &p->l->nodes[p->m->node].ups;
}

static enum status
hello_on_answer(struct actor *self, struct op *op, const struct msg *reply)
{
	struct player *p = actor_state(self);
	const uint32_t *node = op_data(op);

	if (reply->id == MSG_done)
		atomic_fetch_or(hello_ups(p), UINT32_C(1) << *node);
	return op_close(op);
}

static void
hello_ask(struct player *p, uint32_t node)
{
	struct op *op = op_open(p->self, NULL);
	uint32_t first = p->l->node_order[p->l->first[node]];

	if (op == NULL)
		return;
	op_within(op, 10 * HELLO_US);
	*(uint32_t *)op_data(op) = node;
	(void)OP_ASK(op, p->l->members[first].address, load_hello,
	    hello_on_answer, .nothing = 0);
}

static enum status
hello_on_timer(struct actor *self, struct timer *t)
{
	struct player *p = actor_state(self);
	uint32_t ups = atomic_load(hello_ups(p));
	uint64_t again_us = HELLO_IDLE_US;

	for (uint32_t i = 0; i < p->l->nnodes; i++)
		if (i != p->m->node && (ups >> i & 1) == 0) {
			hello_ask(p, i);
			again_us = HELLO_US;
		}
	timer_start(self, t, again_us, hello_on_timer);
	return ST_OK;
}

void
player_hello_begin(struct player *p)
{
	if (p->l->nnodes > 1 &&
	    p->id == p->l->node_order[p->l->first[p->m->node]])
		timer_start(p->self, &p->hello, 0, hello_on_timer);
}

enum status
player_on_hello(struct actor *self, const struct msg *in)
{
	return REPLY(self, in, done, .nothing = 0);
}

/* A killed one took with it what was on its way: nobody need wait for that. */
static void
player_meet(struct player *p, const struct node_changed *n)
{
	uint64_t met = p->peers[n->node];

	p->peers[n->node] = n->incarnation;
	if (met != 0 && met != n->incarnation && p->in_flight > 0 &&
	    does_start(p->role->does) && !does_ask(p->role->does) &&
	    player_may_send(p))
		player_renew(p);
}

/* A peer that has gone must answer anew. */
enum status
player_on_node_changed(struct actor *self, const struct msg *in)
{
	const struct node_changed *n = in->body;
	struct player *p = actor_state(self);

	if (n->node < LEDGER_NODES_MAX && n->up)
		player_meet(p, n);
	else if (n->node < LEDGER_NODES_MAX)
		atomic_fetch_and(hello_ups(p), ~(UINT32_C(1) << n->node));
	return ST_OK;
}
