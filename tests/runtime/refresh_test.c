/* Refresh tokens: what is made is recognised, and nothing else is. */
#include "runtime/refresh.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t key[32] = { 1 };
static const uint8_t other[32] = { 2 };
static const struct uuid session = { { 0xaa, 1, 2, 3 } };

static enum status
verify(const uint8_t *secret, const char *token)
{
	struct uuid id;
	uint64_t generation;

	return refresh_verify(
	    (struct bytes){ secret, 32 }, token, &id, &generation);
}

static void
mint(uint64_t generation, char token[REFRESH_TEXT + 1])
{
	refresh_mint(
	    (struct bytes){ key, sizeof(key) }, &session, generation, token);
}

static void
test_token_says_what_it_was_made_of(void **state)
{
	static const uint64_t numbers[] = { 1, 2, 255, 256, UINT64_MAX };
	char token[REFRESH_TEXT + 1];
	char again[REFRESH_TEXT + 1];
	struct uuid id;
	uint64_t generation;

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		mint(numbers[i], token);
		mint(numbers[i], again);
		assert_string_equal(token, again);
		assert_int_equal(strlen(token), REFRESH_TEXT);
		assert_int_equal(
		    refresh_verify((struct bytes){ key, sizeof(key) }, token,
			&id, &generation),
		    ST_OK);
		assert_memory_equal(&id, &session, sizeof(id));
		assert_true(generation == numbers[i]);
	}
}

static void
test_no_bit_can_be_changed(void **state)
{
	char token[REFRESH_TEXT + 1];

	(void)state;
	mint(7, token);
	for (size_t i = 0; i < REFRESH_TEXT; i++)
		for (int bit = 0; bit < 8; bit++) {
			token[i] = (char)(token[i] ^ 1 << bit);
			assert_int_not_equal(verify(key, token), ST_OK);
			token[i] = (char)(token[i] ^ 1 << bit);
		}
	assert_int_equal(verify(key, token), ST_OK);
	assert_int_equal(verify(other, token), ST_DENIED);
}

static void
test_texts_that_are_none(void **state)
{
	char token[REFRESH_TEXT + 3];

	(void)state;
	mint(7, token);
	assert_int_equal(verify(key, ""), ST_MALFORMED);
	token[REFRESH_TEXT] = '=';
	token[REFRESH_TEXT + 1] = '\0';
	assert_int_equal(verify(key, token), ST_MALFORMED);
	token[REFRESH_TEXT - 1] = '\0';
	assert_int_equal(verify(key, token), ST_MALFORMED);
	memset(token, '+', REFRESH_TEXT);
	token[REFRESH_TEXT] = '\0';
	assert_int_equal(verify(key, token), ST_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_token_says_what_it_was_made_of),
		cmocka_unit_test(test_no_bit_can_be_changed),
		cmocka_unit_test(test_texts_that_are_none),
	};

	return seal_start() == ST_OK ? cmocka_run_group_tests(tests, NULL, NULL)
				     : 1;
}
