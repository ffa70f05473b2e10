/*
 * link_core - one link and its links, shared by runtime/link*.c.  Internal.
 */
#ifndef RUNTIME_LINK_CORE_H
#define RUNTIME_LINK_CORE_H

#include "runtime/link_flow.h"
#include "runtime/link_transport.h"
#include "runtime/link_wire.h"

/* The two hellos of a handshake, as they went over the wire. */
struct link_pair {
	uint8_t own[LINK_HELLO_MAX];
	uint8_t peer[LINK_HELLO_MAX];
	size_t own_size;
	size_t peer_size; /* 0: not heard yet */
};

/* A handshake under way; a link that is UP may have one, too. */
struct link_shake {
	struct seal_exchange *exchange; /* NULL: none under way */
	struct link_pair pair;
	struct link_hello own;
	struct link_hello peer;
	uint64_t begun_us;
	uint64_t next_us; /* to say it again */
};

/* What the last handshake agreed on. */
struct link_session {
	struct link_pair pair;
	struct link_hello peer;
	uint64_t token_out;
	uint64_t token_in;
	bool confirmed; /* the peer has used its token: it took our proof */
};

struct link {
	struct links *all;
	uint16_t node;
	char name[LINK_NAME_MAX + 1];
	char url[LINK_URL_MAX + 1];
	enum link_state state;
	uint64_t state_us; /* since when */
	uint64_t retry_us; /* DOWN and REFUSED: when to dial */
	uint64_t dialed_us;
	uint64_t redial_us; /* not UP: when the connection seems stuck */
	uint32_t tries;     /* since it was UP last */
	bool hailed;        /* a hello has come since we dialed */
	uint64_t heard_us;
	uint64_t spoken_us;
	uint64_t incarnation;      /* of the peer; 0: none known */
	uint64_t stream;           /* equal on both ends; 0: none */
	uint64_t entered;          /* the last stream there was */
	enum link_reason told;     /* the refusal in the log already */
	uint64_t told_incarnation; /* of this one */
	struct link_shake shake;
	struct link_session session;
	struct link_flow flow;
	struct link_stats stats;
};

struct links {
	struct links_config config;
	char name[LINK_NAME_MAX + 1];
	struct link_transport *transport;
	uint64_t incarnation;
	uint64_t strays; /* messages that name no peer */
	uint64_t now_us; /* of this turn */
	size_t nlinks;
	struct link *by_node[LINK_NODE_MAX + 1];
	struct link links[LINK_PEERS_MAX];
};

/* link.c */
void link_become(struct link *l, enum link_state now, const char *why);

/* DOWN, with the stream given up, to be tried again after a back-off. */
void link_fail(struct link *l, enum link_state now, const char *why);

/* A message of kind CARRY or BYE that claims to be of this link. */
void link_on_carry(struct link *l, struct bytes in);

/* Time-outs, then what waits to be sent, then when to come again. */
void link_tick(struct link *l);
void link_flush(struct link *l);
uint64_t link_next_us(const struct link *l);

/* b NULL: an acknowledgement alone.  False: there is no room now. */
bool link_send_carry(
    struct link *l, enum link_kind kind, const struct link_batch *b);

static inline uint64_t
link_earlier(uint64_t a_us, uint64_t b_us)
{
	return a_us < b_us ? a_us : b_us;
}

/* link_shake.c */
void link_shake_begin(struct link *l);
void link_shake_end(struct link *l);
void link_shake_tick(struct link *l);
void link_shake_on_hello(struct link *l, struct bytes in);
void link_shake_on_proof(struct link *l, struct bytes in);
void link_shake_on_refuse(struct link *l, struct bytes in);
uint64_t link_shake_next_us(const struct link *l);

#endif
