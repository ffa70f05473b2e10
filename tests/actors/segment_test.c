/* Segments: what is written is read, and what was tampered with is not. */
#include "actors/segment.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/check.h"
#include "tests/tempdir.h"

#define TIMELINE 0xabc
#define RECORDS 5
#define CHANGES 100000 /* of a record: more than a piece */

static const char *base;
static char keys_folder[80], why[BACKUP_WHY_SIZE];
static struct backup_keys *keys;
static uint8_t record[REDO_HEAD + CHANGES];

static int
setup(void **state)
{
	(void)state;
	base = tempdir_make();
	snprintf(keys_folder, sizeof(keys_folder), "%s/keys", base);
	assert_int_equal(
	    backup_keys_load(keys_folder, true, &keys, why), ST_OK);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	backup_keys_destroy(keys);
	return 0;
}

static struct segment_out *
begin(uint64_t first)
{
	struct segment_out *o = NULL;

	assert_int_equal(segment_create(base, backup_keys_newest(keys),
			     TIMELINE, first, 7, &o, why),
	    ST_OK);
	assert_non_null(o);
	return o;
}

static void
write_record(struct segment_out *o, uint64_t txid)
{
	struct redo_head h = { .timeline = TIMELINE,
		.txid = txid,
		.at = (int64_t)txid * 10,
		.size = CHANGES };

	memset(record, (int)txid, sizeof(record));
	redo_seal(record, &h);
	assert_int_equal(
	    segment_write(o, (struct bytes){ record, sizeof(record) }, why),
	    ST_OK);
}

/* One with RECORDS records from first on. */
static void
make(uint64_t first, bool last)
{
	struct segment_out *o = begin(first);

	for (uint64_t i = 0; i < RECORDS; i++)
		write_record(o, first + i);
	segment_close(o, last);
}

static const struct segment *
nth(size_t n, size_t want)
{
	static struct segment one;
	struct segment *all = NULL;
	size_t count = 0;

	assert_int_equal(segments_read(base, &all, &count), ST_OK);
	assert_int_equal(count, want);
	if (count > 0)
		one = all[n];
	free(all);
	return &one;
}

/* Reads all there is; how many bytes. */
static enum status
read_all(const char *path, size_t *ret_size, enum segment_end *ret_end)
{
	struct segment_in *in = NULL;
	struct bytes piece;
	enum status st = segment_open(path, keys, &in, why);

	*ret_size = 0;
	if (st != ST_OK)
		return st;
	while ((st = segment_read(in, &piece)) == ST_OK)
		*ret_size += piece.size;
	*ret_end = segment_ended(in);
	segment_in_destroy(in);
	return st;
}

static void
test_what_is_written_is_read(void **state)
{
	char path[SEGMENT_PATH_SIZE];
	enum segment_end end;
	struct redo_head h;
	size_t size;

	(void)state;
	make(3, true);
	segment_path(base, nth(0, 1)->name, path);
	assert_int_equal(read_all(path, &size, &end), ST_NOT_FOUND);
	assert_int_equal(size, RECORDS * sizeof(record));
	assert_int_equal(end, SEGMENT_ENDED);
	assert_int_equal(segment_last(path, keys, &h, why), ST_OK);
	assert_int_equal(h.txid, 3 + RECORDS - 1);
	assert_int_equal(h.at, (3 + RECORDS - 1) * 10);
}

static void
test_one_that_goes_on_says_so(void **state)
{
	char path[SEGMENT_PATH_SIZE];
	enum segment_end end;
	size_t size;

	(void)state;
	make(3, false);
	segment_path(base, nth(0, 1)->name, path);
	assert_int_equal(read_all(path, &size, &end), ST_NOT_FOUND);
	assert_int_equal(size, RECORDS * sizeof(record));
	assert_int_equal(end, SEGMENT_GOES_ON);
}

/* Whatever is cut off, what is before it is read and no more. */
static void
test_a_cut_is_seen_at_any_place(void **state)
{
	char path[SEGMENT_PATH_SIZE];
	enum segment_end end;
	struct redo_head h;
	size_t size, before = SIZE_MAX;
	uint64_t bytes;

	(void)state;
	make(3, true);
	bytes = nth(0, 1)->bytes;
	segment_path(base, nth(0, 1)->name, path);
	for (uint64_t cut = bytes - 1; cut > 80; cut -= 1 + cut / 60) {
		assert_int_equal(truncate(path, (off_t)cut), 0);
		assert_int_equal(read_all(path, &size, &end), ST_NOT_FOUND);
		assert_true(end != SEGMENT_ENDED && size <= before);
		before = size;
		if (segment_last(path, keys, &h, why) == ST_OK)
			assert_int_equal(h.txid, 3 + size / sizeof(record) - 1);
		else
			assert_true(size < sizeof(record));
	}
	assert_int_equal(truncate(path, 79), 0);
	assert_int_equal(read_all(path, &size, &end), ST_CORRUPT);
}

static void
flip(const char *path, off_t at)
{
	int fd = open(path, O_RDWR);
	uint8_t byte = 0;

	assert_true(fd >= 0 && pread(fd, &byte, 1, at) == 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

/* The mark, the key's id, what it is bound to, the stream, the pieces. */
static void
test_a_changed_byte_is_found(void **state)
{
	char path[SEGMENT_PATH_SIZE];
	enum segment_end end;
	size_t size;

	(void)state;
	make(3, true);
	segment_path(base, nth(0, 1)->name, path);
	for (off_t at = 0; at < 600; at += 7) {
		flip(path, at);
		assert_false(read_all(path, &size, &end) == ST_NOT_FOUND &&
			     end == SEGMENT_ENDED);
		flip(path, at);
	}
	assert_int_equal(read_all(path, &size, &end), ST_NOT_FOUND);
	assert_int_equal(end, SEGMENT_ENDED);
}

static void
test_another_name_is_refused(void **state)
{
	char from[SEGMENT_PATH_SIZE], to[SEGMENT_PATH_SIZE];
	enum segment_end end;
	size_t size;

	(void)state;
	make(3, true);
	segment_path(base, nth(0, 1)->name, from);
	segment_path(
	    base, "0000000000000abc-00000000000000000004-0000.seg", to);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(read_all(to, &size, &end), ST_CORRUPT);
	assert_non_null(strstr(why, "another segment's"));
}

static void
test_a_missing_key_is_a_clear_refusal(void **state)
{
	struct backup_keys *mine = keys;
	char path[SEGMENT_PATH_SIZE];
	enum segment_end end;
	size_t size;

	(void)state;
	make(3, true);
	segment_path(base, nth(0, 1)->name, path);
	snprintf(keys_folder, sizeof(keys_folder), "%s/others", base);
	assert_int_equal(
	    backup_keys_load(keys_folder, true, &keys, why), ST_OK);
	assert_int_equal(read_all(path, &size, &end), ST_NOT_FOUND);
	assert_non_null(strstr(why, "key"));
	assert_int_equal(size, 0);
	backup_keys_destroy(keys);
	keys = mine;
}

/* Two that begin alike, as after a crash, are both there, in order. */
static void
test_names_are_never_used_twice(void **state)
{
	(void)state;
	make(3, false);
	make(3, true);
	assert_int_equal(nth(0, 2)->nth, 0);
	assert_int_equal(nth(1, 2)->nth, 1);
}

static void
test_only_segments_have_names_of_segments(void **state)
{
	static const char *const bad[] = { "", ".seg", "probe", "abc-1-0.seg",
		"0000000000000ABC-00000000000000000004-0000.seg",
		"0000000000000abc-00000000000000000004-0000.seg.bak",
		"0000000000000abc-00000000000000000004-10000.seg",
		"0000000000000abc-99999999999999999999-0000.seg",
		"0000000000000abc--0000000000000000004-0000.seg",
		"../0000000000000abc-00000000000000000004-0000.seg" };
	struct segment s;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(segment_name_read(bad[i], &s));
	assert_true(segment_name_read(
	    "0000000000000abc-00000000000000000004-0001.seg", &s));
	assert_int_equal(s.timeline, TIMELINE);
	assert_int_equal(s.first, 4);
	assert_int_equal(s.nth, 1);
}

/* What the oldest backup needs stays, to the transaction. */
static void
test_segments_go_when_no_backup_needs_them(void **state)
{
	uint32_t count;

	(void)state;
	make(1, true);
	make(6, true);
	make(11, true);
	assert_int_equal(segments_prune(base, 4, &count), ST_OK);
	assert_int_equal(count, 0);
	assert_int_equal(segments_prune(base, 5, &count), ST_OK);
	assert_int_equal(count, 1);
	assert_int_equal(segments_prune(base, 100, &count), ST_OK);
	assert_int_equal(count, 1);
	assert_int_equal(nth(0, 1)->first, 11);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_written_is_read),
		TEST(test_one_that_goes_on_says_so),
		TEST(test_a_cut_is_seen_at_any_place),
		TEST(test_a_changed_byte_is_found),
		TEST(test_another_name_is_refused),
		TEST(test_a_missing_key_is_a_clear_refusal),
		TEST(test_names_are_never_used_twice),
		TEST(test_only_segments_have_names_of_segments),
		TEST(test_segments_go_when_no_backup_needs_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
