#include "store/group.h"

#include <stdio.h>

#include "runtime/base/log.h"

/* Grow when three quarters are used; after a refusal not for so many groups */
#define MAP_FILL_PARTS 4
#define GROW_PAUSE 256

enum verdict {
	GROUP_DONE,
	GROUP_AGAIN, /* one job was dropped, or the map has grown */
};

static struct job *
job_of(struct list *node)
{
	return LIST_OF(node, struct job, in_queue);
}

static void
group_settle(struct list *jobs, enum status st)
{
	for (struct list *n = jobs->next; n != jobs; n = n->next)
		job_of(n)->st = st;
}

static enum status
group_grow(struct group *g)
{
	enum status st = backend_grow(g->b);
	struct backend_usage u;

	backend_usage(g->b, &u);
	if (st == ST_OK)
		atomic_fetch_add(&g->stats.grown, 1);
	LOG(STORE_MAP, KU("map_bytes", u.map_bytes),
	    KU("used_bytes", u.used_bytes), KV("status", status_name(st)));
	return st;
}

/* Rather before it is full than in the middle of somebody's write. */
static void
group_make_room(struct group *g)
{
	struct backend_usage u;

	g->runs++;
	backend_usage(g->b, &u);
	if (u.used_bytes < u.map_bytes - u.map_bytes / MAP_FILL_PARTS)
		return;
	if (u.map_bytes >= u.map_bytes_max || g->runs < g->grow_after)
		return;
	if (group_grow(g) != ST_OK)
		g->grow_after = g->runs + GROW_PAUSE;
}

static void
job_run(struct job *j, struct txn *t)
{
	enum status st = j->run(t, j);

	j->st = txn_status(t) != ST_OK ? txn_status(t) : st;
}

/* Runs what was not dropped; *ret_dirty: there is something to commit. */
static enum verdict
group_fill(struct group *g, struct backend_txn *inner, struct list *jobs,
    bool *ret_dirty)
{
	struct txn t;

	for (struct list *n = jobs->next; n != jobs; n = n->next) {
		struct job *j = job_of(n);

		if (j->dropped)
			continue;
		txn_init(&t, inner, g->room);
		job_run(j, &t);
		g->swept += t.swept;
		*ret_dirty = *ret_dirty || t.dirty;
		if (j->st == ST_OK || !t.dirty)
			continue;
		backend_abort(inner);
		if (t.map_full && group_grow(g) == ST_OK)
			return GROUP_AGAIN;
		j->dropped = true;
		atomic_fetch_add(&g->stats.dropped, 1);
		return GROUP_AGAIN;
	}
	return GROUP_DONE;
}

/* Without room for its record the transaction goes on, and the log ends. */
static enum verdict
group_log_failed(struct group *g, struct backend_txn *inner, struct list *jobs,
    enum status st)
{
	backend_abort(inner);
	if (st == ST_FULL && group_grow(g) == ST_OK)
		return GROUP_AGAIN;
	if (st == ST_FULL && !g->log.give_up) {
		g->log.give_up = true;
		return GROUP_AGAIN;
	}
	atomic_fetch_add(&g->stats.failed, 1);
	group_settle(jobs, st);
	return GROUP_DONE;
}

static enum verdict
group_commit(struct group *g, struct backend_txn *inner, struct list *jobs)
{
	enum status st = redo_log_end(&g->log, inner);

	if (st != ST_OK)
		return group_log_failed(g, inner, jobs, st);
	st = backend_commit(inner);
	if (st == ST_OK) {
		redo_log_committed(&g->log);
		atomic_fetch_add(&g->stats.swept, g->swept);
		return GROUP_DONE;
	}
	LOG(STORE_COMMIT_FAILED, KV("status", status_name(st)),
	    KV("why", backend_why()));
	if (st == ST_FULL && group_grow(g) == ST_OK)
		return GROUP_AGAIN;
	atomic_fetch_add(&g->stats.failed, 1);
	group_settle(jobs, st);
	return GROUP_DONE;
}

static enum verdict
group_try(struct group *g, struct list *jobs)
{
	struct backend_txn *inner;
	bool dirty = false;
	enum status st = backend_write(g->b, &inner);

	g->swept = 0;

	if (st == ST_OK && (st = redo_log_begin(&g->log, inner)) != ST_OK)
		backend_abort(inner);
	if (st != ST_OK) {
		group_settle(jobs, st);
		return GROUP_DONE;
	}
	if (group_fill(g, inner, jobs, &dirty) == GROUP_AGAIN)
		return GROUP_AGAIN;
	if (dirty)
		return group_commit(g, inner, jobs);
	backend_abort(inner);
	return GROUP_DONE;
}

void
group_run(struct group *g, struct list *jobs, uint32_t count)
{
	for (struct list *n = jobs->next; n != jobs; n = n->next)
		job_of(n)->dropped = false;
	g->log.give_up = false;
	group_make_room(g);
	while (group_try(g, jobs) == GROUP_AGAIN)
		atomic_fetch_add(&g->stats.reruns, 1);

	atomic_fetch_add(&g->stats.groups, 1);
	atomic_fetch_add(&g->stats.jobs, count);
	if (count > atomic_load(&g->stats.group_max))
		atomic_store(&g->stats.group_max, count);
}
