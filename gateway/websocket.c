#include "gateway/websocket.h"

#include <assert.h>
#include <string.h>

#define FIN_BIT 0x80
#define MASK_BIT 0x80
#define MASK_SIZE 4
#define SIZE_IN_2 126 /* the length follows in two bytes */
#define SIZE_IN_8 127 /* in eight */

bool
websocket_code_is_sendable(uint16_t code)
{
	return (code >= 1000 && code <= 1003) ||
	       (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

void
websocket_mask(uint8_t *payload, size_t size, const uint8_t mask[4], uint8_t at)
{
	uint8_t turned[sizeof(uint64_t)];
	uint64_t key, word;
	size_t i = 0;

	for (size_t n = 0; n < sizeof(turned); n++)
		turned[n] = mask[(at + n) % MASK_SIZE];
	memcpy(&key, turned, sizeof(key));
	for (; size - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, payload + i, sizeof(word));
		word ^= key;
		memcpy(payload + i, &word, sizeof(word));
	}
	for (size_t n = 0; i < size; i++, n++)
		payload[i] ^= turned[n];
}

static void
websocket_size_write(uint8_t *out, uint64_t size, size_t width)
{
	for (size_t i = 0; i < width; i++)
		out[i] = (uint8_t)(size >> (8 * (width - 1 - i)));
}

size_t
websocket_head_write(uint8_t *out, enum websocket_opcode opcode, bool last,
    uint64_t payload_size)
{
	out[0] = (uint8_t)(opcode | (last ? FIN_BIT : 0));
	if (payload_size < SIZE_IN_2) {
		out[1] = (uint8_t)payload_size;
		return 2;
	}
	if (payload_size <= UINT16_MAX) {
		out[1] = SIZE_IN_2;
		websocket_size_write(out + 2, payload_size, 2);
		return 4;
	}
	out[1] = SIZE_IN_8;
	websocket_size_write(out + 2, payload_size, 8);
	return 10;
}

/* Head and payload, with room for a mask between them if there is one. */
static enum status
websocket_write(uint8_t *out, size_t out_size, enum websocket_opcode opcode,
    bool last, const uint8_t *mask, struct bytes payload, size_t *ret_size)
{
	uint8_t head[WEBSOCKET_HEAD_MAX];
	size_t used = websocket_head_write(head, opcode, last, payload.size);

	assert(opcode < WEBSOCKET_CLOSE ||
	       (last && payload.size <= WEBSOCKET_CONTROL_MAX));
	if (mask != NULL) {
		head[1] |= MASK_BIT;
		memcpy(head + used, mask, MASK_SIZE);
		used += MASK_SIZE;
	}
	if (used > out_size || payload.size > out_size - used)
		return ST_FULL;
	memcpy(out, head, used);
	if (payload.size > 0)
		memmove(out + used, payload.at, payload.size);
	if (mask != NULL)
		websocket_mask(out + used, payload.size, mask, 0);
	*ret_size = used + payload.size;
	return ST_OK;
}

enum status
websocket_frame_write(uint8_t *out, size_t out_size,
    enum websocket_opcode opcode, struct bytes payload, size_t *ret_size)
{
	return websocket_write(
	    out, out_size, opcode, true, NULL, payload, ret_size);
}

enum status
websocket_close_write(uint8_t *out, size_t out_size, uint16_t code,
    const char *reason, size_t *ret_size)
{
	uint8_t payload[WEBSOCKET_CONTROL_MAX];
	struct bytes b = { payload, 0 };
	size_t size = strlen(reason);

	if (code != WEBSOCKET_NO_CODE) {
		if (!websocket_code_is_sendable(code))
			return ST_INVALID;
		if (size > WEBSOCKET_REASON_MAX)
			return ST_FULL;
		websocket_size_write(payload, code, 2);
		for (size_t i = 0; i < size; i++)
			payload[2 + i] = (uint8_t)reason[i];
		b.size = size + 2;
	}
	return websocket_frame_write(
	    out, out_size, WEBSOCKET_CLOSE, b, ret_size);
}

enum status
websocket_masked_write(uint8_t *out, size_t out_size,
    enum websocket_opcode opcode, bool last, const uint8_t mask[4],
    struct bytes payload, size_t *ret_size)
{
	return websocket_write(
	    out, out_size, opcode, last, mask, payload, ret_size);
}
