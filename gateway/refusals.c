#include "gateway/refusals.h"

#include <stdio.h>

#include "gateway/inside.h"

#define TARGET_SIZE 128 /* "METHOD /path" */

_Static_assert(TALLY_MAX <= AUDIT_NOTES_MAX, "a message holds a tally");

/* However many strangers there are, half of it is for those we know. */
static bool
refusals_has_room(const struct tally *t, const struct audit_note *note)
{
	uint32_t strangers = 0;

	if (note->by.method != AUTH_NONE)
		return true;
	for (uint32_t i = 0; i < t->count; i++)
		strangers += t->entries[i].note.method == AUTH_NONE;
	return strangers < REFUSALS_STRANGERS_MAX;
}

static void
refusals_add(struct gateway *g, const struct audit_note *note)
{
	struct refusals *r = &g->refusals;
	struct tally *t = &r->tallies[r->gathers];
	struct tally_entry *e = tally_find(t, note);

	if (e != NULL) {
		tally_count(e, note);
	} else if (!refusals_has_room(t, note) || tally_put(t, note) == NULL) {
		r->lost++;
		g->counts.refusals_lost++;
	}
}

static struct audit_note
refusals_note_of(
    struct gateway *g, const char *address, const char *action, const char *why)
{
	return (struct audit_note){ .at = actor_wall_us(g->self),
		.by = { .user_id = "",
		    .username = "",
		    .session_id = "",
		    .address = address,
		    .user_agent = "" },
		.action = action,
		.target = "",
		.result = AUDIT_REFUSED,
		.detail = why,
		.times = 1 };
}

void
refusals_note(struct conn *c, const char *action, const char *why)
{
	const struct exchange *x = c->exchange;
	char target[TARGET_SIZE];
	struct audit_note note =
	    refusals_note_of(c->gateway, x->context.client, action, why);

	(void)snprintf(target, sizeof(target), "%s %s",
	    http1_method_name((enum http1_method)x->head.method),
	    x->route->path);
	note.target = target;
	note.by.user_id = x->who.user_id;
	note.by.username = x->who.account->username;
	note.by.role = x->who.account->role;
	note.by.method = x->who.method;
	note.by.session_id = x->who.session_id;
	note.by.key_id = x->who.key_id;
	refusals_add(c->gateway, &note);
}

/* Told apart by nothing but address and reason. */
void
refusals_note_nobody(struct conn *c, const char *action, const char *why)
{
	const struct exchange *x = c->exchange;
	struct audit_note note =
	    refusals_note_of(c->gateway, x->context.client, action, why);

	note.by.session_id = x->who.session_id;
	note.by.key_id = x->who.key_id;
	refusals_add(c->gateway, &note);
}

void
refusals_note_socket(struct gateway *g, const char *address, const char *why)
{
	struct audit_note note =
	    refusals_note_of(g, address, "access.ticket", why);

	refusals_add(g, &note);
}

/* What nobody has heard goes again with the next sweep. */
static enum status
refusals_on_told(struct actor *self, struct op *op, const struct msg *reply)
{
	struct gateway *g = actor_state(self);
	struct refusals *r = &g->refusals;

	r->sending = false;
	if (reply->id == MSG_done)
		r->tallies[1 - r->gathers].count = 0;
	else
		r->lost += r->lost_sent;
	r->lost_sent = 0;
	return op_close(op);
}

/* What could not be told goes first, then what has come since. */
static struct tally *
refusals_next(struct refusals *r)
{
	struct tally *t = &r->tallies[1 - r->gathers];

	if (t->count == 0) {
		t = &r->tallies[r->gathers];
		r->gathers = r->gathers == 0;
	}
	return t;
}

void
refusals_flush(struct gateway *g)
{
	struct audit_note notes[TALLY_MAX];
	struct refusals *r = &g->refusals;
	const struct tally *t;
	struct op *op;

	if (r->sending ||
	    (r->tallies[0].count == 0 && r->tallies[1].count == 0))
		return;
	op = op_open(g->self, NULL);
	if (op == NULL)
		return;
	t = refusals_next(r);
	for (uint32_t i = 0; i < t->count; i++)
		notes[i] = tally_note_give(&t->entries[i].note);
	r->sending = true;
	r->lost_sent = r->lost;
	r->lost = 0;
	(void)OP_ASK(op, actor_find(g->self, ACTOR_NUMBER(session_registry), 0),
	    audit_refusals, refusals_on_told, .notes = notes,
	    .notes_count = t->count, .lost = r->lost_sent);
}
