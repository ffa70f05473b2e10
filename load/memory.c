#include "load/memory.h"

#include "protocols/frame.h"
#include "runtime/link.h"
#include "runtime/mail.h"

static uint64_t
memory_of_message(const struct plan *p)
{
	return p->size + FRAME_HEAD + 64 <= MAIL_ROOM_SMALL
		   ? MEMORY_MAIL
		   : MEMORY_MAIL + 8 * ((uint64_t)p->size + FRAME_HEAD);
}

static bool
role_is_sent_to(const struct plan *p, uint32_t role)
{
	for (uint32_t i = 0; i < p->nroles; i++)
		if (does_sends(p->roles[i].does) && p->roles[i].to == role)
			return true;
	return false;
}

/* What the mailboxes hold at most. */
static uint64_t
memory_of_boxes(const struct ledger *l)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < l->plan.nroles; i++)
		if (role_is_sent_to(&l->plan, i))
			n += (uint64_t)plan_count(&l->plan, i) *
			     l->plan.roles[i].mailbox;
	return n;
}

/* What a closed loop has on its way at most. */
static uint64_t
memory_of_windows(const struct ledger *l)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < l->nmembers; i++) {
		const struct member *m = &l->members[i];

		if (!does_start(l->plan.roles[m->role].does))
			continue;
		n += (uint64_t)l->plan.window * (l->ends[m->role] + 1) *
		     (2 + ledger_read(&m->renewed));
	}
	return n;
}

/* Mails that have left one loop of a node and not come to another yet. */
static uint64_t
memory_between_loops(const struct ledger *l)
{
	uint64_t loops = l->nslots / l->nnodes;

	return l->nnodes * loops * (loops - 1) * MAIL_INFLIGHT_MAX;
}

/*
 * Asks that may be open, of all that start some; in a chain, as an account's
 * for a teller, one for each role.
 */
static uint64_t
memory_of_asks(const struct plan *p)
{
	uint64_t started = 0, roles = 0;

	for (uint32_t r = 0; r < p->nroles; r++) {
		roles += does_ask(p->roles[r].does);
		if (does_start(p->roles[r].does))
			started += (uint64_t)plan_count(p, r) * plan_asks(p, r);
	}
	return started * roles;
}

uint64_t
memory_bound(const struct ledger *l)
{
	const struct plan *p = &l->plan;
	uint64_t boxes = memory_of_boxes(l), windows = memory_of_windows(l);
	uint64_t links = l->nnodes - 1, asks = memory_of_asks(p);
	/* An answer is let in whatever the mailbox holds. */
	uint64_t due = boxes + asks + memory_between_loops(l);
	uint64_t n = (p->rate > 0 || due < windows ? due : windows) *
		     memory_of_message(p);

	n += asks * MEMORY_OP;
	for (uint32_t i = 0; i < l->nnodes; i++)
		n += l->nodes[i].rss_ready + MEMORY_SLACK;
	n += (uint64_t)l->nslots * MEMORY_LOOP;
	/* The ledger is seen by each of them. */
	n += l->size * l->nnodes;
	return n + 4 * l->nnodes * links *
		       (LINK_CREDIT_BYTES + LINK_CONTROL_BYTES_MAX);
}
