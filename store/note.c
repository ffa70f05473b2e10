#include "store/note.h"

#include "protocols/catalogue.h"
#include "protocols/json.h"
#include "store/journal.h"

/* Three ids are the most that a note has; as JSON a byte may become six. */
#define NOTE_SIZE (3 * 6 * ID_MAX + 1024)
#define THRESHOLD_BITS 8

/* In the transaction's memory; NULL once stuck. */
static const char *
note_json(struct txn *t, const struct wire_type *type, const void *body)
{
	char *text = txn_take(t, NOTE_SIZE);
	struct wire_out out = { (unsigned char *)text, NOTE_SIZE - 1, 0 };

	if (text == NULL)
		return NULL;
	if (json_encode(type, 0, body, &out) != ST_OK) {
		(void)txn_fail(t, ST_FULL, "an event is too long");
		return NULL;
	}
	text[out.used] = '\0';
	return text;
}

static void
note_append(struct txn *t, struct cost_result *r, struct event *events,
    const struct event *event)
{
	const struct event *placed =
	    event->payload == NULL ? NULL : journal_append(t, event);

	if (placed != NULL)
		events[r->events_count++] = *placed;
}

/* Another id for each, that a rerun gives again. */
static struct uuid
note_id(const struct cost_charge *c, uint32_t nth)
{
	struct uuid id = c->event_id;

	id.octets[15] ^= (uint8_t)nth;
	id.octets[14] ^= (uint8_t)(nth >> 8);
	return id;
}

static void
note_record(struct txn *t, const struct cost_charge *c, struct cost_result *r,
    struct event *events)
{
	const struct cost_record *rec = &c->record;
	const struct cost_note note = {
		.record_id = rec->record_id,
		.agent_id = rec->agent_id,
		.task_id = rec->task_id,
		.project_id = rec->project_id,
		.cost = rec->cost,
		.currency = rec->currency,
		.project_total =
		    r->project == NULL ? 0 : r->project->total_cost,
		.has_project_total = r->project != NULL,
	};

	note_append(t, r, events,
	    &(struct event){ .event_type = "cost.recorded",
		.channel = NOTE_CHANNEL,
		.timestamp = c->now,
		.event_id = c->event_id,
		.payload = note_json(t, CATALOGUE_TYPE(cost_note), &note) });
}

static void
note_thresholds(struct txn *t, const struct cost_charge *c,
    struct cost_result *r, const struct meter *m, uint32_t bits,
    struct event *events)
{
	struct threshold_note note;

	meter_status(m, &note.status);
	for (uint32_t i = 0; i < THRESHOLD_BITS; i++) {
		if ((bits >> i & 1) == 0)
			continue;
		note.threshold = meter_threshold(i);
		note_append(t, r, events,
		    &(struct event){ .event_type = "budget.threshold",
			.channel = NOTE_CHANNEL,
			.timestamp = c->now,
			.event_id = note_id(c, r->events_count),
			.payload = note_json(
			    t, CATALOGUE_TYPE(threshold_note), &note) });
	}
}

enum status
note_cost(struct txn *t, const struct cost_charge *c, struct cost_result *r)
{
	size_t most = 1 + (size_t)r->meters.count * THRESHOLD_BITS;
	struct event *events = txn_take(t, most * sizeof(*events));

	if (events == NULL)
		return txn_status(t);
	note_record(t, c, r, events);
	for (uint32_t i = 0; i < r->meters.count; i++) {
		struct meter *m = &r->meters.of[i];
		struct meter after = *m;
		uint32_t bits;

		if (money_add(m->spent, c->record.cost, &after.spent) != ST_OK)
			return txn_fail(
			    t, ST_INVALID, "a total would overflow");
		bits = meter_alerts(&after);
		m->alerted = after.alerted;
		m->row.alerted = after.row.alerted;
		meter_charge(t, m, c->record.cost, -c->held);
		note_thresholds(t, c, r, m, bits, events);
	}
	r->events = events;
	return txn_status(t);
}
