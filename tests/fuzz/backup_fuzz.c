/*
 * backup_fuzz - manifests, archives and databases that somebody else wrote.
 *
 * The first byte says which: a manifest, an archive (plain or sealed), or a
 * database file.  What is accepted must keep its promises: a manifest writes
 * and reads alike, nothing is unpacked outside its folder.
 */
#include <assert.h>
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

/* Beside the folder and the file there is never anything. */
static void
fuzz_archive(void)
{
	char why[BACKUP_WHY_SIZE];
	struct backup_facts f;
	struct stat s;

	(void)backup_peek(file, &f, why);
	(void)backup_unpack(file, folder, NULL, 1 << 20, NULL, why);
	assert(backup_tree_remove(folder) == ST_OK);
	assert(stat(base, &s) == 0 && s.st_nlink == 2);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct verified v;

	if (size == 0)
		return 0;
	fuzz_start();
	if (bytes[0] % 3 == 0) {
		fuzz_manifest(bytes + 1, size - 1);
		return 0;
	}
	fuzz_put(bytes + 1, size - 1);
	if (bytes[0] % 3 == 1)
		fuzz_archive();
	else
		(void)verify_file(file, NULL, &v);
	return 0;
}
