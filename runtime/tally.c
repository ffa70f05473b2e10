#include "runtime/tally.h"

#include <string.h>

#include "runtime/audit_by.h"
#include "runtime/base/fnv.h"
#include "runtime/base/network.h"
#include "runtime/base/text.h"

uint32_t
tally_times(const struct audit_note *note)
{
	return note->times == 0 ? 1 : note->times;
}

void
tally_note_take(struct tally_note *n, const struct audit_note *from)
{
	const struct principal *by = &from->by;

	n->at = from->at;
	n->role = by->role;
	n->method = by->method;
	n->result = from->result;
	n->times = from->times;
	(void)text_fit(n->user_id, sizeof(n->user_id), by->user_id);
	(void)text_fit(n->username, sizeof(n->username), by->username);
	(void)text_fit(n->address, sizeof(n->address), by->address);
	audit_by_digits(by, n->session);
	(void)text_fit(n->action, sizeof(n->action), from->action);
	(void)text_fit(n->target, sizeof(n->target), from->target);
	(void)text_fit(n->detail, sizeof(n->detail), from->detail);
}

struct audit_note
tally_note_give(const struct tally_note *n)
{
	return (struct audit_note){ .at = n->at,
		.by = { .user_id = n->user_id,
		    .username = n->username,
		    .role = n->role,
		    .method = n->method,
		    .session_id = n->session,
		    .address = n->address,
		    .user_agent = "" },
		.action = n->action,
		.target = n->target,
		.result = n->result,
		.detail = n->detail,
		.times = n->times };
}

/* Only spreads: tally_is_same decides. */
static uint64_t
tally_hash(const struct tally_note *n, const char *network)
{
	uint64_t h = fnv_text(FNV_BASIS, n->user_id);

	h = fnv_text(h, n->action);
	h = fnv_text(h, n->target);
	h = fnv_text(h, n->detail);
	return fnv_text(h, network);
}

/*
 * Whoever is known did it in one session, or with one key; what nobody proved
 * is one however many sessions it names, as tally_count says.
 */
static bool
tally_is_same_way(const struct tally_note *a, const struct tally_note *b)
{
	return a->method == b->method &&
	       (a->method == AUTH_NONE || strcmp(a->session, b->session) == 0);
}

static bool
tally_is_same(const struct tally_note *a, const struct tally_note *b,
    const char *network_of_b)
{
	char network[NETWORK_OF_CLIENT_SIZE];

	network_of_client(a->address, network);
	return a->result == b->result && tally_is_same_way(a, b) &&
	       strcmp(a->user_id, b->user_id) == 0 &&
	       strcmp(a->action, b->action) == 0 &&
	       strcmp(a->target, b->target) == 0 &&
	       strcmp(a->detail, b->detail) == 0 &&
	       strcmp(network, network_of_b) == 0;
}

struct tally_entry *
tally_find(struct tally *t, const struct audit_note *note)
{
	char network[NETWORK_OF_CLIENT_SIZE];
	struct tally_note n;
	uint64_t hash;

	tally_note_take(&n, note);
	network_of_client(n.address, network);
	hash = tally_hash(&n, network);
	for (uint32_t i = 0; i < t->count; i++) {
		struct tally_entry *e = &t->entries[i];

		if (e->hash == hash && tally_is_same(&e->note, &n, network))
			return e;
	}
	return NULL;
}

struct tally_entry *
tally_put(struct tally *t, const struct audit_note *note)
{
	char network[NETWORK_OF_CLIENT_SIZE];
	struct tally_entry *e;

	if (t->count == TALLY_MAX)
		return NULL;
	e = &t->entries[t->count++];
	memset(e, 0, sizeof(*e));
	tally_note_take(&e->note, note);
	e->note.times = tally_times(note);
	network_of_client(e->note.address, network);
	e->hash = tally_hash(&e->note, network);
	return e;
}

void
tally_drop(struct tally *t, struct tally_entry *e)
{
	struct tally_entry *last = &t->entries[--t->count];

	if (e != last)
		*e = *last;
}

void
tally_count(struct tally_entry *e, const struct audit_note *note)
{
	uint32_t times = tally_times(note);
	char session[AUDIT_SESSION_MAX + 1];

	e->note.times = e->note.times > UINT32_MAX - times
			    ? UINT32_MAX
			    : e->note.times + times;
	audit_by_digits(&note->by, session);
	if (strcmp(e->note.session, session) != 0)
		e->note.session[0] = '\0';
}
