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

/*
 * Bytes of the white space that text begins with; 0 if none.  What Unicode
 * calls White_Space, and the separators that US-ASCII has beside it.
 */
static size_t
text_space_size(const char *text)
{
	static const char wide[][4] = { "\xc2\x85", "\xc2\xa0", "\xe1\x9a\x80",
		"\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f",
		"\xe3\x80\x80" };
	unsigned char first = (unsigned char)text[0];

	if (first < 0x80)
		return first == ' ' || (first >= '\t' && first <= '\r') ||
		       (first >= 0x1c && first <= 0x1f);
	/* U+2000 to U+200A */
	if (strncmp(text, "\xe2\x80", 2) == 0 &&
	    (unsigned char)text[2] >= 0x80 && (unsigned char)text[2] <= 0x8a)
		return 3;
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		if (strncmp(text, wide[i], strlen(wide[i])) == 0)
			return strlen(wide[i]);
	return 0;
}

bool
text_is_blank(const char *text)
{
	size_t size;

	if (text == NULL)
		return true;
	while ((size = text_space_size(text)) > 0)
		text += size;
	return text[0] == '\0';
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
