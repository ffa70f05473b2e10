/*
 * gate - counts who is inside, and empties the place for one who must be
 * alone.
 *
 * LMDB lets its map grow only while this process has no transaction, and does
 * not check.  Every transaction is inside the gate; growth shuts it.
 */
#ifndef STORE_GATE_H
#define STORE_GATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define GATE_WAIT_SECONDS 2

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint32_t inside;
	bool shut;
};

void gate_init(struct gate *g);
void gate_fini(struct gate *g); /* nobody may be inside */

/* Waits while it is shut. */
void gate_enter(struct gate *g);
void gate_leave(struct gate *g);

/*
 * True once nobody is inside, and nobody gets in until gate_open.  False,
 * and not shut, if somebody stays longer than GATE_WAIT_SECONDS.
 */
bool gate_shut(struct gate *g);
void gate_open(struct gate *g);

#endif
