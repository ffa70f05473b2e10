/* What is sent to the disk of a file that grows, and what is waited for. */
#include "runtime/base/trickle.h"

#include <fcntl.h>
#include <string.h>

#include "tests/check.h"

#define KIB UINT64_C(1024)

static struct {
	int calls;
	int fd;
	uint64_t from, size, sum;
	unsigned how;
} seen;

/* Instead of the library's. */
int
sync_file_range(int fd, off64_t from, off64_t size, unsigned how)
{
	seen.calls++;
	seen.fd = fd;
	seen.from = (uint64_t)from;
	seen.size = (uint64_t)size;
	seen.sum += (uint64_t)size;
	seen.how = how;
	return 0;
}

static int
forget(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	return 0;
}

static void
test_a_piece_is_waited_for_before_the_next(void **state)
{
	struct trickle t = { .fd = 7 };

	(void)state;
	trickle_to(&t, TRICKLE_PIECE - 1);
	assert_int_equal(seen.calls, 0);
	trickle_to(&t, TRICKLE_PIECE + 5);
	assert_int_equal(seen.calls, 1);
	assert_int_equal(seen.fd, 7);
	assert_int_equal(seen.from, 0);
	assert_int_equal(seen.size, TRICKLE_PIECE + 5);
	assert_int_equal(seen.how, SYNC_FILE_RANGE_WAIT_BEFORE |
				       SYNC_FILE_RANGE_WRITE |
				       SYNC_FILE_RANGE_WAIT_AFTER);
	trickle_to(&t, 2 * TRICKLE_PIECE + 5);
	assert_int_equal(seen.from, TRICKLE_PIECE + 5);
	assert_int_equal(seen.size, TRICKLE_PIECE);
}

static void
test_nothing_is_left_out_however_it_grows(void **state)
{
	struct trickle t = { .fd = 7 };

	(void)state;
	for (uint64_t end = 0; end <= 10 * TRICKLE_PIECE; end += 64 * KIB)
		trickle_to(&t, end);
	assert_int_equal(seen.calls, 10);
	assert_int_equal(seen.sum, 10 * TRICKLE_PIECE);
}

static void
test_whoever_is_waited_for_does_not_wait(void **state)
{
	struct trickle t = { .fd = 7, .soon = true };

	(void)state;
	trickle_to(&t, TRICKLE_PIECE_SOON - 1);
	assert_int_equal(seen.calls, 0);
	trickle_to(&t, TRICKLE_PIECE_SOON);
	assert_int_equal(seen.calls, 1);
	assert_int_equal(seen.how, SYNC_FILE_RANGE_WRITE);
}

int
main(void)
{
#define FRESH(test) cmocka_unit_test_setup(test, forget)
	const struct CMUnitTest tests[] = {
		FRESH(test_a_piece_is_waited_for_before_the_next),
		FRESH(test_nothing_is_left_out_however_it_grows),
		FRESH(test_whoever_is_waited_for_does_not_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
