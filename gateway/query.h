/*
 * query - the parameters of a query string or of a form body.
 *
 * Walks a=b&c=d; names and values are decoded (%41, plus is a space) into
 * the caller's arena and live as long as it does.  Empty parameters (&&) are
 * skipped, one without an equals sign has an empty value.  Repeated names
 * are handed out as they stand: who reads them decides.
 * Bounds: QUERY_PARAMETERS_MAX, and the arena.
 */
#ifndef GATEWAY_QUERY_H
#define GATEWAY_QUERY_H

#include <stdbool.h>

#include "runtime/base/arena.h"
#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

#define QUERY_PARAMETERS_MAX 64

struct query {
	struct bytes rest;
	uint32_t count;
};

struct query_parameter {
	struct bytes name;
	struct bytes value;
};

void query_init(struct query *q, struct bytes text);

/*
 * The next parameter.  ST_NOT_FOUND at the end; ST_MALFORMED for a bad
 * escape or a NUL; ST_FULL past a bound.
 */
MUST_CHECK enum status query_next(
    struct query *q, struct arena *a, struct query_parameter *ret_parameter);

#endif
