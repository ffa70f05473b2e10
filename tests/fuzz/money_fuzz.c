/*
 * money_fuzz - any bytes as an amount, and any amount as text.
 *
 * What is read is printed and read again as the same; sums and products are
 * compared with the compiler's own, which wraps and says so; rounding is
 * idempotent and never further off than half a step.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime/base/money.h"
#include "tests/fuzz/fuzz.h"

#define MILLION 1000000u
static money_magnitude
magnitude(money m)
{
	return m < 0 ? 0 - (money_magnitude)m : (money_magnitude)m;
}

static void
check_text(money amount)
{
	char text[MONEY_TEXT_SIZE];
	char minus[MONEY_TEXT_SIZE + 1] = "-";
	size_t size = money_text(amount, text);
	money again;

	CHECK(size == strlen(text) && size < MONEY_TEXT_SIZE);
	CHECK(money_parse(text, size, &again) == ST_OK);
	CHECK(again == amount);
	CHECK(text[size - 1] != '.');
	if (strchr(text, '.') != NULL)
		CHECK(text[size - 1] != '0');
	if (amount <= 0)
		return;
	memcpy(minus + 1, text, size + 1);
	CHECK(money_parse(minus, size + 1, &again) == ST_OK);
	CHECK(again == -amount);
}

static void
check_round(money amount)
{
	money_magnitude step = 1;

	for (unsigned digits = MONEY_SCALE + 1; digits-- > 0; step *= 10) {
		money r = money_round(amount, digits);
		money_magnitude a = magnitude(amount), b = magnitude(r);
		money_magnitude off = a > b ? a - b : b - a;

		CHECK(b % step == 0);
		CHECK(money_round(r, digits) == r);
		/* Only where the next step would not fit it is further off. */
		CHECK(off <= step / 2 ||
		      (b < a && off < step &&
			  b + step > (~(money_magnitude)0 >> 1)));
	}
}

static void
check_sum(money a, money b)
{
	money sum = 0, wanted;
	enum status st = money_add(a, b, &sum);

	if (__builtin_add_overflow(a, b, &wanted))
		CHECK(st == ST_FULL);
	else
		CHECK(st == ST_OK && sum == wanted);
}

/* Both sides modulo 2^128: exact where nothing was refused. */
static void
check_product(money price, uint64_t count, money before)
{
	uint64_t rest = count % MILLION;
	uint64_t rest_before = rest;
	money sum = before;

	if (price < 0)
		return;
	if (money_add_millionths(price, count, &sum, &rest) != ST_OK) {
		CHECK(sum == before && rest == rest_before);
		return;
	}
	CHECK(rest < MILLION && sum >= before);
	CHECK((money_magnitude)price * count ==
	      ((money_magnitude)sum - (money_magnitude)before) * MILLION +
		  rest - rest_before);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	money parts[2] = { 0, 0 };
	uint64_t count = 0;
	money amount;

	if (money_parse((const char *)data, size, &amount) == ST_OK) {
		check_text(amount);
		check_round(amount);
	}
	memcpy(parts, data, size < sizeof(parts) ? size : sizeof(parts));
	if (size >= sizeof(parts) + sizeof(count))
		memcpy(&count, data + sizeof(parts), sizeof(count));
	check_text(parts[0]);
	check_round(parts[0]);
	check_sum(parts[0], parts[1]);
	check_product(parts[0], count, parts[1]);
	return 0;
}
