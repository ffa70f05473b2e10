/*
 * ledger - what a load run writes down, by its members and their edges.
 *
 * One run of memory that all processes of a run share and that outlives each
 * of them: an actor that is killed, or its process, leaves what it has counted
 * and goes on from there.  It is an instrument and no way for actors to speak:
 * each line has one writer.  An edge is a pair of members, one of whom sends
 * to the other; its sender writes an edge_out, its receiver an edge_in.
 */
#ifndef LOAD_LEDGER_H
#define LOAD_LEDGER_H

#include <stdalign.h>
#include <stdatomic.h>

#include "load/plan.h"
#include "runtime/base/clock.h"
#include "runtime/base/histogram.h"
#include "runtime/book.h"

#define LEDGER_NODES_MAX 32u
#define LEDGER_LOOPS_MAX 64u /* over all nodes */
#define LEDGER_STATUSES 24u
#define LEDGER_COMPLAINT_MAX 159
#define EDGE_SEEN 64u /* numbers back that an edge can tell apart */
#define LEDGER_MONEY INT64_C(1000000) /* of each account, to begin with */

/* What happens now; the conductor alone changes it. */
enum phase { PHASE_IDLE, PHASE_WARM, PHASE_MEASURE, PHASE_STOP };

/* Mistakes planted into the sending of messages, to test the lab. */
enum planted { PLANTED_NOTHING, PLANTED_LOSE, PLANTED_DOUBLE, PLANTED_SWAP };
#define PLANTED_EVERY 1000u /* messages of an edge */

struct member {
	alignas(64) uint64_t address;
	uint32_t role;
	uint32_t index;
	uint32_t node;
	uint32_t loop;
	uint32_t slot; /* of its histogram: a loop's */
	uint32_t first_edge;
	uint32_t edges;
	uint32_t burn_us; /* faults change it */

	/* Its own lines; others only read. */
	alignas(64) _Atomic uint64_t sent;
	_Atomic uint64_t handled;
	_Atomic uint64_t refused;
	_Atomic uint64_t last_us; /* when it last handled one */
	_Atomic uint64_t left;    /* of what it shall send while measured */
	_Atomic uint64_t open;    /* requests not answered yet */
	_Atomic uint64_t starts;  /* of the actor; over 1: it has failed */
	_Atomic uint64_t renewed; /* windows given up for lost */
	int64_t balance;          /* of an account */

	/* The runtime's own books, as the node left them. */
	uint64_t queued;
	uint64_t books[BOOKS];
};

struct edge_out {
	alignas(64) uint64_t to_address;
	uint32_t from;
	uint32_t to;
	uint64_t sent;     /* also the number of the next one */
	uint64_t answered; /* of requests */
	uint64_t unsent;   /* refused before they had a number */
	int64_t money;
	uint32_t refused[LEDGER_STATUSES]; /* by enum status */
};

struct edge_in {
	alignas(64) uint64_t next; /* the number that should come */
	uint64_t handled;          /* different ones */
	uint64_t seen;    /* a bit for each of the last, newest first */
	uint64_t missing; /* passed over and not come since */
	uint64_t doubled;
	uint64_t reordered;
	uint64_t odd_number; /* of the first that was one of these */
	int64_t money;
	uint32_t arrived; /* not told to the origin yet */
	uint32_t origin;
};

struct ledger_node {
	_Atomic int32_t pid;
	_Atomic uint32_t ready; /* starts that came so far */
	_Atomic uint32_t ups;   /* a bit for each other node it reaches */
	_Atomic uint32_t deaths;
	uint32_t revived;         /* deaths that the conductor has seen */
	_Atomic int64_t clock_us; /* how far a fault has moved its clock */
	_Atomic int64_t wall_us;
	uint64_t rss_ready;    /* when it had started */
	uint64_t link_refused; /* by its links, signals among them */

	/* The runtime's own books of its edges, at the end. */
	bool edges_read;
	uint64_t edges;
	uint64_t edge_messages;
	uint64_t edges_wrong;
	char edge_complaint[LEDGER_COMPLAINT_MAX + 1];
};

struct ledger {
	struct plan plan;
	_Atomic uint32_t phase;
	_Atomic uint64_t
	    begin_us;             /* of the phase before STOP: the schedule's */
	_Atomic uint64_t stop_us; /* nothing is due after it */
	_Atomic uint64_t from_us; /* measured is what was sent since */
	const struct clock *clock;
	enum planted planted;
	bool faulty; /* something is done to the run on purpose */
	uint32_t batch[PLAN_ROLES_MAX]; /* arrivals told at once, by origin */
	uint32_t ends[PLAN_ROLES_MAX];  /* plan_ends */
	uint32_t starters;              /* members that start to send */
	uint32_t nmembers;
	uint32_t nedges;
	uint32_t nnodes;
	uint32_t nslots;
	uint32_t first[LEDGER_NODES_MAX]; /* of node_order */
	struct ledger_node nodes[LEDGER_NODES_MAX];
	struct member *members;
	uint32_t *node_order; /* members by node, as they are spawned */
	struct edge_out *outs;
	struct edge_in *ins;
	struct histogram *slots;
	size_t size; /* of all of it */
};

/* Of a plan that plan_check likes; NULL: no memory.  Nobody is placed yet. */
struct ledger *ledger_create(const struct plan *p, const struct clock *clock);
void ledger_destroy(struct ledger *l);

/* After each member has its node and loop: addresses and slots. */
void ledger_settle(struct ledger *l);

/* The one that the actors of this process write; before they are spawned. */
void ledger_use(struct ledger *l);
struct ledger *ledger_in_use(void);

/* The member that lives at an address. */
struct member *ledger_member(struct ledger *l, uint64_t address);

/* A message has come that is not the next one. */
void edge_judge_odd(struct edge_in *e, uint64_t number);

static inline void
edge_judge(struct edge_in *e, uint64_t number)
{
	if (__builtin_expect(number != e->next, 0)) {
		edge_judge_odd(e, number);
		return;
	}
	e->next++;
	e->handled++;
	e->seen = e->seen << 1 | 1;
}

/* One writer: no need of a locked instruction. */
static inline void
ledger_bump(_Atomic uint64_t *n)
{
	atomic_store_explicit(n,
	    atomic_load_explicit(n, memory_order_relaxed) + 1,
	    memory_order_relaxed);
}

static inline uint64_t
ledger_read(const _Atomic uint64_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

/* "source.3", as complaints name a member. */
#define MEMBER_NAME_SIZE (PLAN_NAME_MAX + 12)
void ledger_name(
    const struct ledger *l, uint32_t member, char ret_name[MEMBER_NAME_SIZE]);

#endif
