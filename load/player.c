#include "load/player.h"

#include <poll.h>
#include <string.h>

#include "load/player_inside.h"

#define PLAYER_AGAIN_US 1000 /* after a refusal, in a closed loop */

static const uint8_t player_bytes[PLAN_SIZE_MAX];

uint64_t
player_now_us(const struct player *p)
{
	return clock_mono_us(p->l->clock);
}

/* xorshift64*, G. Marsaglia and S. Vigna: repeatable, and cheap. */
uint64_t
player_chance(struct player *p)
{
	p->chance ^= p->chance >> 12;
	p->chance ^= p->chance << 25;
	p->chance ^= p->chance >> 27;
	return p->chance * UINT64_C(2685821657736338717);
}

uint32_t
player_pick_edge(struct player *p)
{
	const struct member *m = p->m;

	if (m->edges == 1)
		return m->first_edge;
	if (p->role->pick == PICK_RANDOM)
		return m->first_edge + (uint32_t)(player_chance(p) % m->edges);
	if (++p->turn >= m->edges)
		p->turn = 0;
	return m->first_edge + p->turn;
}

/* The number that the next message on an edge bears, mistakes and all. */
static uint64_t
player_number(const struct player *p, const struct edge_out *out)
{
	uint64_t at = out->sent % PLANTED_EVERY;

	if (p->l->planted == PLANTED_SWAP && at == PLANTED_EVERY / 2)
		return out->sent + 1;
	if (p->l->planted == PLANTED_SWAP && at == PLANTED_EVERY / 2 + 1)
		return out->sent - 1;
	return out->sent;
}

static bool
player_is_planted(const struct player *p, const struct edge_out *out)
{
	return out->sent % PLANTED_EVERY == PLANTED_EVERY / 2 &&
	       (p->l->planted == PLANTED_LOSE ||
		   p->l->planted == PLANTED_DOUBLE);
}

void
player_fill(const struct player *p, uint32_t edge, struct load_data *ret_body)
{
	ret_body->edge = edge;
	ret_body->number = player_number(p, &p->l->outs[edge]);
	ret_body->bytes = (struct bytes){ player_bytes, p->l->plan.size };
}

/*
 * Counted before it is handed over: a process that is killed in between has
 * lost a message, and does not number another one the same.
 */
enum status
player_send(struct player *p, struct load_data *body, uint32_t edge)
{
	struct edge_out *out = &p->l->outs[edge];
	enum status st = ST_OK;

	player_fill(p, edge, body);
	if (__builtin_expect(p->l->planted != 0, 0) &&
	    player_is_planted(p, out)) {
		out->sent++;
		if (p->l->planted == PLANTED_LOSE)
			return ST_OK;
		out->sent--;
		(void)actor_send(p->self, out->to_address, MSG_load_data, body);
	}
	out->sent++;
	st = actor_send(p->self, out->to_address, MSG_load_data, body);
	if (__builtin_expect(st == ST_OK, 1)) {
		ledger_bump(&p->m->sent);
	} else {
		out->sent--;
		out->refused[st]++;
		out->unsent++;
		ledger_bump(&p->m->refused);
	}
	return st;
}

/* One message, or one to each of the edges if the role says so. */
static enum status
player_send_picked(struct player *p, struct load_data *body)
{
	enum status st = ST_OK;

	if (p->role->pick != PICK_ALL && p->role->pick != PICK_SHARE)
		return player_send(p, body, player_pick_edge(p));
	for (uint32_t i = 0; i < p->m->edges; i++) {
		enum status one = player_send(p, body, p->m->first_edge + i);

		st = one == ST_OK ? st : one;
	}
	return st;
}

bool
player_may_send(const struct player *p)
{
	uint32_t phase =
	    atomic_load_explicit(&p->l->phase, memory_order_relaxed);

	if (phase == PHASE_MEASURE)
		return p->l->plan.messages == 0 || ledger_read(&p->m->left) > 0;
	return phase == PHASE_WARM;
}

void
player_spend(struct player *p)
{
	uint64_t left = ledger_read(&p->m->left);

	if (left > 0 && atomic_load_explicit(&p->l->phase,
			    memory_order_relaxed) == PHASE_MEASURE)
		atomic_store_explicit(
		    &p->m->left, left - 1, memory_order_relaxed);
}

/* Whether this one is measured, and from when. */
uint64_t
player_stamp(struct player *p)
{
	return p->stamped++ % PLAYER_SAMPLE == 0 ? player_now_us(p) : 0;
}

void
player_measure(struct player *p, uint64_t sent_us)
{
	if (sent_us != 0 && sent_us >= ledger_read(&p->l->from_us))
		histogram_record(
		    &p->l->slots[p->m->slot], player_now_us(p) - sent_us);
}

/* ---- the closed loop ---- */

static enum status
player_on_again(struct actor *self, struct timer *t)
{
	struct player *p = actor_state(self);

	(void)t;
	player_pump(p);
	return ST_OK;
}

void
player_again(struct player *p)
{
	if (!timer_is_running(&p->again))
		timer_start(
		    p->self, &p->again, PLAYER_AGAIN_US, player_on_again);
}

static bool
player_pump_one(struct player *p)
{
	struct load_data body = { .origin = p->id, .sent_us = player_stamp(p) };

	/* What was refused comes again when something has arrived. */
	if (player_send_picked(p, &body) != ST_OK) {
		player_again(p);
		return false;
	}
	p->in_flight += p->l->ends[p->m->role];
	player_spend(p);
	return true;
}

void
player_pump(struct player *p)
{
	uint64_t most = (uint64_t)p->l->plan.window *
			(does_ask(p->role->does) ? 1 : p->l->ends[p->m->role]);

	if (p->l->plan.rate > 0)
		return;
	while (p->in_flight < most && player_may_send(p)) {
		if (does_ask(p->role->does))
			player_ask_one(p, player_stamp(p));
		else if (!player_pump_one(p))
			return;
	}
}

/* The first of a ring sends the tokens; those that are gone, again. */
static void
player_ring_begin(struct player *p)
{
	if (p->m->index != 0 || p->tokens_sent)
		return;
	p->tokens_sent = true;
	for (uint32_t i = 0; i < p->l->plan.window; i++)
		if (player_may_send(p))
			(void)player_pump_one(p);
}

/* ---- the open loop ---- */

/* When message k of this member is due; members take turns. */
static uint64_t
player_due_us(const struct player *p, uint64_t k)
{
	uint64_t nth = k * p->l->starters + p->place;
	uint64_t rate = p->l->plan.rate;

	return ledger_read(&p->l->begin_us) + nth / rate * 1000000 +
	       nth % rate * 1000000 / rate;
}

static void
player_send_due(struct player *p, uint64_t due_us)
{
	struct load_data body = { .origin = p->id, .sent_us = due_us };

	if (does_ask(p->role->does))
		player_ask_one(p, due_us);
	else
		(void)player_send_picked(p, &body);
	player_spend(p);
}

static bool
player_is_scheduled(const struct player *p)
{
	return p->l->plan.messages == 0 || ledger_read(&p->m->left) > 0 ||
	       atomic_load(&p->l->phase) == PHASE_WARM;
}

/* What was due before the end is sent, however late we are. */
static enum status
player_on_tick(struct actor *self, struct timer *t)
{
	struct player *p = actor_state(self);
	uint64_t now_us = player_now_us(p);
	uint64_t stop_us = ledger_read(&p->l->stop_us);
	uint32_t burst = 0;

	while (burst < PLAYER_BURST && player_is_scheduled(p)) {
		uint64_t due_us = player_due_us(p, p->scheduled);

		if (due_us > now_us || due_us >= stop_us)
			break;
		p->scheduled++;
		player_send_due(p, due_us);
		burst++;
	}
	if (player_is_scheduled(p) && player_due_us(p, p->scheduled) < stop_us)
		timer_start(self, t, burst == PLAYER_BURST ? 0 : PLAYER_TICK_US,
		    player_on_tick);
	return ST_OK;
}

/* ---- what it hears ---- */

/* In a closed loop nothing arrives for long: what was sent is gone. */
static enum status
player_on_look(struct actor *self, struct timer *t)
{
	struct player *p = actor_state(self);

	timer_start(self, t, PLAYER_LOOK_US, player_on_look);
	if (p->arrived != p->arrived_seen || p->in_flight == 0)
		p->still = 0;
	else if (++p->still >= PLAYER_STILL && player_may_send(p))
		player_renew(p);
	p->arrived_seen = p->arrived;
	return ST_OK;
}

void
player_renew(struct player *p)
{
	p->still = 0;
	p->in_flight = 0;
	p->tokens_sent = false;
	ledger_bump(&p->m->renewed);
	player_begin(p);
}

void
player_begin(struct player *p)
{
	if (!does_start(p->role->does))
		return;
	if (p->l->plan.rate > 0) {
		if (!timer_is_running(&p->tick))
			timer_start(p->self, &p->tick, 0, player_on_tick);
		return;
	}
	if (p->role->does == DOES_RING)
		player_ring_begin(p);
	else
		player_pump(p);
	if (!does_ask(p->role->does) && !timer_is_running(&p->look))
		timer_start(p->self, &p->look, PLAYER_LOOK_US, player_on_look);
}

static enum status
player_on_go(struct actor *self, const struct msg *in)
{
	(void)in;
	player_begin(actor_state(self));
	return ST_OK;
}

static enum status
player_on_arrived(struct actor *self, const struct msg *in)
{
	const struct load_arrived *a = in->body;
	struct player *p = actor_state(self);

	p->arrived += a->count;
	p->in_flight -= a->count < p->in_flight ? a->count : p->in_flight;
	player_pump(p);
	return ST_OK;
}

/* Work for so long, as a handler that has something to do. */
void
player_burn(struct player *p)
{
	uint64_t until_us;

	if (__builtin_expect(p->m->burn_us == 0, 1))
		return;
	until_us = player_now_us(p) + p->m->burn_us;
	while (player_now_us(p) < until_us)
		;
}

/* Tells the origin of messages that have come to their end. */
static void
player_tell_origin(struct player *p, uint32_t origin, uint32_t count)
{
	if (p->l->plan.rate == 0 && count > 0 && origin < p->l->nmembers)
		(void)SEND(p->self, p->l->members[origin].address, load_arrived,
		    .count = count);
}

static void
player_end_here(struct player *p, struct edge_in *e, const struct load_data *d)
{
	player_measure(p, d->sent_us);
	if (e->origin != d->origin) {
		player_tell_origin(p, e->origin, e->arrived);
		e->origin = d->origin;
		e->arrived = 0;
	}
	if (++e->arrived >= p->l->batch[p->l->members[d->origin].role]) {
		player_tell_origin(p, e->origin, e->arrived);
		e->arrived = 0;
	}
}

static void
player_relay(struct player *p, const struct load_data *d)
{
	struct load_data on = { .origin = d->origin, .sent_us = d->sent_us };
	enum status st = player_send_picked(p, &on);

	/* It goes no further: its origin may send another one. */
	if (st != ST_OK)
		player_tell_origin(p, d->origin, p->l->ends[p->m->role]);
}

static void
player_hand_on(struct player *p, const struct load_data *d)
{
	struct load_data on = { .origin = d->origin,
		.sent_us = player_stamp(p) };

	player_measure(p, d->sent_us);
	p->arrived++;
	if (player_may_send(p) && player_send_picked(p, &on) == ST_OK)
		player_spend(p);
}

static enum status
player_on_data(struct actor *self, const struct msg *in)
{
	const struct load_data *d = in->body;
	struct player *p = actor_state(self);
	struct edge_in *e;

	if (__builtin_expect(d->edge >= p->l->nedges ||
				 p->l->outs[d->edge].to != p->id ||
				 d->origin >= p->l->nmembers,
		0))
		return ST_BUG;
	e = &p->l->ins[d->edge];
	edge_judge(e, d->number);
	/* The turn's own time would be that of its beginning. */
	if (ledger_read(&p->m->handled) % PLAYER_SAMPLE == 0)
		atomic_store_explicit(
		    &p->m->last_us, player_now_us(p), memory_order_relaxed);
	ledger_bump(&p->m->handled);
	player_burn(p);
	if (in->ref != 0)
		return player_on_request(p, in, d, e);
	if (p->role->does == DOES_RELAY)
		player_relay(p, d);
	else if (p->role->does == DOES_RING)
		player_hand_on(p, d);
	else
		player_end_here(p, e, d);
	return ST_OK;
}

/* ---- faults ---- */

static enum status
player_on_fail(struct actor *self, const struct msg *in)
{
	(void)self;
	(void)in;
	return ST_CANCELLED;
}

static enum status
player_on_hold(struct actor *self, const struct msg *in)
{
	const struct load_hold *h = in->body;

	/* Nothing is waited for: the time itself is the fault. */
	if (actor_is_threaded(self))
		(void)poll(NULL, 0, (int)(h->us / 1000));
	return ST_OK;
}

/* ---- its life ---- */

/* Starters before this one, for its place in the schedule. */
static uint32_t
player_place(const struct ledger *l, uint32_t id)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < id; i++)
		n += does_start(l->plan.roles[l->members[i].role].does);
	return n;
}

/* The schedule goes on where we are: what was due while we lay is late. */
static void
player_resume(struct player *p)
{
	ledger_bump(&p->m->starts);
	if (ledger_read(&p->m->starts) == 1)
		return;
	atomic_store(&p->m->open, 0);
	p->scheduled = ledger_read(&p->m->sent) + ledger_read(&p->m->refused);
	player_account_resume(p);
	if (player_may_send(p))
		player_begin(p);
}

static enum status
player_start(struct actor *self)
{
	struct player *p = actor_state(self);

	p->self = self;
	p->l = ledger_in_use();
	p->m = ledger_member(p->l, actor_address(self));
	p->id = (uint32_t)(p->m - p->l->members);
	p->role = &p->l->plan.roles[p->m->role];
	p->place = player_place(p->l, p->id);
	p->chance =
	    (p->l->plan.seed + 1) * UINT64_C(0x9e3779b97f4a7c15) + p->id;
	player_hello_begin(p);
	player_resume(p);
	return ST_OK;
}

static const struct handler player_on[] = {
	ON(load_go, player_on_go),
	ON(load_data, player_on_data),
	ON(load_arrived, player_on_arrived),
	ON(node_changed, player_on_node_changed),
	ON(load_hello, player_on_hello),
	ON(load_fail, player_on_fail),
	ON(load_hold, player_on_hold),
	{ 0 },
};

const struct actor_class *
player_class(uint32_t role)
{
	static struct actor_class classes[PLAN_ROLES_MAX];
	const struct plan *p = &ledger_in_use()->plan;
	struct actor_class *c = &classes[role];

	*c = (struct actor_class){
		.name = p->roles[role].name,
		.state_size = sizeof(struct player),
		.mailbox_max = p->roles[role].mailbox,
		.mailbox_bytes_max = PLAYER_MAILBOX_BYTES,
		.ops_max = plan_asks(p, role) + PLAYER_OPS_FEW,
		.restart = RESTART_ON_FAILURE,
		.start = player_start,
		.on = player_on,
	};
	return c;
}
