/* Groups of jobs: who fails, who does not, and what is on the disk after. */
#include "store/commit.h"

#include "runtime/base/clock.h"
#include "runtime/base/log.h"
#include "tests/store/fixture.h"

#define JOBS_MAX 600

/* Writes key = value; may fail before or after that. */
struct write {
	struct job job;
	char key[16];
	uint32_t load; /* bytes of the value */
	enum status before;
	enum status after;
	enum status ended;
	uint32_t runs;
	uint32_t dones;
	_Atomic uint32_t *count_down;
};

static struct write writes[JOBS_MAX];
static const uint8_t load[BACKEND_MAP_MIN];

static enum status
write_run(struct txn *t, struct job *j)
{
	struct write *w = LIST_OF(j, struct write, job);
	struct key k;

	w->runs++;
	if (w->before != ST_OK)
		return w->before;
	key_init(&k);
	key_tail(&k, w->key);
	txn_put(t, TABLE_TASKS, &k, (struct bytes){ load, w->load });
	return w->after;
}

static void
write_done(struct job *j, enum status st)
{
	struct write *w = LIST_OF(j, struct write, job);

	w->ended = st;
	w->dones++;
	if (w->count_down != NULL)
		atomic_fetch_sub(w->count_down, 1);
}

/* Job n of the test, to be pushed. */
static struct write *
write_new(uint32_t n)
{
	struct write *w = &writes[n];

	*w = (struct write){ .job = { .run = write_run, .done = write_done },
		.load = 1,
		.ended = ST_BUG };
	snprintf(w->key, sizeof(w->key), "k%05u", n);
	return w;
}

static struct commit *
commit_inline(struct fixture *f)
{
	struct commit_options o = { .backend = f->b, .inline_only = true };
	struct commit *c;

	OK(commit_start(&o, &c));
	return c;
}

static void
push(struct commit *c, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		OK(commit_write(c, &writes[i].job));
}

static void
fixture_counts(struct fixture *f, uint64_t expected)
{
	struct backend_txn *txn;
	uint64_t count;

	OK(backend_read(f->b, &txn));
	OK(backend_count(txn, TABLE_TASKS, &count));
	backend_abort(txn);
	assert_int_equal(count, expected);
}

static void
test_a_group_is_one_commit(void **state)
{
	struct fixture *f = *state;
	struct commit *c = commit_inline(f);
	uint32_t commits = faults_seen(&f->faults, FAULT_COMMIT);
	struct commit_stats s;

	for (uint32_t i = 0; i < COMMIT_BATCH_MAX + 1; i++)
		write_new(i);
	push(c, COMMIT_BATCH_MAX + 1);
	commit_stats(c, &s);
	assert_int_equal(s.queued, COMMIT_BATCH_MAX + 1);
	assert_true(commit_turn(c));
	assert_int_equal(faults_seen(&f->faults, FAULT_COMMIT), commits + 1);
	assert_int_equal(writes[COMMIT_BATCH_MAX].dones, 0);
	assert_true(commit_turn(c));
	assert_false(commit_turn(c));
	for (uint32_t i = 0; i < COMMIT_BATCH_MAX + 1; i++) {
		OK(writes[i].ended);
		assert_int_equal(writes[i].dones, 1);
		assert_int_equal(writes[i].runs, 1);
	}
	commit_stats(c, &s);
	assert_int_equal(s.groups, 2);
	assert_int_equal(s.group_max, COMMIT_BATCH_MAX);
	assert_int_equal(s.jobs, COMMIT_BATCH_MAX + 1);
	fixture_counts(f, COMMIT_BATCH_MAX + 1);
	commit_stop(c);
}

static void
test_batch_is_bounded_in_bytes(void **state)
{
	struct fixture *f = *state;
	struct commit *c = commit_inline(f);

	for (uint32_t i = 0; i < 3; i++)
		write_new(i)->job.size_bytes = COMMIT_BATCH_BYTES_MAX / 2;
	push(c, 3);
	assert_true(commit_turn(c));
	assert_int_equal(writes[1].dones, 1);
	assert_int_equal(writes[2].dones, 0);
	/* One alone is never too large for a group. */
	writes[0].job.size_bytes = COMMIT_BATCH_BYTES_MAX + 1;
	assert_true(commit_turn(c));
	OK(commit_write(c, &writes[0].job));
	assert_true(commit_turn(c));
	assert_int_equal(writes[0].dones, 2);
	commit_stop(c);
}

/* One bad request never fails its neighbours. */
static void
test_a_bad_job_falls_alone(void **state)
{
	struct fixture *f = *state;
	struct commit *c = commit_inline(f);
	struct commit_stats s;

	for (uint32_t i = 0; i < 5; i++)
		write_new(i);
	writes[1].before = ST_EXISTS;
	writes[3].after = ST_INVALID;
	push(c, 5);
	assert_true(commit_turn(c));
	OK(writes[0].ended);
	IS(EXISTS, writes[1].ended);
	OK(writes[2].ended);
	IS(INVALID, writes[3].ended);
	OK(writes[4].ended);
	assert_int_equal(writes[3].runs, 1);
	assert_int_equal(writes[0].runs, 2);
	commit_stats(c, &s);
	assert_int_equal(s.dropped, 1);
	assert_int_equal(s.reruns, 1);
	commit_stop(c);
	fixture_counts(f, 3);
	fixture_has(f, TABLE_TASKS, "k00003", NULL);
}

static void
test_refusals_alone_cost_no_commit(void **state)
{
	struct fixture *f = *state;
	struct commit *c = commit_inline(f);
	uint32_t commits = faults_seen(&f->faults, FAULT_COMMIT);

	write_new(0)->before = ST_NOT_FOUND;
	push(c, 1);
	assert_true(commit_turn(c));
	IS(NOT_FOUND, writes[0].ended);
	assert_int_equal(faults_seen(&f->faults, FAULT_COMMIT), commits);
	commit_stop(c);
}

static void
test_a_failing_commit_fails_the_whole_group(void **state)
{
	struct fixture *f = *state;
	struct commit *c = commit_inline(f);

	for (uint32_t i = 0; i < 3; i++)
		write_new(i);
	writes[1].before = ST_EXISTS;
	push(c, 3);
	faults_fail(&f->faults, FAULT_COMMIT, 1, ST_IO);
	assert_true(commit_turn(c));
	for (uint32_t i = 0; i < 3; i++)
		IS(IO, writes[i].ended);
	fixture_counts(f, 0);
	write_new(1);
	push(c, 3);
	assert_true(commit_turn(c));
	fixture_counts(f, 3);

	faults_fail(&f->faults, FAULT_BEGIN, 1, ST_NO_MEMORY);
	push(c, 1);
	assert_true(commit_turn(c));
	IS(NO_MEMORY, writes[0].ended);
	commit_stop(c);
}

/* P-53: 8 MiB into a map of 1 MiB, nobody notices. */
static void
test_a_full_map_grows_under_a_group(void **state)
{
	struct fixture *f = *state;
	struct commit *c = commit_inline(f);
	struct commit_stats s;

	for (uint32_t i = 0; i < 512; i++)
		write_new(i)->load = 16384;
	push(c, 512);
	while (commit_turn(c))
		continue;
	for (uint32_t i = 0; i < 512; i++)
		OK(writes[i].ended);
	commit_stats(c, &s);
	assert_true(s.grown >= 3);
	commit_stop(c);
	fixture_counts(f, 512);
}

static void
test_a_map_at_its_limit_refuses_and_keeps(void **state)
{
	struct fixture *f = *state;
	struct commit *c;

	f->options.map_bytes_max = BACKEND_MAP_MIN;
	fixture_reopen(f);
	c = commit_inline(f);
	write_new(0);
	write_new(1)->load = BACKEND_MAP_MIN;
	write_new(2);
	push(c, 3);
	assert_true(commit_turn(c));
	OK(writes[0].ended);
	IS(FULL, writes[1].ended);
	OK(writes[2].ended);
	commit_stop(c);
	fixture_counts(f, 2);
}

/* Every place where the disk can fail, one after the other (P-23). */
static void
test_any_failing_write_is_told_and_undone(void **state)
{
	struct fixture *f = *state;
	struct commit *c = commit_inline(f);

	for (uint32_t n = 1; n <= 3; n++) {
		for (uint32_t i = 0; i < 3; i++)
			write_new(i);
		push(c, 3);
		faults_fail(&f->faults, FAULT_PUT, n, ST_IO);
		assert_true(commit_turn(c));
		for (uint32_t i = 0; i < 3; i++)
			assert_int_equal(
			    writes[i].ended, i + 1 == n ? ST_IO : ST_OK);
	}
	commit_stop(c);
}

static void
test_queue_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct commit_options o = {
		.backend = f->b, .inline_only = true, .queue_max = 2
	};
	struct commit *c;

	OK(commit_start(&o, &c));
	for (uint32_t i = 0; i < 3; i++)
		write_new(i);
	push(c, 2);
	IS(FULL, commit_write(c, &writes[2].job));
	assert_true(commit_turn(c));
	writes[0].job.size_bytes = COMMIT_QUEUE_BYTES_MAX;
	writes[1].job.size_bytes = 1;
	OK(commit_write(c, &writes[0].job));
	IS(FULL, commit_write(c, &writes[1].job));
	OK(commit_read(c, &writes[1].job));
	writes[1].before = ST_NOT_FOUND;
	commit_stop(c); /* serves what is queued */
	OK(writes[0].ended);
	IS(NOT_FOUND, writes[1].ended);
	assert_int_equal(writes[2].dones, 0);
}

static void
count_after(void *ctx)
{
	(*(uint32_t *)ctx)++;
}

static void
test_owner_is_told_once_per_group(void **state)
{
	struct fixture *f = *state;
	uint32_t told = 0;
	struct commit_options o = { .backend = f->b,
		.inline_only = true,
		.after = count_after,
		.ctx = &told };
	struct commit *c;

	OK(commit_start(&o, &c));
	for (uint32_t i = 0; i < 9; i++)
		write_new(i);
	push(c, 9);
	assert_true(commit_turn(c));
	assert_int_equal(told, 1);
	commit_stop(c);
	assert_int_equal(told, 1);
}

/* ---- with threads ---- */

static void
await(_Atomic uint32_t *count)
{
	while (atomic_load(count) > 0)
		sched_yield();
}

static enum status
read_run(struct txn *t, struct job *j)
{
	struct write *w = LIST_OF(j, struct write, job);
	struct bytes got;
	struct key k;

	key_init(&k);
	key_tail(&k, w->key);
	return txn_get(t, TABLE_TASKS, &k, &got) ? ST_OK : ST_NOT_FOUND;
}

/* A clock that a write turns by its load, and a read by 5 us. */
static uint64_t clock_now_us;

static uint64_t
clock_tell(void *ctx)
{
	return *(uint64_t *)ctx;
}

static int64_t
clock_tell_wall(void *ctx)
{
	return (int64_t)clock_tell(ctx);
}

static enum status
write_slowly(struct txn *t, struct job *j)
{
	clock_now_us += LIST_OF(j, struct write, job)->load;
	return write_run(t, j);
}

static enum status
read_slowly(struct txn *t, struct job *j)
{
	clock_now_us += 5;
	return read_run(t, j);
}

static void
test_groups_and_reads_are_timed(void **state)
{
	static const struct clock clock = { clock_tell, clock_tell_wall,
		&clock_now_us };
	struct fixture *f = *state;
	struct commit_options o = {
		.backend = f->b, .inline_only = true, .clock = &clock
	};
	struct commit_stats s;
	struct commit *c;

	OK(commit_start(&o, &c));
	write_new(0)->load = 600;
	write_new(1)->load = 400;
	writes[0].job.run = writes[1].job.run = write_slowly;
	push(c, 2); /* one group, of 1000 us */
	assert_true(commit_turn(c));
	writes[0].job.run = writes[1].job.run = read_slowly;
	OK(commit_read(c, &writes[0].job));
	OK(commit_read(c, &writes[1].job));
	assert_true(commit_turn(c));
	commit_stats(c, &s);
	assert_int_equal(s.commit_seconds.sum_us, 1000);
	assert_int_equal(s.commit_seconds.buckets[10], 1);
	assert_int_equal(s.read_seconds.sum_us, 10);
	assert_int_equal(s.read_seconds.buckets[3], 2);
	commit_stop(c);
}

/* What is answered is there for every read that is asked after it. */
static void
test_threads_serve_writes_then_reads(void **state)
{
	struct fixture *f = *state;
	struct commit_options o = { .backend = f->b, .readers = 3 };
	_Atomic uint32_t left = JOBS_MAX;
	struct commit_stats s;
	struct commit *c;

	OK(commit_start(&o, &c));
	for (uint32_t i = 0; i < JOBS_MAX; i++) {
		write_new(i)->count_down = &left;
		writes[i].load = 4096; /* the map grows beside the readers */
		OK(commit_write(c, &writes[i].job));
	}
	await(&left);
	left = JOBS_MAX;
	for (uint32_t i = 0; i < JOBS_MAX; i++) {
		OK(writes[i].ended);
		writes[i].job.run = read_run;
		OK(commit_read(c, &writes[i].job));
	}
	await(&left);
	commit_stats(c, &s);
	assert_int_equal(s.reads, JOBS_MAX);
	assert_int_equal(s.jobs, JOBS_MAX);
	assert_true(s.grown > 0);
	for (uint32_t i = 0; i < JOBS_MAX; i++)
		OK(writes[i].ended);
	commit_stop(c);
}

/* P-51: what was asked before the end is answered before it. */
static void
test_stop_serves_what_was_pushed(void **state)
{
	struct fixture *f = *state;
	struct commit_options o = { .backend = f->b };
	struct commit *c;

	OK(commit_start(&o, &c));
	for (uint32_t i = 0; i < 50; i++)
		write_new(i);
	push(c, 50);
	commit_stop(c);
	for (uint32_t i = 0; i < 50; i++) {
		OK(writes[i].ended);
		assert_int_equal(writes[i].dones, 1);
	}
	fixture_counts(f, 50);
}

struct rival {
	struct job job;
	_Atomic uint32_t *left;
	_Atomic uint32_t *won;
	uint32_t number;
};

static enum status
rival_run(struct txn *t, struct job *j)
{
	struct rival *r = LIST_OF(j, struct rival, job);
	struct key k;

	key_init(&k);
	key_tail(&k, "the one");
	if (txn_put_new(t, TABLE_TASKS, &k,
		(struct bytes){ (const uint8_t *)&r->number, 4 }))
		return ST_OK;
	return txn_fail(t, ST_EXISTS, "duplicate");
}

static void
rival_done(struct job *j, enum status st)
{
	struct rival *r = LIST_OF(j, struct rival, job);

	if (st == ST_OK)
		atomic_fetch_add(r->won, r->number);
	else
		assert_int_equal(st, ST_EXISTS);
	atomic_fetch_sub(r->left, 1);
}

/* P-20: of 64 that save one id, one wins, and what is there is the winner's. */
static void
test_one_of_many_rivals_wins(void **state)
{
	struct fixture *f = *state;
	struct commit_options o = { .backend = f->b };
	_Atomic uint32_t left = 64, won = 0;
	static struct rival rivals[64];
	struct backend_txn *txn;
	struct bytes got;
	struct commit *c;
	uint32_t number;

	OK(commit_start(&o, &c));
	for (uint32_t i = 0; i < 64; i++) {
		rivals[i] = (struct rival){ .job = { .run = rival_run,
						.done = rival_done },
			.left = &left,
			.won = &won,
			.number = i + 1 };
		OK(commit_write(c, &rivals[i].job));
	}
	await(&left);
	commit_stop(c);
	OK(backend_read(f->b, &txn));
	OK(backend_get(txn, TABLE_TASKS, B("the one"), &got));
	memcpy(&number, got.at, sizeof(number));
	assert_int_equal(number, won);
	backend_abort(txn);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(test_a_group_is_one_commit, fixture_setup),
		ON_BOTH(test_batch_is_bounded_in_bytes, fixture_setup),
		ON_BOTH(test_a_bad_job_falls_alone, fixture_setup),
		ON_BOTH(test_refusals_alone_cost_no_commit, fixture_setup),
		ON_BOTH(
		    test_a_failing_commit_fails_the_whole_group, fixture_setup),
		ON_BOTH(test_a_full_map_grows_under_a_group, fixture_setup),
		ON_BOTH(
		    test_a_map_at_its_limit_refuses_and_keeps, fixture_setup),
		ON_BOTH(
		    test_any_failing_write_is_told_and_undone, fixture_setup),
		ON_BOTH(test_queue_is_bounded, fixture_setup),
		ON_BOTH(test_owner_is_told_once_per_group, fixture_setup),
		ON_BOTH(test_groups_and_reads_are_timed, fixture_setup),
		ON_BOTH(test_threads_serve_writes_then_reads, fixture_setup),
		ON_BOTH(test_stop_serves_what_was_pushed, fixture_setup),
		ON_BOTH(test_one_of_many_rivals_wins, fixture_setup),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
