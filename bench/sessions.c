/*
 * sessions - fills a data folder with sessions, for accounts.py to start on.
 *
 *   bench_sessions FOLDER LIVE REVOKED
 *
 * One node: the store on LMDB, and a driver in the registry's place that keeps
 * ASKS requests under way.  The sessions belong to USERS accounts that nobody
 * can log in to.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"
#include "protocols/messages.h"
#include "runtime/base/log.h"
#include "runtime/config.h"
#include "runtime/node.h"
#include "store/store.h"

#define USERS 1000u
#define ASKS 256u
#define LIFE_US (INT64_C(86400) * 1000000)

struct driver {
	uint64_t asked;
	uint64_t done;
};

static uint64_t live, revoked;

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_over;
} outcome = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false };

static void
driver_end(void)
{
	pthread_mutex_lock(&outcome.lock);
	outcome.is_over = true;
	pthread_cond_signal(&outcome.changed);
	pthread_mutex_unlock(&outcome.lock);
}

/* Spread as random ids are; the kind keeps users and sessions apart. */
static void
id_of(char ret_id[SESSION_ID_MAX + 1], char kind, uint64_t n)
{
	snprintf(ret_id, SESSION_ID_MAX + 1, "%016llx%c%015llx",
	    (unsigned long long)(n * UINT64_C(0x9e3779b97f4a7c15)), kind,
	    (unsigned long long)n);
}

static void
driver_check(const struct msg *reply)
{
	const struct refused *why = reply->body;

	if (reply->id != MSG_refused)
		return;
	fprintf(stderr, "refused: %s\n", why->detail);
	exit(1);
}

static enum status driver_ask(struct actor *self);

static enum status
driver_on_done(struct actor *self, struct op *op, const struct msg *reply)
{
	struct driver *d = actor_state(self);
	uint64_t all = USERS + live + revoked;

	driver_check(reply);
	(void)op_close(op);
	if (++d->done == all)
		driver_end();
	return d->asked < all ? driver_ask(self) : ST_OK;
}

static enum status
driver_ask_user(struct actor *self, struct op *op, uint64_t n)
{
	char id[SESSION_ID_MAX + 1], name[32];
	struct user u = { .user_id = id,
		.username = name,
		.role = ROLE_OBSERVER,
		.password_hash = "*",
		.created_at = actor_wall_us(self),
		.updated_at = actor_wall_us(self) };

	id_of(id, 'a', n);
	snprintf(name, sizeof(name), "user%u", (unsigned)n);
	return OP_ASK(op, actor_find(self, ACTOR_NUMBER(store), 0),
	    store_user_create, driver_on_done, .user = u);
}

static enum status
driver_ask_session(struct actor *self, struct op *op, uint64_t n)
{
	char id[SESSION_ID_MAX + 1], user_id[SESSION_ID_MAX + 1], name[32];
	int64_t now = actor_wall_us(self);
	struct session s = { .session_id = id,
		.user_id = user_id,
		.username = name,
		.role = ROLE_OBSERVER,
		.ip_address = "192.0.2.1",
		.user_agent = "bench",
		.created_at = now,
		.last_active_at = now,
		.expires_at = now + LIFE_US,
		.revoked = n >= live };

	id_of(id, 'b', n);
	id_of(user_id, 'a', n % USERS);
	snprintf(name, sizeof(name), "user%u", (unsigned)(n % USERS));
	return OP_ASK(op, actor_find(self, ACTOR_NUMBER(store), 0),
	    store_session_create, driver_on_done, .session = s);
}

static enum status
driver_ask(struct actor *self)
{
	struct driver *d = actor_state(self);
	struct op *op = op_open(self, NULL);
	uint64_t n = d->asked++;

	CHECK(op != NULL);
	return n < USERS ? driver_ask_user(self, op, n)
			 : driver_ask_session(self, op, n - USERS);
}

static enum status
driver_start(struct actor *self)
{
	enum status st = ST_OK;

	for (uint32_t i = 0; st == ST_OK && i < ASKS; i++)
		st = driver_ask(self);
	return st;
}

static const struct handler driver_on[] = { { 0 } };

static const struct actor_class driver_class = {
	.name = "driver",
	.state_size = sizeof(struct driver),
	.ops_max = 2 * ASKS,
	.start = driver_start,
	.on = driver_on,
};

static void
fill(const char *folder)
{
	char data[512];
	const char *sets[] = { data };
	struct config_input in = { .sets = sets, .nsets = 1 };
	struct node_config nc = { .name = "bench",
		.clock = &clock_system,
		.random = random_system,
		.loops = 1,
		.threaded = true,
		.work_threads = { 1, 1 } };
	struct config *c = NULL;
	struct mistakes m;
	struct node *n;
	uint64_t address;

	mistakes_init(&m);
	snprintf(data, sizeof(data), "runtime.data_dir=%s", folder);
	CHECK(config_load(&in, &m, &c) == ST_OK);
	nc.config = c;
	CHECK(node_create(&nc, &n) == ST_OK);
	CHECK(node_spawn(n, &store_class, ACTOR_NUMBER(store), 0, 0,
		  &address) == ST_OK);
	CHECK(node_spawn(n, &driver_class, ACTOR_NUMBER(session_registry), 0, 0,
		  &address) == ST_OK);
	CHECK(node_start(n) == ST_OK);
	pthread_mutex_lock(&outcome.lock);
	while (!outcome.is_over)
		pthread_cond_wait(&outcome.changed, &outcome.lock);
	pthread_mutex_unlock(&outcome.lock);
	node_stop(n);
	node_destroy(n);
	config_destroy(c);
}

int
main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: bench_sessions FOLDER LIVE REVOKED\n");
		return 2;
	}
	live = strtoull(argv[2], NULL, 10);
	revoked = strtoull(argv[3], NULL, 10);
	log_set_level(LOG_ERROR);
	fill(argv[1]);
	printf("{\"bench\":\"sessions\",\"live\":%llu,\"revoked\":%llu}\n",
	    (unsigned long long)live, (unsigned long long)revoked);
	return 0;
}
