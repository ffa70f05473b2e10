/*
 * metrics - what a gateway has counted, as Prometheus reads it.
 *
 * Served at /metrics of a listener of its own (api.metrics.listen), to whoever
 * can reach it: counters hold no secrets, but the address should be one that
 * only the collector reaches.  Shard n listens on the port + n.  Told are the
 * gateway's own counters, TLS, its listeners, and the books of every actor on
 * its loop.
 * Bounds: METRICS_ACTORS_MAX actors; GATEWAY_REPLY_MAX bytes.
 */
#ifndef GATEWAY_METRICS_H
#define GATEWAY_METRICS_H

#include "gateway/inside.h"

#define METRICS_ACTORS_MAX 64

/* Answers a request that came to the metrics' door. */
void metrics_answer(struct conn *c, const uint8_t *at);

#endif
