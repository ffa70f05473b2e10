#include "load/ledger.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/address.h"

static struct ledger *in_use;

static size_t
round_up(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

/* Takes size bytes of what is left at *at. */
static void *
carve(char **at, size_t size)
{
	void *here = *at;

	*at += round_up(size);
	return here;
}

static void
ledger_carve(struct ledger *l, char *at)
{
	l->members = carve(&at, l->nmembers * sizeof(l->members[0]));
	l->node_order = carve(&at, l->nmembers * sizeof(l->node_order[0]));
	l->outs = carve(&at, l->nedges * sizeof(l->outs[0]));
	l->ins = carve(&at, l->nedges * sizeof(l->ins[0]));
	l->slots = carve(&at, LEDGER_LOOPS_MAX * sizeof(l->slots[0]));
}

/* The edges into the role where a role's messages come to their end. */
static uint32_t
last_edges(const struct plan *p, uint32_t role)
{
	uint64_t n = 0;

	if (p->roles[p->roles[role].to].does != DOES_RELAY)
		return plan_edges_of(p, role, 0);
	while (p->roles[p->roles[role].to].does == DOES_RELAY)
		role = p->roles[role].to;
	for (uint32_t i = 0; i < plan_count(p, role); i++)
		n += plan_edges_of(p, role, i);
	return (uint32_t)n;
}

/*
 * However the arrivals are spread over the edges, those not told yet must
 * leave room in the window, or the sender waits for ever.
 */
static uint32_t
batch_of(const struct ledger *l, uint32_t role)
{
	uint64_t open = (uint64_t)l->plan.window * l->ends[role];
	uint64_t edges = last_edges(&l->plan, role);
	uint64_t batch = edges == 0 ? 0 : open / (2 * edges);

	return batch < 1 ? 1 : batch > 256 ? 256 : (uint32_t)batch;
}

static void
ledger_fill_role(
    struct ledger *l, uint32_t role, uint32_t *member, uint32_t *edge)
{
	const struct plan *p = &l->plan;

	for (uint32_t i = 0; i < plan_count(p, role); i++, (*member)++) {
		struct member *m = &l->members[*member];

		m->role = role;
		m->index = i;
		m->first_edge = *edge;
		m->edges = plan_edges_of(p, role, i);
		m->burn_us = p->roles[role].burn_us;
		m->balance = LEDGER_MONEY;
		for (uint32_t k = 0; k < m->edges; k++, (*edge)++) {
			l->outs[*edge].from = *member;
			l->outs[*edge].to = plan_edge_to(p, role, i, k);
		}
	}
}

static void
ledger_fill(struct ledger *l)
{
	const struct plan *p = &l->plan;
	uint32_t member = 0, edge = 0;

	for (uint32_t r = 0; r < p->nroles; r++) {
		ledger_fill_role(l, r, &member, &edge);
		if (does_start(p->roles[r].does))
			l->starters += plan_count(p, r);
		if (!does_sends(p->roles[r].does))
			continue;
		l->ends[r] = plan_ends(p, r);
		l->batch[r] = batch_of(l, r);
	}
	assert(member == l->nmembers && edge == l->nedges);
}

/* Every starter its part of the messages, the first ones the rest. */
static void
ledger_share_out(struct ledger *l)
{
	uint64_t each = l->plan.messages / l->starters;
	uint64_t rest = l->plan.messages % l->starters;

	for (uint32_t i = 0; i < l->nmembers; i++) {
		struct member *m = &l->members[i];

		if (!does_start(l->plan.roles[m->role].does))
			continue;
		m->left = each + (rest > 0);
		rest -= rest > 0;
	}
}

struct ledger *
ledger_create(const struct plan *p, const struct clock *clock)
{
	uint32_t members = plan_members(p), edges = (uint32_t)plan_edges(p);
	size_t size = round_up(sizeof(struct ledger)) +
		      round_up(members * sizeof(struct member)) +
		      round_up(members * sizeof(uint32_t)) +
		      round_up(edges * sizeof(struct edge_out)) +
		      round_up(edges * sizeof(struct edge_in)) +
		      round_up(LEDGER_LOOPS_MAX * sizeof(struct histogram));
	struct ledger *l = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (l == MAP_FAILED)
		return NULL;
	l->plan = *p;
	l->clock = clock;
	l->size = size;
	l->nmembers = members;
	l->nedges = edges;
	l->nnodes = 1;
	l->stop_us = UINT64_MAX;
	ledger_carve(l, (char *)l + round_up(sizeof(*l)));
	ledger_fill(l);
	ledger_share_out(l);
	return l;
}

void
ledger_destroy(struct ledger *l)
{
	if (l == NULL)
		return;
	if (in_use == l)
		in_use = NULL;
	munmap(l, l->size);
}

void
ledger_settle(struct ledger *l)
{
	uint32_t order = 0;
	uint32_t loops[LEDGER_NODES_MAX] = { 0 };

	for (uint32_t i = 0; i < l->nmembers; i++)
		if (l->members[i].loop >= loops[l->members[i].node])
			loops[l->members[i].node] = l->members[i].loop + 1;
	for (uint32_t n = 0; n < l->nnodes; n++) {
		l->first[n] = order;
		for (uint32_t i = 0; i < l->nmembers; i++) {
			struct member *m = &l->members[i];

			if (m->node != n)
				continue;
			m->slot = l->nslots + m->loop;
			m->address = address_make(
			    n, ADDRESS_SPAWNED + order - l->first[n], 0, 1);
			l->node_order[order++] = i;
		}
		l->nslots += loops[n];
	}
	assert(order == l->nmembers && l->nslots <= LEDGER_LOOPS_MAX);
	for (uint32_t e = 0; e < l->nedges; e++)
		l->outs[e].to_address = l->members[l->outs[e].to].address;
}

void
ledger_use(struct ledger *l)
{
	in_use = l;
}

struct ledger *
ledger_in_use(void)
{
	return in_use;
}

struct member *
ledger_member(struct ledger *l, uint64_t address)
{
	uint32_t at = l->first[address_node(address)] +
		      address_number(address) - ADDRESS_SPAWNED;

	assert(at < l->nmembers);
	return &l->members[l->node_order[at]];
}

void
edge_judge_odd(struct edge_in *e, uint64_t number)
{
	uint64_t ahead = number - e->next, back = e->next - 1 - number;

	if (e->missing + e->doubled + e->reordered == 0)
		e->odd_number = number;
	if (number > e->next) {
		e->missing += ahead;
		e->seen = ahead + 1 < EDGE_SEEN ? e->seen << (ahead + 1) : 0;
		e->seen |= 1;
		e->next = number + 1;
		e->handled++;
	} else if (back < EDGE_SEEN && (e->seen >> back & 1) == 0 &&
		   e->missing > 0) {
		e->seen |= UINT64_C(1) << back;
		e->reordered++;
		e->missing--;
		e->handled++;
	} else {
		e->doubled++;
	}
}

void
ledger_name(
    const struct ledger *l, uint32_t member, char ret_name[MEMBER_NAME_SIZE])
{
	const struct member *m = &l->members[member];

	snprintf(ret_name, MEMBER_NAME_SIZE, "%s.%u",
	    l->plan.roles[m->role].name, (unsigned)m->index);
}
