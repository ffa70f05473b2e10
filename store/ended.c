#include "store/ended.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/text.h"
#include "store/audit.h"

#define OWN_DETAIL_MAX 128 /* of a note, before the sessions */

struct ended *
ended_take(struct txn *t)
{
	struct ended *e = txn_take(t, sizeof(*e));

	if (e != NULL)
		e->count = 0;
	return e;
}

void
ended_add(struct ended *e, const char *session_id)
{
	if (e->count < ENDED_MAX)
		(void)text_fit(
		    e->names[e->count], sizeof(e->names[0]), session_id);
	e->count++;
}

/* As many names as there is room for; how many. */
static uint32_t
ended_write(const struct ended *e, uint32_t from, char *text, size_t used)
{
	uint32_t named = e->count < ENDED_MAX ? e->count : ENDED_MAX;
	uint32_t n = 0;

	for (; from + n < named && used + ENDED_NAME + 1 <= AUDIT_DETAIL_MAX;
	     n++)
		used += (size_t)snprintf(text + used,
		    AUDIT_DETAIL_MAX + 1 - used, " %s", e->names[from + n]);
	return n;
}

void
ended_append(
    struct txn *t, const struct audit_note *note, const struct ended *e)
{
	char detail[AUDIT_DETAIL_MAX + 1];
	char own[OWN_DETAIL_MAX + 1];
	uint32_t named = 0;
	struct audit_note one;
	uint32_t n;

	if (note == NULL || e->count == 0) {
		audit_append(t, note);
		return;
	}
	one = *note;
	one.detail = detail;
	(void)text_fit(own, sizeof(own), note->detail);
	(void)snprintf(detail, sizeof(detail), "%s%ssessions=%" PRIu32, own,
	    own[0] == '\0' ? "" : " ", e->count);
	while (txn_status(t) == ST_OK) {
		n = ended_write(e, named, detail, strlen(detail));
		audit_append(t, &one);
		named += n;
		if (named >= e->count || n == 0)
			return;
		(void)snprintf(detail, sizeof(detail), "and");
	}
}
