#include "actors/backup_pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "actors/backup_tree.h"

#define PACK_MODE 0600
#define PACK_BLOCK (64 << 10)
#define ZSTD_LEVEL "3"
#define GZIP_LEVEL "6"

struct pack {
	struct archive *archive;
	struct archive_entry *entry;
	struct backup_out *out;
	struct pace *pace;
	char *piece;
	bool manifest_first; /* and then all but it */
	enum status st;
};

static la_ssize_t
pack_write(struct archive *a, void *ctx, const void *bytes, size_t size)
{
	struct pack *p = ctx;

	(void)a;
	p->st = backup_out_write(p->out, bytes, size);
	return p->st == ST_OK ? (la_ssize_t)size : -1;
}

static enum status
pack_content(struct pack *p, const struct backup_found *f)
{
	int in = openat(f->folder, f->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	enum status st = ST_OK;
	ssize_t n;

	if (in < 0)
		return ST_IO;
	while (st == ST_OK && (n = read(in, p->piece, BACKUP_PIECE)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 ||
		    archive_write_data(p->archive, p->piece, (size_t)n) != n)
			st = ST_IO;
		else if (!pace_took(p->pace, (uint64_t)n))
			st = ST_CANCELLED;
	}
	close(in);
	return st;
}

static enum status
pack_link(struct pack *p, const struct backup_found *f)
{
	char target[BACKUP_PATH_MAX + 1];
	ssize_t n = readlinkat(f->folder, f->name, target, sizeof(target) - 1);

	if (n < 0)
		return ST_IO;
	target[n] = '\0';
	archive_entry_set_symlink(p->entry, target);
	return ST_OK;
}

static enum status
pack_visit(void *ctx, const struct backup_found *f)
{
	struct pack *p = ctx;
	bool is_manifest = strcmp(f->path, BACKUP_MANIFEST_NAME) == 0;
	enum status st = ST_OK;

	if (is_manifest != p->manifest_first)
		return ST_OK;
	archive_entry_clear(p->entry);
	archive_entry_set_pathname(p->entry, f->path);
	archive_entry_set_mode(p->entry, f->stat->st_mode);
	archive_entry_set_size(
	    p->entry, S_ISREG(f->stat->st_mode) ? f->stat->st_size : 0);
	archive_entry_set_mtime(p->entry, f->stat->st_mtim.tv_sec, 0);
	if (S_ISLNK(f->stat->st_mode))
		st = pack_link(p, f);
	if (st == ST_OK &&
	    archive_write_header(p->archive, p->entry) != ARCHIVE_OK)
		st = ST_IO;
	if (st == ST_OK && S_ISREG(f->stat->st_mode))
		st = pack_content(p, f);
	return st;
}

static bool
pack_open(struct pack *p, enum backup_archive how)
{
	struct archive *a = p->archive;
	bool zstd = how == ARCHIVE_ZSTD;

	return archive_write_set_format_pax_restricted(a) == ARCHIVE_OK &&
	       (zstd ? archive_write_add_filter_zstd(a)
		     : archive_write_add_filter_gzip(a)) == ARCHIVE_OK &&
	       archive_write_set_filter_option(a, NULL, "compression-level",
		   zstd ? ZSTD_LEVEL : GZIP_LEVEL) == ARCHIVE_OK &&
	       archive_write_set_bytes_per_block(a, PACK_BLOCK) == ARCHIVE_OK &&
	       archive_write_set_bytes_in_last_block(a, 1) == ARCHIVE_OK &&
	       archive_write_open(a, p, NULL, pack_write, NULL) == ARCHIVE_OK;
}

static enum status
pack_all(struct pack *p, const char *folder, enum backup_archive how)
{
	enum status st = ST_OK;

	if (!pack_open(p, how))
		return ST_IO;
	p->manifest_first = true;
	st = backup_tree_walk(folder, pack_visit, p);
	p->manifest_first = false;
	if (st == ST_OK)
		st = backup_tree_walk(folder, pack_visit, p);
	if (st == ST_OK && archive_write_close(p->archive) != ARCHIVE_OK)
		st = ST_IO;
	return st == ST_OK ? backup_out_finish(p->out) : st;
}

static enum status
pack_with(struct pack *p, const char *folder, int fd, enum backup_archive how,
    const struct backup_key *key)
{
	char path[BACKUP_PATH_MAX + 1];
	uint8_t *manifest = malloc(BACKUP_MANIFEST_MAX);
	struct bytes text = { manifest, 0 };
	enum status st = ST_NO_MEMORY;
	ssize_t n = -1;
	int in;

	snprintf(path, sizeof(path), "%s/" BACKUP_MANIFEST_NAME, folder);
	in = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (in >= 0 && manifest != NULL)
		n = read(in, manifest, BACKUP_MANIFEST_MAX);
	text.size = n > 0 ? (size_t)n : 0;
	p->archive = archive_write_new();
	p->entry = archive_entry_new();
	p->piece = malloc(BACKUP_PIECE);
	p->out = backup_out_create(fd, key, text, NULL);
	if (n < 0)
		st = ST_IO;
	else if (p->archive != NULL && p->entry != NULL && p->piece != NULL &&
		 p->out != NULL)
		st = pack_all(p, folder, how);
	if (in >= 0)
		close(in);
	free(manifest);
	return st;
}

enum status
backup_pack(const char *folder, const char *file, enum backup_archive how,
    const struct backup_key *key, struct pace *pace)
{
	struct pack p = { .pace = pace };
	enum status st;
	int fd = open(file,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, PACK_MODE);

	if (fd < 0)
		return errno == EEXIST ? ST_EXISTS : ST_IO;
	st = pack_with(&p, folder, fd, how, key);
	if (p.archive != NULL)
		archive_write_free(p.archive);
	archive_entry_free(p.entry);
	backup_out_destroy(p.out);
	free(p.piece);
	if (close(fd) != 0 && st == ST_OK)
		st = ST_IO;
	if (st != ST_OK)
		unlink(file);
	return st;
}
