/*
 * refusals - what the gateway refuses, for the audit log.
 *
 * 401 at the gate, a role, a key's scope, a password to be changed first,
 * pages of other sites, tickets: each is noted here, the same again is
 * counted, and with every sweep what there is goes to the session-registry,
 * which has the log.  Until that has said that it has it, what is new gathers
 * in another tally, and nothing is forgotten.
 *
 * Bounds:  TALLY_MAX different ones at once, REFUSALS_STRANGERS_MAX of them of
 *          nobody we know; others are counted as lost, which the log says too,
 *          and as troupe_gateway_refusals_lost_total
 */
#ifndef GATEWAY_REFUSALS_H
#define GATEWAY_REFUSALS_H

#include "runtime/tally.h"

#define REFUSALS_STRANGERS_MAX (TALLY_MAX / 2)

struct conn;
struct gateway;

struct refusals {
	struct tally tallies[2];
	uint8_t gathers;    /* which of them is filled; the other is told */
	bool sending;       /* it is on its way */
	uint64_t lost;      /* and not told yet */
	uint64_t lost_sent; /* on its way */
};

/* Of the request that c has, whose sender is known; why: one word or two. */
void refusals_note(struct conn *c, const char *action, const char *why);
/* Nobody proved anything. */
void refusals_note_nobody(struct conn *c, const char *action, const char *why);
/* The ticket of a live socket. */
void refusals_note_socket(
    struct gateway *g, const char *address, const char *why);
void refusals_flush(struct gateway *g);

#endif
