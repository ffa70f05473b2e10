/* problem - the errors a client can see, from problems.def. */
#ifndef PROTOCOLS_PROBLEM_H
#define PROTOCOLS_PROBLEM_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/status.h"

enum problem_code {
#define PROBLEM(id, code, http, category, retryable, title) \
	PROBLEM_##id = (code),
#include "protocols/problems.def"
#undef PROBLEM
};

struct problem {
	uint32_t code;
	uint32_t http;
	const char *name; /* SESSION_REVOKED */
	const char *category;
	bool retryable;
	const char *title;
};

/* Unknown codes are INTERNAL; never NULL. */
const struct problem *problem_find(uint32_t code);

/* In the order of the list; NULL past its end. */
const struct problem *problem_nth(size_t n);

/* What a status means to a client when nobody said more. */
uint32_t problem_of_status(enum status st);

#endif
