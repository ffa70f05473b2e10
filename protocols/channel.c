#include "protocols/channel.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/text.h"

#define PREFIX_SIZE (sizeof(CHANNEL_PRIVATE_PREFIX) - 1)

/* clang-format off */
static const char *const channel_names[] = {
#define ENUMERATION(n, doc, values) values
#define VALUE(id, text, doc) [id] = (text),
#define MESSAGE(n, id, doc, fields)
#include "protocols/hub.def"
};
#include "protocols/undef.h"
/* clang-format on */

_Static_assert(
    sizeof(channel_names) / sizeof(channel_names[0]) == CHANNELS_SHARED,
    "CHANNELS_SHARED counts the channels of hub.def");

/* For those who steer: ceo and manager. */
static const enum channel channel_restricted[] = {
	CHANNEL_BUDGET,
	CHANNEL_WEBHOOKS,
	CHANNEL_RATELIMIT,
};

static bool
channel_is_restricted(enum channel c)
{
	for (size_t i = 0;
	     i < sizeof(channel_restricted) / sizeof(channel_restricted[0]);
	     i++)
		if (channel_restricted[i] == c)
			return true;
	return false;
}

static bool
bytes_are(struct bytes b, const char *text)
{
	return b.size == strlen(text) &&
	       (b.size == 0 || memcmp(b.at, text, b.size) == 0);
}

static bool
bytes_are_blank(struct bytes b)
{
	for (size_t i = 0; i < b.size; i++)
		if (b.at[i] != ' ' && (b.at[i] < '\t' || b.at[i] > '\r'))
			return false;
	return true;
}

struct channel_ref
channel_parse(struct bytes name)
{
	struct channel_ref ref = { .kind = CHANNEL_UNKNOWN };

	if (name.size >= PREFIX_SIZE &&
	    memcmp(name.at, CHANNEL_PRIVATE_PREFIX, PREFIX_SIZE) == 0) {
		ref.owner = (struct bytes){ name.at + PREFIX_SIZE,
			name.size - PREFIX_SIZE };
		if (!bytes_are_blank(ref.owner) && ref.owner.size <= ID_MAX)
			ref.kind = CHANNEL_PRIVATE;
		return ref;
	}
	for (uint32_t i = 0; i < CHANNELS_SHARED; i++) {
		if (bytes_are(name, channel_names[i])) {
			ref.kind = CHANNEL_SHARED;
			ref.shared = (enum channel)i;
		}
	}
	return ref;
}

bool
channel_is_valid(const char *name)
{
	struct bytes bytes = { (const uint8_t *)name, strlen(name) };

	return channel_parse(bytes).kind != CHANNEL_UNKNOWN;
}

const char *
channel_name(enum channel c)
{
	assert((uint32_t)c < CHANNELS_SHARED);
	return channel_names[c];
}

enum status
channel_private_name(const char *user_id, char ret_name[CHANNEL_MAX + 1])
{
	if (text_is_blank(user_id))
		return ST_INVALID;
	if (strlen(user_id) > ID_MAX)
		return ST_FULL;
	snprintf(
	    ret_name, CHANNEL_MAX + 1, CHANNEL_PRIVATE_PREFIX "%s", user_id);
	return ST_OK;
}

bool
channel_role_reads(enum role role)
{
	switch (role) {
	case ROLE_CEO:
	case ROLE_MANAGER:
	case ROLE_PAIR_PROGRAMMER:
	case ROLE_BOARD_MEMBER:
	case ROLE_OBSERVER:
		return true;
	case ROLE_SYSTEM:
		break;
	}
	return false;
}

bool
channel_allows(const struct channel_ref *c, enum role role, const char *user_id)
{
	if (!channel_role_reads(role))
		return false;
	switch (c->kind) {
	case CHANNEL_PRIVATE:
		return bytes_are(c->owner, user_id);
	case CHANNEL_SHARED:
		return !channel_is_restricted(c->shared) || role == ROLE_CEO ||
		       role == ROLE_MANAGER;
	case CHANNEL_UNKNOWN:
		break;
	}
	return false;
}
