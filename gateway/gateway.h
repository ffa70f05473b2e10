/*
 * gateway - the clients' door: HTTP/1.1 and WebSocket.
 *
 * Speaks:  HTTP by routes.def; protocols/replica.def and hub.def inside
 * Keeps:   a replica of accounts and revocations; nothing on disk
 * Bounds:  api.server.* settings: connections, header and body bytes, time
 *          per phase, requests per connection, bytes owed
 *
 * It begins to listen when its replica is complete, so no request is served
 * by one that does not know whom to refuse.  Shards of one host share the
 * port.
 */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "runtime/actor.h"

extern const struct actor_class gateway_class;

#endif
