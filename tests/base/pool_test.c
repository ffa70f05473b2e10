/* The pool: bound, handles that go stale, records that never move. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "runtime/base/pool.h"

struct record {
	uint64_t number;
	char rest[24];
};

static void
test_bound_and_one_past_it(void **state)
{
	struct pool p;
	struct record *r[POOL_SLAB + 2];

	(void)state;
	pool_init(&p, sizeof(struct record), POOL_SLAB + 1, 0);
	for (int i = 0; i < POOL_SLAB + 1; i++) {
		r[i] = pool_take(&p);
		assert_non_null(r[i]);
	}
	assert_null(pool_take(&p));
	pool_put(&p, r[3]);
	assert_ptr_equal(pool_take(&p), r[3]);
	assert_null(pool_take(&p));
	pool_fini(&p);
}

static void
test_handle_of_a_record_put_back_is_stale(void **state)
{
	struct pool p;
	struct record *r;
	uint64_t old;

	(void)state;
	pool_init(&p, sizeof(struct record), 4, 77);
	r = pool_take(&p);
	old = pool_handle(&p, r);
	assert_ptr_equal(pool_find(&p, old), r);
	pool_put(&p, r);
	assert_null(pool_find(&p, old));
	r = pool_take(&p);
	assert_null(pool_find(&p, old));
	assert_ptr_equal(pool_find(&p, pool_handle(&p, r)), r);
	pool_fini(&p);
}

static void
test_renewed_handle_replaces_the_old_one(void **state)
{
	struct pool p;
	struct record *r;
	uint64_t old, now;

	(void)state;
	pool_init(&p, sizeof(struct record), 4, 12345);
	r = pool_take(&p);
	old = pool_handle(&p, r);
	now = pool_renew(&p, r);
	assert_int_not_equal(old, now);
	assert_null(pool_find(&p, old));
	assert_ptr_equal(pool_find(&p, now), r);
	pool_fini(&p);
}

static void
test_taken_record_is_zeroed(void **state)
{
	struct pool p;
	struct record *r;

	(void)state;
	pool_init(&p, sizeof(struct record), 4, 0);
	r = pool_take(&p);
	r->number = 7;
	pool_put(&p, r);
	r = pool_take(&p);
	assert_int_equal(r->number, 0);
	pool_fini(&p);
}

static void
test_walk_meets_those_in_use(void **state)
{
	struct pool p;
	struct record *r[100];
	uint32_t at = 0;
	uint64_t sum = 0;

	(void)state;
	pool_init(&p, sizeof(struct record), 100, 0);
	for (unsigned i = 0; i < 100; i++) {
		r[i] = pool_take(&p);
		r[i]->number = i;
	}
	for (unsigned i = 0; i < 100; i += 2)
		pool_put(&p, r[i]);
	for (struct record *one; (one = pool_next(&p, &at)) != NULL;)
		sum += one->number;
	assert_int_equal(sum, 2500);
	assert_int_equal(p.used, 50);
	pool_fini(&p);
}

static void
test_made_up_handles_find_nothing(void **state)
{
	struct pool p;

	(void)state;
	pool_init(&p, sizeof(struct record), 4, 8);
	(void)pool_take(&p);
	assert_null(pool_find(&p, 0));
	assert_null(pool_find(&p, UINT64_MAX));
	assert_null(pool_find(&p, UINT64_C(1) << 32 | 1));
	pool_fini(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bound_and_one_past_it),
		cmocka_unit_test(test_handle_of_a_record_put_back_is_stale),
		cmocka_unit_test(test_renewed_handle_replaces_the_old_one),
		cmocka_unit_test(test_taken_record_is_zeroed),
		cmocka_unit_test(test_walk_meets_those_in_use),
		cmocka_unit_test(test_made_up_handles_find_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
