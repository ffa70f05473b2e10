#include "load/placement.h"

#include <stdio.h>
#include <string.h>

struct form {
	const char *name;
	uint32_t nodes, loops; /* 0: as many as there are actors */
	bool takes_nodes, takes_loops, namespaces;
};

static const struct form forms[] = {
	{ "one-loop", 1, 1, false, false, false },
	{ "loops", 1, 2, false, true, false },
	{ "loop-per-actor", 1, 0, false, false, false },
	{ "processes", 3, 1, true, true, false },
	{ "process-per-actor", 0, 1, false, false, false },
	{ "hosts", 2, 1, true, true, true },
};

static const struct form *
form_find(const char *text)
{
	size_t size = strcspn(text, ":");

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strlen(forms[i].name) == size &&
		    strncmp(text, forms[i].name, size) == 0)
			return &forms[i];
	return NULL;
}

/* What stands behind the colon: N, or NxM. */
static bool
form_read_numbers(const struct form *f, const char *text, uint32_t *ret_nodes,
    uint32_t *ret_loops)
{
	char first[8], second[8] = "";
	uint64_t n = 0, m = 1;
	int used = 0;

	if (sscanf(text, "%7[0-9]%n", first, &used) != 1 ||
	    plan_number(first, LEDGER_LOOPS_MAX, &n) != ST_OK)
		return false;
	text += used;
	used = 0;
	if (*text == 'x' && sscanf(text, "x%7[0-9]%n", second, &used) == 1 &&
	    plan_number(second, LEDGER_LOOPS_MAX, &m) != ST_OK)
		return false;
	if (text[used] != '\0' || n == 0 || m == 0 ||
	    (used > 0 && !(f->takes_nodes && f->takes_loops)))
		return false;
	if (f->takes_nodes) {
		*ret_nodes = (uint32_t)n;
		*ret_loops = used > 0 ? (uint32_t)m : f->loops;
	} else {
		*ret_loops = (uint32_t)n;
	}
	return true;
}

enum status
placement_parse(const char *text, uint32_t members,
    struct placement *ret_placement, char ret_why[PLAN_WHY_SIZE])
{
	const struct form *f = form_find(text);
	const char *numbers = strchr(text, ':');
	uint32_t nodes, loops;

	snprintf(ret_why, PLAN_WHY_SIZE,
	    "expected one-loop, loops[:N], loop-per-actor, "
	    "processes[:N[xM]], process-per-actor or hosts[:N[xM]]");
	if (f == NULL || strlen(text) > PLACEMENT_NAME_MAX)
		return ST_INVALID;
	nodes = f->nodes == 0 ? members : f->nodes;
	loops = f->loops == 0 ? members : f->loops;
	if (numbers != NULL &&
	    (!(f->takes_nodes || f->takes_loops) ||
		!form_read_numbers(f, numbers + 1, &nodes, &loops)))
		return ST_INVALID;
	snprintf(ret_why, PLAN_WHY_SIZE,
	    "%u processes of %u threads: at most %u processes, and %u threads "
	    "in all",
	    nodes, loops, LEDGER_NODES_MAX, LEDGER_LOOPS_MAX);
	if (nodes > LEDGER_NODES_MAX ||
	    (uint64_t)nodes * loops > LEDGER_LOOPS_MAX)
		return ST_INVALID;
	snprintf(ret_why, PLAN_WHY_SIZE,
	    "%u actors cannot be on %u processes: more actors are needed",
	    members, nodes);
	if (nodes > members)
		return ST_INVALID;
	*ret_placement = (struct placement){
		.nodes = nodes, .loops = loops, .namespaces = f->namespaces
	};
	snprintf(ret_placement->name, sizeof(ret_placement->name), "%s", text);
	return ST_OK;
}

void
placement_apply(const struct placement *p, struct ledger *l)
{
	uint32_t places = p->nodes * p->loops;

	l->nnodes = p->nodes;
	for (uint32_t i = 0; i < l->nmembers; i++) {
		uint32_t place = (uint32_t)((uint64_t)i * places / l->nmembers);

		l->members[i].node = place / p->loops;
		l->members[i].loop = place % p->loops;
	}
	ledger_settle(l);
}
