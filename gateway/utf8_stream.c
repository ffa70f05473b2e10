#include "gateway/utf8_stream.h"

#include <string.h>

#define TAIL_LOW 0x80
#define TAIL_HIGH 0xbf

/*
 * What may follow each first byte: the second byte of some is bounded more
 * tightly, which is what excludes overlong forms (E0, F0), surrogates (ED)
 * and numbers past the last character (F4).
 */
static const struct {
	uint8_t first, last;
	struct utf8_stream then;
} utf8_stream_leads[] = {
	{ 0xc2, 0xdf, { 1, TAIL_LOW, TAIL_HIGH } },
	{ 0xe0, 0xe0, { 2, 0xa0, TAIL_HIGH } },
	{ 0xe1, 0xec, { 2, TAIL_LOW, TAIL_HIGH } },
	{ 0xed, 0xed, { 2, TAIL_LOW, 0x9f } },
	{ 0xee, 0xef, { 2, TAIL_LOW, TAIL_HIGH } },
	{ 0xf0, 0xf0, { 3, 0x90, TAIL_HIGH } },
	{ 0xf1, 0xf3, { 3, TAIL_LOW, TAIL_HIGH } },
	{ 0xf4, 0xf4, { 3, TAIL_LOW, 0x8f } },
};

static bool
utf8_stream_lead(struct utf8_stream *u, uint8_t c)
{
	for (size_t i = 0;
	     i < sizeof(utf8_stream_leads) / sizeof(*utf8_stream_leads); i++)
		if (c >= utf8_stream_leads[i].first &&
		    c <= utf8_stream_leads[i].last) {
			*u = utf8_stream_leads[i].then;
			return true;
		}
	return false;
}

static bool
utf8_stream_byte(struct utf8_stream *u, uint8_t c)
{
	if (u->left == 0)
		return c < TAIL_LOW || utf8_stream_lead(u, c);
	if (c < u->low || c > u->high)
		return false;
	u->left--;
	u->low = TAIL_LOW;
	u->high = TAIL_HIGH;
	return true;
}

/* How many of the next eight bytes are ASCII, if all of them are. */
static size_t
utf8_stream_ascii_run(const uint8_t *at, size_t size)
{
	uint64_t word;

	if (size < sizeof(word))
		return 0;
	memcpy(&word, at, sizeof(word));
	return (word & 0x8080808080808080) == 0 ? sizeof(word) : 0;
}

bool
utf8_stream_feed(struct utf8_stream *u, const uint8_t *at, size_t size)
{
	size_t i = 0;

	while (i < size) {
		size_t run =
		    u->left == 0 ? utf8_stream_ascii_run(at + i, size - i) : 0;

		i += run;
		if (run == 0 && !utf8_stream_byte(u, at[i++]))
			return false;
	}
	return true;
}

bool
utf8_stream_is_whole(const struct utf8_stream *u)
{
	return u->left == 0;
}
