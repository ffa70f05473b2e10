/*
 * listen_proxy - connections of proxies, until their PROXY v2 header is read.
 *
 * Bounds: LISTEN_WAITS_MAX at once, LISTEN_PROXY_TICKS for a header.
 */
#ifndef GATEWAY_LISTEN_PROXY_H
#define GATEWAY_LISTEN_PROXY_H

#include "gateway/listen.h"

#define LISTEN_WAITS_MAX 1024u
#define LISTEN_PROXY_TICKS 20u /* of GATEWAY_SWEEP_US: five seconds */

void listen_proxy_init(struct listen *l);
void listen_proxy_fini(struct listen *l);
void listen_proxy_tick(struct listen *l);

/* Owns s until its header is there, then listen_enter. */
void listen_await_proxy(struct listen_door *d, struct net_stream *s);

#endif
