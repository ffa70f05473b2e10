/*
 * money - an exact signed amount of 10^-12 units of a currency, 128 bits.
 *
 * Never a double: what a client writes as 0.1 is stored as 100000000000.
 * Adding past the range is a FULL, never a wrap.
 */
#ifndef RUNTIME_BASE_MONEY_H
#define RUNTIME_BASE_MONEY_H

#include <stdint.h>

#include "runtime/base/status.h"

#define MONEY_SCALE 12
/* Sign, 27 digits before the point, the point, 12 after, NUL. */
#define MONEY_TEXT_SIZE 56

__extension__ typedef __int128 money;
__extension__ typedef unsigned __int128 money_magnitude;

MUST_CHECK enum status money_add(money a, money b, money *ret_sum);

/* Half to even, at so many digits after the point, 0 to MONEY_SCALE. */
money money_round(money amount, unsigned digits);

/*
 * amount * count / 10^6, not rounded: adds the whole units of 10^-12 to *sum
 * and the millionths of one to *rest.  FULL past the range.  Neither amount
 * nor count is negative.
 */
MUST_CHECK enum status money_add_millionths(
    money amount, uint64_t count, money *sum, uint64_t *rest);
/* Rounds once, half to even: what the two make together. */
MUST_CHECK enum status money_settle_millionths(
    money sum, uint64_t rest, money *ret_amount);

/*
 * Decimal text, as JSON writes numbers, exponent allowed: MALFORMED if it is
 * no number, FULL if it does not fit, INVALID if it has digits below 10^-12.
 */
MUST_CHECK enum status money_parse(
    const char *text, size_t size, money *ret_amount);

/* The shortest exact decimal; returns its length without the NUL. */
size_t money_text(money amount, char ret_text[MONEY_TEXT_SIZE]);

#endif
