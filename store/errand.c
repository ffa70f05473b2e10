#include "store/errand.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/fault.h"
#include "runtime/base/text.h"

#define ERRAND_REPLY_MAX (FRAME_MAX - FRAME_HEAD)

struct errand *
errand_of(struct actor_call *c)
{
	return LIST_OF(c, struct errand, call);
}

static void
errand_forget_result(struct errand *e)
{
	if (e->result.reply.bytes != e->small)
		free(e->result.reply.bytes);
	free(e->result.event.bytes);
	e->result = (struct errand_result){ .st = ST_BUG };
	e->result.reply = (struct wire_out){ e->small, sizeof(e->small), 0 };
}

/*
 * Into the small buffer, or else into one of its own that grows; as large at
 * first as what the request has read, which is rarely too little.
 */
static enum status
errand_encode(struct errand *e, struct wire_out *out,
    const struct wire_type *type, const void *body, size_t guess)
{
	size_t size = guess / 8 > ERRAND_SMALL ? guess / 8 : ERRAND_SMALL;
	enum status st =
	    out->size == 0 ? ST_FULL : wire_encode(type, body, out);

	while (st == ST_FULL && out->size < ERRAND_REPLY_MAX) {
		size =
		    size * 8 < ERRAND_REPLY_MAX ? size * 8 : ERRAND_REPLY_MAX;
		if (out->bytes != e->small)
			free(out->bytes);
		*out = (struct wire_out){ malloc(size), size, 0 };
		if (out->bytes == NULL) {
			out->size = 0;
			return ST_NO_MEMORY;
		}
		st = wire_encode(type, body, out);
	}
	return st;
}

static enum status
errand_take_reply(
    struct errand *e, const struct store_reply *reply, size_t guess)
{
	enum status st;

	e->result.id = reply->id;
	st = errand_encode(
	    e, &e->result.reply, catalogue_find(reply->id), reply->body, guess);
	if (st != ST_OK || reply->event == NULL)
		return st;
	return errand_encode(e, &e->result.event, CATALOGUE_TYPE(hub_committed),
	    &(struct hub_committed){ .events = reply->event,
		.events_count =
		    reply->events_count > 0 ? reply->events_count : 1 },
	    0);
}

/* After its writes: what a test breaks here must be undone as a whole. */
static enum status
errand_break(struct txn *t, const struct errand *e, enum status st)
{
	const char *name = catalogue_find(e->request->id)->name;

	fault_point(name);
	return st == ST_OK && fault_fails(name)
		   ? txn_fail(t, ST_IO, "told to fail")
		   : st;
}

static enum status
errand_run(struct txn *t, struct job *j)
{
	struct errand *e = LIST_OF(j, struct errand, job);
	struct bytes bytes = actor_mail_body(e->mail);
	struct store_reply reply = { 0 };
	const void *body;
	enum status st;

	errand_forget_result(e);
	st = wire_decode(catalogue_find(e->request->id), &t->room->arena,
	    bytes.at, bytes.size, &body);
	if (st == ST_OK)
		st = errand_break(t, e, e->request->run(t, body, &reply));
	else
		(void)txn_fail(t, st, "the request does not decode");
	if (st == ST_OK)
		st = errand_take_reply(e, &reply, t->room->arena.used);
	if (st != ST_OK) {
		e->result.problem = reply.problem;
		text_fit(e->result.why, sizeof(e->result.why),
		    reply.detail != NULL ? reply.detail : t->why);
	}
	return st;
}

/* On a store thread: home to the loop. */
static void
errand_done(struct job *j, enum status st)
{
	struct errand *e = LIST_OF(j, struct errand, job);

	e->result.st = st;
	actor_call(e->actor, &e->call, e->on_back);
}

struct errand *
errand_create(struct actor *actor, const struct request *request, uint64_t op,
    struct mail *mail, actor_call_fn on_back)
{
	struct errand *e = malloc(sizeof(*e));

	if (e == NULL)
		return NULL;
	memset(e, 0, offsetof(struct errand, small));
	e->job.run = errand_run;
	e->job.done = errand_done;
	e->job.size_bytes = actor_mail_body(mail).size;
	e->actor = actor;
	e->request = request;
	e->op = op;
	e->mail = mail;
	e->on_back = on_back;
	e->result.reply = (struct wire_out){ e->small, sizeof(e->small), 0 };
	return e;
}

void
errand_destroy(struct errand *e)
{
	errand_forget_result(e);
	free(e);
}
