#include "load/fault.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load/crew.h"
#include "runtime/base/items.h"

struct fault_form {
	const char *name;
	enum fault_on on;
	bool has_us;
};

static const struct fault_form forms[FAULT_KINDS] = {
#define FAULT(id, name, on, has_us, doc) { name, FAULT_ON_##on, has_us },
#include "load/fault.def"
#undef FAULT
};

#define FAULT_WORD_MAX 95

/* One fault, cut into its parts. */
struct words {
	char kind[FAULT_WORD_MAX + 1];
	char target[FAULT_WORD_MAX + 1];
	char amount[FAULT_WORD_MAX + 1];
	char at[FAULT_WORD_MAX + 1];
	char every[FAULT_WORD_MAX + 1];
};

static enum status
fault_wrong(char why[PLAN_WHY_SIZE], const char *what, const char *text)
{
	snprintf(why, PLAN_WHY_SIZE, "%.60s: %.80s", text, what);
	return ST_INVALID;
}

/* Cuts what a mark begins off the end of text. */
static void
fault_cut_off(char *text, char mark, char ret_word[FAULT_WORD_MAX + 1])
{
	char *at = strchr(text, mark);

	ret_word[0] = '\0';
	if (at == NULL)
		return;
	snprintf(ret_word, FAULT_WORD_MAX + 1, "%s", at + 1);
	*at = '\0';
}

static void
fault_split(char *text, struct words *w)
{
	fault_cut_off(text, '/', w->every);
	fault_cut_off(text, '@', w->at);
	fault_cut_off(text, '=', w->amount);
	fault_cut_off(text, ':', w->target);
	snprintf(w->kind, sizeof(w->kind), "%s", text);
}

static bool
fault_find_role(const struct plan *p, const char *name, uint32_t *ret_role)
{
	for (uint32_t i = 0; i < p->nroles; i++)
		if (strcmp(p->roles[i].name, name) == 0) {
			*ret_role = i;
			return true;
		}
	return false;
}

static bool
fault_find_member(const struct plan *p, char *name, uint32_t *ret_member)
{
	char index[FAULT_WORD_MAX + 1];
	uint64_t n = 0;
	uint32_t role;

	fault_cut_off(name, '.', index);
	if (!fault_find_role(p, name, &role) ||
	    (index[0] != '\0' &&
		plan_number(index, PLAN_MEMBERS_MAX, &n) != ST_OK) ||
	    n >= plan_count(p, role))
		return false;
	*ret_member = plan_first(p, role) + (uint32_t)n;
	return true;
}

static bool
fault_find_target(
    struct fault *f, const struct plan *p, uint32_t nodes, char *target)
{
	uint64_t n;

	switch (forms[f->kind].on) {
	case FAULT_ON_NOTHING:
		return target[0] == '\0';
	case FAULT_ON_ROLE:
		return fault_find_role(p, target, &f->target);
	case FAULT_ON_MEMBER:
		return fault_find_member(p, target, &f->target);
	case FAULT_ON_NODE:
		if (target[0] != 'n' ||
		    plan_number(target + 1, nodes - 1, &n) != ST_OK)
			return false;
		f->target = (uint32_t)n;
		return true;
	}
	return false;
}

static enum status
fault_read_amount(
    struct fault *f, const struct words *w, char why[PLAN_WHY_SIZE])
{
	if (!forms[f->kind].has_us)
		return w->amount[0] == '\0'
			   ? ST_OK
			   : fault_wrong(why, "takes no amount", w->kind);
	if (f->kind == FAULT_BOX)
		return plan_number(w->amount, PLAN_MAILBOX, &f->us) == ST_OK &&
			       f->us > 0
			   ? ST_OK
			   : fault_wrong(why, "needs a number, as box:sink=64",
				 w->kind);
	if (plan_time(w->amount, &f->us) != ST_OK || f->us == 0)
		return fault_wrong(why, "needs a time, as =200ms", w->kind);
	if (f->kind == FAULT_SLOW && f->us > PLAN_BURN_US_MAX)
		return fault_wrong(why, "at most 1s a message", w->kind);
	return ST_OK;
}

static enum status
fault_parse(char *text, const struct plan *p, uint32_t nodes, struct fault *f,
    char why[PLAN_WHY_SIZE])
{
	struct words w;
	uint32_t k = 0;

	fault_split(text, &w);
	while (k < FAULT_KINDS && strcmp(forms[k].name, w.kind) != 0)
		k++;
	if (k == FAULT_KINDS)
		return fault_wrong(why,
		    "is no fault; there are slow stop freeze fail kill cut box "
		    "clock back",
		    w.kind);
	f->kind = (enum fault_kind)k;
	if (!fault_find_target(f, p, nodes, w.target))
		return fault_wrong(why,
		    "no such target: a role, a member as sink.0, or a node as "
		    "n0",
		    w.target[0] == '\0' ? w.kind : w.target);
	if (w.at[0] != '\0' && plan_time(w.at, &f->at_us) != ST_OK)
		return fault_wrong(why, "no time, as @500ms", w.at);
	if (w.every[0] != '\0' &&
	    (plan_time(w.every, &f->every_us) != ST_OK || f->every_us == 0))
		return fault_wrong(why, "no time, as /300ms", w.every);
	return fault_read_amount(f, &w, why);
}

enum status
faults_parse(const char *text, const struct plan *p, uint32_t nodes,
    struct faults *ret_faults, char ret_why[PLAN_WHY_SIZE])
{
	struct bytes rest = { (const uint8_t *)text, strlen(text) };
	char one[FAULT_WORD_MAX + 1];
	struct bytes word;

	*ret_faults = (struct faults){ 0 };
	while (items_next(&rest, ',', &word)) {
		struct fault *f = &ret_faults->list[ret_faults->count];

		if (ret_faults->count == FAULTS_MAX ||
		    word.size > FAULT_WORD_MAX)
			return fault_wrong(ret_why, "too many, or too long",
			    (const char *)word.at);
		snprintf(one, sizeof(one), "%.*s", (int)word.size,
		    (const char *)word.at);
		if (fault_parse(one, p, nodes, f, ret_why) != ST_OK)
			return ST_INVALID;
		ret_faults->cuts |= f->kind == FAULT_CUT;
		ret_faults->count++;
	}
	return ST_OK;
}

/* Whether it holds all the time, and is done before the start. */
static bool
fault_is_lasting(const struct fault *f)
{
	return f->kind == FAULT_SLOW || f->kind == FAULT_BOX ||
	       f->kind >= FAULT_LOSE;
}

void
faults_prepare(const struct faults *f, struct ledger *l)
{
	l->faulty = f->count > 0;
	for (uint32_t i = 0; i < f->count; i++) {
		const struct fault *one = &f->list[i];

		if (one->kind == FAULT_BOX)
			l->plan.roles[one->target].mailbox = (uint32_t)one->us;
		else if (one->kind == FAULT_LOSE)
			l->planted = PLANTED_LOSE;
		else if (one->kind == FAULT_DOUBLE)
			l->planted = PLANTED_DOUBLE;
		else if (one->kind == FAULT_SWAP)
			l->planted = PLANTED_SWAP;
		for (uint32_t m = 0; m < l->nmembers; m++)
			if (one->kind == FAULT_SLOW &&
			    l->members[m].role == one->target)
				l->members[m].burn_us += (uint32_t)one->us;
	}
}

void
faults_begin(struct faults *f, uint64_t now_us)
{
	for (uint32_t i = 0; i < f->count; i++)
		f->list[i].due_us = fault_is_lasting(&f->list[i])
					? UINT64_MAX
					: now_us + f->list[i].at_us;
}

static void
fault_do(struct fault *f, struct ledger *l, struct crew *c)
{
	struct order o = { .member = f->target, .us = f->us };

	switch (f->kind) {
	case FAULT_STOP:
	case FAULT_FAIL:
		o.kind = f->kind == FAULT_STOP ? ORDER_HOLD : ORDER_FAIL;
		crew_order(c, l->members[f->target].node, &o);
		break;
	case FAULT_FREEZE:
		crew_signal(c, f->target, SIGSTOP);
		break;
	case FAULT_KILL:
		crew_signal(c, f->target, SIGKILL);
		break;
	case FAULT_CUT:
		crew_cut(c, f->target, true);
		break;
	case FAULT_CLOCK:
		atomic_fetch_add(&l->nodes[f->target].clock_us, (int64_t)f->us);
		atomic_fetch_add(&l->nodes[f->target].wall_us, (int64_t)f->us);
		break;
	case FAULT_BACK:
		atomic_fetch_sub(&l->nodes[f->target].wall_us, (int64_t)f->us);
		break;
	default:
		break;
	}
}

static void
fault_undo(struct fault *f, struct crew *c)
{
	f->undo_us = 0;
	if (f->kind == FAULT_FREEZE)
		crew_signal(c, f->target, SIGCONT);
	else if (f->kind == FAULT_CUT)
		crew_cut(c, f->target, false);
}

bool
faults_turn(struct faults *f, struct ledger *l, struct crew *c, uint64_t now_us)
{
	bool under_way = false;

	for (uint32_t i = 0; i < f->count; i++) {
		struct fault *one = &f->list[i];

		if (one->undo_us != 0 && one->undo_us <= now_us)
			fault_undo(one, c);
		if (one->due_us <= now_us) {
			fault_do(one, l, c);
			one->due_us = one->every_us == 0
					  ? UINT64_MAX
					  : now_us + one->every_us;
			if (one->kind == FAULT_FREEZE || one->kind == FAULT_CUT)
				one->undo_us = now_us + one->us;
		}
		under_way |= one->undo_us != 0;
	}
	return under_way;
}

void
faults_end(struct faults *f, struct ledger *l, struct crew *c)
{
	(void)l;
	for (uint32_t i = 0; i < f->count; i++) {
		f->list[i].due_us = UINT64_MAX;
		if (f->list[i].undo_us != 0)
			fault_undo(&f->list[i], c);
	}
}
