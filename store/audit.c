#include "store/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/audit_by.h"
#include "runtime/base/text.h"
#include "runtime/seal.h"
#include "store/meta.h"
#include "store/row.h"

static const uint8_t before_all[AUDIT_DIGEST_SIZE];

static void
audit_key(struct key *k, uint64_t seq)
{
	key_init(k);
	key_number(k, seq);
}

static void
end_key(struct key *k, enum audit_which which)
{
	key_init(k);
	key_tail(k, which == AUDIT_HEAD ? "head" : "anchor");
}

void
audit_digest(struct bytes stored, uint8_t ret_digest[AUDIT_DIGEST_SIZE])
{
	_Static_assert(SEAL_DIGEST_SIZE == AUDIT_DIGEST_SIZE, "one digest");
	seal_digest(stored, ret_digest);
}

void
audit_end_text(const struct audit_end *end, char ret_text[AUDIT_END_TEXT + 1])
{
	char digest[AUDIT_DIGEST_TEXT + 1];

	text_hex(end->digest.at, end->digest.size, digest);
	snprintf(
	    ret_text, AUDIT_END_TEXT + 1, "%" PRIu64 ":%s", end->seq, digest);
}

void
audit_find_end(struct txn *t, enum audit_which which, struct audit_end *ret_end)
{
	const struct audit_end *end;
	struct key k;

	*ret_end =
	    (struct audit_end){ .digest = { before_all, sizeof(before_all) } };
	end_key(&k, which);
	end = ROW_GET(t, TABLE_AUDIT_ENDS, &k, audit_end);
	if (end == NULL)
		return;
	if (end->digest.size == AUDIT_DIGEST_SIZE)
		*ret_end = *end;
	else
		row_is_corrupt(t, TABLE_AUDIT_ENDS, key_bytes(&k));
}

void
audit_put_end(struct txn *t, enum audit_which which, uint64_t seq)
{
	uint8_t digest[AUDIT_DIGEST_SIZE];
	struct audit_end end = { .seq = seq,
		.digest = { digest, sizeof(digest) } };
	struct bytes stored;
	struct key k;

	audit_key(&k, seq);
	if (!txn_get(t, TABLE_AUDIT, &k, &stored)) {
		row_is_corrupt(t, TABLE_AUDIT, key_bytes(&k));
		return;
	}
	audit_digest(stored, digest);
	end_key(&k, which);
	row_put(t, TABLE_AUDIT_ENDS, &k, CATALOGUE_TYPE(audit_end), &end);
}

/* What falls out; a bound that was lowered is reached little by little. */
static void
audit_forget(struct txn *t, uint64_t head)
{
	struct audit_end anchor;
	struct key k;

	audit_find_end(t, AUDIT_ANCHOR, &anchor);
	if (head - anchor.seq > AUDIT_KEEP_MAX &&
	    meta_get(t, META_AUDIT_HOLD) != 0)
		return;
	for (int i = 0; i < AUDIT_FORGET_MAX && txn_status(t) == ST_OK &&
			head - anchor.seq > AUDIT_KEEP_MAX;
	     i++) {
		anchor.seq++;
		audit_put_end(t, AUDIT_ANCHOR, anchor.seq);
		audit_key(&k, anchor.seq);
		(void)txn_delete(t, TABLE_AUDIT, &k);
	}
}

static struct audit_entry
audit_entry_of(const struct audit_note *note, const struct audit_end *head)
{
	return (struct audit_entry){ .seq = head->seq + 1,
		.at = note->at,
		.user_id = note->by.user_id,
		.username = note->by.username,
		.role = note->by.role,
		.has_role = note->by.method != AUTH_NONE,
		.method = note->by.method,
		.address = note->by.address,
		.session = "",
		.action = note->action,
		.target = note->target,
		.result = note->result,
		.detail = note->detail,
		.previous = head->digest,
		.times = note->times };
}

void
audit_append(struct txn *t, const struct audit_note *note)
{
	char session[AUDIT_SESSION_MAX + 1];
	struct audit_entry entry;
	struct audit_end head;
	struct key k;

	if (note == NULL || txn_status(t) != ST_OK)
		return;
	if (text_is_blank(note->action)) {
		(void)txn_fail(t, ST_INVALID, "a note without an action");
		return;
	}
	audit_find_end(t, AUDIT_HEAD, &head);
	entry = audit_entry_of(note, &head);
	audit_by_digits(&note->by, session);
	entry.session = session;
	audit_key(&k, entry.seq);
	if (!row_put_new(
		t, TABLE_AUDIT, &k, CATALOGUE_TYPE(audit_entry), &entry))
		row_is_corrupt(t, TABLE_AUDIT, key_bytes(&k));
	audit_put_end(t, AUDIT_HEAD, entry.seq);
	audit_forget(t, entry.seq);
}

bool
audit_view_of(struct txn *t, const struct backend_entry *stored,
    struct audit_view *ret_view)
{
	const struct audit_entry *e =
	    ROW_DECODE(t, TABLE_AUDIT, stored, audit_entry);
	uint8_t digest[AUDIT_DIGEST_SIZE];
	char *text = txn_take(t, AUDIT_DIGEST_TEXT + 1);

	if (e == NULL || text == NULL)
		return false;
	audit_digest(stored->value, digest);
	text_hex(digest, sizeof(digest), text);
	*ret_view = (struct audit_view){ .seq = e->seq,
		.at = e->at,
		.user_id = e->user_id,
		.username = e->username,
		.role = e->role,
		.has_role = e->has_role,
		.method = e->method,
		.address = e->address,
		.session = e->session,
		.action = e->action,
		.target = e->target,
		.result = e->result,
		.detail = e->detail,
		.digest = text,
		.times = e->times == 0 ? 1 : e->times };
	return true;
}
