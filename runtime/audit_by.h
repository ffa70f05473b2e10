/* audit_by - the digits of a session, or of an API key, in the audit log. */
#ifndef RUNTIME_AUDIT_BY_H
#define RUNTIME_AUDIT_BY_H

#include "protocols/messages.h"
#include "runtime/base/text.h"

/* Of what somebody came with; of what these digits are given as, the same. */
static inline void
audit_by_digits(
    const struct principal *by, char ret_digits[AUDIT_SESSION_MAX + 1])
{
	bool has_session = by->session_id != NULL && by->session_id[0] != '\0';

	(void)text_fit(ret_digits, AUDIT_SESSION_MAX + 1,
	    has_session ? by->session_id : by->key_id);
}

#endif
