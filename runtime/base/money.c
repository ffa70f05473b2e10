#include "runtime/base/money.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Exponents past this are nonsense, whatever the digits. */
#define MONEY_EXPONENT_MAX 100000
#define MONEY_DIGITS 39 /* of 2^127 */

#define MONEY_MAX ((money)(~(money_magnitude)0 >> 1))
#define MONEY_MIN (-MONEY_MAX - 1)

struct number {
	const char *at;
	const char *end;
	bool negative;
	const char *digits; /* with the point somewhere among them */
	const char *digits_end;
	int64_t point; /* digits before it, after the exponent is applied */
};

static bool
number_digit(const struct number *n)
{
	return n->at < n->end && *n->at >= '0' && *n->at <= '9';
}

static bool
number_eat(struct number *n, char c)
{
	if (n->at == n->end || *n->at != c)
		return false;
	n->at++;
	return true;
}

/* Digits, at least one; how many, or 0. */
static int64_t
number_digits(struct number *n)
{
	const char *start = n->at;

	while (number_digit(n))
		n->at++;
	return n->at - start;
}

static bool
number_exponent(struct number *n)
{
	bool negative = false;
	int64_t e = 0;

	if (!number_eat(n, 'e') && !number_eat(n, 'E'))
		return true;
	if (!number_eat(n, '+'))
		negative = number_eat(n, '-');
	if (!number_digit(n))
		return false;
	for (; number_digit(n); n->at++)
		if (e < MONEY_EXPONENT_MAX)
			e = e * 10 + (*n->at - '0');
	n->point += negative ? -e : e;
	return true;
}

/* The grammar of RFC 8259, section 6. */
static bool
number_scan(struct number *n)
{
	n->negative = number_eat(n, '-');
	n->digits = n->at;
	n->point = number_digits(n);
	if (n->point == 0 || (n->point > 1 && *n->digits == '0'))
		return false;
	if (number_eat(n, '.') && number_digits(n) == 0)
		return false;
	n->digits_end = n->at;
	return number_exponent(n) && n->at == n->end;
}

/* Ten times as much and a digit more; false past any amount. */
static bool
magnitude_push(money_magnitude *m, unsigned digit)
{
	const money_magnitude most = (money_magnitude)MONEY_MAX + 1;

	if (*m > (most - digit) / 10)
		return false;
	*m = *m * 10 + digit;
	return true;
}

/* Walks the digits to the twelfth place after the point, then demands 0. */
static enum status
number_magnitude(const struct number *n, money_magnitude *ret_m)
{
	int64_t places = n->point + MONEY_SCALE;
	money_magnitude m = 0;

	for (const char *c = n->digits; c < n->digits_end; c++) {
		if (*c == '.')
			continue;
		if (places <= 0 && *c != '0')
			return ST_INVALID;
		if (places > 0 && !magnitude_push(&m, (unsigned)(*c - '0')))
			return ST_FULL;
		places--;
	}
	for (; places > 0 && m > 0; places--)
		if (!magnitude_push(&m, 0))
			return ST_FULL;
	*ret_m = m;
	return ST_OK;
}

enum status
money_parse(const char *text, size_t size, money *ret_amount)
{
	struct number n = { .at = text, .end = text + size };
	money_magnitude m;
	enum status st;

	if (!number_scan(&n))
		return ST_MALFORMED;
	st = number_magnitude(&n, &m);
	if (st != ST_OK)
		return st;
	if (!n.negative && m > (money_magnitude)MONEY_MAX)
		return ST_FULL;
	*ret_amount = n.negative ? (money)(0 - m) : (money)m;
	return ST_OK;
}

enum status
money_add(money a, money b, money *ret_sum)
{
	if ((b > 0 && a > MONEY_MAX - b) || (b < 0 && a < MONEY_MIN - b))
		return ST_FULL;
	*ret_sum = a + b;
	return ST_OK;
}

/* What is over half of step, or half of it over an odd whole, goes up. */
static money_magnitude
magnitude_round(money_magnitude m, money_magnitude step)
{
	money_magnitude whole = m / step, over = m % step;

	if (over > step - over || (over == step - over && (whole & 1) != 0))
		whole++;
	return whole * step;
}

money
money_round(money amount, unsigned digits)
{
	money_magnitude m = (money_magnitude)amount, step = 1, up;

	for (; digits < MONEY_SCALE; digits++)
		step *= 10;
	if (amount < 0)
		m = 0 - m;
	up = magnitude_round(m, step);
	if (up > (money_magnitude)MONEY_MAX)
		up = m - m % step;
	return amount < 0 ? (money)(0 - up) : (money)up;
}

#define MILLION 1000000u

enum status
money_add_millionths(money amount, uint64_t count, money *sum, uint64_t *rest)
{
	money whole = amount / MILLION, over = amount % MILLION;
	money more;

	if (count != 0 && whole > MONEY_MAX / (money)count)
		return ST_FULL;
	/* over and count are below 2^20 and 2^64: their product fits. */
	over = over * (money)count + (money)*rest;
	if (money_add(whole * (money)count, over / MILLION, &more) != ST_OK ||
	    money_add(*sum, more, &more) != ST_OK)
		return ST_FULL;
	*sum = more;
	*rest = (uint64_t)(over % MILLION);
	return ST_OK;
}

enum status
money_settle_millionths(money sum, uint64_t rest, money *ret_amount)
{
	bool up = rest > MILLION / 2 || (rest == MILLION / 2 && (sum & 1) != 0);

	return money_add(sum, up, ret_amount);
}

size_t
money_text(money amount, char ret_text[MONEY_TEXT_SIZE])
{
	money_magnitude m = (money_magnitude)amount;
	char digits[MONEY_DIGITS + 1];
	size_t n = 0; /* digits, the lowest first */
	size_t drop = 0;
	char *to = ret_text;

	if (amount < 0)
		m = 0 - m;
	for (; m > 0 || n <= MONEY_SCALE; m /= 10)
		digits[n++] = (char)('0' + (unsigned)(m % 10));
	while (drop < MONEY_SCALE && digits[drop] == '0')
		drop++;
	if (amount < 0)
		*to++ = '-';
	while (n > MONEY_SCALE)
		*to++ = digits[--n];
	if (drop < MONEY_SCALE)
		*to++ = '.';
	while (n > drop)
		*to++ = digits[--n];
	*to = '\0';
	return (size_t)(to - ret_text);
}
