/* player_inside - what a player is made of; for load/player*.c alone. */
#ifndef LOAD_PLAYER_INSIDE_H
#define LOAD_PLAYER_INSIDE_H

#include "load/ledger.h"
#include "load/player.h"

#define PLAYER_MAILBOX_BYTES (64u << 20)

struct player {
	struct actor *self;
	struct ledger *l;
	struct member *m;
	const struct plan_role *role;
	uint32_t id; /* of the member */
	uint32_t place;
	uint64_t chance;
	uint32_t turn;
	uint64_t stamped;
	uint64_t in_flight; /* what has not come to its end, as far as known */
	uint64_t arrived;
	uint64_t arrived_seen;
	uint32_t still;
	bool tokens_sent;
	uint64_t peers[LEDGER_NODES_MAX]; /* their incarnations; 0: not met */
	uint64_t scheduled;               /* of the open loop */
	struct timer tick;
	struct timer look;
	struct timer again;
	struct timer hello;
};

/* ---- player.c ---- */
uint64_t player_now_us(const struct player *p);
uint64_t player_chance(struct player *p);
uint32_t player_pick_edge(struct player *p);
/* Edge, number and bytes of the next message on an edge. */
void player_fill(
    const struct player *p, uint32_t edge, struct load_data *ret_body);
enum status player_send(
    struct player *p, struct load_data *body, uint32_t edge);
bool player_may_send(const struct player *p);
void player_spend(struct player *p);
uint64_t player_stamp(struct player *p);
void player_measure(struct player *p, uint64_t sent_us);
/* As many as the window has room for. */
void player_pump(struct player *p);
/* The same in a while. */
void player_again(struct player *p);
void player_begin(struct player *p);
/* What is on its way counts as lost: another window. */
void player_renew(struct player *p);
void player_burn(struct player *p);

/* ---- player_ask.c: those who ask, and those who answer ---- */
void player_ask_one(struct player *p, uint64_t sent_us);
enum status player_on_request(struct player *p, const struct msg *in,
    const struct load_data *d, struct edge_in *e);
/* After a failure: the balance as the edges have it. */
void player_account_resume(struct player *p);

/* ---- player_hello.c: whether the nodes reach one another ---- */
void player_hello_begin(struct player *p);
enum status player_on_hello(struct actor *self, const struct msg *in);
enum status player_on_node_changed(struct actor *self, const struct msg *in);

#endif
