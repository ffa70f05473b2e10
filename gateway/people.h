/*
 * people - the users with sockets here, and sockets by session.
 *
 * A person is kept while a socket is, while the hub sends the private
 * channel, and while a record still names it.  Its role is what the registry
 * last said: delivery asks for it each time.
 */
#ifndef GATEWAY_PEOPLE_H
#define GATEWAY_PEOPLE_H

#include "gateway/interest.h"
#include "gateway/replica.h"

/* A user with sockets here. */
struct person {
	char user_id[sizeof(((struct account_entry *)0)->user_id)];
	char password_sig[PASSWORD_SIG_MAX + 1];
	enum role role;      /* as the registry last said */
	uint32_t pins;       /* sockets, and records that still name it */
	uint32_t count;      /* sockets */
	struct list sockets; /* those not closing */
	struct interest own;
};

MUST_CHECK enum status people_init(struct sockets *k);
void people_fini(struct sockets *k);

struct person *person_find(struct sockets *k, const char *user_id);
/* Pinned; NULL without memory. */
struct person *person_take(struct sockets *k, const struct account_entry *a);
void person_unpin(struct sockets *k, struct person *p);
void person_free_if_done(struct sockets *k, struct person *p);

/* One more socket from there; false: there are too many. */
bool address_take(struct sockets *k, const char *address);
void address_drop(struct sockets *k, const char *address);

MUST_CHECK enum status session_add(struct socket *s);
void session_remove(struct socket *s);

#endif
