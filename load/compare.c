#include "load/compare.h"

#include <math.h>
#include <stdlib.h>

#define COMPARE_PAIRS_MAX (COMPARE_MAX * COMPARE_MAX)

static int
by_value(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return (a > b) - (a < b);
}

/*
 * ret_below[u]: how likely at most u of the na * nb pairs have the greater
 * value in b, when the sets do not differ.  By counting: of na + nb values in
 * order the greatest is either in b, and beats all of a, or in a.
 */
static bool
compare_distribution(size_t na, size_t nb, double *ret_below)
{
	size_t pairs = na * nb;
	/* ways[j][u]: of the i values of a so far and j of b. */
	double *ways = calloc((nb + 1) * (pairs + 1), sizeof(double));
	double sum = 0, all = 0;

	if (ways == NULL)
		return false;
	for (size_t j = 0; j <= nb; j++)
		ways[j * (pairs + 1)] = 1; /* nothing of a: no pair */
	for (size_t i = 1; i <= na; i++)
		for (size_t j = 1; j <= nb; j++)
			for (size_t u = pairs + 1; u-- > 0;)
				/* The last in a; or in b, with i pairs. */
				ways[j * (pairs + 1) + u] +=
				    u >= i ? ways[(j - 1) * (pairs + 1) + u - i]
					   : 0;
	for (size_t u = 0; u <= pairs; u++)
		all += ways[nb * (pairs + 1) + u];
	for (size_t u = 0; u <= pairs; u++) {
		sum += ways[nb * (pairs + 1) + u];
		ret_below[u] = sum / all;
	}
	free(ways);
	return true;
}

/* The greatest u so that the tails to both sides of it are unlikely enough. */
static long
compare_tail(const double *below, size_t pairs)
{
	long u = -1;

	while ((size_t)(u + 1) <= pairs &&
	       below[u + 1] <= (1 - COMPARE_CONFIDENCE) / 2)
		u++;
	return u;
}

static bool
compare_is_fit(const double *values, size_t n)
{
	if (n < COMPARE_MIN || n > COMPARE_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!(values[i] > 0))
			return false;
	return true;
}

/* How likely a difference as great as this, to either side. */
static double
compare_p(const double *below, const double *shifts, size_t pairs)
{
	double greater = 0, p;
	size_t u;

	for (size_t i = 0; i < pairs; i++)
		greater += shifts[i] > 0 ? 1 : shifts[i] == 0 ? 0.5 : 0;
	if (greater > (double)pairs / 2)
		greater = (double)pairs - greater;
	u = (size_t)greater;
	p = 2 * below[u];
	return p > 1 ? 1 : p;
}

enum status
compare(const double *a, size_t na, const double *b, size_t nb,
    struct comparison *ret)
{
	size_t pairs = na * nb, n = 0;
	double *shifts, *below;
	long tail;

	if (!compare_is_fit(a, na) || !compare_is_fit(b, nb))
		return ST_INVALID;
	shifts = calloc(pairs, sizeof(double));
	below = calloc(pairs + 1, sizeof(double));
	if (shifts == NULL || below == NULL ||
	    !compare_distribution(na, nb, below)) {
		free(shifts);
		free(below);
		return ST_NO_MEMORY;
	}
	for (size_t i = 0; i < na; i++)
		for (size_t j = 0; j < nb; j++)
			shifts[n++] = log(b[j] / a[i]);
	qsort(shifts, pairs, sizeof(double), by_value);
	tail = compare_tail(below, pairs);
	ret->ratio = exp((shifts[(pairs - 1) / 2] + shifts[pairs / 2]) / 2);
	ret->low = exp(shifts[tail]);
	ret->high = exp(shifts[(long)pairs - 1 - tail]);
	ret->p = compare_p(below, shifts, pairs);
	ret->differ = ret->low > 1 || ret->high < 1;
	free(shifts);
	free(below);
	return ST_OK;
}
