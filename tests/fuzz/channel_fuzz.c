/*
 * channel_fuzz - any bytes as the name of a channel, and any id as a hearer:
 * a private one is heard by its owner alone, to the byte, and the program's
 * own role hears nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "protocols/channel.h"
#include "tests/fuzz/fuzz.h"

static bool
owns(const struct channel_ref *c, const char *id)
{
	return c->owner.size == strlen(id) &&
	       memcmp(c->owner.at, id, c->owner.size) == 0;
}

static void
check_hearer(const struct channel_ref *c, const char *id)
{
	struct hearer who = { ROLE_CEO, id, id, CHANNEL_ROLES_READ };

	if (c->kind == CHANNEL_UNKNOWN)
		CHECK(!channel_allows(c, &who));
	if (c->kind == CHANNEL_PRIVATE || c->kind == CHANNEL_SESSION)
		CHECK(channel_allows(c, &who) == owns(c, id));
	who.role = ROLE_SYSTEM;
	CHECK(!channel_allows(c, &who));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1);
	struct channel_ref c;
	size_t name;

	CHECK(text != NULL);
	memcpy(text, data, size);
	name = strlen(text); /* what is behind its end is an id */
	c = channel_parse((struct bytes){ (const uint8_t *)text, name });
	CHECK(channel_is_valid(text) == (c.kind != CHANNEL_UNKNOWN));
	check_hearer(&c, name < size ? text + name + 1 : "");
	if (c.kind > CHANNEL_SHARED) {
		CHECK(c.owner.size > 0 && c.owner.size <= ID_MAX);
		CHECK(
		    c.owner.at + c.owner.size == (const uint8_t *)text + name);
		check_hearer(&c, (const char *)c.owner.at);
	}
	CHECK(channel_shard(text, 7) < 7);
	free(text);
	return 0;
}
