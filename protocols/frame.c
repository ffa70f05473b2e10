#include "protocols/frame.h"

#include <stdbool.h>
#include <string.h>

#include "protocols/frame_head.h"

/* The tags of a head, each at its place. */
/* clang-format off */
#define FRAME_TAGS(X) \
	X(0, FRAME_TAG_ARRAY) \
	X(1, FRAME_VERSION) \
	X(5, FRAME_TAG_U16) \
	X(8, FRAME_TAG_U32) \
	X(13, FRAME_TAG_U64) \
	X(22, FRAME_TAG_U64) \
	X(31, FRAME_TAG_U64) \
	X(40, FRAME_TAG_U64) \
	X(49, FRAME_TAG_BYTES) \
	X(50, 16) \
	X(67, FRAME_TAG_U64)
/* clang-format on */

static const uint8_t frame_tags[FRAME_HEAD] = {
#define X(at, tag) [at] = (tag),
	FRAME_TAGS(X)
#undef X
};

static const uint8_t frame_tagged[FRAME_HEAD] = {
#define X(at, tag) [at] = 0xff,
	FRAME_TAGS(X)
#undef X
};

/* Eight bytes at a time: every frame of a link passes here. */
static bool
frame_has_tags(const uint8_t *bytes)
{
	uint64_t wrong = 0;

	for (size_t i = 0; i + 8 <= FRAME_HEAD; i += 8) {
		uint64_t is, tag, tagged;

		memcpy(&is, bytes + i, sizeof(is));
		memcpy(&tag, frame_tags + i, sizeof(tag));
		memcpy(&tagged, frame_tagged + i, sizeof(tagged));
		wrong |= (is ^ tag) & tagged;
	}
	return wrong == 0;
}

enum status
frame_check(const uint8_t *bytes, size_t size)
{
	_Static_assert(
	    FRAME_HEAD / 8 * 8 > 67, "the last tag is in a whole word");

	if (size <= FRAME_HEAD || size > FRAME_MAX || !frame_has_tags(bytes))
		return ST_MALFORMED;
	if (bytes[FRAME_AT_KIND] > FRAME_REFUSAL ||
	    bytes[FRAME_AT_LANE] > FRAME_CONTROL ||
	    bytes[FRAME_AT_HOPS] > FRAME_HOPS)
		return ST_MALFORMED;
	return ST_OK;
}

const char *
frame_kind_name(enum frame_kind kind)
{
	static const char *const names[] = {
#define X(k) #k,
		FRAME_KINDS(X)
#undef X
	};

	return (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind]
							       : "?";
}
