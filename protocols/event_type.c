#include "protocols/event_type.h"

#include <assert.h>
#include <string.h>

/* clang-format off */
static const struct event_type event_types[] = {
#define JSON(...) #__VA_ARGS__
#define EVENT_TYPE(id, name, channel, payload, doc) \
	{ name, channel, payload, doc },
#include "protocols/event_types.def"
#undef JSON
};

static const char *const event_reserved[] = {
#define EVENT_RESERVED(id, name, doc) [EVENT_RESERVED_##id] = (name),
#include "protocols/event_types.def"
};
/* clang-format on */

const char *
event_type_name(enum event_type_id id)
{
	assert(id < EVENT_TYPES_COUNT);
	return event_types[id].name;
}

const char *
event_type_channel(enum event_type_id id)
{
	assert(id < EVENT_TYPES_COUNT);
	return event_types[id].channel;
}

const char *
event_reserved_name(enum event_reserved_id id)
{
	assert(id < EVENT_RESERVED_COUNT);
	return event_reserved[id];
}

bool
event_type_is_reserved(const char *name)
{
	for (size_t i = 0; i < EVENT_RESERVED_COUNT; i++)
		if (strcmp(event_reserved[i], name) == 0)
			return true;
	return false;
}

const struct event_type *
event_type_nth(size_t n)
{
	return n < EVENT_TYPES_COUNT ? &event_types[n] : NULL;
}
