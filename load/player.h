/*
 * player - the actor of a load run; its member's role says what it does.
 *
 * Speaks:  protocols/load.def
 * Keeps:   what it has counted, in the ledger; nothing else survives it
 * Bounds:  the mailbox of its role; `window` messages on their way in a
 *          closed loop; PLAYER_BURST messages a turn in an open one, and
 *          plan_asks open at once
 *
 * Closed loop: each starter has `window` messages on their way and sends when
 * it hears that some have arrived, or has an answer.  Open loop: message k of
 * a run is due at begin + k / rate whatever became of the others, and its
 * latency counts from then, so that a stall is seen (no coordinated omission).
 */
#ifndef LOAD_PLAYER_H
#define LOAD_PLAYER_H

#include "runtime/actor.h"

#define PLAYER_BURST 4096u     /* messages sent in one turn at most */
#define PLAYER_TICK_US 1000    /* between looks at the schedule */
#define PLAYER_LOOK_US 100000  /* between looks whether anything arrives */
#define PLAYER_STILL 3         /* looks without: the window counts as lost */
#define PLAYER_SAMPLE 16u      /* one in so many is measured, closed loop */
#define PLAYER_ASK_US 10000000 /* an answer takes no longer */
#define PLAYER_OPS_FEW 512u    /* to ask whether others live */

/* The class of a role's members, made when first asked for. */
const struct actor_class *player_class(uint32_t role);

#endif
