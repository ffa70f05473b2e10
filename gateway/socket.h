/*
 * socket - a connection after its upgrade to WebSocket, and the fan-out of
 * events to all of them (sessions.md 2.5).
 *
 * Every function is for the gateway's own thread, inside a turn.
 */
#ifndef GATEWAY_SOCKET_H
#define GATEWAY_SOCKET_H

#include "gateway/inside.h"

MUST_CHECK enum status sockets_init(struct gateway *g);
void sockets_fini(struct gateway *g);

void socket_on_data(struct conn *c, uint8_t *at, size_t size);
void socket_on_end(struct conn *c);
void socket_on_drained(struct conn *c);
/* Once, by conn_close: nothing of the socket is left. */
void socket_end(struct conn *c);

void sockets_on_event(struct gateway *g, const struct hub_event *e);
void sockets_on_hub_restarted(struct gateway *g);
void sockets_close_session(struct gateway *g, const char *session_id);
void sockets_on_account(struct gateway *g, const struct account_entry *a);
void sockets_tick(struct gateway *g, uint64_t now_us);
void sockets_drain(struct gateway *g);
size_t sockets_count(const struct gateway *g);

#endif
