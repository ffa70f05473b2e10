/* Any state that the store has had comes back from a copy and its log. */
#include "store/replay.h"

#include <sys/stat.h>

#include "protocols/messages.h"
#include "runtime/base/crc32c.h"
#include "runtime/base/log.h"
#include "store/commit.h"
#include "store/copy.h"
#include "store/requests.h"
#include "tests/store/fixture.h"

#define TIMELINE 77
#define KEYS 60
#define JOBS_MAX 8
#define BASE_EVERY 40
#define TXNS_MAX 4096
#define LOG_SIZE (64u << 20)
#define FOREVER ((struct replay_limit){ UINT64_MAX, INT64_MAX })

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

static void
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

static enum status
write_run(struct txn *t, struct job *j)
{
	struct write *w = LIST_OF(j, struct write, job);

	seed = w->dice; /* it may run more than once */
	for (uint32_t i = dice(6); i > 0; i--)
		write_once(t);
	return dice(8) == 0 ? ST_CONFLICT : txn_status(t);
}

static void
write_done(struct job *j, enum status st)
{
	LIST_OF(j, struct write, job)->ended = st;
}

/* One group of jobs, some of which fail after they have written. */
static void
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

static enum status
asked_run(struct txn *t, struct job *j)
{
	struct asked *a = LIST_OF(j, struct asked, job);
	enum status st = request_find(a->id)->run(t, a->body, &a->reply);

	if (st == ST_OK && a->reply.id == MSG_store_redo_stands)
		a->stand =
		    ((const struct store_redo_stands *)a->reply.body)->stand;
	return st;
}

static void
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
static bool
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
static void
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

/* ---- what a database holds ---- */

static uint32_t
dump_table(struct backend_txn *txn, enum table t, uint32_t sum)
{
	struct backend_cursor *c;
	struct backend_entry e;

	OK(backend_cursor_open(txn, t, &c));
	while (backend_move(c, MOVE_NEXT, ANY, &e) == ST_OK) {
		uint32_t parts[4] = { sum, (uint32_t)t,
			crc32c(e.key.at, e.key.size),
			crc32c(e.value.at, e.value.size) };

		sum = crc32c(parts, sizeof(parts));
	}
	backend_cursor_close(c);
	return sum;
}

static uint32_t
dump(struct backend *b)
{
	struct backend_txn *txn;
	uint32_t sum = 0;

	OK(backend_read(b, &txn));
	for (enum table t = 0; t < TABLE_COUNT; t++)
		if (t != TABLE_REDO)
			sum = dump_table(txn, t, sum);
	backend_abort(txn);
	return sum;
}

static uint32_t
dump_file(void)
{
	struct backend_options o = { .path = scene.base,
		.durability = DURABLE_NONE };
	struct backend *b;
	uint32_t sum;

	OK(backend_open(&backend_lmdb, &o, &b));
	sum = dump(b);
	OK(backend_close(b));
	return sum;
}

/* ---- copies ---- */

static void
base_make(const char *name)
{
	char file[160];
	uint64_t bytes;

	snprintf(file, sizeof(file), "%s/%s", scene.f->folder, name);
	OK(copy_live(scene.f->b, file, NULL, &bytes));
}

static void
base_take(const char *name)
{
	char file[160];

	snprintf(file, sizeof(file), "%s/%s", scene.f->folder, name);
	nftw(scene.base, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
	assert_int_equal(mkdir(scene.base, 0700), 0);
	OK(copy_file(file, scene.file, NULL));
}

static void
records_put(const void *at, size_t size)
{
	FILE *to = fopen(scene.records, "w");

	assert_non_null(to);
	assert_int_equal(fwrite(at, 1, size, to), size);
	assert_int_equal(fclose(to), 0);
}

static enum status
replay(struct replay_limit limit, struct replayed *ret)
{
	return replay_file(scene.file, scene.records, &limit, NULL, ret);
}

static void
clock_reset(void)
{
	wall = INT64_C(1000000000);
}

static int
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

static int
teardown(void **state)
{
	commit_stop(scene.commit);
	txn_room_destroy(scene.room);
	free(scene.log);
	return fixture_teardown(state);
}

/* ---- tests ---- */

/*
 * TROUPE_REPLAYS transactions are brought back, 50 unless it says otherwise,
 * each from the newest base before it.
 */
static void
test_any_transaction_comes_back(void **state)
{
	static uint32_t sums[TXNS_MAX];
	const char *text = getenv("TROUPE_REPLAYS");
	uint32_t wanted = text == NULL ? 50 : (uint32_t)strtoul(text, NULL, 10);
	uint32_t groups = wanted < 60 ? 120 : 1500, bases = 0;
	uint64_t first = scene.read, based[64] = { scene.read };
	struct redo_place p;

	(void)state;
	sums[0] = dump(scene.f->b);
	for (uint32_t i = 1; i <= groups; i++) {
		char name[16];

		write_group();
		OK(redo_place_of(scene.f->b, &p));
		sums[p.txid - first] = dump(scene.f->b);
		if (dice(3) == 0)
			log_read();
		if (i % BASE_EVERY != 0)
			continue;
		snprintf(name, sizeof(name), "base%u", ++bases);
		base_make(name);
		based[bases] = p.txid;
	}
	log_read();
	assert_int_equal(scene.read, p.txid);
	records_put(scene.log, scene.log_size);
	for (uint32_t n = 0; n < wanted; n++) {
		uint64_t target = first + dice((uint32_t)(p.txid - first) + 1);
		uint32_t base = bases;
		struct replayed r;
		char name[16];

		while (based[base] > target)
			base--;
		snprintf(name, sizeof(name), "base%u", base);
		base_take(name);
		OK(replay((struct replay_limit){ target, INT64_MAX }, &r));
		assert_int_equal(r.place.txid, target);
		assert_int_equal(r.done, target - based[base]);
		assert_int_equal(r.reached, target < p.txid);
		assert_int_equal(dump_file(), sums[target - first]);
	}
}

static void
write_groups(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		write_group();
	log_read();
	records_put(scene.log, scene.log_size);
}

static void
test_times_never_go_back_and_bound_a_replay(void **state)
{
	struct redo_head h = { 0 };
	struct replayed r;
	int64_t last = 0, middle = 0;
	uint64_t txid = 0;
	size_t at = 0;

	(void)state;
	write_groups(30);
	for (uint32_t i = 0; at < scene.log_size; i++) {
		OK(redo_read(
		    (struct bytes){ scene.log + at, scene.log_size - at }, &h));
		assert_true(h.at >= last);
		last = h.at;
		if (i == 15)
			middle = h.at;
		if (middle == h.at)
			txid = h.txid; /* the last of those at that time */
		at += REDO_HEAD + h.size;
	}
	base_take("base0");
	OK(replay((struct replay_limit){ UINT64_MAX, middle }, &r));
	assert_int_equal(r.place.txid, txid);
	assert_true(r.place.at <= middle && r.reached);
}

/* Where the nth record of the log begins. */
static size_t
record_at(uint32_t n)
{
	struct redo_head h;
	size_t at = 0;

	while (n-- > 0) {
		OK(redo_read_head(
		    (struct bytes){ scene.log + at, scene.log_size - at }, &h));
		at += REDO_HEAD + h.size;
	}
	return at;
}

static void
test_a_missing_record_is_named(void **state)
{
	struct replayed r;
	size_t from, to;

	(void)state;
	write_groups(6);
	from = record_at(2);
	to = record_at(3);
	memmove(scene.log + from, scene.log + to, scene.log_size - to);
	records_put(scene.log, scene.log_size - (to - from));
	base_take("base0");
	IS(CONFLICT, replay(FOREVER, &r));
	assert_non_null(strstr(backend_why(), "missing"));
}

static void
test_records_in_another_order_are_refused(void **state)
{
	size_t one, two, three;
	struct replayed r;
	uint8_t *mixed;

	(void)state;
	write_groups(6);
	one = record_at(1);
	two = record_at(2);
	three = record_at(3);
	mixed = malloc(three);
	assert_non_null(mixed);
	memcpy(mixed, scene.log, one);
	memcpy(mixed + one, scene.log + two, three - two);
	memcpy(mixed + one + three - two, scene.log + one, two - one);
	records_put(mixed, three);
	free(mixed);
	base_take("base0");
	IS(CONFLICT, replay(FOREVER, &r));
}

/* Every single bit of a record counts. */
static void
test_a_changed_bit_is_found(void **state)
{
	struct replayed r;
	size_t size;

	(void)state;
	write_groups(2);
	size = record_at(1);
	for (size_t i = 0; i < size; i += 1 + size / 40) {
		scene.log[i] ^= 1;
		records_put(scene.log, scene.log_size);
		base_take("base0");
		IS(CORRUPT, replay(FOREVER, &r));
		scene.log[i] ^= 1;
	}
}

/* Cut at any place: what is whole before it is carried out. */
static void
test_a_cut_log_ends_before_the_cut(void **state)
{
	struct replayed r;
	size_t two;

	(void)state;
	write_groups(4);
	two = record_at(2);
	records_put(scene.log, two + 10);
	base_take("base0");
	OK(replay(FOREVER, &r));
	assert_int_equal(r.done, 2);
	assert_false(r.reached);
}

static void
test_what_the_copy_holds_is_passed_over(void **state)
{
	struct replayed r;
	uint32_t sum;

	(void)state;
	write_groups(10);
	base_make("base1");
	sum = dump(scene.f->b);
	base_take("base1");
	OK(replay(FOREVER, &r));
	assert_int_equal(r.done, 0);
	assert_int_equal(dump_file(), sum);
}

static void
test_another_timeline_is_refused(void **state)
{
	struct replayed r;

	(void)state;
	(void)log_begin(TIMELINE + 1, REDO_TAIL_MAX);
	base_make("other");
	(void)log_begin(TIMELINE, REDO_TAIL_MAX);
	OK(redo_place_of(scene.f->b, &scene.place));
	scene.read = scene.place.txid;
	write_groups(3);
	base_take("other");
	IS(CORRUPT, replay(FOREVER, &r));
	assert_non_null(strstr(backend_why(), "another history"));
}

/* The log ends before a commit would wait for it; the commits go on. */
static void
test_past_its_bound_the_log_is_given_up(void **state)
{
	struct commit_stats stats;
	struct redo_stand stand;

	(void)state;
	stand = log_begin(TIMELINE, 20000);
	while (stand.timeline != 0) {
		write_group();
		OK(redo_place_of(scene.f->b, &scene.place));
		stand.timeline = scene.place.timeline;
		assert_true(scene.place.tail_bytes <= 20000);
	}
	commit_stats(scene.commit, &stats);
	assert_int_equal(stats.log_given_up, 1);
	for (int i = 0; i < 40; i++)
		write_group();
	/* And what waited is forgotten once somebody begins anew. */
	stand = log_begin(TIMELINE + 1, 20000);
	assert_int_equal(stand.tail_bytes, 0);
	assert_int_equal(stand.timeline, TIMELINE + 1);
	assert_true(stand.txid >= scene.place.txid);
}

/* Nothing of it stays behind when nobody wants it any more. */
static void
test_an_ended_log_leaves_no_rows(void **state)
{
	struct backend_txn *txn;
	uint64_t rows;

	(void)state;
	for (int i = 0; i < 20; i++)
		write_group();
	(void)ask_write(MSG_store_redo_end, &(struct store_redo_end){ 0 });
	write_group();
	OK(backend_read(scene.f->b, &txn));
	OK(backend_count(txn, TABLE_REDO, &rows));
	backend_abort(txn);
	assert_int_equal(rows, 1);
}

/* What another database took over has numbers that nothing had before. */
static void
test_a_cut_log_goes_on_above_a_floor(void **state)
{
	struct backend_txn *txn;

	(void)state;
	OK(backend_write(scene.f->b, &txn));
	OK(redo_log_cut(txn, 5000));
	OK(backend_commit(txn));
	OK(redo_place_of(scene.f->b, &scene.place));
	assert_int_equal(scene.place.timeline, 0);
	assert_int_equal(log_begin(3, REDO_TAIL_MAX).txid, 5001);
}

#define LOGGED(test)                                                           \
	{                                                                      \
#test, test, setup, teardown, (void *)(uintptr_t)&backend_lmdb \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LOGGED(test_any_transaction_comes_back),
		LOGGED(test_times_never_go_back_and_bound_a_replay),
		LOGGED(test_a_missing_record_is_named),
		LOGGED(test_records_in_another_order_are_refused),
		LOGGED(test_a_changed_bit_is_found),
		LOGGED(test_a_cut_log_ends_before_the_cut),
		LOGGED(test_what_the_copy_holds_is_passed_over),
		LOGGED(test_another_timeline_is_refused),
		LOGGED(test_past_its_bound_the_log_is_given_up),
		LOGGED(test_an_ended_log_leaves_no_rows),
		LOGGED(test_a_cut_log_goes_on_above_a_floor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
