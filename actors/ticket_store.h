/*
 * ticket-store - one-time tickets that open live sockets.
 *
 * Speaks:  protocols/ticket.def; service_run of "ticket-cleanup"
 * Keeps:   nothing on disk: a restart drops every ticket.  In memory a keyed
 *          digest of each, never the ticket itself
 * Bounds:  TICKETS_MAX at once, api.ws_ticket_max_pending_per_user of them
 *          one user's, who gets api.ws_tickets_per_minute
 *
 * A ticket is 32 random bytes as base64url, good once and for
 * api.ws_ticket_ttl_seconds of the clock that never goes back.
 */
#ifndef ACTORS_TICKET_STORE_H
#define ACTORS_TICKET_STORE_H

#include "runtime/actor.h"

#define TICKETS_MAX 4096u

extern const struct actor_class ticket_store_class;

#endif
