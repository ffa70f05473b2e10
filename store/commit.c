#include "store/commit.h"

#include <assert.h>
#include <sched.h>
#include <stdlib.h>

#include "runtime/base/clock.h"
#include "runtime/base/log.h"
#include "runtime/base/processor.h"
#include "runtime/base/thread.h"

struct reader {
	struct commit *commit;
	struct backend_txn *txn; /* rests between two jobs */
	struct txn_room *room;
	struct job_patience patience;
	_Atomic uint64_t since_us; /* of the job in hand; 0: none */
	struct timing times;
	pthread_t thread;
};

struct commit {
	struct commit_options options;
	struct job_queue writes;
	struct job_queue reads;
	struct group group;
	struct reader readers[READERS_MAX];
	struct timing times; /* of the groups */
	_Atomic uint64_t reads_done;
	pthread_t writer;
	uint32_t threads; /* readers that run, and the writer once all do */
	bool writer_runs;
};

static void
commit_after(struct commit *c)
{
	if (c->options.after != NULL)
		c->options.after(c->options.ctx);
}

static void
jobs_done(struct list *jobs)
{
	struct list *node;

	while ((node = list_first(jobs)) != NULL) {
		struct job *j = LIST_OF(node, struct job, in_queue);

		list_remove(node);
		j->done(j, j->st); /* may push it again */
	}
}

/* One group of what waits, at most a batch; how many jobs it had. */
static uint32_t
commit_group(struct commit *c)
{
	uint64_t begun_us;
	struct list jobs;
	uint32_t count;

	list_init(&jobs);
	count = job_queue_take(
	    &c->writes, c->options.batch_max, COMMIT_BATCH_BYTES_MAX, &jobs);
	if (count == 0)
		return 0;
	begun_us = clock_mono_us(c->options.clock);
	group_run(&c->group, &jobs, count);
	timing_observe(&c->times, clock_mono_us(c->options.clock) - begun_us);
	jobs_done(&jobs);
	commit_after(c);
	return count;
}

/*
 * Whoever has just been answered may be about to ask again: give a group as
 * large as the last one a moment to come together.  A lone asker never waits.
 */
static void
commit_gather(struct commit *c, uint32_t last)
{
	uint64_t until;

	if (last < 2 || atomic_load(&c->writes.count) >= last)
		return;
	until = clock_mono_us(&clock_system) + COMMIT_GATHER_US;
	while (atomic_load(&c->writes.count) < last &&
	       !atomic_load(&c->writes.closed) &&
	       clock_mono_us(&clock_system) < until)
		sched_yield();
}

static void *
writer_main(void *arg)
{
	struct commit *c = arg;
	struct job_patience p = { 0 };
	uint32_t last = 0;

	thread_name("store-writer");
	processor_take_short_turns();
	while (job_queue_wait(&c->writes, &p)) {
		commit_gather(c, last);
		last = commit_group(c);
	}
	return NULL;
}

static enum status
reader_snapshot(struct reader *r)
{
	if (r->txn != NULL)
		return backend_renew(r->txn);
	return backend_read(r->commit->options.backend, &r->txn);
}

static enum status
reader_run(struct reader *r, struct job *j)
{
	enum status st = reader_snapshot(r);
	struct txn t;

	if (st != ST_OK)
		return st;
	txn_init(&t, r->txn, r->room);
	st = j->run(&t, j);
	assert(!t.dirty);
	backend_reset(r->txn);
	return txn_status(&t) != ST_OK ? txn_status(&t) : st;
}

/* One read, if there is one. */
static bool
reader_turn(struct reader *r)
{
	struct commit *c = r->commit;
	uint64_t begun_us;
	struct list jobs;
	struct job *j;

	list_init(&jobs);
	if (job_queue_take(&c->reads, 1, SIZE_MAX, &jobs) == 0)
		return false;
	j = LIST_OF(list_first(&jobs), struct job, in_queue);
	begun_us = clock_mono_us(c->options.clock);
	atomic_store(&r->since_us, begun_us);
	j->st = reader_run(r, j);
	atomic_store(&r->since_us, 0);
	timing_observe(&r->times, clock_mono_us(c->options.clock) - begun_us);
	atomic_fetch_add(&c->reads_done, 1);
	jobs_done(&jobs);
	commit_after(c);
	return true;
}

static void *
reader_main(void *arg)
{
	struct reader *r = arg;

	thread_name("store-reader-%u", (unsigned)(r - r->commit->readers));
	processor_take_short_turns();
	while (job_queue_wait(&r->commit->reads, &r->patience))
		(void)reader_turn(r);
	return NULL;
}

static enum status
commit_make_rooms(struct commit *c)
{
	c->group.room = txn_room_create();
	if (c->group.room == NULL)
		return ST_NO_MEMORY;
	for (uint32_t i = 0; i < c->options.readers; i++) {
		c->readers[i].commit = c;
		c->readers[i].room = txn_room_create();
		if (c->readers[i].room == NULL)
			return ST_NO_MEMORY;
	}
	return ST_OK;
}

static enum status
commit_start_threads(struct commit *c)
{
	for (uint32_t i = 0; i < c->options.readers; i++) {
		struct reader *r = &c->readers[i];

		if (pthread_create(&r->thread, NULL, reader_main, r) != 0)
			return ST_IO;
		c->threads++;
	}
	if (pthread_create(&c->writer, NULL, writer_main, c) != 0)
		return ST_IO;
	c->writer_runs = true;
	return ST_OK;
}

static void
commit_set_defaults(struct commit_options *o)
{
	if (o->batch_max == 0)
		o->batch_max = COMMIT_BATCH_MAX;
	if (o->queue_max == 0)
		o->queue_max = COMMIT_QUEUE_MAX;
	if (o->readers == 0)
		o->readers = READERS_DEFAULT;
	if (o->inline_only)
		o->readers = 1;
	if (o->clock == NULL)
		o->clock = &clock_system;
	assert(o->readers <= READERS_MAX);
}

enum status
commit_start(const struct commit_options *options, struct commit **ret_c)
{
	struct commit *c = calloc(1, sizeof(*c));
	enum status st;

	if (c == NULL)
		return ST_NO_MEMORY;
	c->options = *options;
	commit_set_defaults(&c->options);
	c->group.b = options->backend;
	redo_log_init(&c->group.log, c->options.clock);
	job_queue_init(
	    &c->writes, c->options.queue_max, COMMIT_QUEUE_BYTES_MAX);
	job_queue_init(&c->reads, c->options.queue_max, COMMIT_QUEUE_BYTES_MAX);
	st = commit_make_rooms(c);
	if (st == ST_OK && !options->inline_only)
		st = commit_start_threads(c);
	if (st != ST_OK) {
		commit_stop(c);
		return st;
	}
	*ret_c = c;
	return ST_OK;
}

void
commit_stop(struct commit *c)
{
	job_queue_close(&c->writes);
	job_queue_close(&c->reads);
	while (c->options.inline_only && commit_turn(c))
		continue;
	if (c->writer_runs)
		pthread_join(c->writer, NULL);
	for (uint32_t i = 0; i < c->threads; i++)
		pthread_join(c->readers[i].thread, NULL);
	for (uint32_t i = 0; i < c->options.readers; i++) {
		if (c->readers[i].txn != NULL)
			backend_abort(c->readers[i].txn);
		txn_room_destroy(c->readers[i].room);
	}
	txn_room_destroy(c->group.room);
	redo_log_fini(&c->group.log);
	job_queue_fini(&c->writes);
	job_queue_fini(&c->reads);
	free(c);
}

enum status
commit_write(struct commit *c, struct job *j)
{
	return job_queue_push(&c->writes, j);
}

enum status
commit_read(struct commit *c, struct job *j)
{
	return job_queue_push(&c->reads, j);
}

bool
commit_turn(struct commit *c)
{
	bool worked = commit_group(c) > 0;

	assert(c->options.inline_only);
	while (reader_turn(&c->readers[0]))
		worked = true;
	return worked;
}

static void
stats_of_readers(struct commit *c, struct commit_stats *s)
{
	uint64_t now = clock_mono_us(c->options.clock);

	for (uint32_t i = 0; i < c->options.readers; i++) {
		uint64_t since = atomic_load(&c->readers[i].since_us);

		timing_add(&s->read_seconds, &c->readers[i].times);
		if (since == 0)
			continue;
		s->readers_busy++;
		if (now > since && now - since > s->reader_oldest_us)
			s->reader_oldest_us = now - since;
	}
}

void
commit_stats(struct commit *c, struct commit_stats *ret_stats)
{
	struct group_stats *g = &c->group.stats;
	struct redo_log *l = &c->group.log;

	*ret_stats = (struct commit_stats){
		.groups = atomic_load(&g->groups),
		.jobs = atomic_load(&g->jobs),
		.reruns = atomic_load(&g->reruns),
		.dropped = atomic_load(&g->dropped),
		.failed = atomic_load(&g->failed),
		.grown = atomic_load(&g->grown),
		.swept = atomic_load(&g->swept),
		.group_max = atomic_load(&g->group_max),
		.logged = atomic_load(&l->records),
		.logged_bytes = atomic_load(&l->bytes),
		.log_given_up = atomic_load(&l->given_up),
		.reads = atomic_load(&c->reads_done),
		.queued = atomic_load(&c->writes.count),
		.reads_queued = atomic_load(&c->reads.count),
	};
	timing_add(&ret_stats->commit_seconds, &c->times);
	stats_of_readers(c, ret_stats);
}
