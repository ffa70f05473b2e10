#include "load/player_inside.h"

/*
 * Requests.  Each is answered, or refused by a name that its edge counts; an
 * account that pays books the money out before it tells the other account, and
 * back if that one has surely not had it.
 */

#define AMOUNT_MAX 1000 /* of a transfer */

/* What an op remembers of the request it sent. */
struct asked {
	uint32_t edge;
	uint64_t sent_us;
	int64_t amount;
};

static void
player_count_open(struct player *p, int by)
{
	atomic_store_explicit(&p->m->open,
	    ledger_read(&p->m->open) + (uint64_t)(int64_t)by,
	    memory_order_relaxed);
}

static bool
player_count_answer(
    struct player *p, const struct asked *a, const struct msg *reply)
{
	struct edge_out *out = &p->l->outs[a->edge];
	const struct refused *why = reply->body;

	player_count_open(p, -1);
	if (reply->id == MSG_load_answer) {
		out->answered++;
		return true;
	}
	out->refused[why->status < LEDGER_STATUSES ? why->status : ST_BUG]++;
	ledger_bump(&p->m->refused);
	return false;
}

static enum status
player_ask_edge(struct player *p, struct op *op, struct load_data *body,
    uint32_t edge, op_fn on_reply)
{
	struct asked *a = op_data(op);

	player_fill(p, edge, body);
	a->edge = edge;
	a->sent_us = body->sent_us;
	a->amount = body->amount;
	p->l->outs[edge].sent++;
	ledger_bump(&p->m->sent);
	player_count_open(p, 1);
	return op_ask(
	    op, p->l->outs[edge].to_address, MSG_load_data, body, on_reply);
}

static enum status
player_on_answer(struct actor *self, struct op *op, const struct msg *reply)
{
	struct player *p = actor_state(self);
	const struct asked *a = op_data(op);

	p->in_flight--;
	if (player_count_answer(p, a, reply)) {
		player_measure(p, a->sent_us);
		player_burn(p);
		player_pump(p);
	} else if (((const struct refused *)reply->body)->problem ==
		   PROBLEM_LOAD_FUNDS) {
		player_pump(p);
	} else {
		player_again(p);
	}
	return op_close(op);
}

/* A transfer: one of the accounts that the asked one can pay to. */
static void
player_fill_transfer(struct player *p, uint32_t edge, struct load_data *body)
{
	const struct member *payer = &p->l->members[p->l->outs[edge].to];

	body->target =
	    payer->first_edge + (uint32_t)(player_chance(p) % payer->edges);
	body->amount = 1 + (int64_t)(player_chance(p) % AMOUNT_MAX);
}

void
player_ask_one(struct player *p, uint64_t sent_us)
{
	uint32_t edge = player_pick_edge(p);
	struct load_data body = { .origin = p->id, .sent_us = sent_us };
	struct op *op = NULL;

	if (p->in_flight < plan_asks(&p->l->plan, p->m->role))
		op = op_open(p->self, NULL);
	if (p->l->plan.rate == 0)
		player_spend(p);
	if (op == NULL) {
		/* Our own bound: it was never handed over. */
		p->l->outs[edge].refused[ST_FULL]++;
		p->l->outs[edge].unsent++;
		ledger_bump(&p->m->refused);
		return;
	}
	op_within(op, PLAYER_ASK_US);
	if (p->role->does == DOES_TELLER)
		player_fill_transfer(p, edge, &body);
	p->in_flight++;
	(void)player_ask_edge(p, op, &body, edge, player_on_answer);
}

/* ---- accounts ---- */

/* These answers are given before anything was done. */
static bool
was_surely_not_done(const struct msg *reply)
{
	const struct refused *why = reply->body;

	return reply->id == MSG_refused &&
	       (why->status == ST_FULL || why->status == ST_NOT_FOUND ||
		   why->status == ST_DENIED || why->status == ST_UNAVAILABLE);
}

static enum status
account_on_deposited(struct actor *self, struct op *op, const struct msg *reply)
{
	struct player *p = actor_state(self);
	const struct asked *a = op_data(op);

	(void)player_count_answer(p, a, reply);
	if (was_surely_not_done(reply)) {
		p->l->outs[a->edge].money -= a->amount;
		p->m->balance += a->amount;
	}
	return op_pass(op, reply);
}

static enum status
account_on_transfer(
    struct player *p, const struct msg *in, const struct load_data *d)
{
	struct load_data pay = { .origin = p->id, .amount = d->amount };
	struct op *op;

	if (d->target - p->m->first_edge >= p->m->edges || d->amount < 0)
		return REFUSE(p->self, in, VALIDATION, "no such account");
	if (p->m->balance < d->amount)
		return REFUSE(p->self, in, LOAD_FUNDS, "too little is there");
	op = op_open(p->self, in);
	if (op == NULL)
		return ST_OK; /* refused FULL by now */
	p->m->balance -= d->amount;
	p->l->outs[d->target].money += d->amount;
	return player_ask_edge(p, op, &pay, d->target, account_on_deposited);
}

void
player_account_resume(struct player *p)
{
	p->m->balance = LEDGER_MONEY;
	for (uint32_t e = 0; e < p->l->nedges; e++) {
		if (p->l->outs[e].to == p->id)
			p->m->balance += p->l->ins[e].money;
		if (p->l->outs[e].from == p->id)
			p->m->balance -= p->l->outs[e].money;
	}
}

enum status
player_on_request(struct player *p, const struct msg *in,
    const struct load_data *d, struct edge_in *e)
{
	enum does from =
	    p->l->plan.roles[p->l->members[p->l->outs[d->edge].from].role].does;

	if (p->role->does == DOES_ACCOUNT && from == DOES_TELLER)
		return account_on_transfer(p, in, d);
	if (p->role->does == DOES_ACCOUNT) {
		p->m->balance += d->amount;
		e->money += d->amount;
	}
	return REPLY(
	    p->self, in, load_answer, .number = d->number, .bytes = d->bytes);
}
