/* How frames stand in a batch, and what a liar may make of one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "runtime/link_flow.h"

#define SIZE 100
#define REST (SIZE - LINK_SHARED_BYTES)
#define SHORT 10
#define BATCH_MAX 1024

static struct link_flow flow;

static int
flow_setup(void **state)
{
	const struct link_head all = { .credit = { UINT32_MAX, UINT32_MAX } };

	(void)state;
	link_flow_init(&flow);
	return link_flow_ack(&flow, &all, 0) != ST_OK;
}

static int
flow_teardown(void **state)
{
	(void)state;
	link_flow_fini(&flow);
	return 0;
}

/* A frame with that head, the rest of which is other bytes each time. */
static void
fill(uint8_t ret[SIZE], uint8_t head, uint8_t rest)
{
	memset(ret, head, LINK_SHARED_BYTES);
	memset(ret + LINK_SHARED_BYTES, rest, REST);
}

static void
push(uint8_t head, uint8_t rest, uint32_t size)
{
	uint8_t frame[SIZE];

	fill(frame, head, rest);
	assert_int_equal(
	    link_flow_push(&flow, LINK_NORMAL, frame, size), ST_OK);
}

static void
expect(struct link_reader *r, uint8_t head, uint8_t rest, uint32_t size)
{
	uint8_t want[SIZE];
	struct link_frame f;
	uint32_t first = size < LINK_SHARED_BYTES ? size : LINK_SHARED_BYTES;

	fill(want, head, rest);
	link_wire_next(r, &f);
	assert_int_equal(f.head.size, first);
	assert_int_equal(f.rest.size, size - first);
	assert_memory_equal(f.head.at, want, first);
	assert_memory_equal(f.rest.at, want + first, size - first);
}

static void
test_frames_with_the_same_head_leave_it_out(void **state)
{
	const uint32_t whole = LINK_LENGTH_SIZE + SIZE;
	const uint32_t rest = LINK_LENGTH_SIZE + REST;
	struct link_reader r;
	struct link_batch *b;

	(void)state;
	push(1, 1, SIZE);
	push(1, 2, SIZE);
	push(1, 0, LINK_SHARED_BYTES);
	push(2, 3, SIZE);
	push(1, 4, SIZE);
	push(1, 0, SHORT); /* nobody can share with it */
	push(1, 5, SIZE);
	push(1, 6, SIZE);
	link_flow_close_open(&flow);
	b = link_flow_next(&flow);
	assert_int_equal(
	    b->used, 4 * whole + 2 * rest + 2 * LINK_LENGTH_SIZE + SHORT);
	assert_int_equal(
	    b->bytes[LINK_NORMAL], 6 * SIZE + LINK_SHARED_BYTES + SHORT);
	assert_int_equal(
	    link_wire_batch((struct bytes){ b->data, b->used }, 8), ST_OK);
	r = (struct link_reader){ .at = b->data };
	expect(&r, 1, 1, SIZE);
	expect(&r, 1, 2, SIZE);
	expect(&r, 1, 0, LINK_SHARED_BYTES);
	expect(&r, 2, 3, SIZE);
	expect(&r, 1, 4, SIZE);
	expect(&r, 1, 0, SHORT);
	expect(&r, 1, 5, SIZE);
	expect(&r, 1, 6, SIZE);
	assert_ptr_equal(r.at, b->data + b->used);
}

/* One byte of the head is enough, wherever it is. */
static void
test_every_byte_of_a_head_counts(void **state)
{
	uint8_t frame[SIZE];
	struct link_reader r;
	struct link_frame f;
	struct link_batch *b;

	(void)state;
	fill(frame, 0, 0);
	for (size_t i = 0; i <= LINK_SHARED_BYTES; i++) {
		assert_int_equal(
		    link_flow_push(&flow, LINK_NORMAL, frame, SIZE), ST_OK);
		if (i < LINK_SHARED_BYTES)
			frame[i] = 1;
	}
	link_flow_close_open(&flow);
	b = link_flow_next(&flow);
	r = (struct link_reader){ .at = b->data };
	for (size_t i = 0; i <= LINK_SHARED_BYTES; i++) {
		link_wire_next(&r, &f);
		assert_false(f.again);
		for (size_t j = 0; j < LINK_SHARED_BYTES; j++)
			assert_int_equal(f.head.at[j], j < i);
	}
}

/* --- what a liar sends --- */

static enum status
judge(const uint32_t *lengths, uint32_t frames, size_t size)
{
	static uint8_t bytes[BATCH_MAX];
	size_t at = 0;

	for (uint32_t i = 0; i < frames; i++) {
		link_wire_put_length(bytes + at, lengths[i]);
		at += LINK_LENGTH_SIZE;
		if (at + (lengths[i] & 0xff) < BATCH_MAX - LINK_LENGTH_SIZE)
			at += lengths[i] & 0xff;
	}
	return link_wire_batch(
	    (struct bytes){ bytes, size == 0 ? at : size }, frames);
}

static void
test_nothing_is_shared_with_what_is_not_there(void **state)
{
	const uint32_t first[] = { LINK_AGAIN | REST };
	const uint32_t behind[] = { SIZE, LINK_AGAIN | REST, LINK_AGAIN };
	const uint32_t shorter[] = { SIZE, LINK_SHARED_BYTES - 1,
		LINK_AGAIN | REST };
	const uint32_t exact[] = { LINK_SHARED_BYTES, LINK_AGAIN | REST };

	(void)state;
	assert_int_equal(judge(first, 1, 0), ST_MALFORMED);
	assert_int_equal(judge(behind, 3, 0), ST_OK);
	assert_int_equal(judge(behind, 3, 150), ST_MALFORMED);
	assert_int_equal(judge(shorter, 3, 0), ST_MALFORMED);
	assert_int_equal(judge(exact, 2, 0), ST_OK);
}

/* The size of a frame is bounded with what it shares. */
static void
test_a_shared_head_counts_towards_the_bound(void **state)
{
	static uint8_t bytes[LINK_MESSAGE_MAX + SIZE];
	const uint32_t most = LINK_FRAME_MAX - LINK_SHARED_BYTES;
	uint8_t *second = bytes + LINK_LENGTH_SIZE + SIZE;
	struct bytes batch = { bytes, 2 * LINK_LENGTH_SIZE + SIZE + most };

	(void)state;
	link_wire_put_length(bytes, SIZE);
	link_wire_put_length(second, LINK_AGAIN | most);
	assert_int_equal(link_wire_batch(batch, 2), ST_OK);
	link_wire_put_length(second, LINK_AGAIN | (most + 1));
	batch.size++;
	assert_int_equal(link_wire_batch(batch, 2), ST_MALFORMED);
}

static void
test_no_other_bit_stands_in_a_size(void **state)
{
	(void)state;
	for (int bit = 21; bit < 31; bit++) {
		const uint32_t whole[] = { SIZE | UINT32_C(1) << bit };
		const uint32_t again[] = { SIZE,
			LINK_AGAIN | REST | UINT32_C(1) << bit };

		assert_int_equal(judge(whole, 1, 0), ST_MALFORMED);
		assert_int_equal(judge(again, 2, 0), ST_MALFORMED);
	}
}

#define RUN(test) \
	cmocka_unit_test_setup_teardown(test, flow_setup, flow_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_frames_with_the_same_head_leave_it_out),
		RUN(test_every_byte_of_a_head_counts),
		RUN(test_nothing_is_shared_with_what_is_not_there),
		RUN(test_a_shared_head_counts_towards_the_bound),
		RUN(test_no_other_bit_stands_in_a_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
