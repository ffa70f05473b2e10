/*
 * segment_fuzz - segments and records that somebody else wrote.
 *
 * The first byte says which: a record as it stands, one under a sum that fits
 * it, a segment's file, or a segment's name.  What is accepted keeps its
 * promises: a record's changes lie within it, a name is written again alike.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/backup_tree.h"
#include "actors/segment.h"
#include "protocols/redo.h"
#include "tests/fuzz/fuzz.h"

#define ID_OF_HEAD 16

static const char name[] = "0000000000000001-00000000000000000001-0000.seg";
static char base[64], keys_folder[80], file[160], id[BACKUP_KEY_ID_MAX + 1];
static struct backup_keys *keys;

static void
fuzz_remove(void)
{
	backup_keys_destroy(keys);
	(void)backup_tree_remove(base);
}

static void
fuzz_start(void)
{
	char why[BACKUP_WHY_SIZE];

	if (base[0] != '\0')
		return;
	snprintf(base, sizeof(base), "/tmp/segment-fuzz-XXXXXX");
	assert(mkdtemp(base) != NULL);
	snprintf(keys_folder, sizeof(keys_folder), "%s/keys", base);
	snprintf(file, sizeof(file), "%s/%s", base, name);
	assert(backup_keys_load(keys_folder, true, &keys, why) == ST_OK);
	snprintf(id, sizeof(id), "%s", backup_key_id(backup_keys_newest(keys)));
	atexit(fuzz_remove);
}

static bool
is_within(struct bytes part, struct bytes whole)
{
	return part.size == 0 ||
	       (part.at >= whole.at &&
		   part.at + part.size <= whole.at + whole.size);
}

static void
fuzz_record(struct bytes b)
{
	struct redo_reader r;
	struct redo_change c;
	struct redo_head h;

	if (redo_read(b, &h) != ST_OK)
		return;
	assert(REDO_HEAD + h.size <= b.size);
	redo_reader_init(&r, b, &h);
	while (redo_next(&r, &c) == ST_OK) {
		assert(c.key.size > 0 && c.key.size <= REDO_KEY_MAX);
		assert(c.table.size > 0 && c.table.size <= REDO_TABLE_MAX);
		assert(is_within(c.key, b) && is_within(c.value, b) &&
		       is_within(c.table, b));
	}
}

/* The bytes are the changes of a record that is whole. */
static void
fuzz_changes(const uint8_t *data, size_t size)
{
	struct redo_head h = { 1, 2, 3, (uint32_t)size, 4, 5, 0 };
	uint8_t *record = malloc(REDO_HEAD + size);

	assert(record != NULL);
	memcpy(record + REDO_HEAD, data, size);
	redo_seal(record, &h);
	fuzz_record((struct bytes){ record, REDO_HEAD + size });
	free(record);
}

/* With a key that is here, or the decoder would never be reached. */
static void
fuzz_file(const uint8_t *data, size_t size)
{
	char why[BACKUP_WHY_SIZE];
	struct segment_in *in;
	struct redo_head h;
	struct bytes piece;
	int fd = open(file, O_RDWR | O_CREAT | O_TRUNC, 0600);

	assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	if (size > 2 * ID_OF_HEAD)
		assert(pwrite(fd, id, ID_OF_HEAD, ID_OF_HEAD) == ID_OF_HEAD);
	close(fd);
	if (segment_open(file, keys, &in, why) == ST_OK) {
		while (segment_read(in, &piece) == ST_OK)
			;
		segment_in_destroy(in);
	}
	(void)!segment_last(file, keys, &h, why);
}

static void
fuzz_name(const uint8_t *data, size_t size)
{
	char text[128] = "";
	struct segment s;

	memcpy(text, data, size < sizeof(text) - 1 ? size : sizeof(text) - 1);
	if (segment_name_read(text, &s))
		assert(strcmp(s.name, text) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	fuzz_start();
	switch (data[0] % 4) {
	case 0:
		fuzz_record((struct bytes){ data + 1, size - 1 });
		break;
	case 1:
		fuzz_changes(data + 1, size - 1);
		break;
	case 2:
		fuzz_file(data + 1, size - 1);
		break;
	default:
		fuzz_name(data + 1, size - 1);
		break;
	}
	return 0;
}
