#include <string.h>

#include "protocols/record.h"
#include "runtime/base/text.h"
#include "store/audit.h"
#include "store/row.h"

/* How far the walk has come, and what the next entry must say. */
struct walk {
	struct txn *t;
	const struct audit_end *wanted;
	struct audit_report *r;
	uint64_t seq;
	uint8_t digest[AUDIT_DIGEST_SIZE];
	char told[AUDIT_TARGET_MAX + 1]; /* by the newest pruning; "": none */
};

static void
walk_break(struct walk *w, uint64_t seq, const char *why)
{
	if (!w->r->whole)
		return;
	w->r->whole = false;
	w->r->broken = seq;
	w->r->why = why;
}

static uint64_t
walk_key(const struct backend_entry *at)
{
	struct key_reader k;
	uint64_t seq;

	key_read(&k, at->key);
	seq = key_read_number(&k);
	return k.failed || k.rest.size > 0 ? 0 : seq;
}

/* Without the row's log line: a broken entry is what is looked for. */
static const struct audit_entry *
walk_decode(struct walk *w, const struct backend_entry *at)
{
	const void *body = NULL;
	uint32_t version;
	enum status st = record_decode(CATALOGUE_TYPE(audit_entry),
	    &w->t->room->arena, at->value.at, at->value.size, &version, &body);

	return st == ST_OK ? body : NULL;
}

static bool
bytes_are_digest(struct bytes b, const uint8_t digest[AUDIT_DIGEST_SIZE])
{
	return b.size == AUDIT_DIGEST_SIZE &&
	       memcmp(b.at, digest, AUDIT_DIGEST_SIZE) == 0;
}

static void
walk_meet(struct walk *w)
{
	const struct audit_end *wanted = w->wanted;

	if (wanted == NULL || wanted->seq != w->seq)
		return;
	if (bytes_are_digest(wanted->digest, w->digest))
		w->r->met_wanted = true;
	else
		walk_break(w, w->seq, "it is not the entry that was noted");
}

/* False: the walk ends here. */
static bool
walk_step(struct walk *w, const struct backend_entry *at)
{
	uint64_t expected = w->seq + 1;
	const struct audit_entry *e;

	if (walk_key(at) != expected) {
		walk_break(w, expected, "it is missing");
		return false;
	}
	e = walk_decode(w, at);
	if (e == NULL || e->seq != expected) {
		walk_break(w, expected, "it cannot be read");
		return false;
	}
	if (!bytes_are_digest(e->previous, w->digest)) {
		walk_break(w, w->seq == 0 ? expected : w->seq,
		    "the entry after it says that it was another");
		return false;
	}
	if (strcmp(e->action, AUDIT_PRUNED) == 0)
		(void)text_fit(w->told, sizeof(w->told), e->target);
	w->seq = expected;
	audit_digest(at->value, w->digest);
	w->r->entries++;
	if (w->r->first == 0)
		w->r->first = expected;
	w->r->last = expected;
	walk_meet(w);
	return w->r->whole;
}

static void
walk_end(struct walk *w, const struct audit_end *head)
{
	if (w->seq < head->seq)
		walk_break(w, w->seq + 1, "it is missing");
	else if (w->seq > head->seq)
		walk_break(w, head->seq + 1, "it is after the end of the log");
	else if (!bytes_are_digest(head->digest, w->digest))
		walk_break(w, w->seq, "the head says that it was another");
	else if (w->wanted != NULL && !w->r->met_wanted)
		walk_break(w, w->wanted->seq, "the entry noted is not there");
}

/*
 * A log that begins late must say so itself, in the newest entry on pruning;
 * unless it is full, when the oldest fall out without a word.
 */
static void
walk_anchor(struct walk *w, const struct audit_end *anchor,
    const struct audit_end *head)
{
	char told[AUDIT_END_TEXT + 1];

	if (anchor->seq == 0 || head->seq - anchor->seq >= AUDIT_KEEP_MAX)
		return;
	audit_end_text(anchor, told);
	if (strcmp(told, w->told) != 0)
		walk_break(w, anchor->seq,
		    "it was forgotten, and no entry tells of it");
}

void
audit_verify(struct txn *t, const struct audit_end *wanted, struct pace *pace,
    struct audit_report *ret_report)
{
	struct walk w = { .t = t, .wanted = wanted, .r = ret_report };
	struct audit_end head, anchor;
	struct backend_entry entry;
	struct scan s;
	bool found;

	*ret_report = (struct audit_report){ .whole = true };
	audit_find_end(t, AUDIT_HEAD, &head);
	audit_find_end(t, AUDIT_ANCHOR, &anchor);
	w.seq = anchor.seq;
	memcpy(w.digest, anchor.digest.at, sizeof(w.digest));
	memcpy(ret_report->head, head.digest.at, sizeof(ret_report->head));
	walk_meet(&w);
	scan_open(&s, t, TABLE_AUDIT, NULL);
	found = scan_first(&s, &entry);
	while (found) {
		size_t mark = txn_mark(t);

		if (!walk_step(&w, &entry))
			break;
		txn_release(t, mark);
		if (!pace_took(pace, entry.value.size)) {
			(void)txn_fail(t, ST_CANCELLED, "cancelled");
			break;
		}
		found = scan_next(&s, &entry);
	}
	scan_close(&s);
	if (ret_report->whole)
		walk_end(&w, &head);
	walk_anchor(&w, &anchor, &head);
}
