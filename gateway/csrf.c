#include "gateway/csrf.h"

#include <string.h>
#include <strings.h>

static bool
csrf_is(struct bytes b, const char *text)
{
	return b.size == strlen(text) && memcmp(b.at, text, b.size) == 0;
}

/* scheme://host[:port], and nothing behind it, of the host that is asked. */
static bool
csrf_is_ours(struct bytes origin, struct bytes host)
{
	static const char *const schemes[] = { "https://", "http://" };

	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(schemes[i]);

		if (host.size > 0 && origin.size == n + host.size &&
		    memcmp(origin.at, schemes[i], n) == 0 &&
		    strncasecmp((const char *)origin.at + n,
			(const char *)host.at, host.size) == 0)
			return true;
	}
	return false;
}

const char *
csrf_check(const struct csrf_request *r)
{
	if (r->is_safe)
		return NULL;
	if (r->site.at != NULL)
		return csrf_is(r->site, "same-origin") ||
			       csrf_is(r->site, "none")
			   ? NULL
			   : "csrf_site";
	if (r->origin.at != NULL)
		return csrf_is_ours(r->origin, r->host) ? NULL : "csrf_origin";
	return "csrf_no_origin";
}
