#include "load/books.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a receiver's runtime has counted, and is not yet used to explain. */
struct remainder {
	uint64_t queued;
	uint64_t full;
	uint64_t dead;
};

struct closing {
	const struct ledger *l;
	struct books *b;
	struct remainder *of; /* by member */
	uint64_t link_refused;
};

/* Takes at most want of what is there. */
static uint64_t
take(uint64_t *there, uint64_t *want)
{
	uint64_t n = *there < *want ? *there : *want;

	*there -= n;
	*want -= n;
	return n;
}

static void __attribute__((format(printf, 3, 4)))
complain(struct closing *c, uint32_t edge, const char *format, ...)
{
	const struct edge_out *out = &c->l->outs[edge];
	char from[MEMBER_NAME_SIZE], to[MEMBER_NAME_SIZE], why[160];
	va_list args;

	c->b->balanced = false;
	if (c->b->wrong++ > 0)
		return;
	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	ledger_name(c->l, out->from, from);
	ledger_name(c->l, out->to, to);
	snprintf(c->b->complaint, sizeof(c->b->complaint),
	    "edge %s -> %s: %.150s", from, to, why);
}

static bool
edge_had_a_death(const struct ledger *l, const struct edge_out *out)
{
	return atomic_load(&l->nodes[l->members[out->from].node].deaths) > 0 ||
	       atomic_load(&l->nodes[l->members[out->to].node].deaths) > 0;
}

static bool
edge_is_far(const struct ledger *l, const struct edge_out *out)
{
	return l->members[out->from].node != l->members[out->to].node;
}

static uint64_t
edge_refused(const struct edge_out *out)
{
	uint64_t n = 0;

	for (uint32_t s = 0; s < LEDGER_STATUSES; s++)
		n += out->refused[s];
	return n;
}

/* Order, and nothing twice: no run may break these. */
static bool
edge_keeps_order(struct closing *c, uint32_t e)
{
	const struct edge_in *in = &c->l->ins[e];
	const struct edge_out *out = &c->l->outs[e];

	c->b->tally.doubled += in->doubled;
	c->b->tally.reordered += in->reordered;
	if (in->doubled > 0)
		complain(c, e,
		    "message %" PRIu64 " came twice (%" PRIu64
		    " such, of %" PRIu64 ")",
		    in->odd_number, in->doubled, out->sent);
	else if (in->reordered > 0)
		complain(c, e,
		    "messages came out of order from %" PRIu64 " on (%" PRIu64
		    " such, of %" PRIu64 ")",
		    in->odd_number, in->reordered, out->sent);
	else if (in->handled > out->sent)
		complain(c, e, "%" PRIu64 " were handled, but %" PRIu64 " sent",
		    in->handled, out->sent);
	else
		return true;
	return false;
}

/* Where the messages are that were sent and not handled. */
static void
edge_explain_signals(struct closing *c, uint32_t e, uint64_t missing)
{
	const struct edge_out *out = &c->l->outs[e];
	struct remainder *r = &c->of[out->to];
	struct load_tally *t = &c->b->tally;
	uint64_t full, far = 0;

	t->queued += take(&r->queued, &missing);
	full = take(&r->full, &missing);
	if (edge_is_far(c->l, out))
		far = take(&c->link_refused, &missing);
	t->refused += full + far;
	c->b->reasons[ST_FULL] += full + far;
	t->dead += take(&r->dead, &missing);
	t->lost += missing;
}

static void
edge_explain_requests(struct closing *c, uint32_t e, uint64_t missing)
{
	const struct edge_out *out = &c->l->outs[e];
	const struct member *m = &c->l->members[out->from];
	struct load_tally *t = &c->b->tally;
	uint64_t refused = edge_refused(out) - out->unsent;
	uint64_t open = out->sent - out->answered - refused;

	/* Those of an asker that has failed: nobody waits for them. */
	if (ledger_read(&m->starts) > 1)
		t->dead += take(&open, &missing);
	else
		t->queued += take(&open, &missing);
	t->refused += take(&refused, &missing);
	t->lost += missing;
}

static void
edge_close(struct closing *c, uint32_t e)
{
	const struct edge_out *out = &c->l->outs[e];
	const struct edge_in *in = &c->l->ins[e];
	struct load_tally *t = &c->b->tally;
	bool asks =
	    does_ask(c->l->plan.roles[c->l->members[out->from].role].does);
	uint64_t lost = t->lost, missing;

	if (asks && out->answered + edge_refused(out) - out->unsent > out->sent)
		complain(c, e, "more answers than requests");
	if (!edge_keeps_order(c, e) && in->handled > out->sent)
		return;
	missing = out->sent - in->handled;
	t->sent += out->sent + out->unsent;
	t->handled += in->handled;
	t->refused += out->unsent;
	for (uint32_t s = 0; s < LEDGER_STATUSES; s++)
		c->b->reasons[s] += out->refused[s];
	if (missing == 0)
		return;
	if (asks)
		edge_explain_requests(c, e, missing);
	else
		edge_explain_signals(c, e, missing);
	lost = t->lost - lost;
	if (lost > 0 && !edge_had_a_death(c->l, out))
		complain(c, e,
		    "%" PRIu64 " of %" PRIu64 " messages were lost, "
		    "about from %" PRIu64 " on",
		    lost, out->sent,
		    in->missing > 0 ? in->odd_number : in->next);
}

/* What was paid but never came, and whether anything can excuse it. */
static void
money_close(struct closing *c)
{
	const struct ledger *l = c->l;
	int64_t total = 0, wanted = 0, on_its_way = 0;
	bool excused = false;

	for (uint32_t i = 0; i < l->nmembers; i++) {
		if (l->plan.roles[l->members[i].role].does != DOES_ACCOUNT)
			continue;
		wanted += LEDGER_MONEY;
		total += l->members[i].balance;
		excused |= ledger_read(&l->members[i].starts) > 1;
	}
	for (uint32_t e = 0; e < l->nedges; e++) {
		const struct edge_out *out = &l->outs[e];

		on_its_way += out->money - l->ins[e].money;
		excused |= out->refused[ST_TIMEOUT] > 0 ||
			   out->refused[ST_CLOSED] > 0 ||
			   edge_had_a_death(l, out);
		if (out->money != l->ins[e].money && !excused)
			complain(c, e,
			    "%" PRId64 " were paid and %" PRId64 " came",
			    out->money, l->ins[e].money);
	}
	if (total + on_its_way == wanted)
		return;
	c->b->balanced = false;
	if (c->b->wrong++ == 0)
		snprintf(c->b->complaint, sizeof(c->b->complaint),
		    "accounts: %" PRId64 " and %" PRId64
		    " on the way, but there were %" PRId64,
		    total, on_its_way, wanted);
}

static void
runtime_close(struct closing *c)
{
	struct books *b = c->b;

	for (uint32_t i = 0; i < c->l->nnodes; i++) {
		const struct ledger_node *n = &c->l->nodes[i];

		if (!n->edges_read)
			continue;
		b->runtime_edges += n->edges;
		b->runtime_messages += n->edge_messages;
		if (n->edges_wrong == 0)
			continue;
		b->balanced = false;
		if (b->wrong == 0)
			snprintf(b->complaint, sizeof(b->complaint), "%s",
			    n->edge_complaint);
		b->wrong += n->edges_wrong;
	}
}

void
books_close(const struct ledger *l, struct books *ret_books)
{
	struct closing c = { .l = l, .b = ret_books };

	memset(ret_books, 0, sizeof(*ret_books));
	ret_books->balanced = true;
	ret_books->edges = l->nedges;
	c.of = calloc(l->nmembers, sizeof(c.of[0]));
	if (c.of == NULL)
		abort();
	for (uint32_t i = 0; i < l->nmembers; i++) {
		const struct member *m = &l->members[i];

		c.of[i] = (struct remainder){ .queued = m->queued,
			.full = m->books[BOOK_FULL],
			.dead = m->books[BOOK_DEAD] + m->books[BOOK_LATE] };
	}
	for (uint32_t n = 0; n < l->nnodes; n++)
		c.link_refused += l->nodes[n].link_refused;
	for (uint32_t e = 0; e < l->nedges; e++)
		edge_close(&c, e);
	money_close(&c);
	runtime_close(&c);
	free(c.of);
}
