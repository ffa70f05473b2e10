/*
 * backup_fuzz - manifests, archives and databases that somebody else wrote.
 *
 * The first byte says which: a manifest, an archive (plain or sealed), a
 * database file, or the members of an archive whose form is good: names and
 * targets of few letters, so that they meet.  What is accepted must keep its
 * promises: a manifest writes and reads alike, nothing is unpacked outside its
 * folder, no link leads out of it, and the sum on the way is that of the tree.
 */
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/backup_tree.h"
#include "actors/backup_unpack.h"
#include "runtime/base/log.h"
#include "store/verify.h"
#include "tests/fuzz/fuzz.h"

static char base[64], file[80], folder[80];

static void
fuzz_quiet(void *ctx, enum event_id event, const char *line, size_t size)
{
	(void)ctx, (void)event, (void)line, (void)size;
}

static void
fuzz_remove(void)
{
	(void)backup_tree_remove(base);
}

static void
fuzz_start(void)
{
	if (base[0] != '\0')
		return;
	snprintf(base, sizeof(base), "/tmp/backup-fuzz-XXXXXX");
	assert(mkdtemp(base) != NULL);
	snprintf(file, sizeof(file), "%s/file", base);
	snprintf(folder, sizeof(folder), "%s/folder", base);
	log_set_sink(fuzz_quiet, NULL);
	atexit(fuzz_remove);
}

static void
fuzz_manifest(const uint8_t *bytes, size_t size)
{
	static unsigned char text[2 * BACKUP_MANIFEST_MAX];
	struct wire_out out = { text, sizeof(text), 0 };
	struct backup_facts f, again;
	char why[BACKUP_WHY_SIZE];

	if (backup_facts_read(bytes, size, &f, why) != ST_OK)
		return;
	assert(backup_id_is_good(f.backup_id));
	assert(backup_facts_write(&f, true, &out) == ST_OK);
	if (out.used > BACKUP_MANIFEST_MAX)
		return;
	assert(backup_facts_read(text, out.used, &again, why) == ST_OK);
	assert(memcmp(&f, &again, sizeof(f)) == 0);
}

static void
fuzz_put(const uint8_t *bytes, size_t size)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	close(fd);
}

/* Of what unpacks, the sum is the same without unpacking, if it can be had. */
static void
fuzz_sum(void)
{
	char tree[BACKUP_CHECKSUM_MAX + 1], packed[BACKUP_CHECKSUM_MAX + 1];
	char why[BACKUP_WHY_SIZE];

	if (backup_unpack_sum(file, NULL, NULL, packed, why) == ST_OK &&
	    backup_tree_sum(folder, NULL, tree) == ST_OK)
		assert(strcmp(tree, packed) == 0);
}

/* Beside the folder and the file there is never anything. */
static void
fuzz_nothing_else(void)
{
	DIR *dir = opendir(base);
	struct dirent *e;

	assert(dir != NULL);
	while ((e = readdir(dir)) != NULL)
		assert(e->d_name[0] == '.' || strcmp(e->d_name, "file") == 0 ||
		       strcmp(e->d_name, "folder") == 0);
	closedir(dir);
}

/* Where all the links together lead: nowhere, or within the same part. */
static void
fuzz_leads_within(const char *path)
{
	char link[BACKUP_PATH_MAX + 128];
	size_t part = strlen(folder) + 1 + strcspn(path, "/");
	char *end;

	snprintf(link, sizeof(link), "%s/%s", folder, path);
	end = realpath(link, NULL);
	if (end != NULL)
		assert(strncmp(end, link, part) == 0 &&
		       (end[part] == '\0' || end[part] == '/'));
	free(end);
}

static enum status
fuzz_stays(void *ctx, const struct backup_found *found)
{
	char target[BACKUP_PATH_MAX + 1];
	ssize_t n;

	(void)ctx;
	assert((found->stat->st_mode & (S_ISUID | S_ISGID)) == 0);
	if (!S_ISLNK(found->stat->st_mode))
		return ST_OK;
	n = readlinkat(found->folder, found->name, target, sizeof(target) - 1);
	assert(n > 0);
	target[n] = '\0';
	assert(backup_link_stays(found->path, target));
	fuzz_leads_within(found->path);
	return ST_OK;
}

static void
fuzz_archive(void)
{
	char sum[BACKUP_CHECKSUM_MAX + 1], again[BACKUP_CHECKSUM_MAX + 1];
	char why[BACKUP_WHY_SIZE];
	struct backup_facts f;

	(void)backup_peek(file, &f, why);
	if (backup_unpack(file, folder, NULL, 1 << 20, NULL, sum, why) ==
	    ST_OK) {
		assert(backup_tree_walk(folder, fuzz_stays, NULL) == ST_OK);
		assert(backup_tree_sum(folder, NULL, again) == ST_OK);
		assert(sum[0] == '\0' || strcmp(sum, again) == 0);
		fuzz_sum();
	}
	fuzz_nothing_else();
	assert(backup_tree_remove(folder) == ST_OK);
}

/* ---- an archive of a good form ---- */

#define BLOCK 512
#define NAME_SIZE 100
#define MEMBERS_MAX 16

struct bits {
	const uint8_t *at;
	size_t left;
};

static uint8_t
bits_take(struct bits *b)
{
	if (b->left == 0)
		return 0;
	b->left--;
	return *b->at++;
}

static void
bits_name(struct bits *b, char *to)
{
	static const char letters[] = "ab./";
	size_t size = bits_take(b) % 12;

	for (size_t i = 0; i < size; i++)
		to[i] = letters[bits_take(b) % 4];
	to[size] = '\0';
}

static void
put_octal(uint8_t *at, size_t digits, uint32_t number)
{
	char text[16];

	snprintf(text, sizeof(text), "%0*o", (int)digits, (unsigned)number);
	memcpy(at, text, digits);
}

static void
fuzz_member(struct bits *b, FILE *to)
{
	static const char kinds[] = "0000125\0";
	uint8_t head[BLOCK] = { 0 }, content[BLOCK] = { 0 };
	uint32_t sum = 0, size;
	char kind = kinds[bits_take(b) % 8];

	bits_name(b, (char *)head);
	bits_name(b, (char *)head + 157);
	size = kind == '0' || kind == '\0' ? bits_take(b) : 0;
	memset(content, 'c', size);
	put_octal(head + 100, 7, 04755);
	put_octal(head + 124, 11, size);
	put_octal(head + 136, 11, 1);
	head[156] = (uint8_t)kind;
	memcpy(head + 257, "ustar\00000", 8);
	memset(head + 148, ' ', 8);
	for (size_t i = 0; i < BLOCK; i++)
		sum += head[i];
	put_octal(head + 148, 6, sum);
	head[154] = '\0';
	assert(fwrite(head, BLOCK, 1, to) == 1);
	if (size > 0)
		assert(fwrite(content, BLOCK, 1, to) == 1);
}

static void
fuzz_members(const uint8_t *bytes, size_t size)
{
	struct bits b = { bytes, size };
	uint8_t end[2 * BLOCK] = { 0 };
	FILE *to = fopen(file, "we");

	assert(to != NULL);
	for (int i = 0; i < MEMBERS_MAX && b.left > 0; i++)
		fuzz_member(&b, to);
	assert(fwrite(end, sizeof(end), 1, to) == 1);
	assert(fclose(to) == 0);
	fuzz_archive();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct verified v;

	if (size == 0)
		return 0;
	fuzz_start();
	if (bytes[0] % 4 == 0) {
		fuzz_manifest(bytes + 1, size - 1);
		return 0;
	}
	if (bytes[0] % 4 == 3) {
		fuzz_members(bytes + 1, size - 1);
		return 0;
	}
	fuzz_put(bytes + 1, size - 1);
	if (bytes[0] % 4 == 1)
		fuzz_archive();
	else
		(void)verify_file(file, NULL, &v);
	return 0;
}
