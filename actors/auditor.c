#include "actors/auditor.h"

#include <inttypes.h>
#include <stdio.h>

#include "runtime/base/list.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

#define ANONYMOUS_BURST 100u          /* notes about nobody at once */
#define ANONYMOUS_INTERVAL_US 500000u /* and then one per */
#define RETRY_US 1000000u             /* after the store did not take them */

struct auditor_ask {
	struct auditor *auditor;
};

struct audit_note
audit_note_by(struct actor *self, const struct principal *by,
    const char *action, const char *target)
{
	return (struct audit_note){ .at = actor_wall_us(self),
		.by = *by,
		.action = action,
		.target = target,
		.result = AUDIT_OK,
		.detail = "" };
}

static void auditor_send(struct actor *self, struct auditor *a);

static struct audit_note
auditor_note_of(const struct auditor_note *n)
{
	return (struct audit_note){ .at = n->at,
		.by = { .user_id = n->user_id,
		    .username = n->username,
		    .role = n->role,
		    .method = n->method,
		    .session_id = n->session,
		    .address = n->address,
		    .user_agent = "" },
		.action = n->action,
		.target = n->target,
		.result = n->result,
		.detail = n->detail };
}

static enum status
auditor_on_retry(struct actor *self, struct timer *t)
{
	auditor_send(self, LIST_OF(t, struct auditor, retry));
	return ST_OK;
}

static enum status
auditor_on_appended(struct actor *self, struct op *op, const struct msg *reply)
{
	struct auditor *a = ((struct auditor_ask *)op_data(op))->auditor;
	uint32_t sent = a->sent;

	(void)op_close(op);
	a->sent = 0;
	if (reply->id != MSG_done) {
		const struct refused *why = reply->body;

		a->lost += a->lost_sent;
		a->lost_sent = 0;
		LOG(AUDIT_APPEND_FAILED, KU("notes", a->count),
		    KV("error", status_name((enum status)why->status)));
		timer_start(self, &a->retry, RETRY_US, auditor_on_retry);
		return ST_OK;
	}
	a->first = (a->first + sent) % AUDITOR_NOTES_MAX;
	a->count -= sent;
	a->lost_sent = 0;
	auditor_send(self, a);
	return ST_OK;
}

/* What was lost is itself told, as soon as there is room for it. */
static uint32_t
auditor_add_lost(struct actor *self, struct auditor *a,
    struct audit_note *ret_note, char detail[AUDITOR_DETAIL_MAX])
{
	static const struct principal nobody = { .user_id = "",
		.username = "",
		.session_id = "",
		.address = "",
		.user_agent = "" };

	if (a->lost == 0)
		return 0;
	snprintf(detail, AUDITOR_DETAIL_MAX, "notes=%" PRIu64, a->lost);
	*ret_note = audit_note_by(self, &nobody, "audit.lost", "");
	ret_note->result = AUDIT_FAILED;
	ret_note->detail = detail;
	a->lost_sent = a->lost;
	a->lost = 0;
	return 1;
}

static void
auditor_send(struct actor *self, struct auditor *a)
{
	struct audit_note notes[AUDIT_NOTES_MAX];
	char detail[AUDITOR_DETAIL_MAX];
	struct op *op;
	uint32_t n = 0;

	if (a->sent > 0 || a->count == 0 || timer_is_running(&a->retry))
		return;
	op = op_open(self, NULL);
	if (op == NULL) {
		timer_start(self, &a->retry, RETRY_US, auditor_on_retry);
		return;
	}
	((struct auditor_ask *)op_data(op))->auditor = a;
	while (n < a->count && n < AUDIT_NOTES_MAX - 1) {
		notes[n] = auditor_note_of(
		    &a->notes[(a->first + n) % AUDITOR_NOTES_MAX]);
		n++;
	}
	a->sent = n;
	n += auditor_add_lost(self, a, &notes[n], detail);
	(void)OP_ASK(op, actor_find(self, ACTOR_NUMBER(store), 0),
	    store_audit_append, auditor_on_appended, .notes = notes,
	    .notes_count = n);
}

void
auditor_say(
    struct actor *self, struct auditor *a, const struct audit_note *note)
{
	struct auditor_note *n;

	if (a->count == AUDITOR_NOTES_MAX) {
		a->lost++;
		return;
	}
	n = &a->notes[(a->first + a->count++) % AUDITOR_NOTES_MAX];
	n->at = note->at;
	n->role = note->by.role;
	n->method = note->by.method;
	n->result = note->result;
	(void)text_fit(n->user_id, sizeof(n->user_id), note->by.user_id);
	(void)text_fit(n->username, sizeof(n->username), note->by.username);
	(void)text_fit(n->address, sizeof(n->address), note->by.address);
	(void)text_fit(n->session, sizeof(n->session), note->by.session_id);
	(void)text_fit(n->action, sizeof(n->action), note->action);
	(void)text_fit(n->target, sizeof(n->target), note->target);
	(void)text_fit(n->detail, sizeof(n->detail), note->detail);
	auditor_send(self, a);
}

/* Whoever proves nothing cannot fill the log (GCRA). */
static bool
auditor_may(struct actor *self, struct auditor *a)
{
	uint64_t now_us = actor_now_us(self);
	uint64_t full_at = a->full_at_us > now_us ? a->full_at_us : now_us;

	if (full_at - now_us > ANONYMOUS_BURST * ANONYMOUS_INTERVAL_US)
		return false;
	a->full_at_us = full_at + ANONYMOUS_INTERVAL_US;
	return true;
}

void
auditor_refused(struct actor *self, struct auditor *a,
    const struct principal *by, const char *action, const char *target,
    const char *detail)
{
	struct audit_note note = audit_note_by(self, by, action, target);

	if (by->method == AUTH_NONE && !auditor_may(self, a)) {
		a->lost++;
		return;
	}
	note.result = AUDIT_REFUSED;
	note.detail = detail;
	auditor_say(self, a, &note);
}
