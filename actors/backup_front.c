#include "actors/backup_front.h"

#include <stdlib.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>
#include <zlib.h>

#define TAR_BLOCK 512u
#define TAR_MAX (BACKUP_MANIFEST_MAX + 2 * TAR_BLOCK)
#define TAR_END (64u << 10) /* what an archive may end with */
#define MEMBER_MODE 0600
#define ZSTD_HEAD 12u
#define ZSTD_MAGIC 0xfd2fb528u
#define ZSTD_STORED 0xa0u /* one segment, and its size in four bytes */
#define ZSTD_LAST_RAW 1u
#define GZIP_HEAD 10u
#define GZIP_TAIL 8u
#define GZIP_BLOCK 0xffffu
#define GZIP_BLOCK_HEAD 5u

static size_t
tar_size(size_t manifest_size)
{
	return TAR_BLOCK +
	       (manifest_size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
}

size_t
backup_front_size(enum backup_archive how, size_t manifest_size)
{
	size_t size = tar_size(manifest_size);
	size_t blocks = (size + GZIP_BLOCK - 1) / GZIP_BLOCK;

	if (how == ARCHIVE_ZSTD)
		return ZSTD_HEAD + size;
	return GZIP_HEAD + blocks * GZIP_BLOCK_HEAD + size + GZIP_TAIL;
}

static void
put_little(uint8_t *at, uint32_t number, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)(number >> (8 * i));
}

/* The member alone: what ends an archive is left off. */
static enum status
tar_member(struct bytes manifest, uint8_t ret_tar[TAR_MAX + TAR_END])
{
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();
	enum status st = ST_NO_MEMORY;
	size_t used = 0;

	if (a != NULL && e != NULL) {
		archive_entry_set_pathname(e, BACKUP_MANIFEST_NAME);
		archive_entry_set_mode(e, AE_IFREG | MEMBER_MODE);
		archive_entry_set_size(e, (la_int64_t)manifest.size);
		st = ST_INVALID;
	}
	if (st == ST_INVALID &&
	    archive_write_set_format_ustar(a) == ARCHIVE_OK &&
	    archive_write_open_memory(a, ret_tar, TAR_MAX + TAR_END, &used) ==
		ARCHIVE_OK &&
	    archive_write_header(a, e) == ARCHIVE_OK &&
	    archive_write_data(a, manifest.at, manifest.size) ==
		(la_ssize_t)manifest.size &&
	    archive_write_close(a) == ARCHIVE_OK &&
	    used >= tar_size(manifest.size))
		st = ST_OK;
	archive_entry_free(e);
	if (a != NULL)
		archive_write_free(a);
	return st;
}

static void
zstd_frame(const uint8_t *tar, size_t size, uint8_t *to)
{
	put_little(to, ZSTD_MAGIC, 4);
	to[4] = ZSTD_STORED;
	put_little(to + 5, (uint32_t)size, 4);
	put_little(to + 9, ZSTD_LAST_RAW | (uint32_t)size << 3, 3);
	memcpy(to + ZSTD_HEAD, tar, size);
}

static void
gzip_frame(const uint8_t *tar, size_t size, uint8_t *to)
{
	static const uint8_t head[GZIP_HEAD] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0,
		0, 255 };
	uint32_t sum = (uint32_t)crc32(0, tar, (uInt)size);
	size_t left = size;

	memcpy(to, head, sizeof(head));
	to += sizeof(head);
	while (left > 0) {
		size_t n = left < GZIP_BLOCK ? left : GZIP_BLOCK;

		to[0] = n == left;
		put_little(to + 1, (uint32_t)n, 2);
		put_little(to + 3, (uint32_t)~n, 2);
		memcpy(to + GZIP_BLOCK_HEAD, tar, n);
		to += GZIP_BLOCK_HEAD + n;
		tar += n;
		left -= n;
	}
	put_little(to, sum, 4);
	put_little(to + 4, (uint32_t)size, 4);
}

enum status
backup_front_make(
    enum backup_archive how, struct bytes manifest, uint8_t *ret_frame)
{
	uint8_t *tar = malloc(TAR_MAX + TAR_END);
	enum status st = tar == NULL ? ST_NO_MEMORY : ST_INVALID;
	size_t size = tar_size(manifest.size);

	if (tar != NULL && manifest.size <= BACKUP_MANIFEST_MAX)
		st = tar_member(manifest, tar);
	if (st == ST_OK && how == ARCHIVE_ZSTD)
		zstd_frame(tar, size, ret_frame);
	else if (st == ST_OK)
		gzip_frame(tar, size, ret_frame);
	free(tar);
	return st;
}
