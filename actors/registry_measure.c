#include "actors/registry.h"
#include "runtime/metric.h"

void
registry_measure(struct actor *self, struct metric_page *to)
{
	const struct registry *s = actor_state(self);
	const struct {
		uint64_t unsettled;
		uint64_t unsettled_refused;
	} c = { s->unsettled_count, s->unsettled_refused };

	auditor_measure(&s->auditor, "session-registry", to);
#define METRIC(id, name, type, words, doc) \
	metric_add(                        \
	    to, &(struct metric){ name, METRIC_##type, doc }, c.id, NULL);
#include "actors/registry_metric.def"
#undef METRIC
}
