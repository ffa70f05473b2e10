#include "load/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/decimal.h"

static const struct {
	const char *name;
	bool sends, asks, starts;
} does_table[] = {
#define DOES(id, name, sends, asks, starts, doc) { name, sends, asks, starts },
#include "load/does.def"
#undef DOES
};

bool
does_sends(enum does d)
{
	return does_table[d].sends;
}

bool
does_ask(enum does d)
{
	return does_table[d].asks;
}

bool
does_start(enum does d)
{
	return does_table[d].starts;
}

const char *
does_name(enum does d)
{
	return does_table[d].name;
}

uint32_t
plan_count(const struct plan *p, uint32_t role)
{
	return p->roles[role].count == 0 ? p->actors : p->roles[role].count;
}

uint32_t
plan_first(const struct plan *p, uint32_t role)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < role; i++)
		n += plan_count(p, i);
	return n;
}

uint32_t
plan_members(const struct plan *p)
{
	return plan_first(p, p->nroles);
}

/* Of n dealt out over parts, where the part of this index begins. */
static uint32_t
share_begin(uint32_t n, uint32_t parts, uint32_t index)
{
	return (uint32_t)((uint64_t)n * index / parts);
}

uint32_t
plan_edges_of(const struct plan *p, uint32_t role, uint32_t index)
{
	const struct plan_role *r = &p->roles[role];
	uint32_t there = does_sends(r->does) ? plan_count(p, r->to) : 0;

	if (there == 0)
		return 0;
	switch (r->pick) {
	case PICK_SAME:
	case PICK_NEXT:
		return 1;
	case PICK_SHARE:
		return share_begin(there, plan_count(p, role), index + 1) -
		       share_begin(there, plan_count(p, role), index);
	default:
		return r->to == role ? there - 1 : there;
	}
}

uint32_t
plan_edge_to(const struct plan *p, uint32_t role, uint32_t index, uint32_t nth)
{
	const struct plan_role *r = &p->roles[role];
	uint32_t there = plan_count(p, r->to);
	uint32_t at = nth;

	if (r->pick == PICK_SAME)
		at = index % there;
	else if (r->pick == PICK_NEXT)
		at = (index + 1) % there;
	else if (r->pick == PICK_SHARE)
		at = share_begin(there, plan_count(p, role), index) + nth;
	else if (r->to == role && nth >= index)
		at = nth + 1; /* nobody sends to itself */
	return plan_first(p, r->to) + at;
}

uint64_t
plan_edges(const struct plan *p)
{
	uint64_t n = 0;

	for (uint32_t r = 0; r < p->nroles; r++)
		for (uint32_t i = 0; i < plan_count(p, r); i++)
			n += plan_edges_of(p, r, i);
	return n;
}

/* depth ends what the check has not refused yet: a ring of relays. */
static uint32_t
plan_ends_within(const struct plan *p, uint32_t role, uint32_t depth)
{
	const struct plan_role *r = &p->roles[role];
	uint32_t fan = 1;

	if (depth == 0 || r->does == DOES_RING || does_ask(r->does))
		return 1;
	if (r->pick == PICK_ALL || r->pick == PICK_SHARE)
		fan = plan_edges_of(p, role, 0);
	if (p->roles[r->to].does != DOES_RELAY)
		return fan;
	return fan * plan_ends_within(p, r->to, depth - 1);
}

uint32_t
plan_ends(const struct plan *p, uint32_t role)
{
	return plan_ends_within(p, role, PLAN_ROLES_MAX);
}

/* A schedule does not wait, so those who follow one share a bound. */
uint32_t
plan_asks(const struct plan *p, uint32_t role)
{
	enum does does = p->roles[role].does;
	uint32_t starters = 0, each = PLAN_ASKS_DUE_MAX;

	if (!does_ask(does))
		return 0;
	if (!does_start(does))
		return PLAN_ASKS_MAX;
	if (p->rate == 0)
		return p->window;
	for (uint32_t r = 0; r < p->nroles; r++)
		if (does_start(p->roles[r].does))
			starters += plan_count(p, r);
	if (starters > 0)
		each /= starters;
	return each > PLAN_ASKS_DUE_MIN ? each : PLAN_ASKS_DUE_MIN;
}

/* A relay that leads back to itself would never come to an end. */
static bool
role_comes_to_an_end(const struct plan *p, uint32_t role)
{
	for (uint32_t i = 0; i <= p->nroles; i++) {
		if (p->roles[role].does != DOES_RELAY)
			return true;
		role = p->roles[role].to;
	}
	return false;
}

static const char *
role_complaint(const struct plan *p, uint32_t i)
{
	const struct plan_role *r = &p->roles[i];
	const struct plan_role *to = &p->roles[r->to];

	if (!does_sends(r->does))
		return NULL;
	if (r->pick == PICK_NEXT && r->to != i)
		return "pick: next is for a role that sends to itself";
	if (r->does == DOES_RING && r->pick != PICK_NEXT)
		return "a ring needs pick: next";
	if (r->does == DOES_RING && p->rate > 0)
		return "a ring has no rate: each message causes the next";
	if (plan_edges_of(p, i, 0) == 0)
		return "has nobody to send to: more actors are needed";
	if (does_ask(r->does) !=
	    (to->does == DOES_ECHO || to->does == DOES_ACCOUNT))
		return "askers, tellers and accounts ask an echo or an "
		       "account, and nobody else does";
	if (to->does == DOES_ACCOUNT && r->does == DOES_ASKER)
		return "an account is asked by tellers and accounts";
	if (to->does == DOES_ECHO && r->does != DOES_ASKER)
		return "an echo is asked by askers";
	if (r->does == DOES_RELAY && r->to == i)
		return "a relay does not send to its own role";
	if (!role_comes_to_an_end(p, i))
		return "its messages never come to an end";
	return NULL;
}

enum status
plan_check(const struct plan *p, char ret_why[PLAN_WHY_SIZE])
{
	bool starts = false;

	for (uint32_t i = 0; i < p->nroles; i++) {
		const char *complaint = role_complaint(p, i);

		starts |= does_start(p->roles[i].does);
		if (complaint == NULL)
			continue;
		snprintf(ret_why, PLAN_WHY_SIZE, "role %s: %s",
		    p->roles[i].name, complaint);
		return ST_INVALID;
	}
	if (!starts)
		snprintf(ret_why, PLAN_WHY_SIZE, "no role starts to send");
	else if (plan_members(p) > PLAN_MEMBERS_MAX)
		snprintf(ret_why, PLAN_WHY_SIZE, "more than %u actors",
		    PLAN_MEMBERS_MAX);
	else if (plan_edges(p) > PLAN_EDGES_MAX)
		snprintf(ret_why, PLAN_WHY_SIZE,
		    "more than %u pairs of actors that speak", PLAN_EDGES_MAX);
	else
		return ST_OK;
	return ST_INVALID;
}

enum status
plan_number(const char *text, uint64_t max, uint64_t *ret_number)
{
	uint64_t n = 0;
	const char *c = text;

	if (!decimal_take(&c, max, &n))
		return ST_INVALID;
	for (const char *unit = "kmg"; *c != '\0' && *unit != '\0'; unit++) {
		if (n > max / 1000)
			return ST_INVALID;
		n *= 1000;
		if (*c == *unit) {
			c++;
			break;
		}
	}
	if (*c != '\0' || n > max)
		return ST_INVALID;
	*ret_number = n;
	return ST_OK;
}

#define PLAN_TIME_MAX_US UINT64_C(86400000000)

enum status
plan_time(const char *text, uint64_t *ret_us)
{
	static const struct {
		const char *unit;
		uint64_t us;
	} units[] = { { "", 1 }, { "us", 1 }, { "ms", 1000 }, { "s", 1000000 },
		{ "m", 60000000 } };
	uint64_t n;

	if (!decimal_take(&text, PLAN_TIME_MAX_US, &n))
		return ST_INVALID;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text, units[i].unit) != 0)
			continue;
		if (n > PLAN_TIME_MAX_US / units[i].us)
			return ST_INVALID;
		*ret_us = n * units[i].us;
		return ST_OK;
	}
	return ST_INVALID;
}
