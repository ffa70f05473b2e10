#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocols/messages.h"
#include "store/audit.h"
#include "store/cost.h"
#include "store/inspect.h"
#include "store/journal.h"
#include "store/memory.h"
#include "store/meta.h"
#include "store/row.h"
#include "store/sweep.h"

#define WHAT_SIZE 256
#define B_OF(text) ((struct bytes){ (const uint8_t *)(text), strlen(text) })

/* row NULL: it does not decode, which has been told. */
typedef void (*each_row)(
    void *ctx, const struct backend_entry *entry, const void *row);

static void
rows_walk(struct txn *t, struct inspection *i, enum table table,
    const struct wire_type *type, each_row each, void *ctx)
{
	size_t mark = txn_mark(t);
	struct backend_entry entry;
	struct scan scan;
	bool found;

	scan_open(&scan, t, table, NULL);
	found = scan_first(&scan, &entry);
	for (; found && inspect_took(t, i, &entry);
	     found = scan_next(&scan, &entry)) {
		each(ctx, &entry, row_peek(t, type, entry.value));
		txn_release(t, mark);
	}
	scan_close(&scan);
}

/* ---- the journal: offsets without gaps, up to where its channel stands ----
 */

struct journal_look {
	struct txn *t;
	struct inspection *i;
	char channel[CHANNEL_MAX + 1];
	uint64_t last; /* 0: no event yet */
	uint64_t bytes;
	bool blind; /* an event could not be read: bytes is too little */
};

static void
channel_end(struct journal_look *j)
{
	struct channel_head head;
	char what[WHAT_SIZE];

	if (j->last == 0)
		return;
	journal_head(j->t, j->channel, &head);
	if (head.head != j->last)
		snprintf(what, sizeof(what),
		    "its newest event is %" PRIu64 ", it says %" PRIu64,
		    j->last, head.head);
	else if (head.bytes != j->bytes && !j->blind)
		snprintf(what, sizeof(what),
		    "its events have %" PRIu64 " bytes, it says %" PRIu64,
		    j->bytes, head.bytes);
	else
		return;
	inspect_wrong(j->i, TABLE_CHANNELS, B_OF(j->channel), what);
}

static void
journal_event(void *ctx, const struct backend_entry *entry, const void *row)
{
	struct journal_look *j = ctx;
	struct key_reader r;
	struct bytes channel;
	uint64_t offset;

	key_read(&r, entry->key);
	channel = key_read_text(&r);
	offset = key_read_number(&r);
	if (r.failed || channel.size > CHANNEL_MAX)
		return; /* no row of ours: told */
	if (channel.size != strlen(j->channel) ||
	    memcmp(channel.at, j->channel, channel.size) != 0) {
		channel_end(j);
		memcpy(j->channel, channel.at, channel.size);
		j->channel[channel.size] = '\0';
		j->last = j->bytes = 0;
		j->blind = false;
	}
	if (j->last != 0 && offset != j->last + 1)
		inspect_wrong(j->i, TABLE_JOURNAL, entry->key,
		    "the event before it is missing");
	j->last = offset;
	if (row == NULL)
		j->blind = true;
	else
		j->bytes += journal_event_bytes(row);
}

/* A channel keeps its newest event, whatever is pruned. */
static void
channel_has_events(
    void *ctx, const struct backend_entry *entry, const void *row)
{
	const struct channel_head *head = row;
	struct journal_look *j = ctx;
	struct bytes value;
	struct key k;

	if (head == NULL)
		return;
	key_init(&k);
	key_text(&k, head->channel);
	key_number(&k, head->head);
	if (head->head > 0 && !txn_get(j->t, TABLE_JOURNAL, &k, &value))
		inspect_wrong(j->i, TABLE_CHANNELS, entry->key,
		    "its newest event is missing");
}

void
inspect_journal(struct txn *t, struct inspection *i)
{
	struct journal_look j = { .t = t, .i = i };

	rows_walk(
	    t, i, TABLE_JOURNAL, CATALOGUE_TYPE(event), journal_event, &j);
	channel_end(&j);
	rows_walk(t, i, TABLE_CHANNELS, CATALOGUE_TYPE(channel_head),
	    channel_has_events, &j);
}

/* ---- the audit log ---- */

void
inspect_audit(struct txn *t, struct inspection *i)
{
	struct audit_report r;
	struct key k;

	audit_verify(t, NULL, i->pace, &r);
	if (txn_status(t) != ST_OK || r.whole)
		return;
	key_init(&k);
	key_number(&k, r.broken);
	inspect_wrong(i, TABLE_AUDIT, key_bytes(&k), r.why);
}

/* ---- money: added up again in memory ---- */

struct sums {
	struct txn *t; /* what is inspected */
	struct inspection *i;
	struct backend *scratch;
	struct backend_txn *inner;
	struct txn_room *room;
	struct txn again; /* what it should be */
	uint64_t last_seq;
	bool blind; /* a row could not be read: nothing can add up */
};

/* Entries that lead nowhere have been told, and would end the sums. */
static void
sums_budget(void *ctx, const struct backend_entry *entry, const void *row)
{
	const struct budget *b = row;
	struct sums *s = ctx;
	struct key k;

	if (b == NULL) {
		s->blind = true;
		return;
	}
	key_init(&k);
	key_raw(&k, entry->key);
	txn_put(&s->again, TABLE_BUDGETS, &k, entry->value);
	key_init(&k);
	key_number(&k, b->level);
	key_text(&k, b->subject);
	key_tail(&k, b->id);
	txn_put(&s->again, TABLE_BUDGETS_BY_SUBJECT, &k, (struct bytes){ 0 });
}

static void
sums_charge(struct sums *s, const struct cost_dims *dims, int64_t at,
    money spent, money held)
{
	struct meters ms;

	meters_load(&s->again, dims, at, &ms);
	for (uint32_t n = 0; n < ms.count; n++)
		meter_charge(&s->again, &ms.of[n], spent, held);
}

static bool
record_fits_project(struct sums *s, const struct cost_record *r)
{
	const struct project_cost *p;

	if (r->project_id == NULL)
		return true;
	p = project_cost_row(&s->again, r->project_id);
	return p == NULL || strcmp(p->currency, r->currency) == 0;
}

static void
sums_record(void *ctx, const struct backend_entry *entry, const void *row)
{
	const struct cost_record *r = row;
	struct sums *s = ctx;
	size_t mark = txn_mark(&s->again);
	struct cost_dims dims;
	struct key_reader key;
	uint64_t seq;

	key_read(&key, entry->key);
	seq = key_read_number(&key);
	if (seq != s->last_seq + 1)
		inspect_wrong(s->i, TABLE_COST_RECORDS, entry->key,
		    "the record before it is missing");
	s->last_seq = seq;
	if (r == NULL) {
		s->blind = true;
		return;
	}
	if (!record_fits_project(s, r)) {
		inspect_wrong(s->i, TABLE_COST_RECORDS, entry->key,
		    "it has another currency than its project");
		return;
	}
	dims =
	    cost_dims_of(r->project_id, r->department, r->agent_id, r->task_id);
	cost_sum_up(&s->again, r);
	sums_charge(s, &dims, r->timestamp, r->cost, 0);
	txn_release(&s->again, mark);
}

static void
sums_hold(void *ctx, const struct backend_entry *entry, const void *row)
{
	const struct hold_row *r = row;
	struct sums *s = ctx;
	size_t mark = txn_mark(&s->again);
	struct cost_dims dims;

	(void)entry;
	if (r == NULL) {
		s->blind = true;
		return;
	}
	dims = cost_dims_of(r->hold.project_id, r->hold.department,
	    r->hold.agent_id, r->hold.task_id);
	if (r->hold.status == HOLD_OPEN)
		sums_charge(s, &dims, r->hold.created_at, 0, r->hold.amount);
	txn_release(&s->again, mark);
}

/* ---- and compared ---- */

static bool
money_differs(const char *name, money is, money should, char what[WHAT_SIZE])
{
	char a[MONEY_TEXT_SIZE], b[MONEY_TEXT_SIZE];

	if (is == should)
		return false;
	(void)money_text(is, a);
	(void)money_text(should, b);
	snprintf(what, WHAT_SIZE, "%s is %s, but adds up to %s", name, a, b);
	return true;
}

static bool
count_differs(
    const char *name, uint64_t is, uint64_t should, char what[WHAT_SIZE])
{
	if (is == should)
		return false;
	snprintf(what, WHAT_SIZE, "%s is %" PRIu64 ", but adds up to %" PRIu64,
	    name, is, should);
	return true;
}

static bool
project_differs(const void *is, const void *should, char what[WHAT_SIZE])
{
	const struct project_cost *a = is, *b = should;

	return money_differs(
		   "total_cost", a->total_cost, b->total_cost, what) ||
	       count_differs("total_input_tokens", a->total_input_tokens,
		   b->total_input_tokens, what) ||
	       count_differs("total_output_tokens", a->total_output_tokens,
		   b->total_output_tokens, what) ||
	       count_differs(
		   "record_count", a->record_count, b->record_count, what);
}

static bool
slot_differs(const void *is, const void *should, char what[WHAT_SIZE])
{
	const struct cost_slot *a = is, *b = should;

	return money_differs("cost", a->cost, b->cost, what) ||
	       count_differs(
		   "input_tokens", a->input_tokens, b->input_tokens, what) ||
	       count_differs(
		   "output_tokens", a->output_tokens, b->output_tokens, what) ||
	       count_differs("records", a->records, b->records, what);
}

static bool
meter_differs(const void *is, const void *should, char what[WHAT_SIZE])
{
	const struct budget_meter *a = is, *b = should;

	return money_differs("spent", a->spent, b->spent, what) ||
	       money_differs("held", a->held, b->held, what);
}

static const struct sum_table {
	enum table table;
	const struct wire_type *(*type)(void);
	bool (*differs)(
	    const void *is, const void *should, char what[WHAT_SIZE]);
} sum_tables[] = {
	{ TABLE_PROJECT_COSTS, catalogue_type_project_cost, project_differs },
	{ TABLE_COST_SLOTS, catalogue_type_cost_slot, slot_differs },
	{ TABLE_BUDGET_METERS, catalogue_type_budget_meter, meter_differs },
};

struct comparing {
	struct sums *s;
	const struct sum_table *of;
};

/* A row that nothing adds up to should say zero. */
static void
compare_kept(void *ctx, const struct backend_entry *entry, const void *row)
{
	static const union {
		struct project_cost project;
		struct cost_slot slot;
		struct budget_meter meter;
	} zero;
	struct comparing *c = ctx;
	struct txn *again = &c->s->again;
	size_t mark = txn_mark(again);
	const void *should = &zero;
	char what[WHAT_SIZE];
	struct bytes value;
	struct key k;

	if (row == NULL)
		return;
	key_init(&k);
	key_raw(&k, entry->key);
	if (txn_get(again, c->of->table, &k, &value))
		should = row_peek(again, c->of->type(), value);
	if (should != NULL && c->of->differs(row, should, what))
		inspect_wrong(c->s->i, c->of->table, entry->key, what);
	txn_release(again, mark);
}

static void
compare_due(void *ctx, const struct backend_entry *entry, const void *row)
{
	struct comparing *c = ctx;
	struct bytes value;
	struct key k;

	(void)row;
	key_init(&k);
	key_raw(&k, entry->key);
	if (!txn_get(c->s->t, c->of->table, &k, &value))
		inspect_wrong(c->s->i, c->of->table, entry->key,
		    "it is missing, and records or holds add up to it");
}

static void
sums_compare(struct sums *s)
{
	for (size_t n = 0; n < sizeof(sum_tables) / sizeof(sum_tables[0]);
	     n++) {
		struct comparing c = { s, &sum_tables[n] };

		rows_walk(
		    s->t, s->i, c.of->table, c.of->type(), compare_kept, &c);
		rows_walk(&s->again, s->i, c.of->table, c.of->type(),
		    compare_due, &c);
	}
}

static void
sums_add(struct sums *s)
{
	struct key k;

	rows_walk(
	    s->t, s->i, TABLE_BUDGETS, CATALOGUE_TYPE(budget), sums_budget, s);
	rows_walk(s->t, s->i, TABLE_COST_RECORDS, CATALOGUE_TYPE(cost_record),
	    sums_record, s);
	rows_walk(
	    s->t, s->i, TABLE_HOLDS, CATALOGUE_TYPE(hold_row), sums_hold, s);
	key_init(&k);
	key_tail(&k, META_COST_SEQ);
	if (txn_status(s->t) == ST_OK &&
	    meta_get(s->t, META_COST_SEQ) != s->last_seq)
		inspect_wrong(s->i, TABLE_META, key_bytes(&k),
		    "is not the number of the newest record");
}

/* A private database in memory, with the tables that sums need. */
static enum status
sums_open(struct sums *s)
{
	const struct backend_options options = { .path = MEMORY_PATH };
	enum status st = backend_open(&backend_memory, &options, &s->scratch);

	s->room = txn_room_create();
	if (st == ST_OK && s->room == NULL)
		st = ST_NO_MEMORY;
	if (st == ST_OK)
		st = backend_write(s->scratch, &s->inner);
	for (enum table t = 0; st == ST_OK && t < TABLE_COUNT; t++)
		st = backend_create(s->inner, t);
	if (st == ST_OK)
		txn_init(&s->again, s->inner, s->room);
	return st;
}

static void
sums_close(struct sums *s)
{
	if (s->inner != NULL)
		backend_abort(s->inner);
	if (s->scratch != NULL)
		(void)!backend_close(s->scratch);
	txn_room_destroy(s->room);
}

void
inspect_sums(struct txn *t, struct inspection *i)
{
	struct sums s = { .t = t, .i = i };
	enum status st = sums_open(&s);

	if (st == ST_OK) {
		sums_add(&s);
		if (!s.blind)
			sums_compare(&s);
		st = txn_status(&s.again);
	}
	if (st != ST_OK)
		(void)txn_fail(t, st, "the sums could not be added up again");
	sums_close(&s);
}
