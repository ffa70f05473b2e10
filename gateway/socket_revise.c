#include <string.h>

#include "gateway/socket_parts.h"
#include "runtime/base/text.h"

/*
 * Live sockets are looked at again, sessions 2.5.7.  The registry tells of
 * every change at once; beside that each account is looked at every
 * ws_revalidation_period_seconds, in case one was not told.  When nobody can
 * be asked, which is when the replica is out of date, every look that finds
 * it so is a failure; ws_revalidation_max_failures of them in a row, spread
 * over ws_revalidation_window_seconds, close all sockets with 4011.
 */

static void
sockets_close_unsure(struct sockets *k)
{
	struct socket *s;

	for (uint32_t i = 0; (s = pool_next(&k->pool, &i)) != NULL;)
		if (s->conn != NULL)
			socket_close(
			    s, SOCKET_UNSURE, "Revalidation unavailable");
}

static void
sockets_look(struct sockets *k, uint64_t now_us)
{
	k->look_us = now_us + k->limits.look_us;
	if (replica_is_fresh(&k->gateway->replica)) {
		k->stale = 0;
		return;
	}
	if (++k->stale < k->limits.stale_max)
		return;
	k->stale = 0;
	sockets_close_unsure(k);
}

static void
sockets_revise(struct sockets *k, uint64_t now_us)
{
	struct gateway *g = k->gateway;
	struct person *p;

	k->revise_us = now_us + k->limits.revise_us;
	if (!replica_is_fresh(&g->replica))
		return;
	for (uint32_t i = 0; (p = pool_next(&k->people, &i)) != NULL;) {
		const struct account_entry *a =
		    replica_account(&g->replica, p->user_id);

		struct account_entry gone = { .gone = true };
		bool changed =
		    a != NULL && strcmp(a->password_sig, p->password_sig) != 0;

		/* One that is not there at all was deleted while we were out.
		 */
		(void)text_fit(gone.user_id, sizeof(gone.user_id), p->user_id);
		sockets_on_account(g, a != NULL ? a : &gone, changed);
	}
}

/* Revocations since the last join came by pages, and closed nothing. */
void
sockets_revise_all(struct gateway *g)
{
	struct sockets *k = g->sockets;
	struct socket *s;

	for (uint32_t i = 0; (s = pool_next(&k->pool, &i)) != NULL;)
		if (s->conn != NULL && s->person != NULL &&
		    auth_session_is_over(&g->replica, s->session_id))
			socket_close(s, SOCKET_FORBIDDEN, "Session revoked");
	sockets_revise(k, actor_now_us(g->self));
}

/* A hub that hears nothing of us forgets what we told it. */
static void
sockets_beat(struct sockets *k, uint64_t now_us)
{
	struct actor *self = k->gateway->self;
	uint32_t shards = actor_shards(self, ACTOR_NUMBER(event_hub));

	k->beat_us = now_us + SOCKET_BEAT_US;
	for (uint32_t i = 0; i < shards; i++)
		(void)SEND(self, actor_find(self, ACTOR_NUMBER(event_hub), i),
		    hub_beat, .incarnation = k->incarnation);
}

void
sockets_revise_tick(struct sockets *k, uint64_t now_us)
{
	if (now_us >= k->beat_us)
		sockets_beat(k, now_us);
	if (now_us >= k->look_us)
		sockets_look(k, now_us);
	if (now_us >= k->revise_us)
		sockets_revise(k, now_us);
}
