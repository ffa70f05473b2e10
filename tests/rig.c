#include "tests/rig.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/inside.h"
#include "runtime/net_fake.h"
#include "runtime/node_inside.h"

struct probe_state {
	struct probe *probe;
};

struct probe_ask {
	uint64_t tag;
};

static struct rig *rig_current;

static uint64_t
rig_mono_us(void *ctx)
{
	return ((struct rig *)ctx)->now_us;
}

static int64_t
rig_wall_us_now(void *ctx)
{
	return ((struct rig *)ctx)->wall_us;
}

/* SplitMix64 (S. Vigna): the same bytes in every run. */
static void
rig_random(void *ctx, void *ret_bytes, size_t size)
{
	struct rig *r = ctx;
	unsigned char *at = ret_bytes;

	for (size_t i = 0; i < size; i++) {
		uint64_t z = (r->seed += UINT64_C(0x9e3779b97f4a7c15));

		z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
		at[i] = (unsigned char)(z ^ z >> 31);
	}
}

static void
rig_on_line(void *ctx, enum event_id event, const char *line, size_t size)
{
	struct rig *r = ctx;

	(void)size;
	if (r->line_count == RIG_LINES_MAX)
		return;
	r->logged[r->line_count] = event;
	r->lines[r->line_count++] = strdup(line);
}

static struct probe *
rig_probe_at(struct rig *r, uint32_t number)
{
	for (size_t i = 0; i < r->probe_count; i++)
		if (r->probes[i].number == number)
			return &r->probes[i];
	fail_msg("no probe stands in for actor %u", (unsigned)number);
	return NULL;
}

static struct probe *
probe_of(struct actor *self)
{
	for (size_t i = 0; i < rig_current->probe_count; i++)
		if (rig_current->probes[i].number ==
		    actor_number_of(actor_address(self)))
			return &rig_current->probes[i];
	return NULL;
}

/* Decodes again, into memory that outlives the turn. */
static const void *
probe_copy(struct rig *r, const struct wire_type *type, const void *body)
{
	static unsigned char bytes[FRAME_MAX];
	struct wire_out out = { bytes, sizeof(bytes), 0 };
	const void *copy = NULL;

	assert_int_equal(wire_encode(type, body, &out), ST_OK);
	assert_int_equal(
	    wire_decode(type, &r->arena, bytes, out.used, &copy), ST_OK);
	return copy;
}

static struct heard *
probe_hear(struct probe *p, const struct msg *in)
{
	struct heard *h;

	assert_true(p->heard_count < RIG_HEARD_MAX);
	h = &p->heard[p->heard_count++];
	*h = (struct heard){ .id = in->id,
		.kind = in->kind,
		.from = in->from,
		.body = probe_copy(p->rig, in->type, in->body) };
	return h;
}

/* The asker's deadline has passed; the test may still look at it. */
static enum status
probe_on_expired(struct actor *self, struct op *op, const struct msg *why)
{
	struct probe *p = probe_of(self);

	for (size_t i = 0; i < p->heard_count; i++)
		if (p->heard[i].op == op)
			p->heard[i].op = NULL;
	return op_pass(op, why);
}

static enum status
probe_on(struct actor *self, const struct msg *in)
{
	struct heard *h = probe_hear(probe_of(self), in);

	if (in->kind == FRAME_REQUEST) {
		h->op = op_open(self, in);
		return op_keep(h->op, probe_on_expired);
	}
	return ST_OK;
}

static enum status
probe_on_answer(struct actor *self, struct op *op, const struct msg *reply)
{
	struct heard *h = probe_hear(probe_of(self), reply);
	struct probe_ask *ask = op_data(op);

	h->tag = ask->tag;
	return op_refuse(op, PROBLEM_INTERNAL, "");
}

static enum status
probe_start(struct actor *self)
{
	probe_of(self)->actor = self;
	return ST_OK;
}

static const struct handler probe_handlers[] = {
/* clang-format off */
#define ENUMERATION(n, doc, values)
#define STRUCTURE(n, doc, fields)
#define MESSAGE(n, id, doc, fields) ON(n, probe_on),
#include "protocols/protocols.def"
#include "protocols/undef.h"
	/* clang-format on */
	{ 0 },
};

static const struct actor_class probe_class = {
	.name = "probe",
	.state_size = sizeof(struct probe_state),
	.mailbox_max = RIG_WAITING_MAX,
	.ops_max = RIG_WAITING_MAX,
	.start = probe_start,
	.on = probe_handlers,
};

void
rig_init_with(struct rig *r, const struct config *config)
{
	struct node_config c = { .name = "rig", .loops = 1 };

	memset(r, 0, sizeof(*r));
	r->now_us = 1000000;
	r->wall_us = RIG_WALL_US;
	r->seed = 1;
	r->clock = (struct clock){ rig_mono_us, rig_wall_us_now, r };
	r->arena.size = RIG_ARENA_SIZE;
	r->arena.base = malloc(RIG_ARENA_SIZE);
	rig_current = r;
	log_set_sink(rig_on_line, r);
	c.clock = &r->clock;
	c.random = rig_random;
	c.random_ctx = r;
	c.config = config;
	assert_int_equal(node_create(&c, &r->node), ST_OK);
}

void
rig_init(struct rig *r)
{
	rig_init_with(r, NULL);
}

struct net *
rig_net(struct rig *r)
{
	r->net = net_fake_create();
	assert_non_null(r->net);
	node_loop(r->node, 0)->net = r->net;
	return r->net;
}

void
rig_fini(struct rig *r)
{
	assert_int_equal(node_check_books(r->node), 0);
	node_stop(r->node);
	assert_int_equal(node_check_books(r->node), 0);
	if (r->net != NULL)
		net_stop(r->net);
	net_destroy(r->net);
	node_destroy(r->node);
	log_set_sink(NULL, NULL);
	for (size_t i = 0; i < r->line_count; i++)
		free(r->lines[i]);
	for (size_t i = 0; i < r->probe_count; i++)
		free(r->probes[i].heard);
	free(r->arena.base);
	class_info_free_all();
	rig_current = NULL;
}

uint64_t
rig_spawn(struct rig *r, const struct actor_class *class, uint32_t number)
{
	uint64_t address = 0;

	assert_int_equal(
	    node_spawn(r->node, class, number, 0, 0, &address), ST_OK);
	return address;
}

void
rig_probe(struct rig *r, uint32_t number)
{
	struct probe *p = &r->probes[r->probe_count++];

	assert_true(r->probe_count <= RIG_PROBES_MAX);
	p->rig = r;
	p->number = number;
	p->heard = calloc(RIG_HEARD_MAX, sizeof(p->heard[0]));
	rig_spawn(r, &probe_class, number);
}

enum status
rig_start(struct rig *r)
{
	return node_start(r->node);
}

void
rig_settle(struct rig *r)
{
	node_settle(r->node);
}

void
rig_advance_ms(struct rig *r, uint64_t ms)
{
	uint64_t until_us = r->now_us + ms * 1000;

	rig_settle(r);
	while (r->now_us < until_us) {
		uint64_t next = node_next_us(r->node);

		if (next > until_us)
			next = until_us;
		if (next <= r->now_us)
			next = r->now_us + 1;
		r->wall_us += (int64_t)(next - r->now_us);
		r->now_us = next;
		rig_settle(r);
	}
}

uint64_t
rig_ask(struct rig *r, uint32_t from, uint32_t to, uint16_t id,
    const void *body, uint64_t within_us)
{
	struct probe *p = rig_probe_at(r, from);
	struct op *op = op_open(p->actor, NULL);
	struct probe_ask *ask = op_data(op);
	uint64_t tag = ++r->next_tag;

	ask->tag = tag;
	op_limit(op, within_us);
	(void)op_ask(
	    op, actor_find(p->actor, to, 0), id, body, probe_on_answer);
	rig_settle(r);
	return tag;
}

void
rig_send(
    struct rig *r, uint32_t from, uint32_t to, uint16_t id, const void *body)
{
	struct probe *p = rig_probe_at(r, from);

	assert_int_equal(
	    actor_send(p->actor, actor_find(p->actor, to, 0), id, body), ST_OK);
	rig_settle(r);
}

struct heard *
rig_peek(struct rig *r, uint32_t at, uint16_t id)
{
	struct probe *p = rig_probe_at(r, at);

	for (size_t i = 0; i < p->heard_count; i++)
		if (!p->heard[i].taken && p->heard[i].id == id)
			return &p->heard[i];
	return NULL;
}

struct heard *
rig_take(struct rig *r, uint32_t at, uint16_t id)
{
	struct heard *h = rig_peek(r, at, id);

	if (h == NULL)
		fail_msg("actor %u heard no %s", (unsigned)at,
		    catalogue_find(id)->name);
	h->taken = true;
	return h;
}

struct heard *
rig_answer_to(struct rig *r, uint32_t at, uint64_t tag)
{
	struct probe *p = rig_probe_at(r, at);

	for (size_t i = 0; i < p->heard_count; i++) {
		if (p->heard[i].tag == tag) {
			p->heard[i].taken = true;
			return &p->heard[i];
		}
	}
	return NULL;
}

const void *
rig_replied(struct rig *r, uint32_t at, uint64_t tag, uint16_t id)
{
	struct heard *h = rig_answer_to(r, at, tag);

	if (h == NULL)
		fail_msg(
		    "no answer yet, expected %s", catalogue_find(id)->name);
	if (h->id == MSG_refused && id != MSG_refused)
		fail_msg(
		    "refused: %s", ((const struct refused *)h->body)->detail);
	assert_int_equal(h->id, id);
	return h->body;
}

size_t
rig_waiting(struct rig *r, uint32_t at)
{
	struct probe *p = rig_probe_at(r, at);
	size_t n = 0;

	for (size_t i = 0; i < p->heard_count; i++)
		n += !p->heard[i].taken;
	return n;
}

static struct op *
heard_take_op(struct heard *h)
{
	struct op *op = h->op;

	if (op == NULL)
		fail_msg("it waits for no answer");
	h->op = NULL;
	h->taken = true;
	op_resume(op);
	return op;
}

void
rig_answer(struct rig *r, struct heard *h, uint16_t id, const void *body)
{
	(void)op_reply(heard_take_op(h), id, body);
	rig_settle(r);
}

void
rig_refuse(struct rig *r, struct heard *h, enum status st, uint32_t problem,
    const char *detail)
{
	(void)op_refuse_with(heard_take_op(h),
	    &(struct refused){
		.status = (uint32_t)st, .problem = problem, .detail = detail });
	rig_settle(r);
}

size_t
rig_logged(struct rig *r, enum event_id event)
{
	size_t n = 0;

	for (size_t i = 0; i < r->line_count; i++)
		n += r->logged[i] == event;
	return n;
}

const char *
rig_line(struct rig *r, enum event_id event, size_t nth)
{
	for (size_t i = 0; i < r->line_count; i++)
		if (r->logged[i] == event && nth-- == 0)
			return r->lines[i];
	fail_msg("event %s was not logged", event_info(event)->name);
	return NULL;
}
