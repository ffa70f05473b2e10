/*
 * inside - what an actor and an op are made of; for runtime/ alone.
 *
 * Everything here belongs to the loop of its actor and is touched by that
 * loop's thread only, unless it says atomic.
 */
#ifndef RUNTIME_INSIDE_H
#define RUNTIME_INSIDE_H

#include <stdalign.h>
#include <stdatomic.h>

#include "protocols/frame_head.h"
#include "protocols/straight.h"
#include "runtime/actor.h"
#include "runtime/address.h"
#include "runtime/base/pool.h"
#include "runtime/book.h"
#include "runtime/mail.h"
#include "runtime/supervisor.h"

#define FLIGHT_ENTRIES 64 /* envelopes each actor remembers */
#define ACTOR_EDGES 16u   /* edges each actor has at hand */
#define ACTOR_NAME_MAX 31
#define ACTOR_WHY_MAX 351     /* of why it failed; a longer text is cut */
#define ACTOR_URGENT_MAX 1024 /* messages on the control lane */

#define ACTOR_PHASES(X) \
	X(STARTING) X(RUNNING) X(WAITING) X(QUARANTINED) X(ENDED)

enum actor_phase {
#define X(p) ACTOR_##p,
	ACTOR_PHASES(X)
#undef X
};

struct class_slot {
	uint32_t id;   /* 0: none */
	uint32_t room; /* that the struct takes, as arenas count */
	actor_fn fn;
	const struct wire_type *type;
	unpack_fn unpack[2]; /* in its mail; if it is to be answered */
};

/* A class with its handlers in a hash table; shared by its actors. */
struct class_info {
	const struct actor_class *class;
	struct class_info *next;
	uint32_t mask;
	struct class_slot slots[];
};

/* The flight recorder: what an actor was last told, and when. */
struct flight_entry {
	uint64_t from;
	uint64_t at_us;
	/* The frame's first; the status of a handler that failed is in [0]. */
	uint8_t first[8];
	uint64_t ref;
};

/* Who sends looks at the first line, and the handling at the second. */
struct actor {
	alignas(MAIL_LINE) struct mail_list box;
	uint64_t box_bytes;
	uint32_t box_bytes_max;
	uint32_t box_calm;  /* below it nothing but its bytes is looked at */
	uint64_t flight_at; /* mails it has ever taken out of its mailbox */
	struct actor *run_next;
	uint8_t phase; /* enum actor_phase */
	bool runnable;
	bool wants_ready;
	alignas(MAIL_LINE) struct mail_list urgent;
	const struct class_slot *slot; /* of the last message it knew */
	struct loop *loop;
	void *state;
	uint64_t address;
	const struct class_info *info;
	struct mail_list held; /* requests that wait for a slow start */
	uint32_t box_max;
	uint32_t warn_at;      /* queued messages that are the next warning */
	struct config *config; /* of its own; NULL: the node's; owned */
	uint64_t books[BOOKS]; /* but for what actor_count_books finds */
	struct edge *edges[ACTOR_EDGES];
	struct pool ops;
	struct list timers;
	struct flight_entry flight[FLIGHT_ENTRIES];
	char name[ACTOR_NAME_MAX + 1];
	struct parcel *calls, *last_call; /* that wait for their turn */
	struct actor *prev_of_node;       /* the one spawned before it */
	struct supervised supervised;
};

#define OP_PHASES(X) X(OPEN) X(ASKING) X(KEPT) X(WORKING)

enum op_phase {
#define X(p) OP_##p,
	OP_PHASES(X)
#undef X
};

struct op {
	struct actor *actor;
	struct list open; /* in the loop's open_ops while OP_OPEN */
	/* Of the caller: its head, and what of it is looked at often. */
	uint8_t head[FRAME_HEAD];
	uint8_t hops;
	uint64_t from;
	uint64_t ref;
	uint64_t deadline_us;
	struct timer_node deadline;
	op_fn fn;
	uint8_t phase;  /* enum op_phase */
	uint64_t asked; /* whom, while OP_ASKING */
	uint8_t early;  /* enum status: why it is refused without being sent */
	bool at_work;   /* a worker has it, whatever its phase */
	bool ended;     /* answered; freed when the worker is through */
	bool may_skip;  /* of work that nobody waits for any more */
	_Atomic bool is_skipped;
	struct parcel parcel;
	struct op *next_work;
	work_fn run;
	alignas(max_align_t) unsigned char data[OP_DATA_MAX];
};

/* ---- class.c ---- */
const struct class_info *class_info_of(const struct actor_class *class);
void class_info_free_all(void);

/* Of no message: its id is none. */
extern const struct class_slot class_no_slot;

static inline const struct class_slot *
class_info_find(const struct class_info *info, uint16_t id)
{
	for (uint32_t i = id;; i++) {
		const struct class_slot *s = &info->slots[i & info->mask];

		if (s->id == id || s->id == 0)
			return s->id == 0 ? NULL : s;
	}
}

/* ---- deliver.c ---- */
void actor_become(struct actor *a, enum actor_phase phase);
/* Into the mailbox; on failure the mail is still the caller's. */
enum status actor_accept(struct actor *a, struct mail *m);
/* Handles mail until the budget or the mailbox ends; true: there is more. */
bool actor_run(struct actor *a, uint32_t budget);

/* ---- node_show.c ---- */
void actor_count_books(const struct actor *a, uint64_t ret_books[BOOKS]);

/* ---- op.c ---- */
void op_on_answer(struct actor *a, struct mail *m, struct msg *in);
/* Refuses what the handler that just returned forgot. */
void op_sweep_open(struct loop *l);
/* Tells the ops that wait for an actor of this node that it is gone. */
void op_close_asked(struct actor *a, uint32_t node);
/* Refuses everything open, CLOSED: the actor has failed. */
void op_close_all(struct actor *a, const char *why);

/* ---- supervisor.c ---- */
/* Its handler, op or timer returned st: restart, or past the limit, not. */
void actor_ended_badly(struct actor *a, enum status st, const char *why);
/* At the end of a turn that returned st: has the actor failed in it? */
void actor_judge_turn(struct actor *a, enum status st, const char *why);
/* Runs calls that wait, the oldest first, unless it waits for its restart. */
void actor_run_calls(struct actor *a, uint32_t max);
/* Calls start; on failure the supervisor has it already. */
void actor_begin(struct actor *a);
/* Refuses what it has, calls stop; for good. */
void actor_end(struct actor *a);

#endif
