/* Any state that the store has had comes back from a copy and its log. */
#include "store/replay.h"

#include "runtime/base/crc32c.h"
#include "tests/store/log_scene.h"

#define BASE_EVERY 40
#define TXNS_MAX 4096
#define FOREVER ((struct replay_limit){ UINT64_MAX, INT64_MAX })

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
