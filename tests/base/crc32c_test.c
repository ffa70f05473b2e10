/* crc32c_test - the vectors of RFC 3720, appendix B.4. */
#include "tests/check.h"

#include <string.h>

#include "runtime/base/crc32c.h"

static void
test_known_sums(void **state)
{
	uint8_t bytes[32];

	(void)state;
	assert_int_equal(crc32c("", 0), 0);
	assert_int_equal(crc32c("123456789", 9), 0xe3069283);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(crc32c(bytes, sizeof(bytes)), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(crc32c(bytes, sizeof(bytes)), 0x62a8ab43);
	for (uint8_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i;
	assert_int_equal(crc32c(bytes, sizeof(bytes)), 0x46dd794e);
	for (uint8_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(31 - i);
	assert_int_equal(crc32c(bytes, sizeof(bytes)), 0x113fdb5c);
}

static void
test_every_flipped_bit_shows(void **state)
{
	uint8_t bytes[61];
	uint32_t sum;

	(void)state;
	memset(bytes, 0x5a, sizeof(bytes));
	sum = crc32c(bytes, sizeof(bytes));
	for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(crc32c(bytes, sizeof(bytes)), sum);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void
test_table_and_instruction_agree(void **state)
{
	uint8_t bytes[300];
	uint32_t seed = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		seed = seed * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(seed >> 24);
	}
	assert_int_equal(crc32c_by_table("123456789", 9), 0xe3069283);
	for (size_t from = 0; from < 9; from++)
		for (size_t size = 0; from + size <= sizeof(bytes); size++)
			assert_int_equal(crc32c(bytes + from, size),
			    crc32c_by_table(bytes + from, size));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_known_sums),
		RUN(test_every_flipped_bit_shows),
		RUN(test_table_and_instruction_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
