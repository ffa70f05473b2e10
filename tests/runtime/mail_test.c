/* Mails have the room that was asked for, and never more than a frame's. */
#include "runtime/mail.h"

#include <string.h>

#include "protocols/frame.h"
#include "tests/check.h"

static void
test_room_ends_where_frames_end(void **state)
{
	struct mail_pool pool = { 0 };
	struct mail *m = mail_take_new(&pool, FRAME_MAX);

	(void)state;
	assert_non_null(m);
	assert_int_equal(mail_room(m), FRAME_MAX);
	assert_int_equal(m->home, MAIL_HOMELESS);
	mail_free(m);
}

static void
test_growing_keeps_what_is_in_it(void **state)
{
	struct mail_pool pool = { 0 };
	struct mail *m = mail_take_new(&pool, MAIL_ROOM_SMALL);

	(void)state;
	assert_non_null(m);
	assert_true(mail_room(m) >= MAIL_ROOM_SMALL);
	memset(m->at, 'x', mail_room(m));
	m->size = MAIL_ROOM_SMALL;
	m = mail_grow(m, 8 * MAIL_ROOM_SMALL);
	assert_non_null(m);
	assert_int_equal(m->size, MAIL_ROOM_SMALL);
	assert_true(mail_room(m) >= 8 * MAIL_ROOM_SMALL);
	for (size_t i = 0; i < MAIL_ROOM_SMALL; i++)
		assert_int_equal(m->at[i], 'x');
	mail_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_room_ends_where_frames_end),
		cmocka_unit_test(test_growing_keeps_what_is_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
