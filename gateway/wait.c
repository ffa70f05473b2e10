#include "gateway/inside.h"

/*
 * When the session-registry starts again nobody can be judged for a moment,
 * which ends by itself.  A request that comes meanwhile waits for it, rather
 * than be sent away to come back; whoever comes when it has lasted too long
 * is refused at once.  What waits is bounded like all requests, and open to
 * nobody: it is judged when the wait ends, as if it had come then.
 */

bool
wait_is_needed(struct conn *c)
{
	struct replica *r = &c->gateway->replica;
	const struct route *to = c->exchange->route;

	if (c->door->is_control ||
	    (to->access == ROUTE_PUBLIC && to->local != local_socket))
		return false;
	replica_check(r);
	return replica_is_coming(r);
}

void
wait_begin(struct conn *c)
{
	struct gateway *g = c->gateway;
	struct exchange *x = c->exchange;

	g->counts.waited++;
	x->conn = c;
	list_append(&g->waiting, &x->waiting);
}

void
wait_end_all(struct gateway *g)
{
	while (!list_empty(&g->waiting)) {
		struct exchange *x =
		    LIST_OF(list_first(&g->waiting), struct exchange, waiting);
		struct conn *c = x->conn;
		uint64_t handle = conn_handle(c);

		list_remove(&x->waiting);
		exchange_act(c, NULL, (struct bytes){ x->held, x->held_size });
		c = conn_find(g, handle);
		if (c != NULL)
			conn_go_on(c);
	}
}
