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
