/* websocket_test - every run of frames, whole and in pieces of every size. */
#include "gateway/websocket_reader.h"

#include <stdio.h>

#include "tests/gateway/check.h"

#define KEEP_MAX 128
#define REFUSE_MAX 256
#define STORY_SIZE 1024
#define PIECES_MAX 20

struct frames {
	const char *name;
	const char *outcome;
	const char *at;
	size_t size;
};

static const struct frames all[] = {
#define FRAMES(name, outcome, at) { name, outcome, at, sizeof(at) - 1 },
#include "tests/gateway/websocket_corpus.def"
#undef FRAMES
};

#define CASES_LEAST 100

static void
tell(char story[STORY_SIZE], const char *kind, struct bytes b)
{
	size_t used = strlen(story);

	snprintf(story + used, STORY_SIZE - used, "%s(%.*s)", kind, (int)b.size,
	    b.size == 0 ? "" : (const char *)b.at);
}

static void
tell_number(char story[STORY_SIZE], const char *before, size_t number,
    const char *after)
{
	size_t used = strlen(story);

	snprintf(
	    story + used, STORY_SIZE - used, "%s%zu%s", before, number, after);
}

static void
tell_event(char story[STORY_SIZE], const struct websocket_event *e)
{
	bool is_text = e->opcode == WEBSOCKET_TEXT;

	if (e->oversized) {
		assert_int_equal(e->payload.size, 0);
		tell(story, "X", text(is_text ? "T" : "B"));
	} else if (e->opcode == WEBSOCKET_BINARY) {
		tell_number(story, "B(", e->payload.size, ")");
	} else if (e->opcode != WEBSOCKET_CLOSE) {
		tell(story,
		    is_text                       ? "T"
		    : e->opcode == WEBSOCKET_PING ? "P"
						  : "O",
		    e->payload);
	} else if (e->payload.size == 0) {
		tell_number(story, "C(", e->code, ")");
	} else {
		tell_number(story, "C(", e->code, "");
		tell(story, " ", e->payload);
	}
}

/* All of a piece; false when the reader ended. */
static bool
read_piece(struct websocket_reader *r, uint8_t *at, size_t size,
    char story[STORY_SIZE])
{
	static uint8_t buffer[KEEP_MAX + WEBSOCKET_CONTROL_MAX];
	struct websocket_event e;
	size_t used;

	for (;;) {
		enum websocket_step step =
		    websocket_reader_feed(r, at, size, &used, &e);

		assert_true(used <= size);
		at += used;
		size -= used;
		if (step == WEBSOCKET_MORE) {
			assert_int_equal(size, 0);
			return true;
		}
		if (step == WEBSOCKET_WANTS_BUFFER) {
			assert_int_equal(
			    websocket_reader_wants(r), sizeof(buffer));
			websocket_reader_lend(r, buffer);
		} else if (step == WEBSOCKET_EVENT) {
			tell_event(story, &e);
		} else if (step == WEBSOCKET_REFUSED) {
			assert_non_null(e.reason);
			tell_number(story, "", e.code, "");
			return false;
		} else {
			return false;
		}
	}
}

static void
read_all(const struct frames *f, size_t step, char story[STORY_SIZE])
{
	struct websocket_reader r;
	bool goes_on = true;

	story[0] = '\0';
	websocket_reader_init(&r, WEBSOCKET_SERVER, KEEP_MAX, REFUSE_MAX);
	for (size_t at = 0; goes_on && at < f->size; at += step) {
		size_t n = f->size - at < step ? f->size - at : step;
		uint8_t *piece = malloc(n);

		assert_non_null(piece);
		memcpy(piece, f->at + at, n);
		goes_on = read_piece(&r, piece, n, story);
		free(piece);
	}
}

static void
test_corpus_in_pieces_of_every_size(void **state)
{
	char story[STORY_SIZE];
	int wrong = 0;

	(void)state;
	assert_true(COUNT(all) >= CASES_LEAST);
	for (size_t i = 0; i < COUNT(all); i++)
		for (size_t step = 1; step <= PIECES_MAX + 1; step++) {
			read_all(&all[i],
			    step > PIECES_MAX ? all[i].size : step, story);
			if (strcmp(story, all[i].outcome) == 0)
				continue;
			wrong++;
			print_error(
			    "%s, by %zu: %s\n", all[i].name, step, story);
		}
	assert_int_equal(wrong, 0);
}

static void
test_masks_of_every_place_undo_themselves(void **state)
{
	const uint8_t mask[4] = { 1, 2, 4, 8 };
	uint8_t bytes[40], masked[40];

	(void)state;
	for (size_t size = 0; size <= sizeof(bytes); size++)
		for (uint8_t at = 0; at < 4; at++) {
			for (size_t i = 0; i < size; i++) {
				bytes[i] = (uint8_t)(i * 37);
				masked[i] = bytes[i] ^ mask[(i + at) % 4];
			}
			websocket_mask(masked, size, mask, at);
			assert_memory_equal(bytes, masked, size);
		}
}

static void
test_a_mask_goes_on_across_pieces(void **state)
{
	static const uint8_t mask[4] = { 0x11, 0x22, 0x44, 0x88 };
	struct frames f = { "masked", "T(Hello, wide world!)P(now)", NULL, 0 };
	uint8_t bytes[64];
	char story[STORY_SIZE];
	size_t first, second;

	(void)state;
	assert_int_equal(
	    websocket_masked_write(bytes, sizeof(bytes), WEBSOCKET_TEXT, true,
		mask, text("Hello, wide world!"), &first),
	    ST_OK);
	assert_int_equal(
	    websocket_masked_write(bytes + first, sizeof(bytes) - first,
		WEBSOCKET_PING, true, mask, text("now"), &second),
	    ST_OK);
	f.at = (const char *)bytes;
	f.size = first + second;
	for (size_t step = 1; step <= f.size; step++) {
		read_all(&f, step, story);
		assert_string_equal(story, f.outcome);
	}
}

/* Sizes around each way to write a length. */
static const size_t sizes[] = { 0, 1, 125, 126, 127, 65535, 65536, 70000 };

static void
test_what_is_written_is_read(void **state)
{
	static uint8_t payload[70000], out[70100], kept[70200];
	const uint8_t mask[4] = { 0xde, 0xad, 0xbe, 0xef };
	struct websocket_reader r;
	struct websocket_event e;
	size_t size, used;

	(void)state;
	memset(payload, 'x', sizeof(payload));
	for (size_t i = 0; i < COUNT(sizes) * 2; i++) {
		bool masked = i % 2 == 0;
		struct bytes b = { payload, sizes[i / 2] };
		enum status st = masked
				     ? websocket_masked_write(out, sizeof(out),
					   WEBSOCKET_TEXT, true, mask, b, &size)
				     : websocket_frame_write(out, sizeof(out),
					   WEBSOCKET_TEXT, b, &size);

		assert_int_equal(st, ST_OK);
		websocket_reader_init(&r,
		    masked ? WEBSOCKET_SERVER : WEBSOCKET_CLIENT, 70000, 70000);
		websocket_reader_lend(&r, kept);
		assert_int_equal(
		    websocket_reader_feed(&r, out, size, &used, &e),
		    WEBSOCKET_EVENT);
		assert_int_equal(used, size);
		assert_int_equal(e.payload.size, b.size);
		if (b.size > 0)
			assert_memory_equal(e.payload.at, payload, b.size);
		assert_true(websocket_reader_idle(&r));
		assert_ptr_equal(websocket_reader_take_back(&r), kept);
	}
}

static void
test_a_client_refuses_masked_frames(void **state)
{
	uint8_t frame[] = { 0x81, 0x81, 0, 0, 0, 0, 'a' };
	struct websocket_reader r;
	struct websocket_event e;
	size_t used;

	(void)state;
	websocket_reader_init(&r, WEBSOCKET_CLIENT, 10, 10);
	assert_int_equal(
	    websocket_reader_feed(&r, frame, sizeof(frame), &used, &e),
	    WEBSOCKET_REFUSED);
	assert_int_equal(e.code, WEBSOCKET_PROTOCOL);
}

static void
test_whole_messages_need_no_buffer(void **state)
{
	uint8_t bytes[] = { 0x81, 0x82, 1, 0, 0, 0, 'a' ^ 1, 'b', 0x89, 0x81, 0,
		0, 0, 0, 'p', 0x81, 0x82, 0, 0, 0, 0, 'c' };
	struct websocket_reader r;
	struct websocket_event e;
	size_t used, first;

	(void)state;
	websocket_reader_init(&r, WEBSOCKET_SERVER, 10, 10);
	assert_int_equal(
	    websocket_reader_feed(&r, bytes, sizeof(bytes), &first, &e),
	    WEBSOCKET_EVENT);
	assert_ptr_equal(e.payload.at, bytes + 6);
	assert_true(is(e.payload, "ab"));
	assert_int_equal(websocket_reader_feed(&r, bytes + first,
			     sizeof(bytes) - first, &used, &e),
	    WEBSOCKET_EVENT);
	assert_int_equal(e.opcode, WEBSOCKET_PING);
	assert_true(websocket_reader_idle(&r));
	first += used;
	assert_int_equal(websocket_reader_feed(&r, bytes + first,
			     sizeof(bytes) - first, &used, &e),
	    WEBSOCKET_WANTS_BUFFER);
	assert_false(websocket_reader_idle(&r));
}

static void
test_close_frames_are_written_within_bounds(void **state)
{
	char reason[WEBSOCKET_REASON_MAX + 2] = { 0 };
	uint8_t out[256];
	size_t size;

	(void)state;
	memset(reason, 'r', WEBSOCKET_REASON_MAX);
	assert_int_equal(
	    websocket_close_write(out, sizeof(out), 4001, reason, &size),
	    ST_OK);
	assert_int_equal(size, 2 + WEBSOCKET_CONTROL_MAX);
	assert_int_equal(out[2] << 8 | out[3], 4001);
	reason[WEBSOCKET_REASON_MAX] = 'r';
	assert_int_equal(
	    websocket_close_write(out, sizeof(out), 4001, reason, &size),
	    ST_FULL);
	assert_int_equal(
	    websocket_close_write(out, sizeof(out), 1006, "", &size),
	    ST_INVALID);
	assert_int_equal(websocket_close_write(
			     out, sizeof(out), WEBSOCKET_NO_CODE, "", &size),
	    ST_OK);
	assert_memory_equal(out, "\x88\x00", 2);
	assert_int_equal(
	    websocket_close_write(out, 3, 1000, "", &size), ST_FULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_corpus_in_pieces_of_every_size),
		RUN(test_masks_of_every_place_undo_themselves),
		RUN(test_a_mask_goes_on_across_pieces),
		RUN(test_what_is_written_is_read),
		RUN(test_a_client_refuses_masked_frames),
		RUN(test_whole_messages_need_no_buffer),
		RUN(test_close_frames_are_written_within_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
