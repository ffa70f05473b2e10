#include "protocols/frame.h"

/* The head with every tag in place and every value zero. */
static const uint8_t frame_tags[FRAME_HEAD] = {
	[0] = 0x9d,
	[1] = FRAME_VERSION,
	[5] = 0xcd,
	[8] = 0xce,
	[13] = 0xcf,
	[22] = 0xcf,
	[31] = 0xcf,
	[40] = 0xcf,
	[49] = 0xc4,
	[50] = 16,
	[67] = 0xcf,
};

void
frame_write(uint8_t *at, const struct frame *f)
{
	uint32_t tenant = __builtin_bswap32(f->tenant);

	memcpy(at, frame_tags, FRAME_HEAD);
	at[FRAME_AT_KIND] = f->kind;
	at[FRAME_AT_LANE] = f->lane;
	at[FRAME_AT_HOPS] = f->hops;
	frame_set_id(at, f->id);
	memcpy(at + FRAME_AT_TENANT, &tenant, sizeof(tenant));
	frame_set_u64(at, FRAME_AT_FROM, f->from);
	frame_set_u64(at, FRAME_AT_TO, f->to);
	frame_set_u64(at, FRAME_AT_REF, f->ref);
	frame_set_u64(at, FRAME_AT_DEADLINE, f->deadline_us);
	memcpy(at + FRAME_AT_TRACE, f->trace, sizeof(f->trace));
	frame_set_u64(at, FRAME_AT_SPAN, f->span);
}

void
frame_read(const uint8_t *at, struct frame *ret_frame)
{
	uint32_t tenant;

	memcpy(&tenant, at + FRAME_AT_TENANT, sizeof(tenant));
	ret_frame->kind = at[FRAME_AT_KIND];
	ret_frame->lane = at[FRAME_AT_LANE];
	ret_frame->hops = at[FRAME_AT_HOPS];
	ret_frame->id = frame_get_id(at);
	ret_frame->tenant = __builtin_bswap32(tenant);
	ret_frame->from = frame_get_u64(at, FRAME_AT_FROM);
	ret_frame->to = frame_get_u64(at, FRAME_AT_TO);
	ret_frame->ref = frame_get_u64(at, FRAME_AT_REF);
	ret_frame->deadline_us = frame_get_u64(at, FRAME_AT_DEADLINE);
	memcpy(ret_frame->trace, at + FRAME_AT_TRACE, 16);
	ret_frame->span = frame_get_u64(at, FRAME_AT_SPAN);
}

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
