/*
 * topic - a channel that is made by naming it: session:ID, project:ID.
 *
 * It is kept while a socket holds it, while the hub sends it, and while an
 * event of it is being told.  A socket has its topics in slots, each of which
 * is one bit of the socket's channels.
 * Bounds: TOPICS_MAX topics; CHANNEL_SLOTS of one socket.
 */
#ifndef GATEWAY_TOPIC_H
#define GATEWAY_TOPIC_H

#include "gateway/interest.h"
#include "runtime/base/pool.h"

#define TOPICS_MAX 16384u

struct lookup;

struct topic {
	char name[CHANNEL_MAX + 1];
	uint32_t pins; /* events being told, answers being looked at */
	uint32_t members_count;
	uint32_t filtering;
	uint64_t *members; /* a bit per socket; owned */
	struct interest interest;
};

struct topics {
	struct pool pool;
	struct lookup *by_name;
	size_t members_words;
};

/* A socket's; a slot is empty unless it is held. */
struct slots {
	struct topic *topics[CHANNEL_SLOTS];
};

MUST_CHECK enum status topics_init(struct sockets *k, size_t members_words);
void topics_fini(struct sockets *k);

struct topic *topic_find(struct sockets *k, const char *name);
void topic_unpin(struct sockets *k, struct topic *t);
void topic_free_if_done(struct sockets *k, struct topic *t);

/* The channel of a name; 0: the socket has it in none of its slots. */
uint32_t slot_find(const struct socket *s, const char *name);
/* As slot_find, making topic and slot; 0: there is no room.  Hold it at once.
 */
uint32_t slot_take(struct socket *s, const char *name);
/* Of a topic that is told. */
uint32_t slot_of(const struct socket *s, const struct topic *t);
void slot_empty(struct socket *s, uint32_t channel);
void slots_drop(struct socket *s);

#endif
