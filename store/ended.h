/*
 * ended - the sessions that a change ended, for what the audit log says of it.
 *
 * The first entry has the note's own detail, the count and first digits of
 * ids; what does not fit is named by entries behind it.
 *
 * Bounds:  ENDED_MAX sessions are named; the count counts them all
 */
#ifndef STORE_ENDED_H
#define STORE_ENDED_H

#include "protocols/messages.h"
#include "store/txn.h"

#define ENDED_MAX 1024
#define ENDED_NAME 8 /* digits of an id */

struct ended {
	uint32_t count;
	char names[ENDED_MAX][ENDED_NAME + 1];
};

/* NULL: the transaction is stuck. */
struct ended *ended_take(struct txn *t);
void ended_add(struct ended *e, const char *session_id);
/* note NULL: nothing.  Without any session it is the note as it is. */
void ended_append(
    struct txn *t, const struct audit_note *note, const struct ended *e);

#endif
