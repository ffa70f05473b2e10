/* A table of text keys, against an array that is searched from end to end. */
#include "gateway/lookup.h"

#include <stdio.h>

#include "tests/gateway/check.h"

#define KEYS 300u
#define TABLE_MAX 200u
#define OPERATIONS 100000

struct value {
	char key[12];
	uint32_t number;
};

static const uint64_t secret[2] = { 0x0123456789abcdef, 0xfedcba9876543210 };

static struct {
	bool there;
	uint32_t number;
} model[KEYS];
static uint32_t model_count;

static struct value
value_of(uint32_t k, uint32_t number)
{
	struct value v = { .number = number };

	snprintf(v.key, sizeof(v.key), "key %u", k);
	return v;
}

static void
check_put(struct lookup *t, uint32_t k, uint32_t number)
{
	struct value v = value_of(k, number);
	bool fits = model[k].there || model_count < TABLE_MAX;

	assert_int_equal(lookup_put(t, &v), fits ? ST_OK : ST_FULL);
	if (!fits)
		return;
	model_count += !model[k].there;
	model[k].there = true;
	model[k].number = number;
}

static void
check_remove(struct lookup *t, uint32_t k)
{
	lookup_remove(t, value_of(k, 0).key);
	model_count -= model[k].there;
	model[k].there = false;
}

static void
check_find(const struct lookup *t, uint32_t k)
{
	const struct value *v = lookup_find(t, value_of(k, 0).key);

	assert_int_equal(v != NULL, model[k].there);
	if (v != NULL)
		assert_int_equal(v->number, model[k].number);
}

static void
check_all(const struct lookup *t)
{
	assert_int_equal(lookup_count(t), model_count);
	for (uint32_t k = 0; k < KEYS; k++)
		check_find(t, k);
}

static void
test_is_what_the_model_is(void **state)
{
	struct lookup *t =
	    lookup_create(sizeof(struct value), TABLE_MAX, secret);
	uint32_t random = 1;

	(void)state;
	assert_non_null(t);
	for (uint32_t i = 0; i < OPERATIONS; i++) {
		uint32_t k;

		random = random * 1664525 + 1013904223;
		k = (random >> 8) % KEYS;
		/* It fills up, runs empty, and fills up again. */
		if ((random >> 24) % 8 < (i / 10000 % 2 == 0 ? 5u : 2u))
			check_put(t, k, i);
		else
			check_remove(t, k);
		check_find(t, (k * 7 + i) % KEYS);
		if (i % 1000 == 0)
			check_all(t);
	}
	check_all(t);
	lookup_destroy(t);
}

static void
test_bound_and_one_past_it(void **state)
{
	struct lookup *t =
	    lookup_create(sizeof(struct value), TABLE_MAX, secret);
	struct value v;

	(void)state;
	assert_non_null(t);
	for (uint32_t k = 0; k < TABLE_MAX; k++) {
		v = value_of(k, k);
		assert_int_equal(lookup_put(t, &v), ST_OK);
	}
	v = value_of(TABLE_MAX, 0);
	assert_int_equal(lookup_put(t, &v), ST_FULL);
	v = value_of(0, 42);
	assert_int_equal(lookup_put(t, &v), ST_OK);
	assert_int_equal(
	    ((const struct value *)lookup_find(t, v.key))->number, 42);
	lookup_clear(t);
	assert_int_equal(lookup_count(t), 0);
	assert_null(lookup_find(t, v.key));
	assert_int_equal(lookup_put(t, &v), ST_OK);
	lookup_destroy(t);
	lookup_destroy(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_is_what_the_model_is),
		RUN(test_bound_and_one_past_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
