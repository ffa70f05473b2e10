/*
 * The handshake.  Either side may begin one at any time, a link that is UP
 * goes on with its session until the new one is proven.
 *
 *	A                                        B
 *	HELLO: who I am, fresh X25519 key  ->
 *	                                   <-    HELLO, PROOF
 *	PROOF: signature over both hellos  ->
 *
 * Messages may be lost or doubled: each side repeats its HELLO, and its PROOF
 * once it can, until it has the other's PROOF.  A HELLO heard first is
 * answered with HELLO and PROOF, one heard again with PROOF alone, a PROOF
 * with nothing, so that no exchange goes on for ever.  Each side keeps its
 * X25519 key for the whole handshake; that is why both settle on one pair of
 * hellos.  The signed hellos name both ends, so nobody can be talked into a
 * session with another than he means (SIGMA, Krawczyk 2003, is the pattern).
 */
#include <assert.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/link_core.h"

#define HELLO_US 100000     /* between two of the same handshake */
#define SHAKE_UP_US 2000000 /* a link that is UP gives up its handshake */
#define REFUSED_US 1000000  /* first back-off after a refusal */
#define PROOF_LABEL "troupe link proof 1"
#define SIGNED_MAX \
	(sizeof(PROOF_LABEL) + LINK_PROOF_SIGNED + 2 * LINK_HELLO_MAX)

static const char *const shake_reasons[] = {
#define X(name, text) text,
	LINK_REASONS(X)
#undef X
};

static void
shake_send(struct link *l, const uint8_t *bytes, size_t size)
{
	struct link_transport *t = l->all->transport;
	struct bytes head = { bytes, size };
	struct bytes none = { NULL, 0 };

	/* What is not sent now is said again by the clock. */
	if (t->send(t, l->node, head, none) == ST_OK)
		l->spoken_us = l->all->now_us;
}

void
link_shake_begin(struct link *l)
{
	const struct links_config *c = &l->all->config;
	struct link_shake *s = &l->shake;
	uint8_t seed[SEAL_SEED_SIZE];

	s->next_us = 0;
	if (s->exchange != NULL)
		return;
	c->random(c->ctx, seed, sizeof(seed));
	s->exchange = seal_exchange_create(seed);
	seal_wipe(seed, sizeof(seed));
	if (s->exchange == NULL)
		return; /* the tick begins again */
	s->begun_us = l->all->now_us;
	s->own = (struct link_hello){
		.from = c->node,
		.version = c->version,
		.catalogue = c->catalogue,
		.topology = c->topology,
		.incarnation = l->all->incarnation,
		.resumes = l->stream,
		.entered = l->entered,
	};
	memcpy(s->own.exchange, seal_exchange_public(s->exchange),
	    SEAL_PUBLIC_SIZE);
	memcpy(s->own.name, l->all->name, sizeof(s->own.name));
	s->pair.own_size = link_wire_put_hello(&s->own, s->pair.own);
	s->pair.peer_size = 0;
}

void
link_shake_end(struct link *l)
{
	seal_exchange_destroy(l->shake.exchange);
	memset(&l->shake, 0, sizeof(l->shake));
}

/* What a signature is about; in the signer's order. */
static size_t
shake_text(const uint8_t *proof, const uint8_t *signer, size_t signer_size,
    const uint8_t *other, size_t other_size, uint8_t ret[SIGNED_MAX])
{
	uint8_t *at = ret;

	memcpy(at, PROOF_LABEL, sizeof(PROOF_LABEL));
	at += sizeof(PROOF_LABEL);
	memcpy(at, proof, LINK_PROOF_SIGNED);
	at += LINK_PROOF_SIGNED;
	memcpy(at, signer, signer_size);
	at += signer_size;
	memcpy(at, other, other_size);
	at += other_size;
	return (size_t)(at - ret);
}

static void
shake_send_proof(struct link *l, const struct link_pair *pair,
    const uint8_t *mine, const uint8_t *yours)
{
	struct link_proof p = { .from = l->all->config.node,
		.ack = l->flow.delivered,
		.credit = l->flow.grant };
	uint8_t bytes[LINK_PROOF_SIZE];
	uint8_t text[SIGNED_MAX];
	size_t size;

	memcpy(p.mine, mine, sizeof(p.mine));
	memcpy(p.yours, yours, sizeof(p.yours));
	(void)link_wire_put_proof(&p, bytes);
	size = shake_text(bytes, pair->own, pair->own_size, pair->peer,
	    pair->peer_size, text);
	seal_sign(l->all->config.keys, (struct bytes){ text, size },
	    bytes + LINK_PROOF_SIGNED);
	shake_send(l, bytes, sizeof(bytes));
}

static void
shake_say_proof(struct link *l)
{
	struct link_shake *s = &l->shake;

	if (s->pair.peer_size > 0)
		shake_send_proof(
		    l, &s->pair, s->own.exchange, s->peer.exchange);
}

static bool
shake_can_say(const struct link *l)
{
	struct link_transport *t = l->all->transport;

	return l->shake.exchange != NULL &&
	       t->outbox(t, l->node) == OUTBOX_READY;
}

static void
shake_say(struct link *l)
{
	struct link_shake *s = &l->shake;

	if (!shake_can_say(l))
		return; /* once the connection is there, the tick says it */
	s->next_us = l->all->now_us + HELLO_US;
	shake_send(l, s->pair.own, s->pair.own_size);
	shake_say_proof(l);
}

void
link_shake_tick(struct link *l)
{
	struct link_shake *s = &l->shake;
	uint64_t now_us = l->all->now_us;

	if (l->state != LINK_UP && s->exchange == NULL)
		link_shake_begin(l);
	else if (l->state == LINK_UP && s->exchange != NULL &&
		 now_us >= s->begun_us + SHAKE_UP_US)
		link_shake_end(l);
	if (now_us >= s->next_us)
		shake_say(l);
}

uint64_t
link_shake_next_us(const struct link *l)
{
	return shake_can_say(l) ? l->shake.next_us : UINT64_MAX;
}

/* One line per reason and incarnation of the peer, however often it tries. */
static void
shake_refuse(struct link *l, enum link_reason reason, uint64_t incarnation,
    const char *by)
{
	l->stats.refusals++;
	if (l->told != reason || l->told_incarnation != incarnation)
		LOG(LINK_REFUSED, KV("peer", l->name),
		    KV("why", shake_reasons[reason]), KV("by", by));
	l->told = reason;
	l->told_incarnation = incarnation;
	link_fail(l, LINK_REFUSED, shake_reasons[reason]);
}

static void
shake_send_refusal(
    struct link *l, enum link_reason reason, const struct link_hello *h)
{
	struct link_refuse r = { l->all->config.node, reason, { 0 } };
	uint8_t bytes[LINK_REFUSE_SIZE];

	memcpy(r.exchange, h->exchange, sizeof(r.exchange));
	shake_send(l, bytes, link_wire_put_refuse(&r, bytes));
}

static enum link_reason
shake_judge(const struct link *l, const struct link_hello *h)
{
	const struct links_config *c = &l->all->config;
	uint8_t key[SEAL_PUBLIC_SIZE];

	if (h->version != c->version)
		return LINK_REASON_VERSION;
	if (h->catalogue != c->catalogue)
		return LINK_REASON_CATALOGUE;
	if (h->topology != c->topology)
		return LINK_REASON_TOPOLOGY;
	if (strcmp(h->name, l->name) != 0)
		return LINK_REASON_NAME;
	if (!c->key_of(c->ctx, h->name, key))
		return LINK_REASON_KEY_UNKNOWN;
	return LINK_REASON_NONE;
}

static bool
shake_knows(const uint8_t *bytes, size_t size, struct bytes in)
{
	return size == in.size && memcmp(bytes, in.at, size) == 0;
}

/* A hello of the pair in use or at work; the peer misses our proof. */
static bool
shake_answers_again(struct link *l, struct bytes in)
{
	struct link_session *n = &l->session;
	struct link_shake *s = &l->shake;
	struct link_hello own;

	if (s->exchange != NULL &&
	    shake_knows(s->pair.peer, s->pair.peer_size, in)) {
		shake_say_proof(l);
		return true;
	}
	if (l->state != LINK_UP ||
	    !shake_knows(n->pair.peer, n->pair.peer_size, in))
		return false;
	if (link_wire_hello(
		(struct bytes){ n->pair.own, n->pair.own_size }, &own) == ST_OK)
		shake_send_proof(l, &n->pair, own.exchange, n->peer.exchange);
	return true;
}

/*
 * Nothing here is proven: a link that is UP must not suffer from it, and one
 * that backs off is not to be hurried.
 */
void
link_shake_on_hello(struct link *l, struct bytes in)
{
	struct link_hello h;
	enum link_reason reason;

	if (link_wire_hello(in, &h) != ST_OK) {
		l->stats.malformed++;
		return;
	}
	if (l->state == LINK_DOWN || l->state == LINK_REFUSED ||
	    shake_answers_again(l, in))
		return;
	reason = shake_judge(l, &h);
	if (reason != LINK_REASON_NONE) {
		shake_send_refusal(l, reason, &h);
		if (l->state != LINK_UP)
			shake_refuse(l, reason, h.incarnation, "us");
		return;
	}
	l->hailed = true;
	link_shake_begin(l);
	if (l->shake.exchange == NULL)
		return;
	l->shake.peer = h;
	memcpy(l->shake.pair.peer, in.at, in.size);
	l->shake.pair.peer_size = in.size;
	shake_say(l);
}

static bool
shake_verify(const struct link *l, struct bytes in, const struct link_proof *p)
{
	const struct links_config *c = &l->all->config;
	const struct link_pair *pair = &l->shake.pair;
	uint8_t key[SEAL_PUBLIC_SIZE];
	uint8_t text[SIGNED_MAX];
	size_t size;

	if (!c->key_of(c->ctx, l->name, key))
		return false;
	size = shake_text(in.at, pair->peer, pair->peer_size, pair->own,
	    pair->own_size, text);
	return seal_verify(key, (struct bytes){ text, size }, p->signature);
}

/* The secret is bound to both hellos, the lower node's first. */
static enum status
shake_agree(struct link *l, uint8_t ret_secret[SEAL_SECRET_SIZE])
{
	const struct link_pair *pair = &l->shake.pair;
	uint8_t text[2 * LINK_HELLO_MAX];
	bool own_first = l->all->config.node < l->node;
	const uint8_t *first = own_first ? pair->own : pair->peer;
	const uint8_t *second = own_first ? pair->peer : pair->own;
	size_t first_size = own_first ? pair->own_size : pair->peer_size;
	size_t size = pair->own_size + pair->peer_size;

	memcpy(text, first, first_size);
	memcpy(text + first_size, second, size - first_size);
	return seal_exchange_agree(l->shake.exchange, l->shake.peer.exchange,
	    (struct bytes){ text, size }, ret_secret);
}

/*
 * We have entered a stream that the peer never did, since our last proof was
 * lost: nothing of it has been delivered, so what waits moves to the new one.
 */
static bool
shake_carries_over(const struct link *l, const struct link_hello *peer)
{
	return peer->incarnation == l->incarnation &&
	       peer->entered != l->stream && l->flow.acked == 0 &&
	       l->flow.delivered == 0;
}

static void
shake_leave_stream(struct link *l, const struct link_hello *peer)
{
	if (l->stream == 0 || shake_carries_over(l, peer))
		return;
	link_become(l, LINK_DOWN,
	    peer->incarnation == l->incarnation ? "the peer has kept nothing"
						: "new incarnation");
}

/* Both sides come to the same verdict: it rests on the two hellos alone. */
static void
shake_enter(struct link *l, const struct link_session *session, bool resumed,
    uint64_t stream, const struct link_proof *p)
{
	struct link_head seen = { .ack = resumed ? p->ack : 0,
		.credit = p->credit };

	if (!resumed)
		shake_leave_stream(l, &session->peer);
	link_shake_end(l);
	l->session = *session;
	l->stream = l->entered = stream;
	l->incarnation = session->peer.incarnation;
	l->heard_us = l->all->now_us;
	if (link_flow_ack(&l->flow, &seen, l->all->now_us) != ST_OK) {
		l->stats.malformed++;
		link_fail(l, LINK_DOWN, "acknowledged what was never sent");
		return;
	}
	link_flow_rewind(&l->flow, l->all->now_us);
	l->stats.reconnects += resumed;
	if (l->state != LINK_UP)
		link_become(l, LINK_UP, resumed ? "resumed" : "agreed");
}

static void
shake_settle(struct link *l, const struct link_proof *p)
{
	struct link_shake *s = &l->shake;
	struct link_session session = { .pair = s->pair, .peer = s->peer };
	uint8_t secret[SEAL_SECRET_SIZE];
	uint64_t stream = l->stream;
	bool resumed = s->own.resumes != 0 && s->own.resumes == s->peer.resumes;

	assert(s->own.resumes == l->stream);
	if (shake_agree(l, secret) != ST_OK) {
		if (l->state != LINK_UP)
			shake_refuse(l, LINK_REASON_KEY_WRONG,
			    s->peer.incarnation, "us");
		return;
	}
	session.token_out = seal_tag(secret, "token", l->all->config.node);
	session.token_in = seal_tag(secret, "token", l->node);
	if (!resumed)
		stream = seal_tag(secret, "stream", 0) | 1;
	seal_wipe(secret, sizeof(secret));
	shake_enter(l, &session, resumed, stream, p);
}

void
link_shake_on_proof(struct link *l, struct bytes in)
{
	struct link_shake *s = &l->shake;
	struct link_proof p;

	if (link_wire_proof(in, &p) != ST_OK) {
		l->stats.malformed++;
		return;
	}
	if (s->exchange == NULL || s->pair.peer_size == 0 ||
	    memcmp(p.yours, s->own.exchange, sizeof(p.yours)) != 0 ||
	    memcmp(p.mine, s->peer.exchange, sizeof(p.mine)) != 0)
		return; /* of another handshake */
	if (shake_verify(l, in, &p)) {
		shake_settle(l, &p);
		return;
	}
	shake_send_refusal(l, LINK_REASON_KEY_WRONG, &s->peer);
	if (l->state == LINK_UP)
		link_shake_end(l);
	else
		shake_refuse(
		    l, LINK_REASON_KEY_WRONG, s->peer.incarnation, "us");
}

/* The key of the hello that the peer is judging, or has not yet let in. */
static const uint8_t *
shake_unsettled(const struct link *l, struct link_hello *own)
{
	const struct link_pair *pair = &l->session.pair;

	if (l->state != LINK_UP)
		return l->shake.exchange == NULL ? NULL : l->shake.own.exchange;
	if (l->session.confirmed ||
	    link_wire_hello((struct bytes){ pair->own, pair->own_size }, own) !=
		ST_OK)
		return NULL;
	return own->exchange;
}

/*
 * Believed only from one who has read our hello, and never once the peer has
 * let us in.
 */
void
link_shake_on_refuse(struct link *l, struct bytes in)
{
	struct link_refuse r;
	struct link_hello own;
	const uint8_t *exchange = shake_unsettled(l, &own);

	if (link_wire_refuse(in, &r) != ST_OK)
		l->stats.malformed++;
	else if (exchange != NULL &&
		 memcmp(r.exchange, exchange, sizeof(r.exchange)) == 0)
		shake_refuse(l, r.reason,
		    l->state == LINK_UP ? l->incarnation
					: l->shake.peer.incarnation,
		    "the peer");
}
