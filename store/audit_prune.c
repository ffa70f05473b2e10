#include <string.h>

#include "store/audit.h"
#include "store/meta.h"
#include "store/row.h"

/* The oldest entries, one after the other, as far as they go. */
struct oldest {
	struct txn *t;
	const struct store_audit_prune *ask;
	struct store_audit_pruned *ret;
	uint64_t excess; /* up to this number there are too many */
	uint64_t others; /* of those that go: not of pruning itself */
};

/* False: this one stays, and so do all after it. */
static bool
oldest_goes(struct oldest *o, const struct backend_entry *at)
{
	const struct store_audit_prune *ask = o->ask;
	uint64_t seq = key_first_number(at->key);
	const struct audit_entry *e;
	size_t mark = txn_mark(o->t);
	bool goes;

	e = ROW_DECODE(o->t, TABLE_AUDIT, at, audit_entry);
	if (e == NULL)
		return false; /* stuck: what cannot be read is not forgotten */
	goes = seq <= o->excess || (ask->has_before && e->at < ask->before);
	if (goes && o->ret->entries == ask->limit) {
		o->ret->more = true;
		goes = false;
	} else if (goes) {
		o->others += strcmp(e->action, AUDIT_PRUNED) != 0;
		o->ret->entries++;
		o->ret->last = seq;
		if (o->ret->first == 0)
			o->ret->first = seq;
	}
	txn_release(o->t, mark);
	return goes;
}

static void
oldest_look(struct oldest *o)
{
	struct backend_entry at;
	struct scan s;
	struct key from;
	bool found;

	key_init(&from);
	key_number(&from, o->ask->after + 1);
	scan_open(&s, o->t, TABLE_AUDIT, NULL);
	found = scan_seek(&s, &from, &at);
	while (found && oldest_goes(o, &at))
		found = scan_next(&s, &at);
	scan_close(&s);
}

/* One entry tells of those that went: room is made for it too. */
static uint64_t
excess_of(struct txn *t, uint64_t keep)
{
	struct audit_end head, anchor;

	audit_find_end(t, AUDIT_HEAD, &head);
	audit_find_end(t, AUDIT_ANCHOR, &anchor);
	if (keep == 0 || head.seq - anchor.seq <= keep)
		return 0;
	return head.seq - keep + 1;
}

static void
forget(struct txn *t, const struct store_audit_prune *ask,
    const struct store_audit_pruned *gone)
{
	struct audit_note note = ask->note;
	char target[AUDIT_END_TEXT + 1];
	struct audit_end anchor;
	struct key k;

	audit_put_end(t, AUDIT_ANCHOR, gone->last);
	audit_find_end(t, AUDIT_ANCHOR, &anchor);
	audit_end_text(&anchor, target);
	for (uint64_t seq = gone->first; seq <= gone->last; seq++) {
		key_init(&k);
		key_number(&k, seq);
		(void)txn_delete(t, TABLE_AUDIT, &k);
	}
	note.action = AUDIT_PRUNED;
	note.target = target;
	audit_append(t, &note);
}

void
audit_prune(struct txn *t, const struct store_audit_prune *ask,
    struct store_audit_pruned *ret)
{
	struct oldest o = { .t = t, .ask = ask, .ret = ret };
	bool held = meta_get(t, META_AUDIT_HOLD) != 0;

	*ret = (struct store_audit_pruned){ 0 };
	if (!ask->dry_run && held != ask->hold)
		meta_put(t, META_AUDIT_HOLD, ask->hold);
	if (ask->hold)
		return;
	o.excess = excess_of(t, ask->keep);
	oldest_look(&o);
	/* Or an idle log would be pruned of the last pruning for ever. */
	if (o.others == 0 && !ret->more)
		*ret = (struct store_audit_pruned){ 0 };
	if (!ask->dry_run && ret->entries > 0 && txn_status(t) == ST_OK)
		forget(t, ask, ret);
}
