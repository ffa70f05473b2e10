/* log_scene - a store that logs, with a writer that does anything. */
#ifndef TESTS_STORE_LOG_SCENE_H
#define TESTS_STORE_LOG_SCENE_H

#include <sys/stat.h>

#include "protocols/messages.h"
#include "runtime/base/log.h"
#include "store/commit.h"
#include "store/copy.h"
#include "store/requests.h"
#include "tests/store/fixture.h"

#define TIMELINE 77
#define KEYS 60
#define JOBS_MAX 8
#define LOG_SIZE (64u << 20)

/* A deterministic stream, so that a failure can be had again. */
static uint64_t seed;

static uint32_t
dice(uint32_t sides)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(seed >> 33) % sides;
}

static int64_t wall;

static int64_t
test_wall_us(void *ctx)
{
	(void)ctx;
	return wall;
}

static uint64_t
test_mono_us(void *ctx)
{
	(void)ctx;
	return 0;
}

static const struct clock test_clock = { test_mono_us, test_wall_us, NULL };

static struct scene {
	struct fixture *f;
	struct commit *commit;
	struct txn_room *room;
	struct redo_place place;
	uint8_t *log; /* every record there has been */
	size_t log_size;
	uint64_t read; /* the last transaction in it */
	char base[128], file[160], records[128];
} scene;

/* ---- a writer that does anything ---- */

struct write {
	struct job job;
	uint64_t dice;
	enum status ended;
};

static const enum table tables[] = { TABLE_TASKS, TABLE_USERS, TABLE_META };

static inline void
write_once(struct txn *t)
{
	static const uint8_t bytes[9000] = { 7 };
	enum table table = tables[dice(3)];
	uint32_t size = dice(20) == 0 ? 9000 : dice(60);
	struct key k;

	key_init(&k);
	key_number(&k, dice(KEYS));
	switch (dice(4)) {
	case 0:
		(void)txn_delete(t, table, &k);
		break;
	case 1:
		(void)txn_put_new(t, table, &k, (struct bytes){ bytes, size });
		break;
	default:
		txn_put(t, table, &k, (struct bytes){ bytes, size });
		break;
	}
}

static inline enum status
write_run(struct txn *t, struct job *j)
{
	struct write *w = LIST_OF(j, struct write, job);

	seed = w->dice; /* it may run more than once */
	for (uint32_t i = dice(6); i > 0; i--)
		write_once(t);
	return dice(8) == 0 ? ST_CONFLICT : txn_status(t);
}

static inline void
write_done(struct job *j, enum status st)
{
	LIST_OF(j, struct write, job)->ended = st;
}

/* One group of jobs, some of which fail after they have written. */
static inline void
write_group(void)
{
	static struct write writes[JOBS_MAX];
	uint32_t count = 1 + dice(JOBS_MAX);
	uint64_t after = seed * 31 + 7;

	for (uint32_t i = 0; i < count; i++) {
		writes[i] = (struct write){ .job = { .run = write_run,
						.done = write_done },
			.dice = seed + i };
		OK(commit_write(scene.commit, &writes[i].job));
	}
	assert_true(commit_turn(scene.commit));
	seed = after;
	wall += (int64_t)dice(1000) - 300; /* it goes back now and then */
}

/* ---- requests to the log ---- */

struct asked {
	struct job job;
	uint16_t id;
	const void *body;
	struct store_reply reply;
	struct redo_stand stand;
	enum status ended;
};

static inline enum status
asked_run(struct txn *t, struct job *j)
{
	struct asked *a = LIST_OF(j, struct asked, job);
	enum status st = request_find(a->id)->run(t, a->body, &a->reply);

	if (st == ST_OK && a->reply.id == MSG_store_redo_stands)
		a->stand =
		    ((const struct store_redo_stands *)a->reply.body)->stand;
	return st;
}

static inline void
asked_done(struct job *j, enum status st)
{
	LIST_OF(j, struct asked, job)->ended = st;
}

static struct redo_stand
ask_write(uint16_t id, const void *body)
{
	struct asked a = { .job = { .run = asked_run, .done = asked_done },
		.id = id,
		.body = body };

	OK(commit_write(scene.commit, &a.job));
	assert_true(commit_turn(scene.commit));
	OK(a.ended);
	return a.stand;
}

static struct redo_stand
log_begin(uint64_t timeline, uint64_t tail_max)
{
	return ask_write(MSG_store_redo_begin,
	    &(struct store_redo_begin){ .timeline = timeline,
		.tail_bytes_max = tail_max,
		.anew = true,
		.now = wall });
}

static struct redo_stand
log_shipped(uint64_t txid)
{
	return ask_write(MSG_store_redo_shipped,
	    &(struct store_redo_shipped){ TIMELINE, txid });
}

/* The next part, behind what was read before; false: there is none. */
static inline bool
log_read_part(uint64_t *txid, uint32_t *offset, uint32_t limit)
{
	struct store_redo_read ask = { TIMELINE, *txid, *offset, limit };
	struct store_reply reply = { 0 };
	const struct store_redo_part *part;
	struct backend_txn *inner;
	struct txn t;
	bool more;

	OK(backend_read(scene.f->b, &inner));
	txn_init(&t, inner, scene.room);
	OK(request_find(MSG_store_redo_read)->run(&t, &ask, &reply));
	part = reply.body;
	more = part->bytes.size > 0;
	assert_int_equal(part->txid, *txid);
	assert_true(scene.log_size + part->bytes.size <= LOG_SIZE);
	memcpy(scene.log + scene.log_size, part->bytes.at, part->bytes.size);
	scene.log_size += part->bytes.size;
	*txid = part->next_txid;
	*offset = part->next_offset;
	backend_abort(inner);
	return more;
}

/* In odd pieces, forgotten at once. */
static inline void
log_read(void)
{
	uint64_t txid = scene.read + 1;
	uint32_t offset = 0;

	while (log_read_part(&txid, &offset, 1 + dice(5000)))
		;
	assert_int_equal(offset, 0);
	scene.read = txid - 1;
	(void)log_shipped(scene.read);
}

/* Its data as a file of that name. */
static inline void
base_make(const char *name)
{
	char file[160];
	uint64_t bytes;

	snprintf(file, sizeof(file), "%s/%s", scene.f->folder, name);
	OK(copy_live(scene.f->b, file, NULL, &bytes));
}

static inline void
clock_reset(void)
{
	wall = INT64_C(1000000000);
}

static inline int
setup(void **state)
{
	struct commit_options o = { .inline_only = true, .clock = &test_clock };

	log_set_level(LOG_ERROR);
	fixture_setup(state);
	scene = (struct scene){ .f = *state };
	scene.room = txn_room_create();
	scene.log = malloc(LOG_SIZE);
	assert_non_null(scene.log);
	o.backend = scene.f->b;
	OK(commit_start(&o, &scene.commit));
	snprintf(scene.base, sizeof(scene.base), "%s/copy", scene.f->folder);
	snprintf(scene.file, sizeof(scene.file), "%s/data.mdb", scene.base);
	snprintf(scene.records, sizeof(scene.records), "%s/records",
	    scene.f->folder);
	seed = 1;
	clock_reset();
	scene.read = log_begin(TIMELINE, REDO_TAIL_MAX).txid;
	base_make("base0");
	return 0;
}

static inline int
teardown(void **state)
{
	commit_stop(scene.commit);
	txn_room_destroy(scene.room);
	free(scene.log);
	return fixture_teardown(state);
}

#define LOGGED(test)                                                           \
	{                                                                      \
#test, test, setup, teardown, (void *)(uintptr_t)&backend_lmdb \
	}

#endif
