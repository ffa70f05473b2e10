#include "runtime/base/utf8.h"

#include <assert.h>

/* The second byte's range narrows after these first bytes. */
static bool
utf8_second_fits(uint8_t first, uint8_t second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0 && second <= 0xbf;
	case 0xed:
		return second >= 0x80 && second <= 0x9f;
	case 0xf0:
		return second >= 0x90 && second <= 0xbf;
	case 0xf4:
		return second >= 0x80 && second <= 0x8f;
	default:
		return second >= 0x80 && second <= 0xbf;
	}
}

size_t
utf8_char_size(const uint8_t *text, size_t size)
{
	size_t n;

	if (size == 0)
		return 0;
	if (text[0] < 0x80)
		return 1;
	if (text[0] < 0xc2 || text[0] > 0xf4)
		return 0;
	n = text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
	if (size < n || !utf8_second_fits(text[0], text[1]))
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

bool
utf8_valid(const void *text, size_t size)
{
	const uint8_t *at = text;

	while (size > 0) {
		size_t n = utf8_char_size(at, size);

		if (n == 0 || *at == 0)
			return false;
		at += n;
		size -= n;
	}
	return true;
}

size_t
utf8_encode(uint32_t scalar, char ret_text[4])
{
	size_t n = scalar < 0x80      ? 1
		   : scalar < 0x800   ? 2
		   : scalar < 0x10000 ? 3
				      : 4;
	static const uint8_t lead[] = { 0, 0x00, 0xc0, 0xe0, 0xf0 };

	assert(scalar <= 0x10ffff);
	assert(scalar < 0xd800 || scalar > 0xdfff);
	for (size_t i = n - 1; i > 0; i--) {
		ret_text[i] = (char)(0x80 | (scalar & 0x3f));
		scalar >>= 6;
	}
	ret_text[0] = (char)(lead[n] | scalar);
	return n;
}
