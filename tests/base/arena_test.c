/* arena_test - memory up to the bound and not a byte more. */
#include "tests/check.h"

#include <stdalign.h>

#include "runtime/base/arena.h"

static void
test_takes_are_aligned_and_zeroed(void **state)
{
	static alignas(max_align_t) unsigned char space[128];
	struct arena a = { space, sizeof(space), 0 };
	unsigned char *bytes;

	(void)state;
	memset(space, 0xff, sizeof(space));
	assert_ptr_equal(arena_take_bytes(&a, 3), space);
	bytes = arena_take(&a, 5);
	assert_ptr_equal(bytes, space + alignof(max_align_t));
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(bytes[i], 0);
}

static void
test_full_arena_gives_nothing(void **state)
{
	static alignas(max_align_t) unsigned char space[33];
	struct arena a = { space, sizeof(space), 0 };

	(void)state;
	assert_null(arena_take(&a, 34));
	assert_null(arena_take(&a, SIZE_MAX));
	assert_null(arena_take_bytes(&a, SIZE_MAX));
	assert_non_null(arena_take(&a, 32));
	assert_non_null(arena_take_bytes(&a, 1));
	assert_null(arena_take_bytes(&a, 1));
	assert_null(arena_take(&a, 0));
	arena_reset(&a);
	assert_ptr_equal(arena_take(&a, 33), space);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_takes_are_aligned_and_zeroed),
		RUN(test_full_arena_gives_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
