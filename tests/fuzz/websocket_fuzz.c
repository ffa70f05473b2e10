/*
 * websocket_fuzz - any bytes as frames: the same however they are cut, and
 * every message written again is read again as it was.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/websocket_reader.h"
#include "runtime/base/fnv.h"
#include "tests/fuzz/fuzz.h"

#define KEEP_MAX 512
#define REFUSE_MAX 1024
#define FRAME_MAX (KEEP_MAX + WEBSOCKET_HEAD_MAX)
/* All that was told, in one number. */
struct told {
	uint64_t sum;
	uint32_t events;
	enum websocket_step ended;
};

static void
told_add(struct told *t, const void *at, size_t size)
{
	const uint8_t *bytes = at;

	for (size_t i = 0; i < size; i++)
		t->sum = fnv_byte(t->sum, bytes[i]);
}

/* What a server would write of it comes back the same at a client. */
static void
check_round_trip(const struct websocket_event *e)
{
	uint8_t frame[FRAME_MAX];
	struct websocket_reader r;
	struct websocket_event again;
	size_t size, used;

	if (e->opcode == WEBSOCKET_CLOSE)
		return;
	CHECK(websocket_frame_write(
		  frame, sizeof(frame), e->opcode, e->payload, &size) == ST_OK);
	websocket_reader_init(&r, WEBSOCKET_CLIENT, KEEP_MAX, KEEP_MAX);
	CHECK(websocket_reader_feed(&r, frame, size, &used, &again) ==
	      WEBSOCKET_EVENT);
	CHECK(used == size && again.opcode == e->opcode);
	CHECK(again.payload.size == e->payload.size);
	CHECK(e->payload.size == 0 ||
	      memcmp(again.payload.at, e->payload.at, e->payload.size) == 0);
}

static void
take_event(struct told *t, const struct websocket_event *e)
{
	const uint8_t mark[] = { (uint8_t)e->opcode, e->oversized,
		(uint8_t)e->code, (uint8_t)(e->code >> 8) };

	CHECK(e->payload.size <= KEEP_MAX);
	CHECK(e->opcode != WEBSOCKET_CONTINUATION);
	told_add(t, mark, sizeof(mark));
	told_add(t, e->payload.at, e->payload.size);
	t->events++;
	check_round_trip(e);
}

static bool
read_piece(struct websocket_reader *r, uint8_t *at, size_t size, struct told *t)
{
	static uint8_t buffer[KEEP_MAX + WEBSOCKET_CONTROL_MAX];
	struct websocket_event e;
	size_t used;

	for (;;) {
		t->ended = websocket_reader_feed(r, at, size, &used, &e);
		CHECK(used <= size);
		at += used;
		size -= used;
		switch (t->ended) {
		case WEBSOCKET_MORE:
			CHECK(size == 0);
			return true;
		case WEBSOCKET_EVENT:
			take_event(t, &e);
			break;
		case WEBSOCKET_WANTS_BUFFER:
			websocket_reader_lend(r, buffer);
			break;
		case WEBSOCKET_REFUSED:
			CHECK(websocket_code_is_sendable(e.code));
			told_add(t, e.reason, strlen(e.reason));
			return false;
		case WEBSOCKET_ENDED:
			return false;
		}
	}
}

/* In memory of exactly the size of each piece. */
static struct told
read_all(const uint8_t *data, size_t size, size_t step)
{
	struct told t = { 0 };
	struct websocket_reader r;
	bool goes_on = true;

	websocket_reader_init(&r, WEBSOCKET_SERVER, KEEP_MAX, REFUSE_MAX);
	for (size_t at = 0; goes_on && at < size; at += step) {
		size_t n = size - at < step ? size - at : step;
		uint8_t *piece = malloc(n);

		CHECK(piece != NULL);
		memcpy(piece, data + at, n);
		goes_on = read_piece(&r, piece, n, &t);
		free(piece);
		if (step > size)
			break;
	}
	return t;
}

static void
check_same(const struct told *a, const struct told *b)
{
	bool a_refused = a->ended == WEBSOCKET_REFUSED;

	CHECK(a->sum == b->sum && a->events == b->events);
	CHECK(a_refused == (b->ended == WEBSOCKET_REFUSED));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct told whole, pieces;

	if (size < 1)
		return 0;
	whole = read_all(data + 1, size - 1, SIZE_MAX);
	pieces = read_all(data + 1, size - 1, 1);
	check_same(&whole, &pieces);
	pieces = read_all(data + 1, size - 1, (size_t)data[0] + 2);
	check_same(&whole, &pieces);
	return 0;
}
