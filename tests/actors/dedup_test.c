/* Windows of ids: integrity EH-01 to EH-10. */
#include "actors/dedup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TTL_US 60000000

static struct dedup *
dedup_create(uint64_t ttl_us, uint64_t window_max)
{
	struct dedup *d = malloc(sizeof(*d));

	assert_int_equal(dedup_init(d, ttl_us, window_max, 1), ST_OK);
	return d;
}

static void
dedup_destroy(struct dedup *d)
{
	dedup_fini(d);
	free(d);
}

static enum status
record(struct dedup *d, struct dedup_window *w, uint32_t n, uint64_t now_us)
{
	struct uuid id = { { 0 } };

	memcpy(id.octets, &n, sizeof(n));
	return dedup_record(d, w, &id, now_us);
}

/* EH-01 */
static void
test_bad_bounds_are_refused_when_it_is_made(void **state)
{
	struct dedup *d = malloc(sizeof(*d));

	(void)state;
	assert_int_equal(dedup_init(d, TTL_US, 0, 1), ST_INVALID);
	assert_int_equal(
	    dedup_init(d, TTL_US, DEDUP_IDS_MAX + 1, 1), ST_INVALID);
	assert_int_equal(dedup_init(d, TTL_US, DEDUP_IDS_MAX, 1), ST_OK);
	dedup_destroy(d);
}

/* EH-04, EH-07 */
static void
test_id_is_forgotten_after_its_time_and_not_later(void **state)
{
	struct dedup *d = dedup_create(TTL_US, 10);
	struct dedup_window w;

	(void)state;
	dedup_window_init(&w);
	assert_int_equal(record(d, &w, 1, 1), ST_OK);
	assert_int_equal(record(d, &w, 1, 1 + TTL_US), ST_EXISTS);
	assert_int_equal(record(d, &w, 1, 2 + TTL_US), ST_OK);
	dedup_destroy(d);
}

/* EH-05 */
static void
test_no_time_limit_is_not_no_window(void **state)
{
	struct dedup *d = dedup_create(0, 2);
	struct dedup_window w;

	(void)state;
	dedup_window_init(&w);
	assert_int_equal(record(d, &w, 1, 1), ST_OK);
	assert_int_equal(record(d, &w, 2, 1), ST_OK);
	assert_int_equal(record(d, &w, 1, UINT64_MAX), ST_EXISTS);
	assert_int_equal(record(d, &w, 3, 1), ST_OK); /* pushes 1 out */
	assert_int_equal(w.count, 2);
	assert_int_equal(record(d, &w, 2, 1), ST_EXISTS);
	assert_int_equal(record(d, &w, 1, 1), ST_OK);
	dedup_destroy(d);
}

/* EH-03 step 4, EH-04 */
static void
test_window_holds_its_bound_and_not_one_more(void **state)
{
	struct dedup *d = dedup_create(TTL_US, 1024);
	struct dedup_window w;

	(void)state;
	dedup_window_init(&w);
	for (uint32_t i = 1; i <= 1024; i++)
		assert_int_equal(record(d, &w, i, i), ST_OK);
	assert_int_equal(record(d, &w, 1, 1024), ST_EXISTS);
	assert_int_equal(record(d, &w, 1025, 1025), ST_OK);
	assert_int_equal(w.count, 1024);
	assert_int_equal(record(d, &w, 2, 1025), ST_EXISTS);
	assert_int_equal(record(d, &w, 1, 1025), ST_OK);
	dedup_destroy(d);
}

/* EH-06, EH-09 */
static void
test_windows_are_apart_and_can_be_forgotten(void **state)
{
	struct dedup *d = dedup_create(TTL_US, 10);
	struct dedup_window a, b;

	(void)state;
	dedup_window_init(&a);
	dedup_window_init(&b);
	assert_int_equal(record(d, &a, 1, 1), ST_OK);
	assert_int_equal(record(d, &b, 1, 1), ST_OK);
	dedup_forget(d, &a);
	assert_int_equal(a.count, 0);
	assert_int_equal(record(d, &a, 1, 1), ST_OK);
	assert_int_equal(record(d, &b, 1, 1), ST_EXISTS);
	dedup_forget(d, &a);
	dedup_forget(d, &b);
	assert_int_equal(d->pool.used, 0);
	dedup_destroy(d);
}

/* EH-10 */
static void
test_unrecorded_id_is_new_again(void **state)
{
	struct dedup *d = dedup_create(TTL_US, 10);
	struct uuid id = { { 9 } };
	struct dedup_window w;

	(void)state;
	dedup_window_init(&w);
	dedup_told(d, &w, &id, 0); /* never seen: nothing */
	assert_int_equal(dedup_record(d, &w, &id, 1), ST_OK);
	dedup_told(d, &w, &id, 0);
	assert_int_equal(dedup_record(d, &w, &id, 1), ST_OK);
	dedup_destroy(d);
}

static void
test_all_windows_together_are_bounded(void **state)
{
	struct dedup *d = dedup_create(0, DEDUP_IDS_MAX);
	struct dedup_window a, b;

	(void)state;
	dedup_window_init(&a);
	dedup_window_init(&b);
	for (uint32_t i = 0; i < DEDUP_IDS_MAX; i++)
		assert_int_equal(record(d, &a, i, 1), ST_OK);
	assert_int_equal(d->pushed_out, 0);
	assert_int_equal(record(d, &b, 1, 1), ST_OK);
	assert_int_equal(d->pushed_out, 1);
	assert_int_equal(a.count, DEDUP_IDS_MAX - 1);
	assert_int_equal(record(d, &a, 1, 1), ST_EXISTS);
	dedup_destroy(d);
}

#define RUN(test) cmocka_unit_test(test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_bad_bounds_are_refused_when_it_is_made),
		RUN(test_id_is_forgotten_after_its_time_and_not_later),
		RUN(test_no_time_limit_is_not_no_window),
		RUN(test_window_holds_its_bound_and_not_one_more),
		RUN(test_windows_are_apart_and_can_be_forgotten),
		RUN(test_unrecorded_id_is_new_again),
		RUN(test_all_windows_together_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
