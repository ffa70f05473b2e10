/*
 * asyncapi - the AsyncAPI 3.0 document of the live socket: what is said on it
 * (control.def), the channels (hub.def), and the events (event_types.def).
 */
#ifndef GATEWAY_ASYNCAPI_H
#define GATEWAY_ASYNCAPI_H

#include "protocols/wire.h"

#define ASYNCAPI_MAX (1u << 18) /* bytes it may have */

/* Appends the document as JSON; FULL if it does not fit. */
MUST_CHECK enum status asyncapi_write(struct wire_out *out);

#endif
