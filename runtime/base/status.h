/* status - the one way this program says how something ended. */
#ifndef RUNTIME_BASE_STATUS_H
#define RUNTIME_BASE_STATUS_H

#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))

enum status {
#define STATUS(name, text) ST_##name,
#include "runtime/base/status.def"
#undef STATUS
};

/* A sentence for people, and the name for logs and JSON; never NULL. */
const char *status_text(enum status st);
const char *status_name(enum status st);

#endif
