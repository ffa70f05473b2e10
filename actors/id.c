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

/* 0 to 15; 16 if c is no lower-case hex digit. */
static unsigned
id_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

bool
id_parse(const char *text, struct uuid *ret_id)
{
	struct uuid id = { { 0 } };

	if (text == NULL || strlen(text) != ID_TEXT)
		return false;
	for (size_t i = 0; i < sizeof(id.octets); i++) {
		unsigned high = id_digit(text[2 * i]);
		unsigned low = id_digit(text[2 * i + 1]);

		if (high > 15 || low > 15)
			return false;
		id.octets[i] = (uint8_t)(high << 4 | low);
	}
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
