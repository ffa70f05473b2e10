/*
 * compare - whether two sets of measurements differ, and by how much.
 *
 * The test is Wilcoxon's, Mann's and Whitney's rank sum with its exact
 * distribution, the estimate Hodges' and Lehmann's shift, its interval the one
 * that belongs to the test (Hollander, Wolfe, Chicken: Nonparametric
 * Statistical Methods, chapter 4).  All on logarithms, so that a shift is a
 * ratio.  Nothing is assumed of how the measurements are distributed, which is
 * why neighbours on the machine do less harm than to a mean.
 * Bounds: COMPARE_MAX measurements in each set; from COMPARE_MIN on an
 * interval of 95 % exists.  No state; any thread.
 */
#ifndef LOAD_COMPARE_H
#define LOAD_COMPARE_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/status.h"

#define COMPARE_MIN 4
#define COMPARE_MAX 100
#define COMPARE_CONFIDENCE 0.95

struct comparison {
	double ratio; /* of b to a: the estimate */
	double low;   /* and its interval */
	double high;
	double p; /* how likely so great a difference is by chance */
	bool differ;
};

/*
 * INVALID if a set is too small or too great, or has a value that is not
 * above 0.
 */
MUST_CHECK enum status compare(const double *a, size_t na, const double *b,
    size_t nb, struct comparison *ret);

#endif
