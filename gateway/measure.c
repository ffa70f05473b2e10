#include "gateway/measure.h"

#include <inttypes.h>
#include <stdio.h>

#include "gateway/inside.h"
#include "gateway/socket_inside.h"
#include "gateway/tls.h"
#include "runtime/metric.h"

/* What others count is copied to its line. */
static void
measure_gather(struct gateway *g)
{
	struct tls_counts tls = { 0 };

	g->counts.connections = g->connections;
	g->counts.sockets_open = g->sockets == NULL ? 0 : g->sockets->count;
	g->counts.events_dropped = g->sockets == NULL ? 0 : g->sockets->dropped;
	g->counts.tls_not_after = 0;
	if (g->listen.tls != NULL) {
		tls = tls_counts(g->listen.tls);
		g->counts.tls_not_after =
		    (uint64_t)tls_identity(g->listen.tls)->not_after;
	}
	g->counts.tls_shaken = tls.shaken;
	g->counts.tls_resumed = tls.resumed;
	g->counts.tls_refused = tls.refused;
	g->counts.tls_reloads = tls.reloads;
}

void
measure_gateway(struct actor *self, struct metric_page *to)
{
	struct gateway *g = actor_state(self);
	char number[12];
	const char *shard[] = { "shard", number, NULL };

	snprintf(number, sizeof(number), "%" PRIu32, actor_shard(self));
	measure_gather(g);
#define METRIC(id, name, type, labels, doc)                          \
	metric_add(to, &(struct metric){ name, METRIC_##type, doc }, \
	    g->counts.id, shard);
#define HISTOGRAM(id, name, scale, labels, doc) \
	metric_add_timing(to, name, doc, TIMING_##scale, &g->counts.id, shard);
#include "gateway/metric.def"
#undef METRIC
#undef HISTOGRAM
	for (size_t i = 0; i < g->listen.count; i++) {
		const struct listen_door *d = &g->listen.doors[i];
		struct net_counts n;

		if (d->listener == NULL)
			continue;
		n = net_listener_counts(d->listener);
		metric_add_listener(to, &n,
		    (const char *[]){
			"listener", d->spec.address, "shard", number, NULL });
	}
}
