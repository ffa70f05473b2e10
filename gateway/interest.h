/*
 * interest - which channels the hub is to send to this gateway.
 *
 * One per shared channel, one per user for the private one, and one for each
 * channel that is made by naming it (topic.h).  It counts
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

/*
 * The channels of one socket are the bits of a number: the shared ones, its
 * user's own, and the slots of those that are made by naming them.
 */
#define CHANNEL_OWN CHANNELS_SHARED
#define CHANNEL_SLOT (CHANNEL_OWN + 1) /* the first of them */
#define CHANNEL_BITS 64u
#define CHANNEL_SLOTS (CHANNEL_BITS - CHANNEL_SLOT)
#define CHANNEL_BIT(c) (UINT64_C(1) << (c))

/* Takes the lowest channel out of a set that is not empty. */
static inline uint32_t
channels_pop(uint64_t *channels)
{
	uint32_t c = (uint32_t)__builtin_ctzll(*channels);

	*channels &= *channels - 1;
	return c;
}

struct socket;
struct sockets;

enum interest_state { INTEREST_OFF, INTEREST_ASKING, INTEREST_ON };

struct interest {
	struct list link; /* of wanted or later, when something is to do */
	uint32_t refs;    /* sockets that hold it */
	uint8_t state;    /* enum interest_state */
	uint8_t
	    channel;    /* CHANNEL_OWN: of a person; CHANNEL_SLOT: of a topic */
	bool warned;    /* that the hub could not be told */
	uint64_t epoch; /* of the newest event seen; 0: none */
	uint64_t offset;
};

void interest_init(struct interest *i, uint32_t channel);
/* Of a channel as this socket sees it. */
struct interest *interest_of(struct socket *s, uint32_t channel);
/* Counts the socket in, or out; the hub is told by interests_settle. */
void socket_hold(struct socket *s, uint64_t channels);
void socket_release(struct socket *s, uint64_t channels);
void interests_settle(struct sockets *k);

enum seen {
	SEEN_NOW,    /* the next one */
	SEEN_BEFORE, /* told again */
	SEEN_GAP     /* the next one there is: some are gone for good */
};

/* A durable event has come. */
enum seen interest_see(struct interest *i, uint64_t epoch, uint64_t offset);
void interest_name(struct interest *i, char ret_name[CHANNEL_MAX + 1]);

/* The hub has forgotten us: asks for all that is held, and was missed. */
void interests_renew(struct sockets *k);
/* Of every tick: what could not be told before. */
void interests_tick(struct sockets *k);

#endif
