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

/* At every length and alignment. */
static void
test_both_ways_agree(void **state)
{
	uint8_t bytes[96];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + 11);
	for (size_t at = 0; at < 16; at++)
		for (size_t size = 0; size <= sizeof(bytes) - 16; size++)
			assert_int_equal(crc32c(bytes + at, size),
			    crc32c_by_table(bytes + at, size));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_known_sums),
		RUN(test_every_flipped_bit_shows),
		RUN(test_both_ways_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
