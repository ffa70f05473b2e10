/*
 * fanout - one event to every socket that subscribed to its channel.
 *
 * It is written once per subprotocol, and every socket owes the same bytes.
 * A sweep (fanout_sweep.c) goes round a channel's sockets with its events,
 * FANOUT_SWEEP_MAX at most, and one write for each; after SOCKET_SLICE of
 * them others have their turn.
 * Events of one channel are told in the order they came.  One that finds the
 * table of jobs full ends the oldest first; one that finds no shared bytes
 * left is told at once, and then only clients that keep up hear it.
 * Bounds: FANOUT_JOBS_MAX events being told.
 */
#ifndef GATEWAY_FANOUT_H
#define GATEWAY_FANOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "protocols/messages.h"
#include "runtime/base/status.h"

#define FANOUT_JOBS_MAX 1024u
#define FANOUT_SWEEP_MAX 16u /* events in one write */

struct sockets;

MUST_CHECK enum status fanout_init(struct sockets *k);
void fanout_fini(struct sockets *k);

/* At most so many sockets; true: there is more to tell. */
bool fanout_run(struct sockets *k, uint32_t budget);
/* Nothing is being told. */
bool fanout_is_idle(const struct sockets *k);

#endif
