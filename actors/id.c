#include "actors/id.h"

#include <string.h>

#include "runtime/base/text.h"

struct uuid
id_make(struct actor *self)
{
	struct uuid id;

	actor_random(self, id.octets, sizeof(id.octets));
	id.octets[6] = (uint8_t)((id.octets[6] & 0x0f) | 0x40);
	id.octets[8] = (uint8_t)((id.octets[8] & 0x3f) | 0x80);
	return id;
}

struct uuid
id_make_ordered(struct actor *self)
{
	uint64_t ms = (uint64_t)actor_wall_us(self) / 1000;
	struct uuid id = id_make(self);

	for (int i = 5; i >= 0; i--, ms >>= 8)
		id.octets[i] = (uint8_t)ms;
	id.octets[6] = (uint8_t)((id.octets[6] & 0x0f) | 0x70);
	return id;
}

bool
id_parse(const char *text, struct uuid *ret_id)
{
	struct uuid id;

	if (text == NULL || !text_unhex(text, id.octets, sizeof(id.octets)))
		return false;
	*ret_id = id;
	return true;
}

void
id_text(const struct uuid *id, char ret_text[ID_TEXT + 1])
{
	text_hex(id->octets, sizeof(id->octets), ret_text);
}

void
id_short(const char *text, char ret_text[ID_IN_LOGS + 1])
{
	text_fit(ret_text, ID_IN_LOGS + 1, text);
}

bool
id_equal(const struct uuid *a, const struct uuid *b)
{
	return memcmp(a->octets, b->octets, sizeof(a->octets)) == 0;
}
