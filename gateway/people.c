#include "gateway/people.h"

#include <assert.h>
#include <string.h>

#include "gateway/lookup.h"
#include "gateway/socket_parts.h"
#include "runtime/base/text.h"

struct user_row {
	char user_id[sizeof(((struct person *)0)->user_id)];
	struct person *person;
};

struct address_row {
	char address[NET_PEER_TEXT_SIZE];
	uint32_t count;
};

struct session_row {
	char session_id[SESSION_ID_MAX + 1];
	struct socket *first;
};

enum status
people_init(struct sockets *k)
{
	uint32_t max = 2 * k->limits.total_max;
	uint64_t secret[2];

	actor_random(k->gateway->self, secret, sizeof(secret));
	pool_init(&k->people, sizeof(struct person), max, 0);
	k->users = lookup_create(sizeof(struct user_row), max, secret);
	k->sessions = lookup_create(sizeof(struct session_row), max, secret);
	k->addresses = lookup_create(sizeof(struct address_row), max, secret);
	return k->users == NULL || k->sessions == NULL || k->addresses == NULL
		   ? ST_NO_MEMORY
		   : ST_OK;
}

void
people_fini(struct sockets *k)
{
	lookup_destroy(k->users);
	lookup_destroy(k->sessions);
	lookup_destroy(k->addresses);
	pool_fini(&k->people);
}

struct person *
person_find(struct sockets *k, const char *user_id)
{
	const struct user_row *row = lookup_find(k->users, user_id);

	return row == NULL ? NULL : row->person;
}

static struct person *
person_create(struct sockets *k, const char *user_id)
{
	struct user_row row = { 0 };
	struct person *p = pool_take(&k->people);

	if (p == NULL)
		return NULL;
	(void)text_fit(row.user_id, sizeof(row.user_id), user_id);
	memcpy(p->user_id, row.user_id, sizeof(p->user_id));
	row.person = p;
	list_init(&p->sockets);
	interest_init(&p->own, CHANNEL_OWN);
	if (lookup_put(k->users, &row) == ST_OK)
		return p;
	pool_put(&k->people, p);
	return NULL;
}

struct person *
person_take(struct sockets *k, const struct account_entry *a)
{
	struct person *p = person_find(k, a->user_id);

	if (p == NULL)
		p = person_create(k, a->user_id);
	if (p == NULL)
		return NULL;
	p->role = a->role;
	memcpy(p->password_sig, a->password_sig, sizeof(p->password_sig));
	p->pins++;
	return p;
}

void
person_free_if_done(struct sockets *k, struct person *p)
{
	if (p->pins > 0 || p->own.refs > 0 || p->own.state != INTEREST_OFF)
		return;
	assert(p->count == 0);
	list_remove(&p->own.link);
	lookup_remove(k->users, p->user_id);
	pool_put(&k->people, p);
}

void
person_unpin(struct sockets *k, struct person *p)
{
	assert(p->pins > 0);
	p->pins--;
	person_free_if_done(k, p);
}

bool
address_take(struct sockets *k, const char *address)
{
	struct address_row *row = lookup_find(k->addresses, address);
	struct address_row fresh = { .count = 1 };

	if (row == NULL) {
		(void)text_fit(fresh.address, sizeof(fresh.address), address);
		return lookup_put(k->addresses, &fresh) == ST_OK;
	}
	if (k->limits.per_address_max > 0 &&
	    row->count >= k->limits.per_address_max)
		return false;
	row->count++;
	return true;
}

void
address_drop(struct sockets *k, const char *address)
{
	struct address_row *row = lookup_find(k->addresses, address);

	if (row != NULL && --row->count == 0)
		lookup_remove(k->addresses, address);
}

enum status
session_add(struct socket *s)
{
	struct session_row *row = lookup_find(s->all->sessions, s->session_id);
	struct session_row fresh = { .first = s };

	if (row != NULL) {
		s->session_next = row->first;
		row->first = s;
		return ST_OK;
	}
	memcpy(fresh.session_id, s->session_id, sizeof(fresh.session_id));
	return lookup_put(s->all->sessions, &fresh);
}

void
session_remove(struct socket *s)
{
	struct session_row *row = lookup_find(s->all->sessions, s->session_id);
	struct socket **at = row == NULL ? NULL : &row->first;

	while (at != NULL && *at != NULL && *at != s)
		at = &(*at)->session_next;
	if (at == NULL || *at == NULL)
		return;
	*at = s->session_next;
	s->session_next = NULL;
	if (row->first == NULL)
		lookup_remove(s->all->sessions, s->session_id);
}

/* Whoever is closed leaves its session, so this ends. */
void
sockets_close_session(struct gateway *g, const char *session_id)
{
	struct sockets *k = g->sockets;
	const struct session_row *row;

	while ((row = lookup_find(k->sessions, session_id)) != NULL)
		socket_close(row->first, SOCKET_FORBIDDEN, "Session revoked");
}

static void
person_close(struct person *p, const char *reason)
{
	struct list *link;

	while ((link = list_first(&p->sockets)) != NULL)
		socket_close(LIST_OF(link, struct socket, of_person),
		    SOCKET_FORBIDDEN, reason);
}

static void
person_reconsider(struct person *p)
{
	for (struct list *at = p->sockets.next; at != &p->sockets;
	     at = at->next)
		socket_reconsider(LIST_OF(at, struct socket, of_person));
}

void
sockets_on_account(
    struct gateway *g, const struct account_entry *a, bool password_changed)
{
	struct sockets *k = g->sockets;
	struct person *p = person_find(k, a->user_id);

	if (p == NULL)
		return;
	p->pins++;
	p->role = a->role;
	memcpy(p->password_sig, a->password_sig, sizeof(p->password_sig));
	if (a->gone)
		person_close(p, "Session revoked (account gone)");
	else if (password_changed)
		person_close(p, "Session revoked (password)");
	else if (!channel_role_reads(a->role))
		person_close(p, "Session revoked (role)");
	else
		person_reconsider(p);
	person_unpin(k, p);
}
