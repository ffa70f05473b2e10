/*
 * utf8 - is this text?
 *
 * Well-formed is what table 3-7 of the Unicode standard lists: no overlong
 * forms, no surrogates, nothing past U+10FFFF.  Text of this program holds no
 * NUL either, so that a C string is never shorter than what was checked.
 */
#ifndef RUNTIME_BASE_UTF8_H
#define RUNTIME_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define UTF8_ONES UINT64_C(0x0101010101010101)
#define UTF8_TOPS UINT64_C(0x8080808080808080)

/* Well-formed and without NUL. */
bool utf8_valid(const void *text, size_t size);

/* Bytes of the well-formed character that text begins with; 0 if none. */
size_t utf8_char_size(const uint8_t *text, size_t size);

/* Writes a scalar value (never a surrogate); returns its 1 to 4 bytes. */
size_t utf8_encode(uint32_t scalar, char ret_text[4]);

/* Not zero in its top bits if a byte of w is NUL or not ASCII. */
static inline uint64_t
utf8_odd(uint64_t w)
{
	return (w - UTF8_ONES) | w;
}

/*
 * Copies size bytes; true if all of them are ASCII and none is NUL, which is
 * most text.  False: the bytes are copied, ask utf8_valid.  Eight bytes at a
 * time, the last eight overlapping those before them.
 */
static inline bool
utf8_copy_ascii(void *to, const void *from, size_t size)
{
	uint64_t odd = 0;
	uint64_t w = UTF8_ONES;

	if (size < sizeof(w)) {
		for (size_t i = 0; i < size; i++) {
			uint8_t byte = ((const uint8_t *)from)[i];

			((uint8_t *)to)[i] = byte;
			odd |= utf8_odd(byte | (UTF8_ONES << 8));
		}
		return (odd & UTF8_TOPS) == 0;
	}
	for (size_t i = 0; i + sizeof(w) < size; i += sizeof(w)) {
		memcpy(&w, (const char *)from + i, sizeof(w));
		memcpy((char *)to + i, &w, sizeof(w));
		odd |= utf8_odd(w);
	}
	memcpy(&w, (const char *)from + size - sizeof(w), sizeof(w));
	memcpy((char *)to + size - sizeof(w), &w, sizeof(w));
	return ((odd | utf8_odd(w)) & UTF8_TOPS) == 0;
}

#endif
