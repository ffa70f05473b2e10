/*
 * cost - durable cost records, checks and holds, beside bare LMDB.
 *
 * 256 askers, each with one request under way, through the store's group
 * commit and its repositories: record, project total, slots, event and mark
 * of a record are one transaction.  Bare LMDB puts as many rows of the same
 * sizes under the same keys, 256 records to a commit; and under those that one
 * would think of first.  Rounds take turns.
 * bench/cost_peer.py puts PostgreSQL beside it.
 *
 *   bench_cost [folder]             records, checks beside them, holds
 *   bench_cost scale N [folder [s]] N records in N / 10 projects, or as many
 *                                   as s seconds (LOAD_S) are enough for;
 *                                   then reads at random
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocols/messages.h"
#include "runtime/base/log.h"
#include "store/commit.h"
#include "store/migrate.h"
#include "store/requests.h"

#include "bench/cost_asks.h"
#include "bench/cost_bare.h"
#include "bench/spent.h"

#define ROUNDS 3
#define CHECKS_PER_S 5000
#define CHECKS_MAX 200000
#define READS 100000
#define PAGES 1000
#define LOAD_BATCH 1024
#define LOAD_S 200

/* TROUPE_BENCH_RECORDS: fewer of them on a slow disk; pairs are half. */
static uint64_t records_max = 60000;
static double jobs_a_group; /* of the last run of ours */

enum work {
	WORK_RECORD,
	WORK_HOLD,
	WORK_SETTLE,
	WORK_CHECK,
	WORK_TOTAL,
	WORK_ONE,
	WORK_PAGE
};

struct ask {
	struct job job;
	enum work work;
	uint64_t number;
	double asked_us;
	struct job_queue *answers;
};

static enum status
ask_run(struct txn *t, struct job *j)
{
	struct ask *a = LIST_OF(j, struct ask, job);

	switch (a->work) {
	case WORK_RECORD:
		return run_record(t, a->number);
	case WORK_HOLD:
		return run_hold(t, a->number);
	case WORK_SETTLE:
		return run_settle(t, a->number);
	case WORK_CHECK:
		return run_check(t, a->number);
	case WORK_TOTAL:
		return run_total(t, a->number);
	case WORK_ONE:
		return run_list(t, NULL, a->number, 1);
	case WORK_PAGE:
		break;
	}
	return run_page(t, a->number);
}

static void
ask_done(struct job *j, enum status st)
{
	struct ask *a = LIST_OF(j, struct ask, job);

	if (st != ST_OK)
		fprintf(stderr, "%s\n", status_name(st));
	CHECK(st == ST_OK);
	CHECK(job_queue_push(a->answers, j) == ST_OK);
}

/* ---- the database ---- */

static void
make_budgets(struct backend *b)
{
	static const enum budget_window windows[] = { WINDOW_LIFETIME,
		WINDOW_MONTH, WINDOW_DAY };
	struct txn_room *room = txn_room_create();
	struct backend_txn *inner;
	struct txn t;
	char id[24];

	CHECK(backend_write(b, &inner) == ST_OK);
	for (int i = 0; i < 3; i++) {
		snprintf(id, sizeof(id), "budget-%d", i);
		txn_init(&t, inner, room);
		CHECK(run_request(&t, MSG_store_budget_create,
			  &(struct store_budget_create){
			      .budget = { .id = id,
				  .level = LEVEL_ORGANISATION,
				  .subject = "",
				  .window = windows[i],
				  .amount = 1000000000 * UNIT,
				  .currency = "EUR",
				  .hard = true,
				  .created_at = NOW_US,
				  .updated_at = NOW_US,
				  .version = 1 },
			      .principal = "user" }) == ST_OK);
	}
	CHECK(backend_commit(inner) == ST_OK);
	txn_room_destroy(room);
}

static struct backend *
ours_open(const char *path, bool budgets, enum durability durability)
{
	struct backend_options o = {
		.path = path, .map_bytes = MAP_BYTES, .durability = durability
	};
	struct migrate_world world = { .now_us = NOW_US, .epoch = 1 };
	struct migrate_result r;
	struct backend *b;

	CHECK(backend_open(&backend_lmdb, &o, &b) == ST_OK);
	CHECK(migrate_run(b, &migrate_plan, &world, &r) == ST_OK);
	if (budgets)
		make_budgets(b);
	return b;
}

/* ---- 256 askers ---- */

struct crowd {
	struct commit *c;
	uint64_t wanted; /* records, or pairs */
	bool pairs;
	struct ask asks[ASKERS];
	struct job_queue answers;
	uint64_t next, done;
};

static void
crowd_go_on(struct crowd *w, struct ask *a)
{
	if (w->pairs && a->work == WORK_HOLD) {
		a->work = WORK_SETTLE;
	} else {
		w->done++;
		if (w->next >= w->wanted)
			return;
		a->number = w->next++;
		a->work = w->pairs ? WORK_HOLD : WORK_RECORD;
	}
	CHECK(commit_write(w->c, &a->job) == ST_OK);
}

static void
crowd_begin(struct crowd *w)
{
	job_queue_init(&w->answers, ASKERS, SIZE_MAX);
	for (int i = 0; i < ASKERS && w->next < w->wanted; i++) {
		struct ask *a = &w->asks[i];

		*a = (struct ask){ .job.run = ask_run,
			.job.done = ask_done,
			.work = w->pairs ? WORK_HOLD : WORK_RECORD,
			.number = w->next++,
			.answers = &w->answers };
		CHECK(commit_write(w->c, &a->job) == ST_OK);
	}
}

/* What has been answered is asked anew. */
static void
crowd_take(struct crowd *w)
{
	struct list back, *node;

	list_init(&back);
	(void)job_queue_take(&w->answers, ASKERS, SIZE_MAX, &back);
	while ((node = list_first(&back)) != NULL) {
		list_remove(node);
		crowd_go_on(w, LIST_OF(LIST_OF(node, struct job, in_queue),
				   struct ask, job));
	}
}

static double
crowd_run(struct commit *c, uint64_t first, uint64_t wanted, bool pairs)
{
	struct crowd *w = calloc(1, sizeof(*w));
	struct job_patience p = { 0 };
	double began = bench_now_us();

	*w = (struct crowd){
		.c = c, .wanted = first + wanted, .pairs = pairs, .next = first
	};
	crowd_begin(w);
	while (w->done < wanted && job_queue_wait(&w->answers, &p))
		crowd_take(w);
	began = bench_now_us() - began;
	job_queue_fini(&w->answers);
	free(w);
	return began;
}

/* ---- checks beside the load ---- */

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct checks {
	double *took_us;
	uint64_t count;
	double per_s;
	double records_per_s;
};

static double
percentile(const struct checks *c, double part)
{
	qsort(c->took_us, c->count, sizeof(double), compare);
	return c->took_us[(uint64_t)((double)(c->count - 1) * part)];
}

/* Asks at fixed times, whatever the answers; measured from when it was due. */
struct metronome {
	struct commit *c;
	struct ask asks[ASKERS];
	struct list idle;
	struct job_queue answers;
	double due_us;
	uint64_t asked;
	struct checks *checks;
};

static void
metronome_begin(struct metronome *m)
{
	list_init(&m->idle);
	job_queue_init(&m->answers, ASKERS, SIZE_MAX);
	for (int i = 0; i < ASKERS; i++) {
		m->asks[i] = (struct ask){ .job.run = ask_run,
			.job.done = ask_done,
			.work = WORK_CHECK,
			.answers = &m->answers };
		list_append(&m->idle, &m->asks[i].job.in_queue);
	}
	m->due_us = bench_now_us();
}

static void
metronome_ask(struct metronome *m)
{
	while (m->due_us <= bench_now_us() && !list_empty(&m->idle) &&
	       m->asked < CHECKS_MAX) {
		struct list *first = list_first(&m->idle);
		struct job *j = LIST_OF(first, struct job, in_queue);
		struct ask *a = LIST_OF(j, struct ask, job);

		list_remove(first);
		a->number = m->asked++;
		a->asked_us = m->due_us;
		m->due_us += 1e6 / CHECKS_PER_S;
		CHECK(commit_read(m->c, j) == ST_OK);
	}
}

static void
metronome_take(struct metronome *m)
{
	struct checks *k = m->checks;
	struct list back, *node;

	list_init(&back);
	if (m->answers.count > 0)
		(void)job_queue_take(&m->answers, ASKERS, SIZE_MAX, &back);
	while ((node = list_first(&back)) != NULL) {
		struct job *j = LIST_OF(node, struct job, in_queue);

		list_remove(node);
		k->took_us[k->count++] =
		    bench_now_us() - LIST_OF(j, struct ask, job)->asked_us;
		list_append(&m->idle, node);
	}
}

/* Ends the commit: what is under way comes back before its queues go. */
static void
checks_beside(struct commit *c, struct checks *ret)
{
	static const struct timespec nap = { .tv_nsec = 20000 };
	struct metronome *m = calloc(1, sizeof(*m));
	struct crowd *w = calloc(1, sizeof(*w));
	double began = bench_now_us();

	m->c = c;
	m->checks = ret;
	*w = (struct crowd){ .c = c, .wanted = 2 * records_max };
	metronome_begin(m);
	crowd_begin(w);
	while (w->done < w->wanted) {
		metronome_ask(m);
		metronome_take(m);
		if (w->answers.count > 0)
			crowd_take(w);
		else
			(void)ppoll(NULL, 0, &nap, NULL);
	}
	began = bench_now_us() - began;
	ret->per_s = (double)ret->count * 1e6 / began;
	ret->records_per_s = (double)w->wanted * 1e6 / began;
	commit_stop(c);
	metronome_take(m);
	job_queue_fini(&m->answers);
	job_queue_fini(&w->answers);
	free(m);
	free(w);
}

/* ---- the parts ---- */

struct round {
	double bare, blocks, ours, budgets, pairs;
	double bare_cpu, blocks_cpu, ours_cpu, pairs_cpu;
	double bare_kib, blocks_kib, ours_kib, pairs_kib;
};

static double
ours_run(const char *path, uint64_t count, bool budgets, bool pairs)
{
	struct commit_options o = { .backend = ours_open(
					path, budgets, DURABLE_FULL) };
	struct commit_stats stats;
	struct commit *c;
	double took;

	CHECK(commit_start(&o, &c) == ST_OK);
	took = crowd_run(c, 0, count, pairs);
	commit_stats(c, &stats);
	jobs_a_group = (double)stats.jobs / (double)stats.groups;
	commit_stop(c);
	CHECK(backend_close(o.backend) == ST_OK);
	remove_folder(path);
	return took;
}

static double
median(const struct round *rounds, size_t offset)
{
	double values[ROUNDS];

	for (int i = 0; i < ROUNDS; i++)
		values[i] =
		    *(const double *)(const void *)((const char *)&rounds[i] +
						    offset);
	qsort(values, ROUNDS, sizeof(values[0]), compare);
	return values[ROUNDS / 2];
}

#define MEDIAN(r, m) median(r, offsetof(struct round, m))

static double
per_s(uint64_t count, double took_us)
{
	return (double)count * 1e6 / took_us;
}

static void
print_spent(const struct round *rounds)
{
	printf("%-44s %12.1f %12.1f\n", "- CPU us a record, askers too",
	    MEDIAN(rounds, blocks_cpu), MEDIAN(rounds, ours_cpu));
	printf("%-44s %12.1f\n", "- - by name and anywhere",
	    MEDIAN(rounds, bare_cpu));
	printf("%-44s %12.1f %12.1f\n", "- KiB written a record",
	    MEDIAN(rounds, blocks_kib), MEDIAN(rounds, ours_kib));
	printf("%-44s %12.1f\n", "- - by name and anywhere",
	    MEDIAN(rounds, bare_kib));
	printf("%-44s %12s %12.1f\n", "- CPU us a pair", "",
	    MEDIAN(rounds, pairs_cpu));
	printf("%-44s %12s %12.1f\n", "- KiB written a pair", "",
	    MEDIAN(rounds, pairs_kib));
	printf("%-44s %12s %12.1f\n", "- jobs a group, of pairs", "",
	    jobs_a_group);
}

static void
main_part(const char *path)
{
	const uint64_t n = records_max;
	struct round rounds[ROUNDS];
	struct checks checks = { .took_us =
				     calloc(CHECKS_MAX, sizeof(double)) };
	struct commit_options o;
	struct commit *c;

	for (int i = 0; i < ROUNDS; i++) {
		struct round *r = &rounds[i];

		struct spent last = spent_now();

		r->bare = per_s(n, bare_run(path, LAYOUT_NAIVE, n));
		spent_since(&last, n, &r->bare_cpu, &r->bare_kib);
		r->blocks = per_s(n, bare_run(path, LAYOUT_OURS, n));
		spent_since(&last, n, &r->blocks_cpu, &r->blocks_kib);
		r->ours = per_s(n, ours_run(path, n, false, false));
		spent_since(&last, n, &r->ours_cpu, &r->ours_kib);
		r->budgets = per_s(n, ours_run(path, n, true, false));
		last = spent_now();
		r->pairs = per_s(n / 2, ours_run(path, n / 2, true, true));
		spent_since(&last, n / 2, &r->pairs_cpu, &r->pairs_kib);
	}
	o = (struct commit_options){ .backend =
					 ours_open(path, true, DURABLE_FULL) };
	CHECK(commit_start(&o, &c) == ST_OK);
	checks_beside(c, &checks);
	CHECK(backend_close(o.backend) == ST_OK);
	remove_folder(path);
	printf("%-44s %12s %12s\n", "256 askers, durable", "bare LMDB", "ours");
	printf("%-44s %12.0f %12.0f\n", "cost records/s",
	    MEDIAN(rounds, blocks), MEDIAN(rounds, ours));
	printf("%-44s %12.0f\n", "- with an index by name and marks anywhere",
	    MEDIAN(rounds, bare));
	print_spent(rounds);
	printf("%-44s %12s %12.0f\n", "- with three budgets that apply", "",
	    MEDIAN(rounds, budgets));
	printf("%-44s %12s %12.0f\n", "hold and settle, pairs/s", "",
	    MEDIAN(rounds, pairs));
	printf(
	    "%-44s %12s %12.0f\n", "checks/s beside records", "", checks.per_s);
	printf("%-44s %12s %12.0f\n", "- records/s then", "",
	    checks.records_per_s);
	printf("%-44s %12s %12.0f\n", "- a check, p50 us", "",
	    percentile(&checks, 0.5));
	printf("%-44s %12s %12.0f\n", "- a check, p99 us", "",
	    percentile(&checks, 0.99));
	printf("{\"bench\":\"cost\",\"records_per_s\":%.0f,"
	       "\"bare_records_per_s\":%.0f,\"naive_records_per_s\":%.0f,"
	       "\"budgeted_per_s\":%.0f,"
	       "\"pairs_per_s\":%.0f,\"checks_per_s\":%.0f,"
	       "\"check_p99_us\":%.0f,\"records_beside_per_s\":%.0f}\n",
	    MEDIAN(rounds, ours), MEDIAN(rounds, blocks), MEDIAN(rounds, bare),
	    MEDIAN(rounds, budgets), MEDIAN(rounds, pairs), checks.per_s,
	    percentile(&checks, 0.99), checks.records_per_s);
	free(checks.took_us);
}

/* ---- scale ---- */

/* One after the other, of what is anywhere in the first records. */
static struct checks
reads_run(struct commit *c, enum work work, uint64_t count, uint64_t records)
{
	struct checks k = { .took_us = calloc(count, sizeof(double)) };
	struct job_patience p = { 0 };
	struct job_queue answers;
	struct ask a = { .job.run = ask_run,
		.job.done = ask_done,
		.work = work,
		.answers = &answers };
	struct list back;

	CHECK(records > 0);
	job_queue_init(&answers, 4, SIZE_MAX);
	for (k.count = 0; k.count < count; k.count++) {
		double began = bench_now_us();

		a.number = k.count * UINT64_C(0x9e3779b97f4a7c15) % records;
		CHECK(commit_read(c, &a.job) == ST_OK);
		CHECK(job_queue_wait(&answers, &p));
		list_init(&back);
		(void)job_queue_take(&answers, 1, SIZE_MAX, &back);
		k.took_us[k.count] = bench_now_us() - began;
	}
	job_queue_fini(&answers);
	return k;
}

/* Straight to the repositories, and no longer than that: how many. */
static uint64_t
load_records(struct backend *b, uint64_t wanted, double seconds)
{
	struct txn_room *room = txn_room_create();
	double until = bench_now_us() + seconds * 1e6;
	struct backend_txn *inner;
	uint64_t n = 0;
	struct txn t;

	while (n < wanted && bench_now_us() < until) {
		CHECK(backend_write(b, &inner) == ST_OK);
		for (int i = 0; i < LOAD_BATCH && n < wanted; i++) {
			txn_init(&t, inner, room);
			CHECK(run_record(&t, n++) == ST_OK);
		}
		CHECK(backend_commit(inner) == ST_OK);
	}
	txn_room_destroy(room);
	return n;
}

static void
reads_print(const char *what, struct checks *k, const char *more)
{
	printf("%-44s %10.0f us p50 %10.0f us p99\n", what, percentile(k, 0.5),
	    percentile(k, 0.99));
	printf("{\"bench\":\"cost_scale\",\"read\":\"%s\",\"p50_us\":%.0f,"
	       "\"p99_us\":%.0f%s}\n",
	    what, percentile(k, 0.5), percentile(k, 0.99), more);
	free(k->took_us);
}

static void
scale_reads(struct commit *c, uint64_t records)
{
	struct checks totals = reads_run(c, WORK_TOTAL, READS, records);
	struct checks ones = reads_run(c, WORK_ONE, READS, records);
	char more[96];

	snprintf(more, sizeof(more),
	    ",\"records\":%" PRIu64 ",\"own_mib\":%.1f", records, own_mib());
	reads_print("a project's total", &totals, more);
	reads_print("a record", &ones, more);
	ones = reads_run(c, WORK_PAGE, PAGES, records);
	reads_print("the first records of a project", &ones, more);
}

static void
scale_part(const char *path, uint64_t wanted, double seconds)
{
	/* Filled without a sync for each group, so that it ends today. */
	struct commit_options o = { .backend =
					ours_open(path, true, DURABLE_NONE) };
	uint64_t records;
	struct commit *c;
	double took = bench_now_us();

	projects = wanted / 10;
	records = load_records(o.backend, wanted, seconds);
	took = bench_now_us() - took;
	printf("%" PRIu64 " records of %" PRIu64 " projects, put in at %.0f/s; "
	       "%.1f MiB of memory beside the map\n",
	    records, projects, (double)records * 1e6 / took, own_mib());
	CHECK(commit_start(&o, &c) == ST_OK);
	scale_reads(c, records);
	commit_stop(c);
	CHECK(backend_close(o.backend) == ST_OK);
	remove_folder(path);
}

int
main(int argc, char **argv)
{
	bool scale = argc > 2 && strcmp(argv[1], "scale") == 0;
	const char *folder =
	    scale ? (argc > 3 ? argv[3] : ".") : (argc > 1 ? argv[1] : ".");
	const char *few = getenv("TROUPE_BENCH_RECORDS");
	char path[BACKEND_PATH_MAX];

	log_set_level(LOG_ERROR);
	if (few != NULL)
		records_max = strtoull(few, NULL, 10);
	snprintf(path, sizeof(path), "%s/bench-cost.%d", folder, (int)getpid());
	if (scale)
		scale_part(path, strtoull(argv[2], NULL, 10),
		    argc > 4 ? strtod(argv[4], NULL) : LOAD_S);
	else
		main_part(path);
	return 0;
}
