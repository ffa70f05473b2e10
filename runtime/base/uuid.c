#include "runtime/base/uuid.h"

#include <string.h>

static bool
uuid_dash_before(size_t octet)
{
	return octet == 4 || octet == 6 || octet == 8 || octet == 10;
}

void
uuid_text(const struct uuid *u, char ret_text[UUID_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	char *to = ret_text;

	for (size_t i = 0; i < sizeof(u->octets); i++) {
		if (uuid_dash_before(i))
			*to++ = '-';
		*to++ = digits[u->octets[i] >> 4];
		*to++ = digits[u->octets[i] & 0x0f];
	}
	*to = '\0';
}

bool
uuid_is_nil(const struct uuid *u)
{
	static const struct uuid nil = { { 0 } };

	return memcmp(u, &nil, sizeof(nil)) == 0;
}

/* 0 to 15, or more than that. */
static unsigned
uuid_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A' + 10);
	return 16;
}

enum status
uuid_parse(const char *text, size_t size, struct uuid *ret_uuid)
{
	struct uuid u;

	if (size != UUID_TEXT_SIZE - 1)
		return ST_MALFORMED;
	for (size_t i = 0; i < sizeof(u.octets); i++) {
		unsigned high;
		unsigned low;

		if (uuid_dash_before(i) && *text++ != '-')
			return ST_MALFORMED;
		high = uuid_digit(*text++);
		low = uuid_digit(*text++);
		if (high > 15 || low > 15)
			return ST_MALFORMED;
		u.octets[i] = (uint8_t)(high << 4 | low);
	}
	*ret_uuid = u;
	return ST_OK;
}
