/*
 * auditor - what an actor has for the audit log, beside its changes.
 *
 * A change carries its own note: `.audit = &note` in the request to the
 * store, note made by audit_note_by.  What changed nothing (a refusal, a
 * failed log-in) is handed to auditor_refused, which copies it, and appends
 * it with the next batch; nobody waits for it.  The same refusal again within
 * api.audit.window_seconds is counted, and told as one entry when that ends.
 *
 * Each caller has a rate of new refusals, by account or else by network, and
 * those who proved nothing have one together, so that nobody can push the
 * rest out of the log.  What is beyond a rate, or comes faster than the store
 * appends, is counted, and the count appended as `audit.lost`.
 *
 * Bounds:  AUDITOR_NOTES_MAX notes that wait, TALLY_MAX that repeat; texts
 *          are cut to what is kept.  The counts of a window are in memory
 *          until it or its actor's node ends (auditor_drain).
 * Threads: one; a member of the actor's state, zeroed
 */
#ifndef ACTORS_AUDITOR_H
#define ACTORS_AUDITOR_H

#include "actors/memo.h"
#include "runtime/actor.h"
#include "runtime/tally.h"

#define AUDITOR_NOTES_MAX 256

struct auditor {
	struct tally_note notes[AUDITOR_NOTES_MAX]; /* a ring */
	uint32_t first;
	uint32_t count;
	uint32_t sent; /* of them, on their way */
	uint64_t lost;
	uint64_t lost_sent; /* told with those on their way */
	bool lost_is_due;   /* also without a note beside it */
	bool is_draining;
	uint64_t window_us;  /* its actor's to set; 0: as configured */
	uint64_t lost_ever;  /* for metrics */
	uint64_t full_at_us; /* of what nobody is let say */
	struct memo callers; /* how fast each of them is refused */
	bool has_key;        /* callers.key is random */
	struct tally told;   /* and how often since */
	struct timer retry;
	struct timer windows; /* the next of them ends */
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
/* A refusal that a note was made of; its times are added up. */
void auditor_count(
    struct actor *self, struct auditor *a, const struct audit_note *note);
/*
 * Its actor's drain: tells what has been counted, and then says actor_drained;
 * at once if the store takes nothing.
 */
void auditor_drain(struct actor *self, struct auditor *a);
struct metric_page;
/* Adds what audit_metric.def lists; actor is a constant. */
void auditor_measure(
    const struct auditor *a, const char *actor, struct metric_page *to);
/* What somebody else had no room for. */
void auditor_lose(struct auditor *a, uint64_t count);

#endif
