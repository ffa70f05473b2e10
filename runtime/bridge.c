#include "runtime/bridge.h"

#include <stdlib.h>

#include "runtime/base/log.h"
#include "runtime/bridge_inside.h"
#include "runtime/hot_path.h"
#include "runtime/link_tls.h"
#include "runtime/link_uv.h"
#include "runtime/node_inside.h"

struct bridge {
	struct node *node;
	struct links *links;
	struct bridge_config config;
	struct bridge_stats stats;
	uint64_t incarnations[LINK_NODE_MAX + 1]; /* last one seen; 0: none */
	struct mail_list held[LINK_NODE_MAX + 1]; /* for peers not met yet */
	struct mail_list late[LINK_NODE_MAX + 1]; /* answers without room */
	uint32_t late_count;
	struct edge edges[LINK_PEERS_MAX]; /* the links' books */
	uint16_t peers[LINK_PEERS_MAX];
	size_t npeers;
	/* The head that came last, as it is handed on, and who it is of. */
	struct edge *in_edge; /* NULL: it is not let in */
	uint8_t in_head[FRAME_HEAD];
	struct parcel wake;
	atomic_bool woken;
};

/* A peer has changed: each loop tells its own actors. */
struct news {
	struct parcel parcel;
	uint32_t peer;
	bool up;
	bool forgotten; /* what we asked it for will never be answered */
	uint64_t incarnation;
};

static void
news_tell(struct loop *l, struct actor *a, const struct news *news)
{
	struct node_changed body = { .node = news->peer,
		.up = news->up,
		.incarnation = news->incarnation };
	struct frame f = { .kind = FRAME_SIGNAL,
		.lane = FRAME_CONTROL,
		.id = MSG_node_changed,
		.from = a->address,
		.to = a->address,
		.deadline_us = FRAME_DEADLINE_NONE };
	struct mail *m;

	if (class_info_find(a->info, MSG_node_changed) == NULL)
		return;
	if (loop_encode(l, &f, &body, &m) == ST_OK)
		(void)loop_post(l, m);
}

static void
news_on_loop(struct loop *l, struct parcel *p)
{
	struct news *news = LIST_OF(p, struct news, parcel);

	for (struct actor *a = l->node->actors; a != NULL;
	     a = a->prev_of_node) {
		/* One that waits for its restart hears of it after that. */
		if (a->loop != l || a->phase >= ACTOR_QUARANTINED)
			continue;
		if (news->forgotten)
			op_close_asked(a, news->peer);
		news_tell(l, a, news);
	}
	free(news);
}

static void
bridge_spread(struct bridge *b, uint32_t peer, bool up, bool forgotten,
    uint64_t incarnation)
{
	for (uint32_t i = 0; i < b->node->config.loops; i++) {
		struct news *news = malloc(sizeof(*news));

		if (news == NULL)
			abort();
		*news = (struct news){ .parcel.fn = news_on_loop,
			.peer = peer,
			.up = up,
			.forgotten = forgotten,
			.incarnation = incarnation };
		loop_give(&b->node->loops[i], &news->parcel);
	}
}

/* The clock of each node is its own: only what is left may travel. */
static void
frame_deadline_to_left(uint8_t *frame, uint64_t now_us)
{
	uint64_t us = frame_get_u64(frame, FRAME_AT_DEADLINE);

	if (us != FRAME_DEADLINE_NONE)
		frame_set_u64(
		    frame, FRAME_AT_DEADLINE, us > now_us ? us - now_us : 0);
}

static void
frame_left_to_deadline(uint8_t *frame, uint64_t now_us)
{
	uint64_t left = frame_get_u64(frame, FRAME_AT_DEADLINE);

	if (left != FRAME_DEADLINE_NONE)
		frame_set_u64(frame, FRAME_AT_DEADLINE,
		    left < FRAME_DEADLINE_NONE - 1 - now_us
			? now_us + left
			: FRAME_DEADLINE_NONE - 1);
}

/* What the link did not take. */
HOT_SELDOM static enum status
bridge_refuse(struct bridge *b, struct loop *l, uint32_t peer, struct mail *m,
    enum status st)
{
	if (st == ST_FULL && m->at[FRAME_AT_KIND] >= FRAME_REPLY) {
		mail_list_append(&b->late[peer], m);
		b->late_count++;
		return ST_OK;
	}
	b->stats.refused++;
	loop_bounce(
	    l, m, edge_end_of(st), st, "it cannot reach the other node");
	return st;
}

/* Answers go on the control lane: they were asked for, so never refused. */
HOT_INLINE enum status
bridge_send(struct bridge *b, struct loop *l, uint32_t peer, struct mail *m)
{
	bool answers = m->at[FRAME_AT_KIND] >= FRAME_REPLY;
	bool urgent = answers || m->at[FRAME_AT_LANE] == FRAME_CONTROL;
	enum status st = ST_FULL;

	frame_deadline_to_left(m->at, l->now_us);
	if (!answers || b->late[peer].head == NULL)
		st = links_send(b->links, (uint16_t)peer,
		    urgent ? LINK_CONTROL : LINK_NORMAL, m->at, m->size);
	if (__builtin_expect(st != ST_OK, 0))
		return bridge_refuse(b, l, peer, m, st);
	b->stats.sent++;
	edge_end(m, l->index, EDGE_CARRIED);
	loop_drop_here(l, m);
	return ST_OK;
}

/*
 * When a topology starts, its nodes do not come up at once: what is asked of
 * one that we have not met yet waits for it.  Later a node that is away
 * refuses at once.
 */
static bool
bridge_may_hold(const struct bridge *b, uint32_t peer, const struct mail *m)
{
	return b->incarnations[peer] == 0 &&
	       links_stats(b->links, (uint16_t)peer) != NULL &&
	       m->at[FRAME_AT_KIND] == FRAME_REQUEST &&
	       b->held[peer].count < BRIDGE_HELD_MAX;
}

/* Whoever asked has its answer from its own deadline. */
static void
bridge_drop(struct loop *l, struct mail *m, enum edge_end end)
{
	edge_end(m, l->index, end);
	loop_drop(l, m);
}

static void
bridge_release_held(struct bridge *b, uint32_t peer)
{
	struct loop *l = &b->node->loops[0];
	struct mail *m;

	while ((m = mail_list_pop(&b->held[peer])) != NULL) {
		if (frame_get_u64(m->at, FRAME_AT_DEADLINE) <= l->now_us)
			bridge_drop(l, m, EDGE_LATE);
		else
			(void)bridge_send(b, l, peer, m);
	}
}

static void
bridge_remote(struct bridge *b, struct loop *l, struct mail *m)
{
	uint32_t peer = address_node(frame_get_u64(m->at, FRAME_AT_TO));

	if (peer > LINK_NODE_MAX)
		loop_bounce(l, m, EDGE_AWAY, ST_NOT_FOUND, "no such node");
	else if (m->at[FRAME_AT_HOPS] == 0)
		loop_bounce(l, m, EDGE_FULL, ST_FULL, "its hops are used up");
	else if (bridge_may_hold(b, peer, m))
		mail_list_append(&b->held[peer], m);
	else
		(void)bridge_send(b, l, peer, m);
}

static void
bridge_on_state(void *ctx, uint16_t peer, enum link_state was,
    enum link_state now, uint64_t incarnation, const char *why)
{
	struct bridge *b = ctx;
	bool other = b->incarnations[peer] != incarnation;

	(void)was;
	(void)why;
	if (now == LINK_UP) {
		bridge_spread(b, peer, true,
		    other && b->incarnations[peer] != 0, incarnation);
		b->incarnations[peer] = incarnation;
		bridge_release_held(b, peer);
	} else if (now == LINK_DOWN || now == LINK_LOST) {
		bridge_spread(b, peer, false, now == LINK_DOWN, incarnation);
	}
}

/* From a node that it names, for this one, with hops left. */
static bool
bridge_may_deliver(const struct bridge *b, uint16_t peer, const uint8_t *head)
{
	return address_node(frame_get_u64(head, FRAME_AT_FROM)) == peer &&
	       address_node(frame_get_u64(head, FRAME_AT_TO)) ==
		   b->node->config.number &&
	       head[FRAME_AT_HOPS] > 0;
}

/* Another head than the frame before had: judged once, and made ours once. */
static void
bridge_take_head(
    struct bridge *b, uint16_t peer, const uint8_t *head, size_t size)
{
	struct loop *l = &b->node->loops[0];

	b->in_edge = NULL;
	if (frame_check(head, size) != ST_OK ||
	    !bridge_may_deliver(b, peer, head))
		return;
	memcpy(b->in_head, head, FRAME_HEAD);
	b->in_head[FRAME_AT_HOPS]--;
	frame_left_to_deadline(b->in_head, l->now_us);
	b->in_edge = edge_find(l, &l->edges, frame_get_u64(head, FRAME_AT_FROM),
	    frame_get_u64(head, FRAME_AT_TO));
}

static void
bridge_on_frame(void *ctx, uint16_t peer, const struct link_frame *frame)
{
	struct bridge *b = ctx;
	struct loop *l = &b->node->loops[0];
	uint32_t size = FRAME_HEAD + (uint32_t)frame->rest.size;
	struct mail *m;

	_Static_assert(
	    LINK_SHARED_BYTES == FRAME_HEAD, "heads are what frames share");
	_Static_assert(LINK_FRAME_MAX <= FRAME_MAX, "the link has checked it");
	if (!frame->again)
		bridge_take_head(b, peer, frame->head.at,
		    frame->head.size + frame->rest.size);
	if (b->in_edge == NULL || frame->rest.size == 0 ||
	    (m = mail_take(&l->pool, size)) == NULL) {
		b->stats.rejected++;
		return;
	}
	b->stats.received++;
	memcpy(m->at, b->in_head, FRAME_HEAD);
	memcpy(m->at + FRAME_HEAD, frame->rest.at, frame->rest.size);
	m->size = size;
	(void)loop_post_on(l, m, b->in_edge, b->in_head[FRAME_AT_LANE]);
}

static bool
bridge_links_in(struct loop *l)
{
	return links_turn(l->node->bridge->links);
}

/*
 * Answers were asked for and asks are bounded, so those that found no room on
 * the link wait here, in their order, until the peer has acknowledged enough.
 */
static void
bridge_send_late(struct bridge *b, struct loop *l, uint16_t peer)
{
	struct mail_list *late = &b->late[peer];

	while (late->head != NULL) {
		struct mail *m = late->head;
		enum status st =
		    links_send(b->links, peer, LINK_CONTROL, m->at, m->size);

		if (st == ST_FULL)
			return;
		if (st == ST_OK)
			b->stats.sent++;
		else
			b->stats.refused++;
		b->late_count--;
		bridge_drop(l, mail_list_pop(late),
		    st == ST_OK ? EDGE_CARRIED : EDGE_LOST);
	}
}

static void
bridge_links_out(struct loop *l)
{
	struct bridge *b = l->node->bridge;

	for (uint16_t i = 0; b->late_count > 0 && i <= LINK_NODE_MAX; i++)
		bridge_send_late(b, l, i);
	links_flush(l->node->bridge->links);
}

static uint64_t
bridge_links_next_us(const struct loop *l)
{
	return links_next_us(l->node->bridge->links);
}

static void
bridge_on_woken(struct loop *l, struct parcel *p)
{
	struct bridge *b = LIST_OF(p, struct bridge, wake);

	(void)l;
	atomic_store(&b->woken, false);
}

/* One parcel is in the inbox at most; the turn that takes it does the work. */
static void
bridge_wake(void *ctx)
{
	struct bridge *b = ctx;

	if (!atomic_exchange(&b->woken, true))
		loop_give(&b->node->loops[0], &b->wake);
}

static void
bridge_random(void *ctx, void *bytes, size_t size)
{
	const struct node_config *c = &((struct bridge *)ctx)->node->config;

	c->random(c->random_ctx, bytes, size);
}

static bool
bridge_key_of(void *ctx, const char *name, uint8_t ret_public[SEAL_PUBLIC_SIZE])
{
	struct bridge *b = ctx;

	return b->config.key_of(b->config.key_ctx, name, ret_public);
}

static enum status
bridge_open_links(struct bridge *b)
{
	const struct node_config *nc = &b->node->config;
	struct links_config c = { .node = (uint16_t)nc->number,
		.name = nc->name,
		.listen = b->config.listen,
		.peers = b->config.peers,
		.npeers = b->config.npeers,
		.version = BRIDGE_VERSION,
		.catalogue = catalogue_digest(),
		.topology = b->config.topology,
		.clock = nc->clock,
		.keys = b->config.keys,
		.transport = b->config.transport,
		.ctx = b,
		.random = bridge_random,
		.wake = bridge_wake,
		.key_of = bridge_key_of,
		.on_frame = bridge_on_frame,
		.on_state = bridge_on_state };

	/* On the loop's own handles, where it has some. */
	if (c.transport == NULL && b->node->loops[0].uv != NULL) {
		enum status st = link_uv_create(b->node->loops[0].uv, c.listen,
		    b->config.tls, &c.transport);

		if (st != ST_OK)
			return st;
	}
	return links_create(&c, &b->links);
}

static struct bridge *
bridge_alloc(const struct bridge_config *c)
{
	struct bridge *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->config = *c;
	for (size_t i = 0; i < c->npeers && i < LINK_PEERS_MAX; i++)
		b->peers[b->npeers++] = c->peers[i].node;
	return b;
}

enum status
bridge_create(
    struct node *n, const struct bridge_config *c, struct bridge **ret_bridge)
{
	struct bridge *b = bridge_alloc(c);
	struct loop *l = &n->loops[0];
	enum status st;

	if (b == NULL)
		return ST_NO_MEMORY;
	b->node = n;
	b->wake.fn = bridge_on_woken;
	st = bridge_open_links(b);
	if (st != ST_OK) {
		free(b);
		return st;
	}
	n->bridge = b;
	n->remote = bridge_remote;
	l->links_in = bridge_links_in;
	l->links_out = bridge_links_out;
	l->links_next_us = bridge_links_next_us;
	*ret_bridge = b;
	return ST_OK;
}

void
bridge_destroy(struct bridge *b)
{
	struct loop *l;

	if (b == NULL)
		return;
	l = &b->node->loops[0];
	l->links_in = NULL;
	l->links_out = NULL;
	l->links_next_us = NULL;
	b->node->remote = NULL;
	for (uint32_t i = 0; i <= LINK_NODE_MAX; i++)
		while (b->held[i].head != NULL)
			loop_drop(l, mail_list_pop(&b->held[i]));
	for (uint32_t i = 0; i <= LINK_NODE_MAX; i++)
		while (b->late[i].head != NULL)
			loop_drop(l, mail_list_pop(&b->late[i]));
	links_destroy(b->links);
	free(b);
}

const struct bridge_stats *
bridge_stats(struct bridge *b)
{
	const struct link_tls_counts *tls;

	if (b->config.tls == NULL)
		return &b->stats;
	tls = link_tls_counts(b->config.tls);
	b->stats.tls_shaken = tls->shaken;
	b->stats.tls_refused = 0;
	for (int i = 0; i < LINK_TLS_REFUSAL_COUNT; i++)
		b->stats.tls_refused += tls->refused[i];
	b->stats.tls_not_after_seconds =
	    (uint64_t)link_tls_not_after(b->config.tls);
	return &b->stats;
}

const struct links *
bridge_links(const struct bridge *b)
{
	return b->links;
}

void
bridge_each_list(const struct bridge *b,
    void (*on_list)(void *ctx, const struct mail_list *list), void *ctx)
{
	for (uint32_t i = 0; i <= LINK_NODE_MAX; i++) {
		on_list(ctx, &b->held[i]);
		on_list(ctx, &b->late[i]);
	}
}

void
bridge_each_link(struct bridge *b,
    void (*on_link)(void *ctx, struct edge *e, uint64_t queued), void *ctx)
{
	uint32_t me = b->node->config.number;
	struct link_book book;

	for (size_t i = 0; i < b->npeers; i++) {
		struct edge *e = &b->edges[i];

		if (!links_book(b->links, b->peers[i], &book))
			continue;
		e->from = address_make(me, ADDRESS_LINK, 0, 0);
		e->to = address_make(b->peers[i], ADDRESS_LINK, 0, 0);
		e->sent = book.taken;
		e->near_ends[EDGE_CARRIED] = book.carried;
		e->near_ends[EDGE_LOST] = book.lost;
		on_link(ctx, e, book.queued);
	}
}
