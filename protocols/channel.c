#include "protocols/channel.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/text.h"

static const struct channel_family {
	const char *prefix;
	enum channel_kind kind;
} channel_families[] = {
	{ CHANNEL_PRIVATE_PREFIX, CHANNEL_PRIVATE },
	{ CHANNEL_SESSION_PREFIX, CHANNEL_SESSION },
	{ CHANNEL_PROJECT_PREFIX, CHANNEL_PROJECT },
};

/* clang-format off */
static const char *const channel_names[] = {
#define ENUMERATION(n, doc, values) values
#define VALUE(id, text, doc) [id] = (text),
#define STRUCTURE(n, doc, fields)
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

/* NULL: it begins as none of them does. */
static const struct channel_family *
channel_family_of(struct bytes name)
{
	for (size_t i = 0;
	     i < sizeof(channel_families) / sizeof(channel_families[0]); i++) {
		const struct channel_family *f = &channel_families[i];
		size_t size = strlen(f->prefix);

		if (name.size >= size && memcmp(name.at, f->prefix, size) == 0)
			return f;
	}
	return NULL;
}

struct channel_ref
channel_parse(struct bytes name)
{
	const struct channel_family *family = channel_family_of(name);
	struct channel_ref ref = { .kind = CHANNEL_UNKNOWN };

	if (family != NULL) {
		size_t size = strlen(family->prefix);

		ref.owner = (struct bytes){ name.at + size, name.size - size };
		if (!bytes_are_blank(ref.owner) && ref.owner.size <= ID_MAX &&
		    memchr(ref.owner.at, 0, ref.owner.size) == NULL)
			ref.kind = family->kind;
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

static enum channel_kind
channel_kind_of(const char *name)
{
	struct bytes bytes = { (const uint8_t *)name, strlen(name) };

	return channel_parse(bytes).kind;
}

bool
channel_is_valid(const char *name)
{
	return channel_kind_of(name) != CHANNEL_UNKNOWN;
}

bool
channel_is_shared(const char *name)
{
	return channel_kind_of(name) == CHANNEL_SHARED;
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
channel_role_is_in(enum role role, enum channel_roles set)
{
	switch (set) {
	case CHANNEL_ROLES_CEO:
		return role == ROLE_CEO;
	case CHANNEL_ROLES_STEER:
		return role == ROLE_CEO || role == ROLE_MANAGER;
	case CHANNEL_ROLES_WRITE:
		return role == ROLE_CEO || role == ROLE_MANAGER ||
		       role == ROLE_PAIR_PROGRAMMER;
	case CHANNEL_ROLES_READ:
		return channel_role_reads(role);
	}
	return false;
}

enum channel_roles
channel_roles_of(const char *text)
{
	static const char *const names[] = { "ceo", "steer", "write", "read" };

	for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], text) == 0)
			return (enum channel_roles)i;
	return CHANNEL_ROLES_READ;
}

bool
channel_allows(const struct channel_ref *c, const struct hearer *who)
{
	if (!channel_role_reads(who->role))
		return false;
	switch (c->kind) {
	case CHANNEL_PRIVATE:
		return bytes_are(c->owner, who->user_id);
	case CHANNEL_SESSION:
		return bytes_are(c->owner, who->session_id);
	case CHANNEL_PROJECT:
		return channel_role_is_in(who->role, who->projects);
	case CHANNEL_SHARED:
		return !channel_is_restricted(c->shared) ||
		       channel_role_is_in(who->role, CHANNEL_ROLES_STEER);
	case CHANNEL_UNKNOWN:
		break;
	}
	return false;
}

bool
channel_may_tell(const struct channel_ref *c, enum role role)
{
	switch (c->kind) {
	case CHANNEL_PROJECT:
		return channel_role_is_in(role, CHANNEL_ROLES_WRITE);
	case CHANNEL_SHARED:
		return channel_role_is_in(role, channel_is_restricted(c->shared)
						    ? CHANNEL_ROLES_STEER
						    : CHANNEL_ROLES_WRITE);
	case CHANNEL_PRIVATE:
	case CHANNEL_SESSION:
		return channel_role_is_in(role, CHANNEL_ROLES_STEER);
	case CHANNEL_UNKNOWN:
		break;
	}
	return false;
}

/* FNV-1a: the same in every process, and nobody gains by choosing it. */
uint32_t
channel_shard(const char *name, uint32_t shards)
{
	uint32_t hash = 2166136261u;

	for (const char *at = name; *at != '\0'; at++)
		hash = (hash ^ (unsigned char)*at) * 16777619u;
	return shards < 2 ? 0 : hash % shards;
}
