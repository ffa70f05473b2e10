/*
 * auditor - what an actor has for the audit log, beside its changes.
 *
 * A change carries its own note: `.audit = &note` in the request to the
 * store, note made by audit_note_by.  What changed nothing (a refusal, a
 * failed log-in) is handed to auditor_say, which copies it, and appends it
 * with the next batch; nobody waits for it.  What comes faster than the store
 * appends is counted, and the count appended as `audit.lost`.
 *
 * Refusals of those who proved nothing have a rate, so that a stranger can
 * push nothing out of the log; what is beyond it is counted as lost too.
 *
 * Bounds:  AUDITOR_NOTES_MAX notes that wait; texts are cut to what is kept
 * Threads: one; a member of the actor's state, zeroed
 */
#ifndef ACTORS_AUDITOR_H
#define ACTORS_AUDITOR_H

#include "runtime/actor.h"

#define AUDITOR_NOTES_MAX 256
#define AUDITOR_ID_MAX 64
#define AUDITOR_TARGET_MAX 160
#define AUDITOR_DETAIL_MAX 160

struct auditor_note {
	int64_t at;
	enum role role;
	enum auth_method method;
	enum audit_result result;
	char user_id[AUDITOR_ID_MAX + 1];
	char username[USERNAME_MAX + 1];
	char address[ADDRESS_MAX + 1];
	char session[AUDIT_SESSION_MAX + 1];
	char action[AUDIT_ACTION_MAX + 1];
	char target[AUDITOR_TARGET_MAX + 1];
	char detail[AUDITOR_DETAIL_MAX + 1];
};

struct auditor {
	struct auditor_note notes[AUDITOR_NOTES_MAX]; /* a ring */
	uint32_t first;
	uint32_t count;
	uint32_t sent; /* of them, on their way */
	uint64_t lost;
	uint64_t lost_sent;  /* told with those on their way */
	uint64_t full_at_us; /* of what nobody is let say */
	struct timer retry;
};

/* For now, and ok; borrows every text. */
struct audit_note audit_note_by(struct actor *self, const struct principal *by,
    const char *action, const char *target);

/* by and target may be NULL; never fails the caller. */
void auditor_say(
    struct actor *self, struct auditor *a, const struct audit_note *note);
void auditor_refused(struct actor *self, struct auditor *a,
    const struct principal *by, const char *action, const char *target,
    const char *detail);

#endif
