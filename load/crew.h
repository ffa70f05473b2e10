/*
 * crew - the processes of a load run: a node each, with its links, its actors
 * and an order line from the conductor.
 *
 * The conductor stays single-threaded and has no actors: it forks every node,
 * so that one can be killed and started again, and reads what they do in the
 * ledger.  A node ends when its order line does, or its parent.
 * Keeps:  a scratch folder for the sockets, removed by crew_destroy
 */
#ifndef LOAD_CREW_H
#define LOAD_CREW_H

#include "load/placement.h"

#define CREW_WHY_SIZE 256
#define CREW_READY_US 20000000 /* a node that takes longer does not come */
#define CREW_END_US 10000000   /* nor does the end of one */

struct crew;

enum order_kind { ORDER_GO, ORDER_FAIL, ORDER_HOLD };

struct order {
	enum order_kind kind;
	uint32_t member; /* of FAIL and HOLD */
	uint64_t us;     /* of HOLD */
};

/* Nobody runs yet.  IO, NO_MEMORY with a sentence in why. */
MUST_CHECK enum status crew_create(struct ledger *l, const struct placement *p,
    bool cuttable, struct crew **ret_crew, char ret_why[CREW_WHY_SIZE]);
/* Ends what still runs, by force. */
void crew_destroy(struct crew *c);

/* Starts every node; returns when all of them reach one another. */
MUST_CHECK enum status crew_start(struct crew *c, char ret_why[CREW_WHY_SIZE]);
/* Starts one that has ended again; does not wait. */
MUST_CHECK enum status crew_start_node(struct crew *c, uint32_t node);
/* Whether it and all others reach one another. */
bool crew_is_up(const struct crew *c);

void crew_order(struct crew *c, uint32_t node, const struct order *o);
void crew_order_all(struct crew *c, const struct order *o);

/* Notices who has ended; false: one did that nobody had killed. */
bool crew_look(struct crew *c, char ret_why[CREW_WHY_SIZE]);
/* A signal to a node; one that kills is expected to. */
void crew_signal(struct crew *c, uint32_t node, int signal_number);
/* Breaks the connections to and from a node, or lets them be made again. */
void crew_cut(struct crew *c, uint32_t node, bool cut);

/* Ends every node in peace; the ledger then has their books. */
MUST_CHECK enum status crew_end(struct crew *c, char ret_why[CREW_WHY_SIZE]);

/* Waits for a while: one turn of the conductor. */
void crew_wait(uint64_t us);

#endif
