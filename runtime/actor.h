/*
 * actor - state, a mailbox, and a table of what to do about each message.
 *
 * A class is data.  The runtime owns the state, runs one handler at a time,
 * and restarts the actor when a handler returns anything but ST_OK.  An
 * actor is bound to one loop, so nothing here needs a lock; every function
 * is for the actor's own handlers, on its own thread.
 *
 *   request   must be answered exactly once: REPLY, REFUSE, ASK, or op_open
 *             to answer later.  One that a handler forgets is refused.
 *   signal    has no answer.
 *
 * Answers to requests never fail: a mailbox keeps room for them.
 */
#ifndef RUNTIME_ACTOR_H
#define RUNTIME_ACTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/catalogue.h"
#include "protocols/frame.h"
#include "protocols/messages.h"
#include "protocols/problem.h"
#include "runtime/base/clock.h"
#include "runtime/base/status.h"
#include "runtime/parcel.h"
#include "runtime/timer.h"

#define ACTOR_MAILBOX_MAX 1024 /* messages, if a class names none */
#define ACTOR_MAILBOX_BYTES_MAX (8u << 20)
#define ACTOR_OPS_MAX 1024   /* requests kept at once */
#define ACTOR_ASK_US 5000000 /* for what nobody set a deadline */
#define OP_DATA_MAX 256      /* bytes an op keeps for its actor */

struct actor;
struct config;
struct mail;
struct metric_page;
struct net;
struct op;

/*
 * A message in hand; all of it lasts until the handler returns.  Bytes in the
 * body of one that nobody answers stand in its mail: who keeps the mail and
 * gives it away reads them before.
 */
struct msg {
	uint16_t id;
	uint8_t kind; /* enum frame_kind */
	uint64_t from;
	uint64_t ref; /* 0: wants no answer */
	uint64_t deadline_us;
	const struct wire_type *type;
	const void *body;    /* of that type */
	const uint8_t *head; /* the envelope as it came; frame_read */
};

typedef enum status (*actor_fn)(struct actor *self, const struct msg *in);
/* reply: what came back; MSG_refused if nothing good did. */
typedef enum status (*op_fn)(
    struct actor *self, struct op *op, const struct msg *reply);

struct handler {
	uint16_t id;
	actor_fn fn;
};

#define ON(type, fn)             \
	{                        \
		MSG_##type, (fn) \
	}

enum restart { RESTART_ON_FAILURE, RESTART_NEVER };

struct actor_class {
	const char *name;
	size_t state_size; /* zeroed before start */
	uint32_t mailbox_max;
	uint32_t mailbox_bytes_max;
	uint32_t ops_max;
	enum restart restart;
	bool starts_slowly; /* start goes on until actor_ready */
	enum status (*start)(struct actor *self); /* may be NULL */
	void (*stop)(struct actor *self);         /* may be NULL */
	/* Takes no new work, and says actor_drained when the old is done. */
	void (*drain)(struct actor *self); /* NULL: nothing to finish */
	/* Adds what it has counted (metric.h); while it runs.  May be NULL. */
	void (*measure)(struct actor *self, struct metric_page *to);
	const struct handler *on; /* ends with id 0 */
};

/* ---- itself ---- */

void *actor_state(struct actor *self);
uint64_t actor_address(const struct actor *self);
const char *actor_name(const struct actor *self);
uint32_t actor_shard(const struct actor *self);
/* Of the turn, not of the call: one decision sees one time. */
uint64_t actor_now_us(const struct actor *self);
uint64_t actor_now_ms(const struct actor *self);
int64_t actor_wall_us(const struct actor *self);
/* Unpredictable bytes; from the seed in a simulation. */
void actor_random(struct actor *self, void *ret_bytes, size_t size);
const struct config *actor_config(const struct actor *self);
/* Reads another one than its node until it ends; c is then its own. */
void actor_use_config(struct actor *self, struct config *c);
/* Sockets, on the actor's loop; NULL where there are none. */
struct net *actor_net(const struct actor *self);

/* Ends a slow start: requests that waited are handled now. */
void actor_ready(struct actor *self);
/* Ends a drain. */
void actor_drained(struct actor *self);
/*
 * Starting again would not help: the node ends, and why is its last word.  As
 * actor_fail otherwise.
 */
void actor_give_up(struct actor *self, const char *why);
/*
 * A handler for a signal after which all that the actor knows may be wrong:
 * it starts over at once, its mailbox kept, and no failure is counted.
 */
enum status actor_on_start_over(struct actor *self, const struct msg *in);
/* False in tests and the simulator: make no threads. */
bool actor_is_threaded(const struct actor *self);
/*
 * As if the handler had returned st, for callbacks that return nothing: the
 * actor ends when its turn does, so what the caller holds is still good.
 */
void actor_fail(struct actor *self, enum status st, const char *why);

/*
 * For callbacks that the runtime did not make, on the actor's own thread: a
 * socket's, say.  Between the two the callback is a turn of the actor like a
 * handler's, with the time of now; they do not nest.  A status that is not
 * ST_OK ends the actor.
 */
void actor_enter(struct actor *self);
void actor_leave(struct actor *self, enum status st);

/* Memory until the turn ends; bodies in hand lie there too. */
struct arena *actor_arena(struct actor *self);

/* Tells whoever started the node, as key=value of its ready line. */
void actor_announce(struct actor *self, const char *key, const char *value);

/* The address of an actor of actors.def; shard 0 if it has but one. */
uint64_t actor_find(const struct actor *self, uint32_t number, uint32_t shard);
/* How many shards it has in this topology. */
uint32_t actor_shards(const struct actor *self, uint32_t number);
/* The actor of actors.def an address belongs to; 0 for spawned ones. */
uint32_t actor_number_of(uint64_t address);

#define ACTOR_NUMBER(id) ACTOR_NUMBER_##id
enum actor_number {
#define ACTOR(id, number, name, hears, purpose) ACTOR_NUMBER_##id = (number),
#include "protocols/actors.def"
#undef ACTOR
};

/* ---- messages: bodies are encoded before the call returns ---- */

/* A signal.  FULL, NOT_FOUND, CLOSED: counted, and not sent. */
enum status actor_send(
    struct actor *self, uint64_t to, uint16_t id, const void *body);

/* Answers in.  Always ST_OK, so that a handler can return it. */
enum status actor_reply(
    struct actor *self, const struct msg *in, uint16_t id, const void *body);
enum status actor_refuse(struct actor *self, const struct msg *in,
    uint32_t problem, const char *detail);
/* With a time to come back; problem 0 takes it from st. */
enum status actor_refuse_with(
    struct actor *self, const struct msg *in, const struct refused *why);

#define SEND(self, to, type, ...) \
	actor_send(self, to, MSG_##type, &(struct type){ __VA_ARGS__ })
#define REPLY(self, in, type, ...) \
	actor_reply(self, in, MSG_##type, &(struct type){ __VA_ARGS__ })
#define REFUSE(self, in, problem, detail) \
	actor_refuse(self, in, PROBLEM_##problem, detail)

/*
 * ---- ops: a request that outlives its handler ----
 *
 * op_open takes the request in hand; it is then the op that must be answered,
 * once, before or at its deadline.  While an op waits (for a reply, for work,
 * or kept), its on_ function is called exactly once: with what came, or with
 * MSG_refused, TIMEOUT when the deadline passes, CLOSED when the other end
 * went away.  When that function returns, the op must have been answered or
 * be waiting again.
 */

/*
 * in NULL: on the actor's own behalf, for at most ACTOR_ASK_US; its answer
 * goes nowhere.  NULL if ops_max are open: in has then been refused.
 */
struct op *op_open(struct actor *self, const struct msg *in);

/* OP_DATA_MAX bytes, zeroed by op_open; the op's until it is answered. */
void *op_data(struct op *op);
uint64_t op_deadline_us(const struct op *op);
/* Whom it will answer; 0 if nobody. */
uint64_t op_caller(const struct op *op);

/* Never later than the deadline the op has now. */
void op_limit(struct op *op, uint64_t us_from_now);
/* Of an op that answers nobody: sooner or later than ACTOR_ASK_US. */
void op_within(struct op *op, uint64_t us_from_now);
/* Of an op on the actor's own behalf: what it asks is part of this trace. */
void op_trace(struct op *op, const uint8_t trace[16], uint64_t span);

enum status op_ask(
    struct op *op, uint64_t to, uint16_t id, const void *body, op_fn on_reply);
/* Waits for nothing but its deadline. */
enum status op_keep(struct op *op, op_fn on_deadline);
/* Names an op while it is kept; NULL once it has been answered. */
uint64_t op_handle(const struct op *op);
struct op *op_find(struct actor *self, uint64_t handle);
/* Stops waiting, without the on_ function: the actor goes on with it. */
void op_resume(struct op *op);

/* Answer, and end the op.  Always ST_OK. */
enum status op_reply(struct op *op, uint16_t id, const void *body);
/* With a body that is encoded already. */
enum status op_reply_encoded(struct op *op, uint16_t id, struct bytes body);
enum status op_refuse(struct op *op, uint32_t problem, const char *detail);
enum status op_refuse_with(struct op *op, const struct refused *why);
/* Ends an op that was opened for nobody. */
enum status op_close(struct op *op);
/* Passes a refusal, or a reply of any type, on to the caller as it is. */
enum status op_pass(struct op *op, const struct msg *reply);
/*
 * An on_reply that does so: the body of the reply is not even read here.  Who
 * gets it in the end checks it, as all that comes in.
 */
enum status op_on_pass(
    struct actor *self, struct op *op, const struct msg *reply);

#define OP_ASK(op, to, type, on_reply, ...) \
	op_ask(op, to, MSG_##type, &(struct type){ __VA_ARGS__ }, on_reply)
#define OP_REPLY(op, type, ...) \
	op_reply(op, MSG_##type, &(struct type){ __VA_ARGS__ })
#define OP_REFUSE(op, problem, detail) op_refuse(op, PROBLEM_##problem, detail)

/* Opens an op for in and asks, in one go; for handlers that keep no data. */
enum status actor_ask(struct actor *self, const struct msg *in, uint64_t to,
    uint16_t id, const void *body, op_fn on_reply);
#define ASK(self, in, to, type, on_reply, ...) \
	actor_ask(                             \
	    self, in, to, MSG_##type, &(struct type){ __VA_ARGS__ }, on_reply)

/*
 * ---- work: what takes longer than a millisecond, on another thread ----
 *
 * run gets the op's data and must touch nothing else of the actor; the actor
 * must not touch the data before on_done.  on_done's reply is MSG_done, or
 * MSG_refused: TIMEOUT if the deadline passed (run goes on, its data live
 * until it ends), OVERLOADED if the pool's queue is full.
 */
enum work_pool { WORK_CPU, WORK_DISK, WORK_POOLS };
typedef void (*work_fn)(void *data);
enum status op_work(
    struct op *op, enum work_pool pool, work_fn run, op_fn on_done);

/*
 * ---- calls: how another thread reaches an actor ----
 *
 * actor_call runs fn on the actor's loop as one of its turns, once, in the
 * order of the calls, a few before the actor's next messages.  While the actor
 * waits for its restart the call waits too, so fn meets a state that start has
 * made, but maybe another one than its caller's: it has to look.  An actor that
 * has ended for good is called all the same.  c must live until then.  Any
 * thread.
 */
struct actor_call;
typedef void (*actor_call_fn)(struct actor *self, struct actor_call *c);

struct actor_call {
	struct parcel parcel;
	struct actor *actor;
	actor_call_fn fn;
};

void actor_call(struct actor *self, struct actor_call *c, actor_call_fn fn);

/* ---- timers: members of the state; stopped when the actor ends ---- */

struct timer;
typedef enum status (*timer_fn)(struct actor *self, struct timer *t);

struct timer {
	struct timer_node node;
	struct list of_actor;
	struct actor *actor;
	timer_fn fn;
};

/* Once, after_us from now; starting it again moves it. */
void timer_start(
    struct actor *self, struct timer *t, uint64_t after_us, timer_fn fn);
/* In the next turn, when sockets and mailboxes have been looked at. */
void timer_start_soon(struct actor *self, struct timer *t, timer_fn fn);
void timer_stop(struct timer *t);
bool timer_is_running(const struct timer *t);

/* ---- raw messages, for those who hand them to another thread ---- */

/*
 * Keeps the message in hand beyond the turn, undecoded; give it back with
 * actor_drop_mail.  NULL if it was kept or reused already.
 */
struct mail *actor_keep_mail(struct actor *self, const struct msg *in);
/* Its body, as it came. */
struct bytes actor_mail_body(const struct mail *m);
void actor_drop_mail(struct actor *self, struct mail *m);

#endif
