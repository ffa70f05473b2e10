/*
 * fault - what is done to a run while it is measured.
 *
 *   kind[:target[=how much]][@when][/every]   and more of them after a comma
 *
 *   slow:sink=50us          from the beginning
 *   kill:n1@500ms           once
 *   kill:n1@500ms/300ms     again and again
 *   fail:account.3@1s  cut:n0=200ms@1s  box:sink=64  clock:n0=10s@1s
 *
 * A role is named as in the topology, a member by role.index, a node n0, n1
 * and so on.  load/fault.def has the kinds.
 */
#ifndef LOAD_FAULT_H
#define LOAD_FAULT_H

#include "load/ledger.h"

#define FAULTS_MAX 16

enum fault_on {
	FAULT_ON_NOTHING,
	FAULT_ON_ROLE,
	FAULT_ON_MEMBER,
	FAULT_ON_NODE
};

enum fault_kind {
#define FAULT(id, name, on, has_us, doc) FAULT_##id,
#include "load/fault.def"
#undef FAULT
	FAULT_KINDS
};

struct fault {
	enum fault_kind kind;
	uint32_t target;   /* role, member or node */
	uint64_t us;       /* or messages, of BOX */
	uint64_t at_us;    /* after the measuring began */
	uint64_t every_us; /* 0: once */

	/* While it runs. */
	uint64_t due_us;
	uint64_t undo_us; /* 0: nothing to undo */
};

struct faults {
	struct fault list[FAULTS_MAX];
	uint32_t count;
	bool cuts; /* some fault cuts links */
};

struct crew;

/* INVALID with a sentence in why. nodes bounds what n0, n1 may be. */
MUST_CHECK enum status faults_parse(const char *text, const struct plan *p,
    uint32_t nodes, struct faults *ret_faults, char ret_why[PLAN_WHY_SIZE]);

/* What holds from the beginning: before the nodes start. */
void faults_prepare(const struct faults *f, struct ledger *l);
/* The measuring begins. */
void faults_begin(struct faults *f, uint64_t now_us);
/* Does what is due and undoes what is over; true: one is still under way. */
bool faults_turn(
    struct faults *f, struct ledger *l, struct crew *c, uint64_t now_us);
/* What is under way is undone: the run ends. */
void faults_end(struct faults *f, struct ledger *l, struct crew *c);

#endif
