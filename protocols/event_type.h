/*
 * event_type - the events that the program tells by itself.
 *
 * event_types.def is the list; AsyncAPI is printed from it.
 */
#ifndef PROTOCOLS_EVENT_TYPE_H
#define PROTOCOLS_EVENT_TYPE_H

#include <stdbool.h>
#include <stddef.h>

enum event_type_id {
#define EVENT_TYPE(id, name, channel, payload, doc) EVENT_##id,
#include "protocols/event_types.def"
	EVENT_TYPES_COUNT
};

enum event_reserved_id {
#define EVENT_RESERVED(id, name, doc) EVENT_RESERVED_##id,
#include "protocols/event_types.def"
	EVENT_RESERVED_COUNT
};

struct event_type {
	const char *name;
	const char *channel;
	const char *payload; /* a record's name, or a JSON Schema */
	const char *doc;
};

/* For a struct event's event_type and channel. */
const char *event_type_name(enum event_type_id id);
const char *event_type_channel(enum event_type_id id);

/* What streams say themselves: no event may have such a type. */
const char *event_reserved_name(enum event_reserved_id id);
bool event_type_is_reserved(const char *name);

/* NULL past the end. */
const struct event_type *event_type_nth(size_t n);

#endif
