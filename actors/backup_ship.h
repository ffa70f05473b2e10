/*
 * backup_ship - brings every committed transaction to the backups at once.
 *
 * While backup.ship.enabled: asks the store for the records it has logged
 * (store/redo_log.h), five times a second, appends them to the segment in
 * hand (segment.h), and tells the store what it need not keep.  A segment ends
 * by size or by age.  What fails is tried again; meanwhile records wait in the
 * store, up to backup.ship.tail_bytes, and the lag grows.
 *
 * A timeline is begun by whoever ships, when there is none: at first, after a
 * restore, and after the store has given the log up.  It needs a backup to
 * start from; one is made at once, and again when the last of it is gone.
 *
 * Bounds: one read, one write and one backup at once.
 */
#ifndef ACTORS_BACKUP_SHIP_H
#define ACTORS_BACKUP_SHIP_H

#include "actors/segment.h"
#include "runtime/actor.h"

#define SHIP_EACH_US 200000u
#define SHIP_AGAIN_US 1000000u /* after something failed */
#define SHIP_LOOK_US 60000000u /* is there still a backup to start from? */
#define SHIP_FLUSH_US 5000000u /* a restore waits no longer for the last */

struct ship_file;

struct ship {
	struct timer tick;
	struct ship_file *file; /* NULL: nothing is written yet */
	bool is_told;           /* the store knows that nobody ships */
	bool failing;
	bool has_base;
	uint64_t timeline; /* 0: not known yet */
	uint64_t txid;     /* where the next part begins */
	uint32_t offset;
	uint64_t shipped;      /* the last transaction that is safe */
	int64_t shipped_at;    /* when it was committed */
	uint64_t asked_us;     /* when the round began */
	uint64_t caught_up_us; /* all that was committed by then is safe */
	uint64_t looked_us;
	uint64_t parts, bytes, failures, timelines;
	/* Whoever waits for all that is committed by now. */
	enum status (*on_flushed)(struct actor *self, void *ctx);
	void *ctx;
	uint64_t flush_from_us;
};

void ship_start(struct actor *self);
void ship_stop(struct actor *self);
bool ship_is_on(struct actor *self);
/* Calls fn once all that is committed now is safe, or cannot be for now. */
enum status ship_flush(struct actor *self,
    enum status (*fn)(struct actor *self, void *ctx), void *ctx);
/* Of what was committed, how old may be what is not yet safe; 0: off. */
uint64_t ship_lag_us(struct actor *self);

#endif
