/*
 * redis - PUBLISH to SUBSCRIBE through a redis-server on loopback, with
 * hiredis; PUBLISH is pipelined, 512 at a time.  A round trip is a list:
 * LPUSH here, BRPOP there, and back.  WHERE: a port.
 */
#include <hiredis/hiredis.h>

#include "wires.h"

#define PIPELINE 512u

static const char load[LOAD_SIZE + 1] =
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static redisContext *
join(const struct wires *w)
{
	redisContext *c =
	    redisConnect("127.0.0.1", (int)strtol(w->where, NULL, 10));

	need(c != NULL && c->err == 0, "connect");
	return c;
}

static void
take(redisContext *c)
{
	redisReply *r = NULL;

	need(redisGetReply(c, (void **)&r) == REDIS_OK, "reply");
	freeReplyObject(r);
}

static void
ask(redisContext *c, const char *words)
{
	need(redisAppendCommand(c, words, load) == REDIS_OK, words);
	take(c);
}

static void
receive(const struct wires *w)
{
	redisContext *c = join(w);

	if (!w->is_trip)
		ask(c, "SUBSCRIBE bench");
	tell(w);
	for (uint64_t i = 0; i < w->wanted; i++) {
		if (w->is_trip) {
			ask(c, "BRPOP there 0");
			ask(c, "LPUSH back %s");
		} else {
			take(c);
		}
	}
	tell(w);
	pause();
}

static void
send_all(const struct wires *w)
{
	redisContext *c = join(w);

	for (uint64_t i = 0; w->is_trip && i < w->wanted; i++) {
		ask(c, "LPUSH there %s");
		ask(c, "BRPOP back 0");
	}
	for (uint64_t i = 0; !w->is_trip && i < w->wanted;) {
		uint64_t n =
		    w->wanted - i < PIPELINE ? w->wanted - i : PIPELINE;

		for (uint64_t j = 0; j < n; j++)
			need(redisAppendCommand(c, "PUBLISH bench %s", load) ==
				 REDIS_OK,
			    "publish");
		for (uint64_t j = 0; j < n; j++)
			take(c);
		i += n;
	}
}

int
main(int argc, char **argv)
{
	return wires_main(argc, argv, receive, send_all);
}
