#include "protocols/channel.h"

#include <stdio.h>
#include <string.h>

#include "protocols/catalogue.h"
#include "runtime/base/text.h"

#define PRIVATE_SIZE (sizeof(CHANNEL_PRIVATE) - 1)

/* enum channel, as the catalogue shows it. */
static const struct wire_enum *
channel_enum(void)
{
	const struct wire_enum *e;

	for (size_t i = 0; (e = catalogue_nth_enum(i)) != NULL; i++)
		if (strcmp(e->name, "channel") == 0)
			return e;
	return NULL;
}

/* Its value in enum channel; past the last one if it is not shared. */
static uint32_t
channel_number(const char *name)
{
	const struct wire_enum *e = channel_enum();
	uint32_t n = 0;

	while (n < e->count && strcmp(e->texts[n], name) != 0)
		n++;
	return n;
}

bool
channel_is_shared(const char *name)
{
	return channel_number(name) < channel_enum()->count;
}

const char *
channel_user(const char *name)
{
	if (strncmp(name, CHANNEL_PRIVATE, PRIVATE_SIZE) != 0)
		return NULL;
	return text_is_blank(name + PRIVATE_SIZE) ? NULL : name + PRIVATE_SIZE;
}

bool
channel_is_valid(const char *name)
{
	return channel_user(name) != NULL || channel_is_shared(name);
}

enum status
channel_of_user(const char *user_id, char ret_name[CHANNEL_MAX + 1])
{
	if (text_is_blank(user_id))
		return ST_INVALID;
	if (strlen(user_id) > CHANNEL_MAX - PRIVATE_SIZE)
		return ST_FULL;
	snprintf(ret_name, CHANNEL_MAX + 1, CHANNEL_PRIVATE "%s", user_id);
	return ST_OK;
}

bool
channel_is_allowed(const char *name, const char *user_id, enum role role)
{
	const char *owner = channel_user(name);

	if (role > ROLE_OBSERVER || text_is_blank(user_id))
		return false;
	if (owner != NULL)
		return strcmp(owner, user_id) == 0;
	switch (channel_number(name)) {
	case CHANNEL_BUDGET:
	case CHANNEL_WEBHOOKS:
	case CHANNEL_RATELIMIT:
		return role == ROLE_CEO || role == ROLE_MANAGER;
	default:
		return channel_is_shared(name);
	}
}
