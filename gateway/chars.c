#include "gateway/chars.h"

#include <string.h>

#define IN(c, low, high) ((c) >= (low) && (c) <= (high))
#define ONE_OF_3(c, x, y, z) ((c) == (x) || (c) == (y) || (c) == (z))
#define DIGIT(c) IN(c, '0', '9')
#define HEX(c) (DIGIT(c) || IN(c, 'a', 'f') || IN(c, 'A', 'F'))
#define ALNUM(c) (DIGIT(c) || IN(c, 'a', 'z') || IN(c, 'A', 'Z'))
#define UNRESERVED(c) (ALNUM(c) || ONE_OF_3(c, '-', '.', '_') || (c) == '~')

/* ! # $ % & ' * + - . ^ _ ` | ~ and letters and digits. */
#define TOKEN(c)                                                            \
	(UNRESERVED(c) || IN(c, '#', '\'') || ONE_OF_3(c, '!', '*', '+') || \
	    ONE_OF_3(c, '^', '`', '|'))
#define FIELD(c) ((c) == '\t' || IN(c, ' ', '~') || (c) >= 0x80)

/* The sub-delims are ! $ & ' ( ) * + , ; and =. */
#define PATH(c)                                                            \
	(UNRESERVED(c) || IN(c, '$', ',') || ONE_OF_3(c, '!', '/', ':') || \
	    ONE_OF_3(c, ';', '=', '@'))
#define QUERY(c) (IN(c, '!', '~') && !ONE_OF_3(c, '"', '<', '>') && (c) != '#')
#define HOST(c) UNRESERVED(c)
#define BASE64(c) (ALNUM(c) || (c) == '+' || (c) == '/')

#define CLASS(c)                                                      \
	((TOKEN(c) ? CHAR_TOKEN : 0) | (FIELD(c) ? CHAR_FIELD : 0) |  \
	    (PATH(c) ? CHAR_PATH : 0) | (QUERY(c) ? CHAR_QUERY : 0) | \
	    (HOST(c) ? CHAR_HOST : 0) | (DIGIT(c) ? CHAR_DIGIT : 0) | \
	    (HEX(c) ? CHAR_HEX : 0) | (BASE64(c) ? CHAR_BASE64 : 0))
#define CLASS_4(c) CLASS(c), CLASS((c) + 1), CLASS((c) + 2), CLASS((c) + 3)
#define CLASS_16(c) \
	CLASS_4(c), CLASS_4((c) + 4), CLASS_4((c) + 8), CLASS_4((c) + 12)
#define CLASS_64(c) \
	CLASS_16(c), CLASS_16((c) + 16), CLASS_16((c) + 32), CLASS_16((c) + 48)

const uint8_t chars_class[256] = {
	CLASS_64(0),
	CLASS_64(64),
	CLASS_64(128),
	CLASS_64(192),
};

bool
chars_all(struct bytes b, uint8_t class)
{
	for (size_t i = 0; i < b.size; i++)
		if (!chars_is(b.at[i], class))
			return false;
	return true;
}

/*
 * True if a byte of the word is below a space or is DEL: the well-known
 * carry trick, exact for "any", silent about which.  Tabs count as hits and
 * are sorted out one by one.
 */
static bool
chars_word_suspect(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101, tops = ones * 0x80;
	uint64_t del = word ^ (ones * 0x7f);

	return (((word - ones * 0x20) & ~word) | ((del - ones) & ~del)) & tops;
}

size_t
chars_field_run(const uint8_t *at, size_t size)
{
	size_t i = 0;
	uint64_t word;

	while (i < size) {
		while (size - i >= sizeof(word)) {
			memcpy(&word, at + i, sizeof(word));
			if (chars_word_suspect(word))
				break;
			i += sizeof(word);
		}
		for (size_t n = 0; n < sizeof(word) && i < size; n++, i++)
			if (!chars_is(at[i], CHAR_FIELD))
				return i;
	}
	return i;
}

int
chars_hex_value(uint8_t c)
{
	if (DIGIT(c))
		return c - '0';
	if (IN(c, 'a', 'f'))
		return c - 'a' + 10;
	if (IN(c, 'A', 'F'))
		return c - 'A' + 10;
	return -1;
}

uint8_t
chars_lower(uint8_t c)
{
	return IN(c, 'A', 'Z') ? (uint8_t)(c | 0x20) : c;
}
