/*
 * channels - who listens where, and how far each channel has been told.
 *
 * For the event hub alone.  A channel with neither listeners nor questions
 * under way is idle: it may make room for another, oldest first, and is then
 * read from the journal again when somebody listens.
 *
 * Bounds:  CHANNELS_MAX channels; LISTENERS_MAX gateways
 */
#ifndef ACTORS_CHANNELS_H
#define ACTORS_CHANNELS_H

#include "actors/chain.h"
#include "actors/dedup.h"
#include "protocols/messages.h"

#define CHANNELS_MAX 16384u
#define LISTENERS_MAX 256u /* shards of the gateway */

struct channel_entry {
	struct chain_node node;
	struct list idle; /* to itself unless idle */
	char name[CHANNEL_MAX + 1];
	uint64_t listeners[LISTENERS_MAX / 64]; /* a bit per gateway */
	bool is_known;   /* epoch and head are those of the journal */
	bool is_filling; /* the journal is being read */
	bool is_unsure;  /* the store was away: it may have more */
	uint32_t asking; /* questions to the journal under way */
	uint64_t epoch;
	uint64_t head;   /* offset of the newest event told */
	uint64_t wanted; /* offset of the newest event heard of */
	struct dedup_window window;
};

struct channels {
	uint64_t seed;
	struct pool pool;
	struct chain by_name;
	struct list idle;
	struct chain_node *buckets[CHANNELS_MAX];
};

void channels_init(struct channels *c, uint64_t seed);
void channels_fini(struct channels *c);

struct channel_entry *channels_find(const struct channels *c, const char *name);

/* Finds or makes it; NULL when all are listened to. */
struct channel_entry *channels_take(struct channels *c, const char *name);

/* Call after a listener has gone or a question has been answered. */
void channels_settle(struct channels *c, struct channel_entry *e);

/* True: it was another way before. */
bool channel_set_listener(struct channel_entry *e, uint32_t gateway, bool on);
bool channel_has_listener(const struct channel_entry *e, uint32_t gateway);
bool channel_has_listeners(const struct channel_entry *e);
/* Neither listeners nor questions under way. */
bool channel_is_idle(const struct channel_entry *e);
/* Of an idle one: whoever comes next has the journal asked. */
void channel_unlearn(struct channel_entry *e);

#endif
