/*
 * store_inside - what the files of the store actor share, and nobody else.
 *
 * store.c has requests and the life of the database; store_restore.c copies,
 * verifies and replaces it; store_heal.c opens it again when it has broken.
 */
#ifndef STORE_STORE_INSIDE_H
#define STORE_STORE_INSIDE_H

#include "runtime/actor.h"
#include "store/errand.h"
#include "store/migrate.h"

struct closing;

/*
 *   NONE --swap--> QUIET --last errand back--> SWAPPED --settle--> NONE
 * While it is not NONE every request is refused.
 */
enum swap_state { SWAP_NONE, SWAP_QUIET, SWAP_SWAPPED };

struct swap {
	enum swap_state state;
	uint64_t op; /* waits for QUIET to end */
	uint64_t txid_floor;
	struct timer late; /* nobody has settled it */
};

struct store_state {
	struct backend *backend; /* NULL: not connected */
	struct commit *commit;
	char path[BACKEND_PATH_MAX];
	bool has_files; /* what keeps it is no memory */
	uint32_t schema;
	uint32_t asked;  /* errands out */
	uint32_t copies; /* copies of the live data under way */
	struct closing *closing;
	struct closing **closing_end;
	struct timer turn; /* without threads: when to work */
	struct timer look; /* runs while the hub has missed something */
	struct timer heal; /* runs while a broken database does not open */
	struct swap swap;
};

enum status store_open(struct actor *self);
/* True: the close itself went well. */
bool store_close(struct store_state *s);
uint64_t store_new_epoch(struct actor *self);
enum status store_migrate_now(
    struct actor *self, struct migrate_result *ret_result);
enum status store_on_late(
    struct actor *self, struct op *op, const struct msg *why);

/* Before the first open: ends what a crash has cut short. */
enum status store_recover_swap(struct actor *self);
/* An errand or a copy has come back. */
void store_go_on_swapping(struct actor *self);

/* An errand or a copy has come back: opens again what is broken. */
void store_heal(struct actor *self);

/* Logs what has an event of its own, once for each request that came back. */
void store_note(struct actor *self, const struct errand *e);
void store_tell_connected(const struct store_state *s);
/* What a client is told of a failed errand. */
const char *store_words(const struct errand *e);

enum status store_on_copy(struct actor *self, const struct msg *in);
enum status store_on_verify(struct actor *self, const struct msg *in);
enum status store_on_prove(struct actor *self, const struct msg *in);
enum status store_on_replay(struct actor *self, const struct msg *in);
enum status store_on_stage(struct actor *self, const struct msg *in);
enum status store_on_swap(struct actor *self, const struct msg *in);
enum status store_on_settle(struct actor *self, const struct msg *in);

#endif
