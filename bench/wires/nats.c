/*
 * nats - through a nats-server on loopback, with the C client: publish to an
 * asynchronous subscription, and request with reply.  WHERE: a port.
 */
#include <nats/nats.h>

#include "wires.h"

#define PENDING_MAX 2000000 /* of the library, in effect */

static const struct wires *wires;
static uint64_t seen;

static natsConnection *
join(const struct wires *w)
{
	natsConnection *c = NULL;
	natsOptions *o = NULL;
	char url[64];

	snprintf(url, sizeof(url), "nats://127.0.0.1:%s", w->where);
	need(natsOptions_Create(&o) == NATS_OK, "options");
	need(natsOptions_SetURL(o, url) == NATS_OK, url);
	/* A receiver that falls behind would lose messages. */
	need(natsOptions_SetMaxPendingMsgs(o, PENDING_MAX) == NATS_OK,
	    "pending");
	/* Gathers writes by default, which costs a lone request 1 ms. */
	need(natsOptions_SetSendAsap(o, w->is_trip) == NATS_OK, "asap");
	need(natsConnection_Connect(&c, o) == NATS_OK, url);
	return c;
}

static void
on_message(natsConnection *c, natsSubscription *s, natsMsg *m, void *arg)
{
	(void)s;
	(void)arg;
	if (wires->is_trip)
		need(natsConnection_Publish(c, natsMsg_GetReply(m),
			 natsMsg_GetData(m), LOAD_SIZE) == NATS_OK,
		    "reply");
	else if (++seen == wires->wanted)
		tell(wires);
	natsMsg_Destroy(m);
}

static void
receive(const struct wires *w)
{
	natsConnection *c = join(w);
	natsSubscription *s = NULL;

	wires = w;
	need(natsConnection_Subscribe(&s, c, "bench", on_message, NULL) ==
		 NATS_OK,
	    "subscribe");
	need(natsConnection_Flush(c) == NATS_OK, "flush");
	tell(w);
	pause();
}

static void
send_all(const struct wires *w)
{
	natsConnection *c = join(w);
	char load[LOAD_SIZE] = { 0 };

	for (uint64_t i = 0; i < w->wanted; i++) {
		natsMsg *reply = NULL;

		if (!w->is_trip) {
			need(natsConnection_Publish(
				 c, "bench", load, LOAD_SIZE) == NATS_OK,
			    "publish");
			continue;
		}
		need(natsConnection_Request(
			 &reply, c, "bench", load, LOAD_SIZE, 10000) == NATS_OK,
		    "request");
		natsMsg_Destroy(reply);
	}
	need(natsConnection_Flush(c) == NATS_OK, "flush");
}

int
main(int argc, char **argv)
{
	return wires_main(argc, argv, receive, send_all);
}
