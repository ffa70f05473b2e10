#include "protocols/problem.h"

static const struct problem problems[] = {
/* clang-format off */
#define PROBLEM(id, code, http, category, retryable, title) \
	{ code, http, #id, category, retryable, title },
#include "protocols/problems.def"
#undef PROBLEM
	/* clang-format on */
};

#define PROBLEM_COUNT (sizeof(problems) / sizeof(problems[0]))

const struct problem *
problem_nth(size_t n)
{
	return n < PROBLEM_COUNT ? &problems[n] : NULL;
}

const struct problem *
problem_find(uint32_t code)
{
	for (size_t i = 0; i < PROBLEM_COUNT; i++)
		if (problems[i].code == code)
			return &problems[i];
	return problem_find(PROBLEM_INTERNAL);
}

uint32_t
problem_of_status(enum status st)
{
	static const uint32_t codes[] = {
		[ST_FULL] = PROBLEM_OVERLOADED,
		[ST_NOT_FOUND] = PROBLEM_NOT_FOUND,
		[ST_DENIED] = PROBLEM_FORBIDDEN,
		[ST_TIMEOUT] = PROBLEM_TIMEOUT,
		[ST_MALFORMED] = PROBLEM_VALIDATION,
		[ST_CLOSED] = PROBLEM_UNAVAILABLE,
		[ST_EXISTS] = PROBLEM_DUPLICATE,
		[ST_CONFLICT] = PROBLEM_VERSION_CONFLICT,
		[ST_INVALID] = PROBLEM_VALIDATION,
		[ST_BUSY] = PROBLEM_CONFLICT,
		[ST_UNAVAILABLE] = PROBLEM_UNAVAILABLE,
		[ST_IO] = PROBLEM_STORE_FAILED,
		[ST_NO_SPACE] = PROBLEM_STORE_FAILED,
		[ST_CORRUPT] = PROBLEM_STORE_FAILED,
	};

	if ((size_t)st < sizeof(codes) / sizeof(codes[0]) && codes[st] != 0)
		return codes[st];
	return PROBLEM_INTERNAL;
}
