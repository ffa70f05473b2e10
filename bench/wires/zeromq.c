/*
 * zeromq - PUSH to PULL, and PAIR for the round trips, through czmq's sockets
 * with ZeroMQ's own send and receive.  WHERE: ipc://... or tcp://...
 */
#include <czmq.h>

#include "wires.h"

static zsock_t *
there(const struct wires *w)
{
	zsock_t *s = zsock_new(w->is_trip ? ZMQ_PAIR : ZMQ_PULL);

	need(s != NULL && zsock_bind(s, "%s", w->where) >= 0, w->where);
	return s;
}

static void
receive(const struct wires *w)
{
	zsock_t *s = there(w);
	void *raw = zsock_resolve(s);
	char load[LOAD_SIZE];

	tell(w);
	for (uint64_t i = 0; i < w->wanted; i++) {
		need(zmq_recv(raw, load, sizeof(load), 0) == LOAD_SIZE, "recv");
		if (w->is_trip)
			need(zmq_send(raw, load, sizeof(load), 0) == LOAD_SIZE,
			    "send");
	}
	tell(w);
	pause();
}

static zsock_t *last; /* closed when the receiver has all */

static void
send_all(const struct wires *w)
{
	zsock_t *s = zsock_new(w->is_trip ? ZMQ_PAIR : ZMQ_PUSH);
	void *raw = zsock_resolve(s);
	char load[LOAD_SIZE] = { 0 };

	need(zsock_connect(s, "%s", w->where) == 0, w->where);
	for (uint64_t i = 0; i < w->wanted; i++) {
		need(zmq_send(raw, load, sizeof(load), 0) == LOAD_SIZE, "send");
		if (w->is_trip)
			need(zmq_recv(raw, load, sizeof(load), 0) == LOAD_SIZE,
			    "recv");
	}
	last = s;
}

int
main(int argc, char **argv)
{
	zsys_handler_set(NULL);
	(void)wires_main(argc, argv, receive, send_all);
	zsock_set_linger(last, 0);
	zsock_destroy(&last);
	return 0;
}
