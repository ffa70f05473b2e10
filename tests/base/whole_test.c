#include "runtime/base/whole.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "tests/check.h"

#define MUCH (1u << 20) /* more than a pipe holds at once */

static uint8_t sent[MUCH], got[MUCH + 1];

static void *
write_much(void *fd)
{
	static enum status st;

	st = whole_write(*(int *)fd, sent, MUCH);
	close(*(int *)fd);
	return &st;
}

static void
test_all_of_it_goes_through_a_narrow_pipe(void **state)
{
	pthread_t writer;
	size_t size = 0;
	void *st;
	int ends[2];

	(void)state;
	for (size_t i = 0; i < MUCH; i++)
		sent[i] = (uint8_t)(i * 7);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(
	    pthread_create(&writer, NULL, write_much, &ends[1]), 0);
	assert_int_equal(whole_read(ends[0], got, 10, &size), ST_OK);
	assert_int_equal(size, 10);
	assert_int_equal(whole_read(ends[0], got + 10, MUCH, &size), ST_OK);
	assert_int_equal(size, MUCH - 10); /* short at the end */
	assert_memory_equal(sent, got, MUCH);
	assert_int_equal(whole_read(ends[0], got, 1, &size), ST_OK);
	assert_int_equal(size, 0);
	pthread_join(writer, &st);
	assert_int_equal(*(enum status *)st, ST_OK);
	close(ends[0]);
}

static void
test_why_not_is_in_errno(void **state)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	size_t size = 7;

	(void)state;
	assert_true(full >= 0);
	assert_int_equal(whole_write(full, "x", 1), ST_IO);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(whole_write(full, "", 0), ST_OK);
	assert_int_equal(whole_read(full, got, 1, &size), ST_IO);
	assert_int_equal(errno, EBADF);
	assert_int_equal(size, 7);
	close(full);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_of_it_goes_through_a_narrow_pipe),
		cmocka_unit_test(test_why_not_is_in_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
