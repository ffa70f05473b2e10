/* memory - what the processes of a run may take, from its bounds. */
#ifndef LOAD_MEMORY_H
#define LOAD_MEMORY_H

#include "load/ledger.h"

#define MEMORY_MAIL 1024u /* a mail with its nng_msg, of small size */
#define MEMORY_OP 640u    /* an op that waits */
#define MEMORY_LOOP                                                            \
	(6u << 20)               /* of a loop: its arena, its stack, its pools \
				  */
#define MEMORY_SLACK (24u << 20) /* of a process: libraries, the heap */

/* Bytes that all of them together stay under. */
uint64_t memory_bound(const struct ledger *l);

#endif
