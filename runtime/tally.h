/*
 * tally - refusals that repeat: one entry, and how often.
 *
 * What is the same in who and how (auth_method, session or API key), from
 * which network (network_of_client), what, to whom, and why is one entry; the
 * address of the first of them stands for all.  Of AUTH_NONE the session makes
 * no difference, and none is named if they differ.  The gateway gathers in one
 * what it tells the session-registry; an actor's auditor (actors/auditor.h)
 * keeps in one what it has told lately.
 *
 * Bounds:  TALLY_MAX entries; texts are cut to what is kept
 * Threads: one; zeroed is empty
 */
#ifndef RUNTIME_TALLY_H
#define RUNTIME_TALLY_H

#include "protocols/messages.h"

#define TALLY_MAX 64
#define TALLY_ID_MAX 64
#define TALLY_TARGET_MAX 160
#define TALLY_DETAIL_MAX 160

/* An audit_note that owns its texts. */
struct tally_note {
	int64_t at;
	enum role role;
	enum auth_method method;
	enum audit_result result;
	uint32_t times;
	char user_id[TALLY_ID_MAX + 1];
	char username[USERNAME_MAX + 1];
	char address[ADDRESS_MAX + 1];
	char session[AUDIT_SESSION_MAX + 1]; /* or API key */
	char action[AUDIT_ACTION_MAX + 1];
	char target[TALLY_TARGET_MAX + 1];
	char detail[TALLY_DETAIL_MAX + 1];
};

struct tally_entry {
	struct tally_note note; /* times: not told yet */
	uint64_t hash;          /* of what makes it the same */
	uint64_t until_us;      /* its keeper's */
};

struct tally {
	struct tally_entry entries[TALLY_MAX];
	uint32_t count;
};

/* How often it happened: at least 1. */
uint32_t tally_times(const struct audit_note *note);
void tally_note_take(struct tally_note *n, const struct audit_note *from);
/* Borrows every text. */
struct audit_note tally_note_give(const struct tally_note *n);

/* NULL if there is none.  Good until the next put or drop. */
struct tally_entry *tally_find(struct tally *t, const struct audit_note *note);
/* A new one, with tally_times; NULL: full. */
struct tally_entry *tally_put(struct tally *t, const struct audit_note *note);
/* Another takes its place. */
void tally_drop(struct tally *t, struct tally_entry *e);
/* The same again, tally_times more.  Never wraps. */
void tally_count(struct tally_entry *e, const struct audit_note *note);

#endif
