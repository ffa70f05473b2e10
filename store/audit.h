/*
 * audit - who did what, in an order that nobody can change unseen.
 *
 * A repository calls audit_append with the note of its request, in the
 * transaction of the change: either both are there or neither.  Entries are
 * numbered from 1; each holds the SHA-256 of the one before it as stored, and
 * the head that of the newest, so a change, a hole or a cut anywhere shows in
 * audit_verify.  The log keeps its newest AUDIT_KEEP_MAX entries, or fewer by
 * policy (audit_prune); the anchor holds the digest of the newest one that was
 * forgotten, and what the policy has taken an entry tells, in the same
 * transaction: without one, a log that begins late has been cut.  While it is
 * held nothing is forgotten at all.
 *
 * Whoever can write the database and knows this can forge all of it: keep a
 * digest elsewhere now and then, and ask audit_verify for it.
 */
#ifndef STORE_AUDIT_H
#define STORE_AUDIT_H

#include "protocols/messages.h"
#include "runtime/base/pace.h"
#include "store/txn.h"

#define AUDIT_KEEP_MAX (UINT64_C(1) << 20)
#define AUDIT_FORGET_MAX 2 /* entries that one append forgets at most */

/* note NULL: nothing.  INVALID without an action. */
void audit_append(struct txn *t, const struct audit_note *note);

/* By policy; *ret is what went, or would. */
void audit_prune(struct txn *t, const struct store_audit_prune *ask,
    struct store_audit_pruned *ret);

enum audit_which { AUDIT_HEAD, AUDIT_ANCHOR };
/* Zeros if there is none yet. */
void audit_find_end(
    struct txn *t, enum audit_which which, struct audit_end *ret_end);
/* To an entry that is still there. */
void audit_put_end(struct txn *t, enum audit_which which, uint64_t seq);
/* What the next entry says of one that is stored so. */
void audit_digest(struct bytes stored, uint8_t ret_digest[AUDIT_DIGEST_SIZE]);
/* "SEQ:DIGEST", as `troupe doctor audit --anchor` takes it. */
#define AUDIT_END_TEXT (20 + 1 + AUDIT_DIGEST_TEXT)
void audit_end_text(
    const struct audit_end *end, char ret_text[AUDIT_END_TEXT + 1]);
/* An entry with its digest, as clients see it; NULL once stuck. */
bool audit_view_of(struct txn *t, const struct backend_entry *stored,
    struct audit_view *ret_view);

struct audit_report {
	uint64_t entries;     /* good ones, up to the break */
	uint64_t first, last; /* their numbers; 0: none */
	uint8_t head[AUDIT_DIGEST_SIZE];
	bool whole;
	uint64_t broken; /* the first entry that cannot be believed */
	const char *why; /* one sentence, static */
	bool met_wanted; /* the entry asked for is there, as it was */
};

/*
 * Reads the whole chain.  wanted: an entry that must be there, with that
 * digest; or NULL.  Sticks only if the database cannot be read, or pace, which
 * may be NULL, says to give up.
 */
void audit_verify(struct txn *t, const struct audit_end *wanted,
    struct pace *pace, struct audit_report *ret_report);

#endif
