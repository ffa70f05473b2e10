/*
 * openapi_error - what a refusal looks like, from problems.def.
 *
 * One response per HTTP status that a problem has, `error_STATUS`, and
 * `error` for any other; each in both formats of gateway/respond.c.
 */
#ifndef GATEWAY_OPENAPI_ERROR_H
#define GATEWAY_OPENAPI_ERROR_H

#include "gateway/document.h"

#define OPENAPI_ERROR_MIN 400
#define OPENAPI_ERROR_MAX 599

/* Some problem has this status. */
bool openapi_is_error(uint32_t http);

/* Members of components.responses, and the schemas they refer to. */
void openapi_errors_write(struct document *d);
void openapi_error_schemas_write(struct document *d);

#endif
