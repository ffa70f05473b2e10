#include "runtime/base/base64url.h"

#include <stdint.h>

void
base64url_encode(const void *bytes, size_t size, char *ret_text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz"
				     "0123456789-_";
	const uint8_t *at = bytes;
	uint32_t bits = 0;
	unsigned have = 0;

	for (size_t i = 0; i < size; i++) {
		bits = bits << 8 | at[i];
		for (have += 8; have >= 6; have -= 6)
			*ret_text++ = digits[bits >> (have - 6) & 0x3f];
	}
	if (have > 0)
		*ret_text = digits[bits << (6 - have) & 0x3f];
}

/* 0 to 63, or more than that. */
static unsigned
base64url_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (unsigned)(c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0' + 52);
	if (c == '-')
		return 62;
	return c == '_' ? 63 : 64;
}

enum status
base64url_decode(const char *text, size_t size, void *ret_bytes)
{
	uint8_t *to = ret_bytes;
	uint32_t bits = 0;
	unsigned have = 0;

	if (size % 4 == 1)
		return ST_MALFORMED;
	for (size_t i = 0; i < size; i++) {
		unsigned digit = base64url_digit(text[i]);

		if (digit > 63)
			return ST_MALFORMED;
		bits = bits << 6 | digit;
		have += 6;
		if (have >= 8) {
			have -= 8;
			*to++ = (uint8_t)(bits >> have);
		}
	}
	return (bits & ((1u << have) - 1)) == 0 ? ST_OK : ST_MALFORMED;
}
