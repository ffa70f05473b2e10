#include "actors/backup_inside.h"
#include "runtime/metric.h"

#define SECOND_US 1000000

/* What is not known, or goes on nowhere, is absent rather than nought. */
struct reading {
	bool known;
	uint64_t value;
};

struct readings {
	struct reading proven_age, ship_lag, shipped_txid, ship_parts,
	    ship_bytes, ship_failures, ship_timelines;
};

void
backup_measure(struct actor *self, struct metric_page *to)
{
	const struct backup_self *s = actor_state(self);
	const struct ship *ship = &s->ship;
	int64_t age = (actor_wall_us(self) - s->last_proven_at) / SECOND_US;
	bool ships = s->place.root[0] != '\0' && ship_is_on(self);
	struct readings r = {
		.proven_age = { s->last_proven_at != 0,
		    age > 0 ? (uint64_t)age : 0 },
		.ship_lag = { ships, ship_lag_us(self) / SECOND_US },
		.shipped_txid = { ships && ship->timeline != 0, ship->shipped },
		.ship_parts = { true, ship->parts },
		.ship_bytes = { true, ship->bytes },
		.ship_failures = { true, ship->failures },
		.ship_timelines = { true, ship->timelines },
	};

#define METRIC(id, name, type, words, doc)                                   \
	if (r.id.known)                                                      \
		metric_add(to, &(struct metric){ name, METRIC_##type, doc }, \
		    r.id.value, NULL);
#include "actors/backup_metric.def"
#undef METRIC
}
