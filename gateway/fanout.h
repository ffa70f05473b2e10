/*
 * fanout - one event to every socket that subscribed to its channel.
 *
 * It is written once per subprotocol, and every socket owes the same bytes.
 * Events are told in the order they came, each to SOCKET_SLICE sockets before
 * others have their turn.  One that finds the table of jobs full ends the
 * oldest first; one that finds no shared bytes left is told at once, and
 * then only clients that keep up hear it.
 * Bounds: FANOUT_JOBS_MAX events being told.
 */
#ifndef GATEWAY_FANOUT_H
#define GATEWAY_FANOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/status.h"

#define FANOUT_JOBS_MAX 1024u

struct sockets;

MUST_CHECK enum status fanout_init(struct sockets *k);
void fanout_fini(struct sockets *k);

/* At most so many sockets; true: there is more to tell. */
bool fanout_run(struct sockets *k, uint32_t budget);

#endif
