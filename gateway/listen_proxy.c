#include "gateway/listen_proxy.h"

#include <string.h>

#include "gateway/inside.h"
#include "gateway/proxy2.h"
#include "runtime/base/log.h"

/* listen_proxy - a stream that has not said yet whom it speaks for. */

struct listen_wait {
	struct listen_door *door;
	struct net_stream *stream;
	struct list link;
	uint32_t due; /* tick */
	size_t used;
	uint8_t bytes[PROXY2_SIZE_MAX];
};

static struct listen *
wait_listen(const struct listen_wait *w)
{
	return &w->door->gateway->listen;
}

static void
wait_drop(struct listen_wait *w)
{
	list_remove(&w->link);
	pool_put(&wait_listen(w)->waits, w);
}

static void
wait_refuse(struct listen_wait *w, const char *why)
{
	struct net_stream *s = w->stream;
	struct net_peer peer;

	net_peer(s, &peer);
	LOG(API_PROXY_REFUSED, KV("peer", peer.text), KV("why", why));
	w->door->gateway->counts.proxy_refused++;
	wait_drop(w);
	net_close(s);
}

/* The rest of what came is the first of what the next owner hears. */
static void
wait_go_on(
    struct listen_wait *w, const struct proxy2 *p, uint8_t *at, size_t size)
{
	struct net_stream *s = w->stream;
	struct listen_door *d = w->door;

	if (p->has_peer && net_tell_peer(s, &p->peer) != ST_OK) {
		wait_refuse(w, "out of memory");
		return;
	}
	wait_drop(w);
	net_disown(s);
	listen_enter(d, s, at, size);
}

static void
wait_on_data(void *ctx, struct net_stream *s, uint8_t *at, size_t size)
{
	struct listen_wait *w = ctx;
	size_t room = sizeof(w->bytes) - w->used;
	size_t part = size < room ? size : room;
	size_t before = w->used;
	const char *why = "the header is too large";
	struct proxy2 p;
	enum status st;

	(void)s;
	memcpy(w->bytes + w->used, at, part);
	w->used += part;
	st = proxy2_parse(w->bytes, w->used, &p, &why);
	if (st == ST_OK)
		wait_go_on(
		    w, &p, at + (p.size - before), size - (p.size - before));
	else if (st != ST_BUSY || part < size)
		wait_refuse(w, why);
}

static void
wait_on_end(void *ctx, struct net_stream *s, enum status why)
{
	struct listen_wait *w = ctx;

	(void)why;
	wait_drop(w);
	net_close(s);
}

static void
wait_on_drained(void *ctx, struct net_stream *s)
{
	(void)ctx;
	(void)s;
}

static const struct net_events wait_events = {
	.on_data = wait_on_data,
	.on_end = wait_on_end,
	.on_drained = wait_on_drained,
};

void
listen_await_proxy(struct listen_door *d, struct net_stream *s)
{
	struct listen *l = &d->gateway->listen;
	struct listen_wait *w = pool_take(&l->waits);

	if (w == NULL) {
		d->gateway->counts.full++;
		net_close(s);
		return;
	}
	w->door = d;
	w->stream = s;
	w->due = l->tick + LISTEN_PROXY_TICKS;
	list_init(&w->link);
	list_append(&l->waiting, &w->link);
	net_own(s, &wait_events, w);
}

void
listen_proxy_init(struct listen *l)
{
	pool_init(&l->waits, sizeof(struct listen_wait), LISTEN_WAITS_MAX, 0);
	list_init(&l->waiting);
}

void
listen_proxy_tick(struct listen *l)
{
	struct list *at = l->waiting.next;

	l->tick++;
	while (at != &l->waiting) {
		struct listen_wait *w = LIST_OF(at, struct listen_wait, link);

		at = at->next;
		if ((int32_t)(l->tick - w->due) >= 0)
			wait_refuse(w, "no header in time");
	}
}

void
listen_proxy_fini(struct listen *l)
{
	struct list *at;

	while (
	    l->waiting.next != NULL && (at = list_first(&l->waiting)) != NULL) {
		struct listen_wait *w = LIST_OF(at, struct listen_wait, link);
		struct net_stream *s = w->stream;

		wait_drop(w);
		net_close(s);
	}
	pool_fini(&l->waits);
}
