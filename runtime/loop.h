/*
 * loop - runs actors, one at a time, from a run queue.
 *
 * A loop is driven: loop_turn does what there is to do and says when it wants
 * to be called next.  runtime/driver.c turns it on a thread with libuv; the
 * simulator and the tests turn it by hand, with a clock of their own.  For
 * runtime/ alone.
 */
#ifndef RUNTIME_LOOP_H
#define RUNTIME_LOOP_H

#include <stdatomic.h>

#include "runtime/edge_table.h"
#include "runtime/inside.h"

#define LOOPS_MAX 64
#define LOOP_ARENA_SIZE (4u << 20) /* bodies and scratch of one turn */
#define LOOP_ACTOR_BUDGET 64u      /* messages an actor handles in a row */
#define LOOP_ACTOR_CALLS 8u        /* and calls, which mean more work */
#define LOOP_TURN_ACTORS 512u      /* actor turns before sockets are seen */
#define LOOP_TURN_CALLS_US 200u    /* or so long, if calls are among them */

struct node;

/* What this loop has for another one, not handed over yet. */
struct outbound {
	struct bundle *mails; /* NULL: none */
	struct bundle *back;  /* empty mails that go home when it is full */
	uint64_t sent;        /* ever */
	uint64_t taken_seen;  /* what the other one had taken when we looked */
};

/* What others write stands on another cache line than what they read. */
struct loop_shared {
	alignas(MAIL_LINE) struct inbox inbox;
	atomic_bool asleep;
	alignas(MAIL_LINE) _Atomic uint64_t turn_since_us; /* 0: no handler */
	_Atomic uint64_t turn_what;        /* address, of the running handler */
	_Atomic uint64_t taken[LOOPS_MAX]; /* mails, by sending loop */
};

/* That the actor in its turn has failed; it ends when the turn does. */
struct failure {
	enum status st; /* OK: it has not */
	bool hopeless;  /* starting again would not help */
	bool afresh;    /* no failure: it wants to start over */
	char why[ACTOR_WHY_MAX + 1];
};

/*
 * Loops stand side by side, and no two share a line.  The first one does not
 * change: others read it with each thing that they give.
 */
struct loop {
	alignas(MAIL_LINE) struct node *node;
	uint16_t index;
	struct loop_shared *shared;
	void (*wake)(struct loop *l); /* any thread */
	/* The links, on the loop that has them: take in, and send. */
	bool (*links_in)(struct loop *l); /* true: more waits */
	void (*links_out)(struct loop *l);
	uint64_t (*links_next_us)(const struct loop *l);
	void *uv; /* uv_loop_t, or NULL */

	alignas(MAIL_LINE) uint64_t now_us;
	struct actor *run_head;
	struct actor *run_tail;
	struct mail_pool pool;
	struct arena arena;
	struct list open_ops; /* of the handler that runs now */

	/*
	 * The turn: what is in hand while a handler runs.  Of the last one
	 * until the next begins, or the actor's messages are through.
	 */
	struct actor *turn_actor;
	struct mail *turn_mail; /* NULL once reused or kept */
	/* Head of the message that causes what is sent now; never NULL. */
	const uint8_t *cause;
	bool turn_answered;
	struct failure turn_failure;
	uint8_t cause_kept[FRAME_HEAD]; /* of a mail that was given on */

	bool dirty;              /* some out[] has mails to hand over */
	uint64_t far_traffic_us; /* when another loop last sent us mail */
	struct outbound out[LOOPS_MAX];
	uint64_t taken[LOOPS_MAX];
	struct wheel wheel;
	struct edge_table edges;
	struct net *net;
};

MUST_CHECK enum status loop_init(
    struct loop *l, struct node *node, uint16_t index);
void loop_fini(struct loop *l);

/* Runs what can run now; true: there is more to do at once. */
bool loop_turn(struct loop *l);
/* Takes in what others gave; true if there was any. */
bool loop_take_inbox(struct loop *l);
/* When loop_turn has something to do by itself; UINT64_MAX: never. */
uint64_t loop_next_us(const struct loop *l);

void loop_make_runnable(struct loop *l, struct actor *a);

/* Gives a parcel to a loop and wakes it.  Any thread. */
void loop_give(struct loop *to, struct parcel *p);

/* ---- send.c ---- */

/* That edge, which is not at hand. */
struct edge *actor_edge_anew(struct actor *a, uint64_t to);
/* The receiver on this loop, if it is here and hears from; or NULL. */
struct actor *loop_receiver(const struct loop *l, uint64_t from, uint64_t to);
extern const uint8_t loop_no_cause[FRAME_HEAD];
/* loop_fill (hot_path.h) of what straight code does not know. */
enum status loop_fill_by_table(
    struct loop *l, struct mail **mail, uint16_t id, const void *body);
/* A whole new mail.  FULL when a field or the frame passes its bound. */
MUST_CHECK enum status loop_encode(struct loop *l, const struct frame *f,
    const void *body, struct mail **ret_mail);
/* As loop_fill, of an answer: what does not fit becomes a refusal. */
enum status loop_fill_answer(
    struct loop *l, struct mail **mail, uint16_t id, const void *body);
/* Sends a mail with a frame in it: enters it in the books, and routes it. */
enum status loop_post(struct loop *l, struct mail *m);
/* Takes the mail; a request that cannot be delivered is refused. */
enum status loop_route(struct loop *l, struct mail *m);
/*
 * Ends a mail: enters why in the books, answers a request with a refusal,
 * drops anything else.
 */
void loop_bounce(struct loop *l, struct mail *m, enum edge_end end,
    enum status st, const char *detail);
/* Bounces a mail that st kept from its mailbox; returns st. */
enum status loop_undelivered(struct loop *l, struct mail *m, enum status st);
/* Gives a mail back to wherever it belongs. */
void loop_drop(struct loop *l, struct mail *m);
/* Hands over what is outbound. */
void loop_flush(struct loop *l);

#endif
