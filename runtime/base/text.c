#include "runtime/base/text.h"

#include <assert.h>
#include <string.h>

bool
text_fit(char *ret_text, size_t size, const char *text)
{
	const char *from = text == NULL ? "" : text;
	size_t all = strlen(from);
	size_t n = all < size ? all : size - 1;

	assert(size > 0);
	while (n < all && n > 0 && ((unsigned char)from[n] & 0xc0) == 0x80)
		n--;
	memcpy(ret_text, from, n);
	ret_text[n] = '\0';
	return n == all;
}

bool
text_is_blank(const char *text)
{
	return text == NULL || text[strspn(text, " \t\r\n\v\f")] == '\0';
}

void
text_hex(const void *bytes, size_t size, char *ret_text)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *b = bytes;

	for (size_t i = 0; i < size; i++) {
		ret_text[2 * i] = digits[b[i] >> 4];
		ret_text[2 * i + 1] = digits[b[i] & 15];
	}
	ret_text[2 * size] = '\0';
}

/* 0 to 15; 16 if c is no lower-case hex digit. */
static unsigned
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

bool
text_unhex(const char *text, void *ret_bytes, size_t size)
{
	unsigned char *b = ret_bytes;

	if (strlen(text) != 2 * size)
		return false;
	for (size_t i = 0; i < size; i++) {
		unsigned high = hex_digit(text[2 * i]);
		unsigned low = hex_digit(text[2 * i + 1]);

		if (high > 15 || low > 15)
			return false;
		b[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}
