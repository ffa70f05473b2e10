/*
 * socket - live sockets: everything after a request asks for an upgrade.
 *
 * A socket proves who it is with a one-time ticket: in its first message, or
 * in the query of the request, then before there is any 101.  After that it
 * subscribes to channels and is told their events (sessions.md 2.5).
 *
 *   socket_upgrade.c   the request, and the 101
 *   socket_auth.c      the ticket, the role, the hub, presence, auth_ok
 *   socket_read.c      frames, and what a client asks
 *   socket_change.c    subscriptions
 *   socket_send.c      what goes out, and how much of it may wait
 *   socket_time.c      what must happen by when
 *   people.c           sockets by user and by session
 *   interest.c         which channels the hub is to send here
 *   fanout.c           an event to everybody who subscribed
 *
 * Bounds: SOCKET_KEEP_MAX, SOCKET_QUEUE_MAX and the api.ws_* settings; an
 * idle socket owns one record and no buffer.
 */
#ifndef GATEWAY_SOCKET_H
#define GATEWAY_SOCKET_H

#include "gateway/inside.h"

MUST_CHECK enum status sockets_init(struct gateway *g);
/* Every connection has been closed before. */
void sockets_fini(struct gateway *g);

/* What a connection tells the socket it has become. */
void socket_on_data(struct conn *c, uint8_t *at, size_t size);
void socket_on_end(struct conn *c);
void socket_on_drained(struct conn *c);
/* Bytes were kept while it was still a request. */
void socket_go_on(struct conn *c);
/* By conn_close, once: the connection goes, and what belongs to it. */
void socket_end(struct conn *c);

/* What the hub tells. */
void sockets_on_event(struct gateway *g, const struct hub_event *e);
void sockets_on_hub_restarted(struct gateway *g);

/* What the registry tells: these sockets end with 4003, now. */
void sockets_close_session(struct gateway *g, const char *session_id);
void sockets_on_account(
    struct gateway *g, const struct account_entry *a, bool password_changed);

/* The replica is whole again: what changed meanwhile nobody has told. */
void sockets_revise_all(struct gateway *g);

/* Every GATEWAY_SWEEP_US. */
void sockets_tick(struct gateway *g, uint64_t now_us);

/* Closes all with 1001, in slices; takes no new ones. */
void sockets_drain(struct gateway *g);

size_t sockets_count(const struct gateway *g);

#endif
