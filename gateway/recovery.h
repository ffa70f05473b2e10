/*
 * recovery - what a socket has missed of a channel, before it hears it live.
 *
 * A client says where it stands: an epoch and an offset.  It is told what the
 * journal has after that, page by page and never more than it takes, and
 * nothing live meanwhile.  Once its place is past the newest event that this
 * gateway has seen, it becomes a member of the channel: from the next event
 * on it hears what everybody hears.  Events up to its place that are still
 * being told to others, or still on their way here, are not for it.
 *
 * So it hears each event once, in order.  What the journal has no more is
 * said: {"action":"lost",...}.
 * Bounds: RECOVERIES_MAX at once; RECOVERY_CHUNK bytes of one socket.
 */
#ifndef GATEWAY_RECOVERY_H
#define GATEWAY_RECOVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "protocols/messages.h"

#define RECOVERIES_MAX 65536u
#define RECOVERY_CHUNK 131072u /* bytes of frames before they are taken */

struct socket;
struct sockets;

enum recovery_step {
	RECOVERY_READING, /* the journal has been asked */
	RECOVERY_WAITING, /* until the client has taken what it owes */
	RECOVERY_AGAIN,   /* the hub did not answer: at the next tick */
	RECOVERY_SEAM     /* done, but for what others are still told */
};

struct recovery {
	struct recovery *next; /* of its socket */
	struct socket *socket;
	uint64_t epoch;
	uint64_t after; /* the offset it stands at */
	uint8_t channel;
	uint8_t step; /* enum recovery_step */
};

/* Where a channel stands, by its name. */
struct position {
	const char *channel;
	uint64_t epoch;
	uint64_t offset;
	bool recovered;
};

/*
 * Of a channel that is subscribed and not live.  False: the socket is gone,
 * or going.
 */
bool recovery_start(
    struct socket *s, uint32_t channel, uint64_t epoch, uint64_t after);
/* Of these channels; those that were under way are forgotten. */
void recoveries_drop(struct socket *s, uint64_t channels);
/* The client has taken all it owed. */
void recoveries_on_drained(struct socket *s);
/* Of every tick. */
void recoveries_retry(struct sockets *k);

/* Has this socket been told a live event already?  Ends a seam. */
bool recovery_has_told(
    struct socket *s, uint32_t channel, uint64_t epoch, uint64_t offset);

#endif
