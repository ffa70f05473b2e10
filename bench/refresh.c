/*
 * refresh - refresh tokens through registry and store, beside bare LMDB.
 *
 * One node: the session-registry, the store on LMDB (every commit synced),
 * and a driver in the gateway's place that keeps SESSIONS refreshes under
 * way.  Bare LMDB replaces as many rows of that size in as many commits of
 * as many rows.  A B A B in one folder.
 *
 *   bench_refresh [folder]     default: the current folder
 */
#include <lmdb.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "actors/session_registry.h"
#include "bench/bench.h"
#include "bench/folder.h"
#include "runtime/base/log.h"
#include "runtime/config.h"
#include "runtime/node.h"
#include "runtime/seal.h"
#include "store/store.h"

#define SESSIONS 64
#define REFRESHES 20000
#define ROUNDS 5
#define ROW_SIZE 160
#define MAP_BYTES (UINT64_C(1) << 30)
#define PASSWORD "correct horse battery"

struct driver {
	char tokens[SESSIONS][REFRESH_TOKEN_MAX + 1];
	uint32_t logged_in;
	uint64_t asked;
	uint64_t done;
	double began_s;
	double began_cpu_s;
};

/* What one run came to; the driver's thread writes, main reads after. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_over;
	double wall_s, cpu_s;
} outcome = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0,
	0 };

static uint64_t
driver_registry(const struct actor *self)
{
	return actor_find(self, ACTOR_NUMBER(session_registry), 0);
}

static void
driver_end(const struct driver *d)
{
	pthread_mutex_lock(&outcome.lock);
	outcome.wall_s = bench_now_s() - d->began_s;
	outcome.cpu_s = bench_cpu_s() - d->began_cpu_s;
	outcome.is_over = true;
	pthread_cond_signal(&outcome.changed);
	pthread_mutex_unlock(&outcome.lock);
}

static enum status driver_refresh(struct actor *self, uint32_t i);

static enum status
driver_on_refreshed(struct actor *self, struct op *op, const struct msg *reply)
{
	struct driver *d = actor_state(self);
	const struct auth_token *t = reply->body;
	uint32_t i = *(uint32_t *)op_data(op);

	CHECK(reply->id == MSG_auth_token && t->refresh_token != NULL);
	memcpy(d->tokens[i], t->refresh_token, strlen(t->refresh_token) + 1);
	(void)op_close(op);
	if (++d->done == REFRESHES)
		driver_end(d);
	return d->asked < REFRESHES ? driver_refresh(self, i) : ST_OK;
}

static enum status
driver_refresh(struct actor *self, uint32_t i)
{
	struct driver *d = actor_state(self);
	struct op *op = op_open(self, NULL);

	CHECK(op != NULL);
	d->asked++;
	*(uint32_t *)op_data(op) = i;
	return OP_ASK(op, driver_registry(self), auth_refresh,
	    driver_on_refreshed, .refresh_token = d->tokens[i]);
}

static enum status driver_log_in(struct actor *self);

static enum status
driver_on_login(struct actor *self, struct op *op, const struct msg *reply)
{
	struct driver *d = actor_state(self);
	const struct auth_token *t = reply->body;
	enum status st = ST_OK;

	CHECK(reply->id == MSG_auth_token);
	if (t->refresh_token != NULL)
		memcpy(d->tokens[d->logged_in++], t->refresh_token,
		    strlen(t->refresh_token) + 1);
	(void)op_close(op);
	if (d->logged_in < SESSIONS)
		return driver_log_in(self);
	d->began_s = bench_now_s();
	d->began_cpu_s = bench_cpu_s();
	for (uint32_t i = 0; st == ST_OK && i < SESSIONS; i++)
		st = driver_refresh(self, i);
	return st;
}

static enum status
driver_log_in(struct actor *self)
{
	struct op *op = op_open(self, NULL);

	CHECK(op != NULL);
	return OP_ASK(op, driver_registry(self), auth_login, driver_on_login,
	    .username = "ada", .password = PASSWORD, .refresh = true,
	    .has_refresh = true);
}

static enum status
driver_on_joined(struct actor *self, struct op *op, const struct msg *reply)
{
	struct op *next = op_open(self, NULL);

	CHECK(reply->id == MSG_replica_joined && next != NULL);
	(void)op_close(op);
	return OP_ASK(next, driver_registry(self), auth_setup, driver_on_login,
	    .username = "ada", .password = PASSWORD);
}

static enum status
driver_start(struct actor *self)
{
	struct op *op = op_open(self, NULL);

	CHECK(op != NULL);
	return OP_ASK(op, driver_registry(self), replica_join, driver_on_joined,
	    .nothing = 0);
}

static enum status
driver_on_change(struct actor *self, const struct msg *in)
{
	return REPLY(self, in, done, .nothing = 0);
}

static enum status
driver_on_beat(struct actor *self, const struct msg *in)
{
	(void)self;
	(void)in;
	return ST_OK;
}

static const struct handler driver_on[] = {
	ON(replica_change, driver_on_change),
	ON(replica_beat, driver_on_beat),
	{ 0 },
};

static const struct actor_class driver_class = {
	.name = "driver",
	.state_size = sizeof(struct driver),
	.ops_max = 4 * SESSIONS,
	.start = driver_start,
	.on = driver_on,
};

static struct config *
load_config(const char *folder)
{
	char data[512];
	const char *sets[] = { data, "api.auth.max_concurrent_sessions=0" };
	struct config_input in = { .sets = sets, .nsets = 2 };
	struct config *c = NULL;
	struct mistakes m;

	mistakes_init(&m);
	snprintf(data, sizeof(data), "runtime.data_dir=%s", folder);
	CHECK(config_load(&in, &m, &c) == ST_OK);
	return c;
}

static void
ours_run(const char *folder, double *ret_per_s, double *ret_per_core)
{
	struct config *c = load_config(folder);
	struct node_config nc = { .name = "bench",
		.clock = &clock_system,
		.random = random_system,
		.config = c,
		.loops = 1,
		.threaded = true,
		.work_threads = { 1, 1 } };
	struct node *n;
	uint64_t address;

	CHECK(mkdir(folder, 0700) == 0);
	outcome.is_over = false;
	CHECK(node_create(&nc, &n) == ST_OK);
	CHECK(node_spawn(n, &store_class, ACTOR_NUMBER(store), 0, 0,
		  &address) == ST_OK);
	CHECK(node_spawn(n, &session_registry_class,
		  ACTOR_NUMBER(session_registry), 0, 0, &address) == ST_OK);
	CHECK(node_spawn(n, &driver_class, ACTOR_NUMBER(gateway), 0, 0,
		  &address) == ST_OK);
	CHECK(node_start(n) == ST_OK);
	pthread_mutex_lock(&outcome.lock);
	while (!outcome.is_over)
		pthread_cond_wait(&outcome.changed, &outcome.lock);
	*ret_per_s = REFRESHES / outcome.wall_s;
	*ret_per_core = REFRESHES / outcome.cpu_s;
	pthread_mutex_unlock(&outcome.lock);
	node_stop(n);
	node_destroy(n);
	config_destroy(c);
	remove_folder(folder);
}

static double
bare_run(const char *folder)
{
	uint8_t row[ROW_SIZE] = { 0 };
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	double began;

	CHECK(mkdir(folder, 0700) == 0);
	CHECK(mdb_env_create(&env) == 0);
	CHECK(mdb_env_set_mapsize(env, MAP_BYTES) == 0);
	CHECK(mdb_env_open(env, folder, MDB_NOTLS, 0600) == 0);
	CHECK(mdb_txn_begin(env, NULL, 0, &txn) == 0);
	CHECK(mdb_dbi_open(txn, NULL, 0, &dbi) == 0);
	CHECK(mdb_txn_commit(txn) == 0);
	began = bench_now_s();
	for (uint64_t n = 0; n < REFRESHES;) {
		CHECK(mdb_txn_begin(env, NULL, 0, &txn) == 0);
		for (uint64_t i = 0; i < SESSIONS; i++, n++) {
			MDB_val key = { sizeof(i), &i };
			MDB_val value = { sizeof(row), row };

			memcpy(row, &n, sizeof(n));
			CHECK(mdb_put(txn, dbi, &key, &value, 0) == 0);
		}
		CHECK(mdb_txn_commit(txn) == 0);
	}
	began = bench_now_s() - began;
	mdb_env_close(env);
	remove_folder(folder);
	return REFRESHES / began;
}

int
main(int argc, char **argv)
{
	double bare[ROUNDS], ours[ROUNDS], core[ROUNDS];
	char folder[256];

	log_set_level(LOG_ERROR);
	CHECK(seal_start() == ST_OK);
	snprintf(folder, sizeof(folder), "%s/bench-refresh.%d",
	    argc > 1 ? argv[1] : ".", (int)getpid());
	for (int i = 0; i < ROUNDS; i++) {
		bare[i] = bare_run(folder);
		ours_run(folder, &ours[i], &core[i]);
	}
	printf("%-44s %12.0f\n", "bare LMDB, rows/s in commits of 64",
	    bench_median(bare, ROUNDS));
	printf("%-44s %12.0f\n", "refreshes/s, 64 under way",
	    bench_median(ours, ROUNDS));
	printf("%-44s %12.0f\n", "refreshes for each second of CPU",
	    bench_median(core, ROUNDS));
	printf("{\"bench\":\"refresh\",\"bare_rows_per_s\":%.0f,"
	       "\"refreshes_per_s\":%.0f,\"refreshes_per_core_s\":%.0f,"
	       "\"load\":%.2f}\n",
	    bench_median(bare, ROUNDS), bench_median(ours, ROUNDS),
	    bench_median(core, ROUNDS), bench_load());
	return 0;
}
