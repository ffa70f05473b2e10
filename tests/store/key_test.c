#include "store/key.h"

#include "tests/store/fixture.h"

static int
key_order(const struct key *a, const struct key *b)
{
	size_t n = a->size < b->size ? a->size : b->size;
	int order = memcmp(a->at, b->at, n);

	return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

static void
test_times_sort_as_instants(void **state)
{
	static const int64_t times[] = { INT64_MIN, -62135596800000000, -5, -1,
		0, 1, 7, 253402300799999999, INT64_MAX };
	struct key last, k;
	struct key_reader r;

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		key_init(&k);
		key_time(&k, times[i]);
		assert_int_equal(k.size, 8);
		assert_true(i == 0 || key_order(&last, &k) < 0);
		key_read(&r, key_bytes(&k));
		assert_true(key_read_time(&r) == times[i]);
		assert_false(r.failed);
		last = k;
	}
}

/* P-50: no text is the beginning of another's keys. */
static void
test_texts_do_not_mix(void **state)
{
	static const char *const texts[] = { "", "a", "a\x01", "a!", "a/", "ab",
		"b" };
	struct key last, k;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		key_init(&k);
		key_text(&k, texts[i]);
		assert_true(i == 0 || !key_begins(key_bytes(&k), &last));
		assert_true(i == 0 || key_order(&last, &k) < 0);
		last = k;
		key_number(&k, UINT64_MAX);
		assert_true(key_begins(key_bytes(&k), &last));
		key_past(&last);
		assert_true(key_order(&k, &last) < 0);
		key_init(&last);
		key_text(&last, texts[i]);
	}
}

static void
test_keys_have_a_bound(void **state)
{
	char text[BACKEND_KEY_MAX + 1];
	struct key k;

	(void)state;
	memset(text, 'x', BACKEND_KEY_MAX);
	text[BACKEND_KEY_MAX] = '\0';
	key_init(&k);
	key_tail(&k, text);
	assert_true(key_is_good(&k));
	assert_int_equal(key_bytes(&k).size, BACKEND_KEY_MAX);
	key_number(&k, 1);
	assert_false(key_is_good(&k));
	assert_int_equal(key_bytes(&k).size, 0);
	key_text(&k, "a"); /* it stays stuck */
	assert_false(key_is_good(&k));

	key_init(&k);
	key_text(&k, text);
	assert_false(key_is_good(&k));
}

static void
test_tail_refuses_nothing_and_nul(void **state)
{
	struct key k;

	(void)state;
	key_init(&k);
	key_tail(&k, "");
	assert_false(key_is_good(&k));
	key_init(&k);
	key_tail_bytes(&k, (struct bytes){ (const uint8_t *)"a\0b", 3 });
	assert_false(key_is_good(&k));
	key_init(&k);
	assert_false(key_is_good(&k));
}

static void
test_short_texts_stay_apart(void **state)
{
	char one[257], two[257];
	struct key a, b;

	(void)state;
	memset(one, 'x', 256);
	one[256] = '\0';
	memcpy(two, one, sizeof(two));
	two[255] = 'y';
	key_init(&a);
	key_short(&a, one);
	key_tail(&a, one);
	key_init(&b);
	key_short(&b, two);
	key_tail(&b, one);
	assert_true(key_is_good(&a) && key_is_good(&b));
	assert_int_equal(a.size, KEY_SHORT_MAX + 1 + 256);
	assert_int_not_equal(key_order(&a, &b), 0);
	one[KEY_SHORT_MAX] = '\0';
	key_init(&a);
	key_short(&a, one);
	key_init(&b);
	key_text(&b, one);
	assert_int_equal(key_order(&a, &b), 0);
}

static void
test_reader_tells_what_was_built(void **state)
{
	struct key_reader r;
	struct key k;

	(void)state;
	key_init(&k);
	key_text(&k, "user");
	key_time(&k, -7);
	key_number(&k, 9);
	key_tail(&k, "id");
	key_read(&r, key_bytes(&k));
	bytes_are(key_read_text(&r), "user");
	assert_int_equal(key_read_time(&r), -7);
	assert_int_equal(key_read_number(&r), 9);
	bytes_are(key_read_tail(&r), "id");
	assert_false(r.failed);
}

static void
test_a_key_may_begin_with_a_number(void **state)
{
	struct key k;

	(void)state;
	key_init(&k);
	key_number(&k, 258);
	key_tail(&k, "more");
	assert_int_equal(key_first_number(key_bytes(&k)), 258);
}

static void
test_reader_sticks_at_a_short_key(void **state)
{
	struct key_reader r;

	(void)state;
	key_read(&r, B("abcdefg"));
	assert_int_equal(key_read_number(&r), 0);
	assert_true(r.failed);
	assert_int_equal(key_first_number(B("abcdefg")), 0);
	assert_int_equal(key_read_tail(&r).size, 0);
	key_read(&r, B("no end"));
	assert_int_equal(key_read_text(&r).size, 0);
	assert_true(r.failed);
	key_read(&r, (struct bytes){ NULL, 0 });
	assert_int_equal(key_read_time(&r), 0);
	assert_true(r.failed);
}

static void
test_past_carries(void **state)
{
	struct key k = { .at = { 1, 0xff, 0xff }, .size = 3 };

	(void)state;
	key_past(&k);
	assert_int_equal(k.size, 1);
	assert_int_equal(k.at[0], 2);
	k = (struct key){ .at = { 0xff }, .size = 1 };
	key_past(&k);
	assert_false(key_is_good(&k));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times_sort_as_instants),
		cmocka_unit_test(test_texts_do_not_mix),
		cmocka_unit_test(test_keys_have_a_bound),
		cmocka_unit_test(test_tail_refuses_nothing_and_nul),
		cmocka_unit_test(test_short_texts_stay_apart),
		cmocka_unit_test(test_reader_tells_what_was_built),
		cmocka_unit_test(test_a_key_may_begin_with_a_number),
		cmocka_unit_test(test_reader_sticks_at_a_short_key),
		cmocka_unit_test(test_past_carries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
