#include "actors/auditor.h"

#include <inttypes.h>
#include <stdio.h>

#include "actors/option.h"
#include "runtime/base/list.h"
#include "runtime/base/log.h"
#include "runtime/base/network.h"
#include "runtime/metric.h"

#define ANONYMOUS_BURST 100u          /* notes about nobody at once */
#define ANONYMOUS_INTERVAL_US 500000u /* and then one per */
#define CALLER_BURST 100u             /* refusals of one caller at once */
#define CALLER_INTERVAL_US 10000000u  /* and then one per */
#define RETRY_US 1000000u             /* after the store did not take them */
#define SECOND_US UINT64_C(1000000)
#define CALLER_SIZE (TALLY_ID_MAX + NETWORK_OF_CLIENT_SIZE)

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

static void
auditor_end_drain(struct actor *self, struct auditor *a)
{
	if (a->is_draining)
		actor_drained(self);
	a->is_draining = false;
}

static enum status
auditor_on_retry(struct actor *self, struct timer *t)
{
	auditor_send(self, LIST_OF(t, struct auditor, retry));
	return ST_OK;
}

/* When all ends, a store that takes nothing is not waited for. */
static void
auditor_try_later(struct actor *self, struct auditor *a)
{
	auditor_end_drain(self, a);
	timer_start(self, &a->retry, RETRY_US, auditor_on_retry);
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
		auditor_try_later(self, a);
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
    struct audit_note *ret_note, char detail[TALLY_DETAIL_MAX])
{
	static const struct principal nobody = { .user_id = "",
		.username = "",
		.session_id = "",
		.address = "",
		.user_agent = "" };

	if (a->lost == 0)
		return 0;
	snprintf(detail, TALLY_DETAIL_MAX, "notes=%" PRIu64, a->lost);
	*ret_note = audit_note_by(self, &nobody, "audit.lost", "");
	ret_note->result = AUDIT_FAILED;
	ret_note->detail = detail;
	a->lost_sent = a->lost;
	a->lost = 0;
	a->lost_is_due = false;
	return 1;
}

/* What was lost waits for a note, or a window's end: it has no rate. */
static bool
auditor_has_some(const struct auditor *a)
{
	return a->count > 0 ||
	       (a->lost > 0 && (a->lost_is_due || a->is_draining));
}

static void
auditor_send(struct actor *self, struct auditor *a)
{
	struct audit_note notes[AUDIT_NOTES_MAX];
	char detail[TALLY_DETAIL_MAX];
	struct op *op;
	uint32_t n = 0;

	if (a->sent > 0 || a->lost_sent > 0 || timer_is_running(&a->retry))
		return;
	if (!auditor_has_some(a)) {
		auditor_end_drain(self, a);
		return;
	}
	op = op_open(self, NULL);
	if (op == NULL) {
		auditor_try_later(self, a);
		return;
	}
	((struct auditor_ask *)op_data(op))->auditor = a;
	while (n < a->count && n < AUDIT_NOTES_MAX - 1) {
		notes[n] = tally_note_give(
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
auditor_lose(struct auditor *a, uint64_t count)
{
	a->lost += count;
	a->lost_ever += count;
}

void
auditor_say(
    struct actor *self, struct auditor *a, const struct audit_note *note)
{
	if (a->count == AUDITOR_NOTES_MAX) {
		auditor_lose(a, tally_times(note));
		return;
	}
	tally_note_take(
	    &a->notes[(a->first + a->count++) % AUDITOR_NOTES_MAX], note);
	auditor_send(self, a);
}

/* ---- refusals ---- */

/* An account for itself, whoever proved nothing for his network. */
static uint64_t
auditor_wait_us(
    struct actor *self, struct auditor *a, const struct principal *by)
{
	char network[NETWORK_OF_CLIENT_SIZE];
	char who[CALLER_SIZE];

	if (!a->has_key)
		actor_random(self, a->callers.key, sizeof(a->callers.key));
	a->has_key = true;
	network_of_client(by->address == NULL ? "" : by->address, network);
	if (by->method == AUTH_NONE)
		snprintf(who, sizeof(who), "at:%s", network);
	else
		snprintf(
		    who, sizeof(who), "id:%.*s", TALLY_ID_MAX, by->user_id);
	return memo_throttle(&a->callers, who, CALLER_INTERVAL_US, CALLER_BURST,
	    actor_now_us(self));
}

/* Whoever proves nothing cannot fill the log (GCRA). */
static bool
auditor_may_anybody(struct actor *self, struct auditor *a)
{
	uint64_t now_us = actor_now_us(self);
	uint64_t full_at = a->full_at_us > now_us ? a->full_at_us : now_us;

	if (full_at - now_us > ANONYMOUS_BURST * ANONYMOUS_INTERVAL_US)
		return false;
	a->full_at_us = full_at + ANONYMOUS_INTERVAL_US;
	return true;
}

static bool
auditor_may(struct actor *self, struct auditor *a, const struct principal *by)
{
	return auditor_wait_us(self, a, by) == 0 &&
	       (by->method != AUTH_NONE || auditor_may_anybody(self, a));
}

static uint64_t
auditor_window_us(const struct actor *self, const struct auditor *a)
{
	return a->window_us != 0
		   ? a->window_us
		   : SECOND_US *
			 option_u64(self, SETTING_api_audit_window_seconds);
}

static void
auditor_tell(struct actor *self, struct auditor *a, struct tally_entry *e)
{
	struct audit_note note = tally_note_give(&e->note);

	note.at = actor_wall_us(self);
	auditor_say(self, a, &note);
	e->note.times = 0;
}

/* What repeated is told, and counted on; what did not is forgotten. */
static enum status
auditor_on_window(struct actor *self, struct timer *timer)
{
	struct auditor *a = LIST_OF(timer, struct auditor, windows);
	uint64_t now_us = actor_now_us(self);
	uint64_t next_us = UINT64_MAX;

	for (uint32_t i = a->told.count; i > 0; i--) {
		struct tally_entry *e = &a->told.entries[i - 1];

		if (e->until_us <= now_us && e->note.times == 0) {
			tally_drop(&a->told, e);
			continue;
		}
		if (e->until_us <= now_us) {
			auditor_tell(self, a, e);
			e->until_us = now_us + auditor_window_us(self, a);
		}
		if (e->until_us < next_us)
			next_us = e->until_us;
	}
	if (a->told.count > 0)
		timer_start(self, timer, next_us - now_us, auditor_on_window);
	a->lost_is_due = true;
	auditor_send(self, a);
	return ST_OK;
}

void
auditor_drain(struct actor *self, struct auditor *a)
{
	for (uint32_t i = 0; i < a->told.count; i++)
		if (a->told.entries[i].note.times > 0)
			auditor_tell(self, a, &a->told.entries[i]);
	a->is_draining = true;
	timer_stop(&a->retry);
	auditor_send(self, a);
}

/* Told now, and counted for a while; without room it is only told. */
static void
auditor_begin(
    struct actor *self, struct auditor *a, const struct audit_note *note)
{
	struct tally_entry *e = tally_put(&a->told, note);

	auditor_say(self, a, note);
	if (e == NULL)
		return;
	e->note.times = 0;
	e->until_us = actor_now_us(self) + auditor_window_us(self, a);
	if (!timer_is_running(&a->windows))
		timer_start(self, &a->windows, auditor_window_us(self, a),
		    auditor_on_window);
}

void
auditor_count(
    struct actor *self, struct auditor *a, const struct audit_note *note)
{
	struct tally_entry *e = tally_find(&a->told, note);

	if (e != NULL)
		tally_count(e, note);
	else if (auditor_may(self, a, &note->by))
		auditor_begin(self, a, note);
	else
		auditor_lose(a, tally_times(note));
}

void
auditor_refused(struct actor *self, struct auditor *a,
    const struct principal *by, const char *action, const char *target,
    const char *detail)
{
	struct audit_note note = audit_note_by(self, by, action, target);

	note.result = AUDIT_REFUSED;
	note.detail = detail;
	auditor_count(self, a, &note);
}

void
auditor_measure(
    const struct auditor *a, const char *actor, struct metric_page *to)
{
	const char *labels[] = { "actor", actor, NULL };
	const struct {
		uint64_t lost;
		uint64_t waiting;
		uint64_t counted;
	} c = { a->lost_ever, a->count, a->told.count };

#define METRIC(id, name, type, words, doc) \
	metric_add(                        \
	    to, &(struct metric){ name, METRIC_##type, doc }, c.id, labels);
#include "actors/audit_metric.def"
#undef METRIC
}
