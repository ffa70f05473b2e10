/* backup_counts - what the backup actor counts for /metrics. */
#ifndef ACTORS_BACKUP_COUNTS_H
#define ACTORS_BACKUP_COUNTS_H

#include <stdint.h>

#include "runtime/timing.h"

/* Since the start; see backup_metric.def.  UINT64_MAX: nothing to tell. */
struct backup_counts {
	uint64_t made, failed, restored, unrestored, pruned, stuck;
	uint64_t refused, unproven;
	uint64_t proven_age, last_success;
	uint64_t ship_lag, shipped_txid;
	uint64_t second_behind, second_lag;
	uint64_t second_copied, second_bytes, second_failures;
	uint64_t second_pruned, second_used;
	uint64_t ship_parts, ship_bytes, ship_failures, ship_timelines;
	struct timing duration_seconds, restore_seconds;
};

#endif
