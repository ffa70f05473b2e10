#include "protocols/event_type.h"

#include <assert.h>

/* clang-format off */
static const struct event_type event_types[] = {
#define JSON(...) #__VA_ARGS__
#define EVENT_TYPE(id, name, channel, payload, doc) \
	{ name, channel, payload, doc },
#include "protocols/event_types.def"
#undef EVENT_TYPE
#undef JSON
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

const struct event_type *
event_type_nth(size_t n)
{
	return n < EVENT_TYPES_COUNT ? &event_types[n] : NULL;
}
