#include "protocols/frame.h"

#include "protocols/frame_head.h"

/* The tags of a head, each at its place. */
static const uint8_t frame_tags[FRAME_HEAD] = {
	[0] = FRAME_TAG_ARRAY,
	[1] = FRAME_VERSION,
	[5] = FRAME_TAG_U16,
	[8] = FRAME_TAG_U32,
	[13] = FRAME_TAG_U64,
	[22] = FRAME_TAG_U64,
	[31] = FRAME_TAG_U64,
	[40] = FRAME_TAG_U64,
	[49] = FRAME_TAG_BYTES,
	[50] = 16,
	[67] = FRAME_TAG_U64,
};

enum status
frame_check(const uint8_t *bytes, size_t size)
{
	static const uint8_t tags_at[] = { 0, 1, 5, 8, 13, 22, 31, 40, 49, 50,
		67 };

	if (size <= FRAME_HEAD || size > FRAME_MAX)
		return ST_MALFORMED;
	for (size_t i = 0; i < sizeof(tags_at); i++)
		if (bytes[tags_at[i]] != frame_tags[tags_at[i]])
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
