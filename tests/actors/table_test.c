/* The ordered table: found, in order, bounded, against a plain array. */
#include "actors/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ROWS_MAX 512
#define KEYS 1024 /* twice the rows, so that the bound is met */
#define ROUNDS 200000

struct thing {
	struct table_row row;
	uint64_t value;
};

/* The nth key; its order is that of n. */
static struct uuid
key_of(uint32_t n)
{
	struct uuid id = { { 0 } };

	id.octets[0] = (uint8_t)(n >> 8);
	id.octets[15] = (uint8_t)n;
	return id;
}

static void
put(struct table *t, uint32_t n)
{
	struct uuid id = key_of(n);
	struct thing *thing = table_put(t, &id);

	assert_non_null(thing);
	thing->value = n;
}

/* Every row, in order, by table_after. */
static void
expect_rows(const struct table *t, const bool present[KEYS])
{
	const struct thing *at = table_after(t, NULL);
	uint32_t count = 0;

	for (uint32_t n = 0; n < KEYS; n++) {
		struct uuid id = key_of(n);

		if (!present[n]) {
			assert_null(table_find(t, &id));
			continue;
		}
		assert_ptr_equal(table_find(t, &id), at);
		assert_int_equal(at->value, n);
		at = table_after(t, &at->row.id);
		count++;
	}
	assert_null(at);
	assert_int_equal(t->count, count);
}

static void
test_put_is_found_and_drop_is_not(void **state)
{
	struct uuid id = key_of(3);
	struct table t;

	(void)state;
	assert_int_equal(
	    table_init(&t, sizeof(struct thing), ROWS_MAX, 1), ST_OK);
	assert_null(table_find(&t, &id));
	assert_null(table_after(&t, NULL));
	assert_false(table_drop(&t, &id));
	put(&t, 3);
	assert_non_null(table_find(&t, &id));
	assert_ptr_equal(table_put(&t, &id), table_find(&t, &id));
	assert_int_equal(t.count, 1);
	assert_true(table_drop(&t, &id));
	assert_false(table_drop(&t, &id));
	assert_int_equal(t.count, 0);
	table_fini(&t);
}

static void
test_bound_is_met_and_a_drop_makes_room(void **state)
{
	struct uuid first = key_of(0);
	struct uuid one_more = key_of(ROWS_MAX);
	struct table t;

	(void)state;
	assert_int_equal(
	    table_init(&t, sizeof(struct thing), ROWS_MAX, 1), ST_OK);
	for (uint32_t n = 0; n < ROWS_MAX; n++)
		put(&t, n);
	assert_null(table_put(&t, &one_more));
	assert_non_null(table_put(&t, &first));
	assert_true(table_drop(&t, &first));
	assert_int_equal(((struct thing *)table_put(&t, &one_more))->value, 0);
	table_fini(&t);
}

/* xorshift64 (G. Marsaglia). */
static uint64_t
next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void
test_random_puts_and_drops_agree_with_an_array(void **state)
{
	bool present[KEYS] = { false };
	uint64_t seed = 88172645463325252u;
	struct table t;

	(void)state;
	assert_int_equal(
	    table_init(&t, sizeof(struct thing), ROWS_MAX, 7), ST_OK);
	for (int i = 0; i < ROUNDS; i++) {
		uint32_t n = (uint32_t)(next_random(&seed) % KEYS);
		struct uuid id = key_of(n);

		if (next_random(&seed) % 2 == 0)
			assert_int_equal(table_drop(&t, &id), present[n]);
		else if (present[n] || t.count < ROWS_MAX)
			put(&t, n);
		else
			assert_null(table_put(&t, &id));
		present[n] = table_find(&t, &id) != NULL;
		if (i % 10000 == 0)
			expect_rows(&t, present);
	}
	expect_rows(&t, present);
	table_fini(&t);
}

static uint32_t
depth_of(const struct table *t, uint32_t link)
{
	const struct thing *rows = (const struct thing *)(void *)t->rows;
	uint32_t left, right;

	if (link == 0)
		return 0;
	left = depth_of(t, rows[link - 1].row.left);
	right = depth_of(t, rows[link - 1].row.right);
	return 1 + (left > right ? left : right);
}

/* Ids in order are the worst a plain tree can meet. */
static void
test_ids_in_order_do_not_make_it_deep(void **state)
{
	struct table t;

	(void)state;
	assert_int_equal(
	    table_init(&t, sizeof(struct thing), ROWS_MAX, 3), ST_OK);
	for (uint32_t n = 0; n < ROWS_MAX; n++)
		put(&t, n);
	assert_true(depth_of(&t, t.root) < 40);
	table_fini(&t);
}

static void
test_fini_of_what_never_was_is_fine(void **state)
{
	struct table t = { 0 };

	(void)state;
	table_fini(&t);
	table_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_is_found_and_drop_is_not),
		cmocka_unit_test(test_bound_is_met_and_a_drop_makes_room),
		cmocka_unit_test(
		    test_random_puts_and_drops_agree_with_an_array),
		cmocka_unit_test(test_ids_in_order_do_not_make_it_deep),
		cmocka_unit_test(test_fini_of_what_never_was_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
