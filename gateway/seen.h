/*
 * seen - tells the session-registry what was used, each thing once in a while.
 *
 * Whoever keeps a credential keeps beside it when it was last told of; what
 * has to be told gathers here until the next sweep, and goes as one signal.
 * What does not fit is told the next time it is used.
 *
 * Bounds:  SEEN_MAX at once
 */
#ifndef GATEWAY_SEEN_H
#define GATEWAY_SEEN_H

#include "runtime/actor.h"

struct seen_list {
	char ids[SEEN_MAX][SESSION_ID_MAX + 1];
	struct sighting items[SEEN_MAX];
	uint32_t count;
	uint64_t interval_us;
};

void seen_init(struct seen_list *l, struct actor *self);
/* told_us: the keeper's; 0: never told. */
void seen_tell(struct seen_list *l, struct actor *self, const char *id,
    bool is_key, uint64_t *told_us);
void seen_flush(struct seen_list *l, struct actor *self);

#endif
