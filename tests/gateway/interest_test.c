/* What a gateway makes of a place in a channel: next, again, or a gap. */
#include "gateway/interest.h"

#include "tests/check.h"

static enum seen
see(uint64_t epoch, uint64_t offset, uint64_t then_epoch, uint64_t then_offset)
{
	struct interest i = { .epoch = epoch, .offset = offset };

	return interest_see(&i, then_epoch, then_offset);
}

static void
test_places_of_one_history_follow_each_other(void **state)
{
	struct interest i = { .epoch = 7, .offset = 3 };

	(void)state;
	assert_int_equal(interest_see(&i, 7, 4), SEEN_NOW);
	assert_int_equal(interest_see(&i, 7, 4), SEEN_BEFORE);
	assert_int_equal(interest_see(&i, 7, 2), SEEN_BEFORE);
	assert_int_equal(interest_see(&i, 7, 6), SEEN_GAP);
	assert_int_equal(interest_see(&i, 7, 7), SEEN_NOW);
}

static void
test_another_history_is_a_gap_unless_there_was_none(void **state)
{
	(void)state;
	assert_int_equal(see(7, 3, 8, 1), SEEN_GAP);
	assert_int_equal(see(7, 3, 8, 4), SEEN_GAP);
	assert_int_equal(see(7, 0, 8, 1), SEEN_NOW);
	assert_int_equal(see(7, 0, 8, 2), SEEN_GAP);
	assert_int_equal(see(0, 0, 8, 5), SEEN_NOW); /* nothing was seen yet */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places_of_one_history_follow_each_other),
		cmocka_unit_test(
		    test_another_history_is_a_gap_unless_there_was_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
