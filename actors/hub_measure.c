#include <inttypes.h>
#include <stdio.h>

#include "actors/hub.h"
#include "runtime/metric.h"

void
hub_measure(struct actor *self, struct metric_page *to)
{
	struct hub_state *s = actor_state(self);
	char number[12];
	const char *shard[] = { "shard", number, NULL };

	snprintf(number, sizeof(number), "%" PRIu32, actor_shard(self));
	s->counts.users = presence_online(&s->presence);
	s->counts.sockets = s->presence.sockets.used;
	s->counts.channels = s->channels.pool.used;
	s->counts.pushed_out = s->dedup.pushed_out;
#define METRIC(id, name, type, labels, doc)                          \
	metric_add(to, &(struct metric){ name, METRIC_##type, doc }, \
	    s->counts.id, shard);
#define HISTOGRAM(id, name, scale, labels, doc) \
	metric_add_timing(to, name, doc, TIMING_##scale, &s->counts.id, shard);
#include "actors/hub_metric.def"
#undef METRIC
#undef HISTOGRAM
}
