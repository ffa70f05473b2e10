/*
 * csrf - whether another site may be behind a request that has our cookies.
 *
 * Browsers say it themselves: Sec-Fetch-Site (Fetch Metadata) names where a
 * request came from and no script can set it; where it is missing, Origin
 * must be the Host that is asked.  A request that says neither is no
 * browser's we know, and has no business with cookies.  This is the first
 * of the defences that OWASP's cheat sheet on CSRF lists; SameSite=Strict on
 * the cookies is the second.  Safe methods change nothing and pass.
 *
 * Pure; any thread.
 */
#ifndef GATEWAY_CSRF_H
#define GATEWAY_CSRF_H

#include <stdbool.h>

#include "runtime/base/bytes.h"

/* at NULL: the header is missing. */
struct csrf_request {
	bool is_safe; /* GET, HEAD, OPTIONS */
	struct bytes site;
	struct bytes origin;
	struct bytes host;
};

/* NULL: let it pass; else why not, one word for the log. */
const char *csrf_check(const struct csrf_request *r);

#endif
