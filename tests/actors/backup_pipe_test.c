/* Bytes come out as they went in, in order; either end may give up. */
#include "actors/backup_pipe.h"

#include <pthread.h>
#include <string.h>

#include "tests/check.h"

#define MUCH (3 * BACKUP_PIPE_SLOTS * BACKUP_PIPE_PIECE + 12345)

static uint8_t
byte_at(size_t i)
{
	return (uint8_t)(i * 2654435761u >> 13);
}

/* In pieces of every size. */
static void *
write_much(void *arg)
{
	static uint8_t piece[200000];
	struct backup_pipe *p = arg;
	size_t done = 0, size = 1;

	while (done < MUCH) {
		size = size * 7 % 199999 + 1;
		if (size > MUCH - done)
			size = MUCH - done;
		for (size_t i = 0; i < size; i++)
			piece[i] = byte_at(done + i);
		if (backup_pipe_write(p, piece, size) != ST_OK)
			break;
		done += size;
	}
	backup_pipe_end(p, ST_OK);
	return NULL;
}

static void
test_all_of_it_in_order(void **state)
{
	struct backup_pipe *p = backup_pipe_create();
	struct bytes b;
	pthread_t writer;
	size_t done = 0;

	(void)state;
	assert_int_equal(pthread_create(&writer, NULL, write_much, p), 0);
	do {
		assert_int_equal(backup_pipe_read(p, &b), ST_OK);
		for (size_t i = 0; i < b.size; i++)
			if (b.at[i] != byte_at(done + i))
				fail_msg("byte %zu", done + i);
		done += b.size;
	} while (b.size > 0);
	assert_int_equal(done, MUCH);
	pthread_join(writer, NULL);
	backup_pipe_destroy(p);
}

/* A writer that waits for room is let go. */
static void
test_a_reader_that_stops_lets_the_writer_go(void **state)
{
	struct backup_pipe *p = backup_pipe_create();
	struct bytes b;
	pthread_t writer;

	(void)state;
	assert_int_equal(pthread_create(&writer, NULL, write_much, p), 0);
	assert_int_equal(backup_pipe_read(p, &b), ST_OK);
	assert_true(b.size > 0);
	backup_pipe_stop(p);
	pthread_join(writer, NULL);
	backup_pipe_destroy(p);
}

static void
test_a_failure_is_heard_at_the_end(void **state)
{
	struct backup_pipe *p = backup_pipe_create();
	struct bytes b;

	(void)state;
	assert_int_equal(backup_pipe_write(p, "last", 4), ST_OK);
	backup_pipe_end(p, ST_CORRUPT);
	assert_int_equal(backup_pipe_read(p, &b), ST_OK);
	assert_int_equal(b.size, 4);
	assert_memory_equal(b.at, "last", 4);
	assert_int_equal(backup_pipe_read(p, &b), ST_CORRUPT);
	assert_int_equal(backup_pipe_read(p, &b), ST_CORRUPT);
	backup_pipe_destroy(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_of_it_in_order),
		cmocka_unit_test(test_a_reader_that_stops_lets_the_writer_go),
		cmocka_unit_test(test_a_failure_is_heard_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
