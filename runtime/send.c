#include <assert.h>

#include "runtime/base/text.h"
#include "runtime/hot_path.h"
#include "runtime/node_inside.h"

/*
 * Sending: encode into a mail, find the loop of the receiver, and either put
 * it into the mailbox or into the batch for that loop.  A mail has exactly
 * one holder at any time, and every path below ends by giving it on.
 */

static const uint64_t actor_hears[ADDRESS_LISTED_MAX] = {
#define FROM(id) (UINT64_C(1) << ACTOR_NUMBER_##id)
#define ANYONE UINT64_MAX
#define ACTOR(id, number, name, hears, purpose) [number] = (hears),
#include "protocols/actors.def"
#undef ACTOR
#undef ANYONE
#undef FROM
};

const uint8_t loop_no_cause[FRAME_HEAD] = {
	[FRAME_AT_TENANT - 1] = FRAME_TAG_U32,
	[FRAME_AT_TRACE - 2] = FRAME_TAG_BYTES,
	[FRAME_AT_TRACE - 1] = 16,
	[FRAME_AT_SPAN - 1] = FRAME_TAG_U64,
};

/* Spawned actors pass; listed ones are heard by actors.def. */
static bool
actor_is_heard(uint64_t from, uint64_t to)
{
	uint32_t speaker = address_number(from);
	uint32_t hearer = address_number(to);

	if (hearer >= ADDRESS_SPAWNED || speaker >= ADDRESS_SPAWNED ||
	    speaker == hearer)
		return true;
	return (actor_hears[hearer] >> speaker & 1) != 0;
}

/* Answers pass: they were asked for. */
static bool
route_is_allowed(const uint8_t *frame)
{
	return frame[FRAME_AT_KIND] >= FRAME_REPLY ||
	       actor_is_heard(frame_get_u64(frame, FRAME_AT_FROM),
		   frame_get_u64(frame, FRAME_AT_TO));
}

struct actor *
loop_receiver(const struct loop *l, uint64_t from, uint64_t to)
{
	struct place *p;

	if (address_node(to) != l->node->config.number ||
	    !actor_is_heard(from, to))
		return NULL;
	p = node_place_of(l->node, to);
	if (p == NULL || atomic_load(&p->loop_plus_1) != l->index + 1u ||
	    p->actor == NULL || p->actor->address != to)
		return NULL;
	return p->actor;
}

struct edge *
actor_edge_anew(struct actor *a, uint64_t to)
{
	struct loop *l = a->loop;
	struct edge *e = edge_find(l, &l->edges, a->address, to);

	a->books[BOOK_SENT] += e->from == 0; /* a further one */
	return e;
}

/*
 * From another loop.  Its edge knows the receiver once that has been found: it
 * stays, and so does who may speak to whom.
 */
HOT_INLINE void
loop_take_in(struct loop *l, struct mail *m)
{
	struct edge *e = m->edge;
	enum status st;

	if (__builtin_expect(e->there == NULL, 0)) {
		if (e->from != 0)
			e->there = loop_receiver(l, e->from, e->to);
		(void)loop_route(l, m);
		return;
	}
	st = actor_take_in(e->there, m, m->at[FRAME_AT_LANE]);
	if (__builtin_expect(st != ST_OK, 0))
		(void)loop_undelivered(l, m, st);
}

static void
loop_note_taken(struct loop *l, uint16_t source, uint32_t count)
{
	l->far_traffic_us = l->now_us;
	l->taken[source] += count;
	atomic_store_explicit(
	    &l->shared->taken[source], l->taken[source], memory_order_release);
}

static void
loop_take_lone_mail(struct loop *l, struct parcel *p)
{
	struct mail *m = LIST_OF(p, struct mail, parcel);

	loop_note_taken(l, m->edge->near, 1);
	loop_take_in(l, m);
}

/* A bundle has come: each mail is for an actor of this loop. */
static void
loop_take_mails(struct loop *l, struct parcel *p)
{
	struct bundle *b = LIST_OF(p, struct bundle, parcel);
	uint32_t count = b->count;

	loop_note_taken(l, b->source, count);
	for (uint32_t i = 0; i < count && i < MAIL_AHEAD; i++)
		mail_prefetch(b->mails[i]);
	for (uint32_t i = 0; i < count; i++) {
		if (i + MAIL_AHEAD < count)
			mail_prefetch(b->mails[i + MAIL_AHEAD]);
		loop_take_in(l, b->mails[i]);
	}
	bundle_put(&l->pool, b);
}

/* Empty mails have come home; nobody looks at them now. */
static void
loop_take_back(struct loop *l, struct parcel *p)
{
	struct bundle *b = LIST_OF(p, struct bundle, parcel);

	if (l->pool.count + b->count > MAIL_POOL_MAX) {
		for (uint32_t i = 0; i < b->count; i++)
			mail_free(b->mails[i]);
	} else {
		memcpy(l->pool.free + l->pool.count, b->mails,
		    b->count * sizeof(b->mails[0]));
		l->pool.count += b->count;
	}
	bundle_put(&l->pool, b);
}

/* A bundle would be one more line to fetch before the mail is seen. */
static void
loop_give_lone(struct loop *l, uint32_t to, struct bundle *b)
{
	struct mail *m = b->mails[0];

	bundle_put(&l->pool, b);
	m->parcel.fn = loop_take_lone_mail;
	loop_give(&l->node->loops[to], &m->parcel);
}

static void
outbound_hand_over(
    struct loop *l, uint32_t to, struct bundle **bundle, parcel_fn fn)
{
	struct bundle *b = *bundle;

	if (b == NULL)
		return;
	*bundle = NULL;
	if (b->count == 1 && fn == loop_take_mails) {
		loop_give_lone(l, to, b);
		return;
	}
	b->parcel.fn = fn;
	loop_give(&l->node->loops[to], &b->parcel);
}

/* False without memory: m is still the caller's. */
static bool
outbound_put(struct loop *l, struct bundle **bundle, uint32_t to,
    struct mail *m, parcel_fn fn)
{
	struct bundle *b = *bundle;

	if (b == NULL) {
		b = *bundle = bundle_take(&l->pool);
		if (b == NULL)
			return false;
	}
	b->mails[b->count++] = m;
	if (b->count == BUNDLE_MAX)
		outbound_hand_over(l, to, bundle, fn);
	return true;
}

void
loop_drop(struct loop *l, struct mail *m)
{
	if (m->home == l->index) {
		mail_put(&l->pool, m);
		return;
	}
	if (m->home == MAIL_HOMELESS ||
	    !outbound_put(l, &l->out[m->home].back, m->home, m, loop_take_back))
		mail_free(m);
}

/*
 * Empty mails wait until they are a bundle: nobody misses them, and one by one
 * each would cost its home loop as much as a message.
 */
void
loop_flush(struct loop *l)
{
	if (!l->dirty)
		return;
	l->dirty = false;
	for (uint32_t i = 0; i < l->node->config.loops; i++)
		outbound_hand_over(l, i, &l->out[i].mails, loop_take_mails);
}

/* FULL when too many of ours are still unseen by the other loop. */
static enum status
loop_hand_over(struct loop *l, uint32_t index, struct mail *m)
{
	struct outbound *o = &l->out[index];
	struct loop *to = &l->node->loops[index];

	if (o->sent - o->taken_seen >= MAIL_INFLIGHT_MAX) {
		o->taken_seen = atomic_load_explicit(
		    &to->shared->taken[l->index], memory_order_acquire);
		if (o->sent - o->taken_seen >= MAIL_INFLIGHT_MAX &&
		    m->at[FRAME_AT_KIND] < FRAME_REPLY)
			return ST_FULL;
	}
	if (!outbound_put(l, &o->mails, index, m, loop_take_mails))
		return ST_NO_MEMORY;
	l->dirty = true;
	o->sent++;
	return ST_OK;
}

/* Frames for other nodes go through loop 0, which has the links. */
static enum status
loop_route_far(struct loop *l, struct mail *m)
{
	if (l->node->remote == NULL)
		return ST_NOT_FOUND;
	if (l->index != 0)
		return loop_hand_over(l, 0, m);
	l->node->remote(l->node->bridge, l, m);
	return ST_OK;
}

static enum status
loop_route_here(struct loop *l, struct mail *m)
{
	uint64_t to = frame_get_u64(m->at, FRAME_AT_TO);
	struct place *p = node_place_of(l->node, to);
	uint32_t loop_plus_1;

	if (p == NULL)
		return ST_NOT_FOUND;
	loop_plus_1 =
	    atomic_load_explicit(&p->loop_plus_1, memory_order_acquire);
	if (loop_plus_1 == 0)
		return ST_NOT_FOUND;
	if (loop_plus_1 - 1 != l->index)
		return loop_hand_over(l, loop_plus_1 - 1, m);
	if (p->actor == NULL || p->actor->address != to)
		return ST_CLOSED;
	if (__builtin_expect(!route_is_allowed(m->at), 0)) {
		p->actor->books[BOOK_DENIED]++;
		return ST_DENIED;
	}
	return actor_accept(p->actor, m);
}

enum status
loop_undelivered(struct loop *l, struct mail *m, enum status st)
{
	loop_bounce(l, m, edge_end_of(st), st, status_text(st));
	return st;
}

enum status
loop_route(struct loop *l, struct mail *m)
{
	uint64_t to = frame_get_u64(m->at, FRAME_AT_TO);
	enum status st;

	if (__builtin_expect(address_node(to) != l->node->config.number, 0))
		st = loop_route_far(l, m);
	else
		st = loop_route_here(l, m);
	return __builtin_expect(st == ST_OK, 1) ? st
						: loop_undelivered(l, m, st);
}

/* Messages of one pair often follow one another. */
enum status
loop_post(struct loop *l, struct mail *m)
{
	uint64_t from = frame_get_u64(m->at, FRAME_AT_FROM);
	uint64_t to = frame_get_u64(m->at, FRAME_AT_TO);
	struct edge *e = l->edges.last;

	if (e == NULL || e->from != from || e->to != to)
		e = l->edges.last = edge_find(l, &l->edges, from, to);
	return loop_post_on(l, m, e, m->at[FRAME_AT_LANE]);
}

/* Writes body behind the head; FULL when the frame would pass FRAME_MAX. */
static enum status
mail_encode(struct mail **mail, const struct wire_type *type, const void *body)
{
	for (;;) {
		struct mail *m = *mail;
		struct wire_out out = { m->at + FRAME_HEAD,
			mail_room(m) - FRAME_HEAD, 0 };
		enum status st = wire_encode(type, body, &out);
		uint32_t room;

		m->size = (uint32_t)(FRAME_HEAD + out.used);
		if (st != ST_FULL || mail_room(m) >= FRAME_MAX)
			return st;
		room = mail_room(m) * 8;
		m = mail_grow(m, room < FRAME_MAX ? room : FRAME_MAX);
		if (m == NULL)
			return ST_NO_MEMORY;
		*mail = m;
	}
}

enum status
loop_fill_by_table(
    struct loop *l, struct mail **mail, uint16_t id, const void *body)
{
	(void)l;
	return mail_encode(mail, catalogue_find(id), body);
}

enum status
loop_encode(struct loop *l, const struct frame *f, const void *body,
    struct mail **ret_mail)
{
	struct mail *m = mail_take(&l->pool, MAIL_ROOM_SMALL);
	enum status st;

	if (m == NULL)
		return ST_NO_MEMORY;
	frame_write(m->at, f);
	st = loop_fill(l, &m, f->id, body);
	if (st == ST_OK)
		*ret_mail = m;
	else
		loop_drop(l, m);
	return st;
}

/* Texts of a refusal may come from anywhere: cut, never unsendable. */
static enum status
loop_fill_refusal(struct loop *l, struct mail **mail, const struct refused *why)
{
	char detail[REFUSED_DETAIL_MAX + 1];
	struct refused fitting = *why;

	text_fit(detail, sizeof(detail), why->detail);
	fitting.detail = detail;
	(*mail)->at[FRAME_AT_KIND] = FRAME_REFUSAL;
	frame_set_id((*mail)->at, MSG_refused);
	return loop_fill(l, mail, MSG_refused, &fitting);
}

enum status
loop_fill_answer(
    struct loop *l, struct mail **mail, uint16_t id, const void *body)
{
	static const struct refused too_big = { .status = ST_FULL,
		.problem = PROBLEM_INTERNAL,
		.detail = "the answer passes a bound" };
	enum status st;

	if ((*mail)->at[FRAME_AT_KIND] == FRAME_REFUSAL)
		return loop_fill_refusal(l, mail, body);
	st = loop_fill(l, mail, id, body);
	return st == ST_OK ? ST_OK : loop_fill_refusal(l, mail, &too_big);
}

/* The refusal goes in the request's own mail. */
void
loop_bounce(struct loop *l, struct mail *m, enum edge_end end, enum status st,
    const char *detail)
{
	struct refused why = { .status = (uint32_t)st,
		.problem = problem_of_status(st),
		.detail = detail };
	uint64_t from = frame_get_u64(m->at, FRAME_AT_FROM);
	uint64_t ref = frame_get_u64(m->at, FRAME_AT_REF);

	edge_end(m, l->index, end);
	if (m->at[FRAME_AT_KIND] != FRAME_REQUEST || ref == 0) {
		loop_drop(l, m);
		return;
	}
	frame_begin(m->at, FRAME_REFUSAL, MSG_refused,
	    frame_get_u64(m->at, FRAME_AT_TO), from, ref, FRAME_DEADLINE_NONE,
	    m->at);
	if (loop_fill_refusal(l, &m, &why) == ST_OK)
		(void)loop_post(l, m);
	else
		loop_drop(l, m);
}
