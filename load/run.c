#include "load/run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load/crew.h"
#include "load/interrupt.h"
#include "load/memory.h"
#include "load/usage.h"

/* All there is to know while it runs. */
struct conduct {
	const struct run_options *o;
	struct faults faults;
	struct ledger *l;
	struct crew *c;
	uint64_t from_us;    /* when the measuring began */
	uint64_t told_us;    /* the last progress line */
	uint64_t handled;    /* before the measuring */
	struct usage before; /* of all nodes */
	struct usage gone;   /* of nodes that were killed since */
	struct usage used;   /* when the measuring ended */
	uint64_t messages;
	uint64_t elapsed_us;
	uint64_t memory;
};

static uint64_t
conduct_now_us(void)
{
	return clock_mono_us(&clock_system);
}

struct totals {
	uint64_t sent, handled, refused, left, open, last_us, renewed;
};

static struct totals
conduct_totals(const struct ledger *l)
{
	struct totals t = { 0 };

	for (uint32_t i = 0; i < l->nmembers; i++) {
		const struct member *m = &l->members[i];
		uint64_t last_us = ledger_read(&m->last_us);

		t.sent += ledger_read(&m->sent);
		t.handled += ledger_read(&m->handled);
		t.refused += ledger_read(&m->refused);
		t.left += ledger_read(&m->left);
		t.open += ledger_read(&m->open);
		t.renewed += ledger_read(&m->renewed);
		if (last_us > t.last_us)
			t.last_us = last_us;
	}
	return t;
}

static void
usage_add(struct usage *to, struct usage more)
{
	to->cpu_ns += more.cpu_ns;
	to->switches += more.switches;
}

static struct usage
conduct_usage(const struct conduct *c)
{
	struct usage sum = c->gone;

	for (uint32_t i = 0; i < c->l->nnodes; i++)
		usage_add(&sum, usage_of(atomic_load(&c->l->nodes[i].pid)));
	return sum;
}

static void
conduct_see_memory(struct conduct *c)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < c->l->nnodes; i++)
		sum += usage_peak(atomic_load(&c->l->nodes[i].pid));
	if (sum > c->memory)
		c->memory = sum;
}

static void
conduct_tell(struct conduct *c, uint64_t now_us)
{
	struct totals t;

	if (c->o->progress == NULL || now_us - c->told_us < RUN_TELL_US)
		return;
	c->told_us = now_us;
	t = conduct_totals(c->l);
	fprintf(c->o->progress,
	    "\r%6.1f s  %" PRIu64 " sent  %" PRIu64 " handled  %" PRIu64
	    " refused \033[K",
	    (double)(now_us - c->from_us) / 1e6, t.sent, t.handled, t.refused);
	fflush(c->o->progress);
}

/* Nodes that a fault has killed come back, and are told to go on. */
static enum status
conduct_revive(struct conduct *c, char why[RUN_WHY_SIZE])
{
	struct order go = { .kind = ORDER_GO };

	if (!crew_look(c->c, why))
		return ST_CLOSED;
	for (uint32_t i = 0; i < c->l->nnodes; i++) {
		struct ledger_node *n = &c->l->nodes[i];

		if (atomic_load(&n->deaths) != n->revived) {
			n->revived++;
			if (crew_start_node(c->c, i) != ST_OK)
				return ST_IO;
			crew_order(c->c, i, &go);
		}
	}
	return ST_OK;
}

/* The usage of a process ends with it: it is read before a fault kills. */
static void
conduct_faults(struct conduct *c, uint64_t now_us)
{
	for (uint32_t i = 0; i < c->faults.count; i++) {
		const struct fault *f = &c->faults.list[i];

		if (f->kind == FAULT_KILL && f->due_us <= now_us) {
			usage_add(&c->gone,
			    usage_of(atomic_load(&c->l->nodes[f->target].pid)));
			conduct_see_memory(c);
		}
	}
	(void)faults_turn(&c->faults, c->l, c->c, now_us);
}

static enum status
conduct_turn(struct conduct *c, char why[RUN_WHY_SIZE])
{
	uint64_t now_us;

	crew_wait(RUN_POLL_US);
	now_us = conduct_now_us();
	conduct_faults(c, now_us);
	conduct_tell(c, now_us);
	if (interrupt_came()) {
		snprintf(why, RUN_WHY_SIZE, "interrupted");
		return ST_CANCELLED;
	}
	return conduct_revive(c, why);
}

static void
conduct_become(struct conduct *c, enum phase phase)
{
	atomic_store(&c->l->phase, phase);
}

static enum status
conduct_warm_up(struct conduct *c, char why[RUN_WHY_SIZE])
{
	struct order go = { .kind = ORDER_GO };
	uint64_t warm_us = c->l->plan.warm_up_us;
	enum status st = ST_OK;

	c->from_us = conduct_now_us();
	atomic_store(&c->l->begin_us, c->from_us);
	atomic_store(&c->l->from_us, c->from_us + warm_us);
	faults_begin(&c->faults, UINT64_MAX / 2);
	if (warm_us == 0)
		return ST_OK;
	conduct_become(c, PHASE_WARM);
	crew_order_all(c->c, &go);
	while (st == ST_OK && conduct_now_us() - c->from_us < warm_us)
		st = conduct_turn(c, why);
	return st;
}

static bool
conduct_is_over(const struct conduct *c, uint64_t now_us)
{
	const struct plan *p = &c->l->plan;
	struct totals t;

	if (p->duration_us > 0 && now_us - c->from_us >= p->duration_us)
		return true;
	if (p->messages == 0)
		return false;
	t = conduct_totals(c->l);
	return t.left == 0 ||
	       (p->roles[c->l->members[0].role].does == DOES_RING &&
		   ledger_read(&c->l->members[0].left) == 0);
}

static enum status
conduct_measure(struct conduct *c, char why[RUN_WHY_SIZE])
{
	struct order go = { .kind = ORDER_GO };
	enum status st = ST_OK;

	c->from_us = conduct_now_us();
	if (c->l->plan.warm_up_us == 0)
		atomic_store(&c->l->begin_us, c->from_us);
	atomic_store(&c->l->from_us, c->from_us);
	c->handled = conduct_totals(c->l).handled;
	c->before = conduct_usage(c);
	faults_begin(&c->faults, c->from_us);
	conduct_become(c, PHASE_MEASURE);
	crew_order_all(c->c, &go);
	while (st == ST_OK && !conduct_is_over(c, conduct_now_us()))
		st = conduct_turn(c, why);
	return st;
}

/* Everything that was sent was handled, and what was asked answered. */
static bool
totals_are_level(const struct totals *t)
{
	return t->sent == t->handled && t->open == 0;
}

static bool
totals_equal(const struct totals *a, const struct totals *b)
{
	return a->sent == b->sent && a->handled == b->handled &&
	       a->refused == b->refused && a->open == b->open;
}

/* Until nothing is on its way, or nothing moves. */
static enum status
conduct_drain(struct conduct *c, char why[RUN_WHY_SIZE])
{
	uint64_t since_us = conduct_now_us(), end_us = since_us + RUN_DRAIN_US;
	bool scheduled = c->l->plan.rate > 0;
	struct totals was = conduct_totals(c->l), is = was;
	enum status st = ST_OK;

	while (st == ST_OK && conduct_now_us() < end_us) {
		if (totals_are_level(&is) && !scheduled)
			break;
		st = conduct_turn(c, why);
		is = conduct_totals(c->l);
		if (!totals_equal(&is, &was))
			since_us = conduct_now_us();
		else if (conduct_now_us() - since_us > RUN_STILL_US &&
			 crew_is_up(c->c) && is.open == 0)
			break;
		was = is;
	}
	return st;
}

/* A run of so many messages ends with the last of them, not when we look. */
static void
conduct_note(struct conduct *c, uint64_t now_us)
{
	struct totals t = conduct_totals(c->l);

	c->messages = t.handled - c->handled;
	c->elapsed_us = now_us - c->from_us;
	if (c->l->plan.messages > 0 && t.last_us > c->from_us)
		c->elapsed_us = t.last_us - c->from_us;
	c->used = conduct_usage(c);
	c->used.cpu_ns -= c->before.cpu_ns;
	c->used.switches = c->used.switches > c->before.switches
			       ? c->used.switches - c->before.switches
			       : 0;
}

static enum status
conduct_phases(struct conduct *c, char why[RUN_WHY_SIZE])
{
	bool counted = c->l->plan.messages > 0;
	enum status st = conduct_warm_up(c, why);

	if (st == ST_OK)
		st = conduct_measure(c, why);
	if (st != ST_OK)
		return st;
	faults_end(&c->faults, c->l, c->c);
	atomic_store(&c->l->stop_us,
	    counted ? UINT64_MAX : c->from_us + c->l->plan.duration_us);
	if (!counted)
		conduct_note(c, conduct_now_us());
	conduct_become(c, PHASE_STOP);
	st = conduct_drain(c, why);
	if (counted)
		conduct_note(c, conduct_now_us());
	conduct_see_memory(c);
	return st;
}

void
run_fill_latency(const struct histogram *h, struct load_latency *ret_latency)
{
	*ret_latency = (struct load_latency){ .count = h->count,
		.p50 = histogram_at(h, 500000),
		.p90 = histogram_at(h, 900000),
		.p99 = histogram_at(h, 990000),
		.p999 = histogram_at(h, 999000),
		.p9999 = histogram_at(h, 999900),
		.max = h->max };
}

static void
latency_fill(const struct ledger *l, struct load_latency *ret)
{
	struct histogram *all = calloc(1, sizeof(*all));

	if (all == NULL)
		abort();
	for (uint32_t i = 0; i < l->nslots; i++)
		histogram_add(all, &l->slots[i]);
	run_fill_latency(all, ret);
	free(all);
}

static void
run_fill_reasons(struct run *r)
{
	uint32_t n = 0;

	for (uint32_t s = 0; s < LEDGER_STATUSES; s++)
		if (r->books.reasons[s] > 0)
			r->reasons[n++] = (struct load_reason){
				.status = status_name((enum status)s),
				.count = r->books.reasons[s]
			};
	r->result.reasons = r->reasons;
	r->result.reasons_count = n;
}

static void
run_fill(struct run *r, const struct conduct *c)
{
	const struct plan *p = &r->plan;
	struct load_result *res = &r->result;
	uint64_t messages = c->messages == 0 ? 1 : c->messages;
	uint64_t us = c->elapsed_us == 0 ? 1 : c->elapsed_us;

	*res = (struct load_result){ .load = p->name,
		.placement = r->placement.name,
		.version = TROUPE_VERSION,
		.actors = c->l->nmembers,
		.nodes = c->l->nnodes,
		.loops = c->l->nslots,
		.seed = p->seed,
		.size = p->size,
		.rate = p->rate,
		.faults = r->faults,
		.messages = c->messages,
		.elapsed_us = c->elapsed_us,
		.per_second =
		    (uint64_t)((double)c->messages * 1e6 / (double)us),
		.cpu_ns = c->used.cpu_ns / messages,
		.switches = c->used.switches,
		.memory = c->memory,
		.memory_bound = memory_bound(c->l),
		.books = r->books.tally,
		.balanced = r->books.balanced,
		.complaint = r->books.complaint };
	latency_fill(c->l, &res->latency);
	run_fill_reasons(r);
	r->renewed = conduct_totals(c->l).renewed;
}

static enum status
conduct_start(struct conduct *c, char why[RUN_WHY_SIZE])
{
	enum status st;

	c->l = ledger_create(&c->o->plan, &clock_system);
	snprintf(why, RUN_WHY_SIZE, "out of memory");
	if (c->l == NULL)
		return ST_NO_MEMORY;
	placement_apply(&c->o->placement, c->l);
	faults_prepare(&c->faults, c->l);
	st = crew_create(c->l, &c->o->placement, c->faults.cuts, &c->c, why);
	return st == ST_OK ? crew_start(c->c, why) : st;
}

enum status
run_conduct(const struct run_options *o, struct run *ret_run,
    char ret_why[RUN_WHY_SIZE])
{
	struct conduct c = { .o = o, .faults = o->faults };
	enum status st = conduct_start(&c, ret_why);

	if (st == ST_OK)
		st = conduct_phases(&c, ret_why);
	if (o->progress != NULL)
		fprintf(o->progress, "\r\033[K");
	if (st == ST_OK)
		st = crew_end(c.c, ret_why);
	if (st == ST_OK) {
		ret_run->plan = o->plan;
		ret_run->placement = o->placement;
		snprintf(ret_run->faults, sizeof(ret_run->faults), "%s",
		    o->faults_text == NULL ? "" : o->faults_text);
		books_close(c.l, &ret_run->books);
		run_fill(ret_run, &c);
	}
	crew_destroy(c.c);
	ledger_destroy(c.l);
	return st;
}
