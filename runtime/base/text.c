#include "runtime/base/text.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "runtime/base/utf8.h"

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

/* Cc, Z but ' ', Cf, and the letters that are blank (Unicode 15). */
static const struct {
	uint32_t first, last;
} text_unseen[] = { { 0, 0x1f }, { 0x7f, 0xa0 }, { 0xad, 0xad },
	{ 0x34f, 0x34f }, { 0x600, 0x605 }, { 0x61c, 0x61c }, { 0x6dd, 0x6dd },
	{ 0x70f, 0x70f }, { 0x890, 0x891 }, { 0x8e2, 0x8e2 },
	{ 0x115f, 0x1160 }, { 0x1680, 0x1680 }, { 0x17b4, 0x17b5 },
	{ 0x180b, 0x180f }, { 0x2000, 0x200f }, { 0x2028, 0x202f },
	{ 0x205f, 0x206f }, { 0x3000, 0x3000 }, { 0x3164, 0x3164 },
	{ 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 },
	{ 0xfff0, 0xfffb }, { 0x110bd, 0x110bd }, { 0x110cd, 0x110cd },
	{ 0x13430, 0x1343f }, { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a },
	{ 0xe0000, 0xe0fff } };

static uint32_t
text_scalar(const uint8_t *at, size_t size)
{
	uint32_t scalar = size == 1 ? at[0] : at[0] & (0xffu >> (size + 1));

	for (size_t i = 1; i < size; i++)
		scalar = scalar << 6 | (at[i] & 0x3fu);
	return scalar;
}

bool
text_is_plain(const char *text)
{
	const uint8_t *at = (const uint8_t *)text;
	size_t left = strlen(text), size;

	for (; left > 0; at += size, left -= size) {
		uint32_t scalar;

		size = utf8_char_size(at, left);
		if (size == 0)
			return false;
		scalar = text_scalar(at, size);
		for (size_t i = 0;
		     i < sizeof(text_unseen) / sizeof(text_unseen[0]); i++)
			if (scalar >= text_unseen[i].first &&
			    scalar <= text_unseen[i].last)
				return false;
	}
	return true;
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

const char *
text_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
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
