/*
 * interest - which channels the hub is to send to this gateway.
 *
 * One per shared channel, and one per user for the private one.  It counts
 * the sockets that hold it: the first makes us ask the hub to listen, the
 * last makes us tell it that we no longer do.  A hub that cannot be told now
 * is told at a later tick; one that has restarted is asked again for all.
 * Bounds: INTERESTS_ASKED_MAX questions to the hub at once; others wait.
 */
#ifndef GATEWAY_INTEREST_H
#define GATEWAY_INTEREST_H

#include "protocols/channel.h"
#include "runtime/base/list.h"

#define INTERESTS_ASKED_MAX 256u

/* The own channel is one more bit after the shared ones. */
#define CHANNEL_OWN CHANNELS_SHARED
#define CHANNEL_BIT(c) (UINT32_C(1) << (c))

struct socket;
struct sockets;

enum interest_state { INTEREST_OFF, INTEREST_ASKING, INTEREST_ON };

struct interest {
	struct list link; /* of wanted or later, when something is to do */
	uint32_t refs;    /* sockets that hold it */
	uint8_t state;    /* enum interest_state */
	uint8_t channel;  /* CHANNEL_OWN: of the person it is part of */
	bool warned;      /* that the hub could not be told */
	uint64_t epoch;   /* of the newest event seen; 0: none */
	uint64_t offset;
};

void interest_init(struct interest *i, uint32_t channel);
/* Of a channel as this socket sees it. */
struct interest *interest_of(struct socket *s, uint32_t channel);
/* Counts the socket in, or out; the hub is told by interests_settle. */
void socket_hold(struct socket *s, uint32_t channels);
void socket_release(struct socket *s, uint32_t channels);
void interests_settle(struct sockets *k);

/* A durable event has come; false: it was seen before. */
bool interest_see(struct interest *i, uint64_t epoch, uint64_t offset);

/* The hub has forgotten us: asks for all that is held, and was missed. */
void interests_renew(struct sockets *k);
/* Of every tick: what could not be told before. */
void interests_tick(struct sockets *k);

#endif
