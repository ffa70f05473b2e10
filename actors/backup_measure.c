#include "actors/backup_inside.h"
#include "runtime/metric.h"

#define SECOND_US 1000000
#define ABSENT UINT64_MAX

static void
measure_one(struct metric_page *to, const struct metric *m, uint64_t value)
{
	if (value != ABSENT)
		metric_add(to, m, value, NULL);
}

/* What is not known, or goes on nowhere, is absent rather than nought. */
static void
measure_ship(struct actor *self, struct backup_counts *c)
{
	const struct backup_self *s = actor_state(self);
	const struct ship *ship = &s->ship;
	bool ships = s->place.root[0] != '\0' && ship_is_on(self);

	c->ship_lag = ships ? ship_lag_us(self) / SECOND_US : ABSENT;
	c->shipped_txid = ships && ship->timeline != 0 ? ship->shipped : ABSENT;
	c->ship_parts = ship->parts;
	c->ship_bytes = ship->bytes;
	c->ship_failures = ship->failures;
	c->ship_timelines = ship->timelines;
}

static void
measure_second(struct actor *self, struct backup_counts *c)
{
	struct backup_second now;
	bool has = second_state(self, &now);

	c->second_behind = has ? now.behind : ABSENT;
	c->second_lag = has ? now.lag_seconds : ABSENT;
}

void
backup_measure(struct actor *self, struct metric_page *to)
{
	const struct backup_self *s = actor_state(self);
	int64_t age_us = actor_wall_us(self) - s->last_proven_at;
	struct backup_counts c = s->counts;

	c.proven_age = s->last_proven_at == 0 ? ABSENT
		       : age_us > 0           ? (uint64_t)age_us / SECOND_US
					      : 0;
	c.last_success = s->last_success_at == 0
			     ? ABSENT
			     : (uint64_t)s->last_success_at / SECOND_US;
	measure_ship(self, &c);
	auditor_measure(&s->auditor, "backup", to);
	measure_second(self, &c);
#define METRIC(id, name, type, words, doc) \
	measure_one(to, &(struct metric){ name, METRIC_##type, doc }, c.id);
#define HISTOGRAM(id, name, scale, words, doc) \
	metric_add_timing(to, name, doc, TIMING_##scale, &c.id, NULL);
#include "actors/backup_metric.def"
#undef METRIC
#undef HISTOGRAM
}
