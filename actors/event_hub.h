/*
 * event_hub - tells events to the gateways that listen, and who is online.
 *
 * Speaks:  protocols/hub.def; reads the journal of the store
 * Keeps:   nothing on disk; after a start it asks every gateway to listen
 *          again, and one that names what it has seen misses nothing
 * Bounds:  CHANNELS_MAX, PRESENCE_SOCKETS_MAX, DEDUP_IDS_MAX
 *
 * A durable event comes from the store and is told once per listening
 * gateway, in the order of its channel's offsets: when one comes before
 * others, the journal is read and those are told first.  An ephemeral event
 * is told as it comes, unless its id was told a short while ago; an id that
 * no gateway took is not remembered.
 */
#ifndef ACTORS_EVENT_HUB_H
#define ACTORS_EVENT_HUB_H

#include "runtime/actor.h"

extern const struct actor_class event_hub_class;

#endif
