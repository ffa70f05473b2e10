/* decimal - digits as a number, and nothing else: no sign, no blank. */
#ifndef RUNTIME_BASE_DECIMAL_H
#define RUNTIME_BASE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DECIMAL_DIGITS "0123456789"
#define DECIMAL_PORT_DIGITS 5

/* False: no digit, something else, or more than max.  Zeros may lead. */
static inline bool
decimal_read(const void *text, size_t size, uint64_t max, uint64_t *ret_number)
{
	const uint8_t *at = text;
	uint64_t n = 0;

	if (size == 0)
		return false;
	for (size_t i = 0; i < size; i++) {
		unsigned digit = (unsigned)at[i] - '0';

		if (digit > 9 || digit > max || n > (max - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*ret_number = n;
	return true;
}

/* The whole text. */
static inline bool
decimal_parse(const char *text, uint64_t max, uint64_t *ret_number)
{
	return decimal_read(text, strlen(text), max, ret_number);
}

/* The digits that *at begins with, which moves behind them. */
static inline bool
decimal_take(const char **at, uint64_t max, uint64_t *ret_number)
{
	size_t size = strspn(*at, DECIMAL_DIGITS);
	const char *from = *at;

	*at += size;
	return decimal_read(from, size, max, ret_number);
}

/* One to five digits, a port. */
static inline bool
decimal_port(const void *text, size_t size, uint16_t *ret_port)
{
	uint64_t n;

	if (size > DECIMAL_PORT_DIGITS ||
	    !decimal_read(text, size, UINT16_MAX, &n))
		return false;
	*ret_port = (uint16_t)n;
	return true;
}

#endif
