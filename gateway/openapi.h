/*
 * openapi - the OpenAPI 3.1 document of every route, printed from routes.def,
 * the catalogue and problems.def.
 */
#ifndef GATEWAY_OPENAPI_H
#define GATEWAY_OPENAPI_H

#include "protocols/wire.h"

#define OPENAPI_MAX (1u << 20) /* bytes it may have */

/* Appends the document as JSON; FULL if it does not fit. */
MUST_CHECK enum status openapi_write(struct wire_out *out);

#endif
