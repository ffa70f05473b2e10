#include "actors/backup_pack.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "actors/backup_pipe.h"
#include "actors/backup_sum.h"
#include "actors/backup_tree.h"
#include "runtime/base/log.h"
#include "runtime/base/processor.h"
#include "runtime/base/text.h"
#include "runtime/base/thread.h"

#define PACK_BLOCK (64 << 10)
#define ZSTD_LEVEL "3"
#define ZSTD_LEVEL_QUICK "-1"
#define GZIP_LEVEL "6"
#define GZIP_LEVEL_QUICK "1"

struct backup_pack {
	char file[BACKUP_PATH_MAX + 1];
	int fd;
	enum backup_archive how;
	bool quick;
	bool sealed;
	size_t manifest_max;
	struct pace *pace;
	struct archive *tar; /* of the members, into the pipe */
	struct archive_entry *entry;
	struct backup_sum *sum;
	struct backup_pipe *pipe;
	struct backup_out *out;
	char *piece;
	const char *as; /* the folder that a tree goes into; NULL: none */
	uint64_t bytes;
	bool runs, ended;
	pthread_t packer;
	/* The packer's, once it has been joined. */
	enum status packed;
	int packed_errno;
};

/* ---- the packer: from the pipe, through the compressor, to the file ---- */

static la_ssize_t
packer_write(struct archive *a, void *ctx, const void *bytes, size_t size)
{
	struct backup_pack *p = ctx;

	(void)a;
	p->packed = backup_out_write(p->out, bytes, size);
	p->packed_errno = errno;
	return p->packed == ST_OK ? (la_ssize_t)size : -1;
}

static const char *
packer_level(const struct backup_pack *p)
{
	if (p->how == ARCHIVE_ZSTD)
		return p->quick ? ZSTD_LEVEL_QUICK : ZSTD_LEVEL;
	return p->quick ? GZIP_LEVEL_QUICK : GZIP_LEVEL;
}

/* One stream of bytes, whatever they are. */
static bool
packer_open(struct backup_pack *p, struct archive *a, struct archive_entry *e)
{
	bool zstd = p->how == ARCHIVE_ZSTD;

	archive_entry_set_filetype(e, AE_IFREG);
	return archive_write_set_format_raw(a) == ARCHIVE_OK &&
	       (zstd ? archive_write_add_filter_zstd(a)
		     : archive_write_add_filter_gzip(a)) == ARCHIVE_OK &&
	       archive_write_set_filter_option(a, NULL, "compression-level",
		   packer_level(p)) == ARCHIVE_OK &&
	       archive_write_set_bytes_per_block(a, PACK_BLOCK) == ARCHIVE_OK &&
	       archive_write_set_bytes_in_last_block(a, 1) == ARCHIVE_OK &&
	       archive_write_open(a, p, NULL, packer_write, NULL) ==
		   ARCHIVE_OK &&
	       archive_write_header(a, e) == ARCHIVE_OK;
}

static bool
packer_take(struct archive *a, struct bytes b)
{
	while (b.size > 0) {
		size_t n = b.size < BACKGROUND_STEP ? b.size : BACKGROUND_STEP;

		if (archive_write_data(a, b.at, n) != (la_ssize_t)n)
			return false;
		b = (struct bytes){ b.at + n, b.size - n };
		processor_give_way();
	}
	return true;
}

static enum status
packer_pour(struct backup_pack *p, struct archive *a)
{
	struct bytes b;
	enum status st;

	while ((st = backup_pipe_read(p->pipe, &b)) == ST_OK && b.size > 0)
		if (!packer_take(a, b))
			return ST_IO;
	if (st == ST_OK && archive_write_close(a) != ARCHIVE_OK)
		st = ST_IO;
	return st;
}

static void *
packer_main(void *arg)
{
	struct backup_pack *p = arg;
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();
	enum status st = ST_NO_MEMORY;

	thread_name("backup-pack");
	if (a != NULL && e != NULL)
		st = packer_open(p, a, e) ? packer_pour(p, a) : ST_IO;
	backup_pipe_stop(p->pipe);
	if (a != NULL)
		archive_write_free(a);
	archive_entry_free(e);
	p->packed = p->packed == ST_OK ? st : p->packed;
	return NULL;
}

static enum status
packer_join(struct backup_pack *p, enum status st)
{
	if (!p->runs)
		return st;
	backup_pipe_end(p->pipe, st);
	pthread_join(p->packer, NULL);
	p->runs = false;
	if (p->packed == ST_OK)
		return st;
	errno = p->packed_errno;
	return p->packed;
}

/* ---- members ---- */

static la_ssize_t
member_write(struct archive *a, void *ctx, const void *bytes, size_t size)
{
	struct backup_pack *p = ctx;

	if (backup_pipe_write(p->pipe, bytes, size) == ST_OK)
		return (la_ssize_t)size;
	archive_set_error(a, EIO, "the archive cannot be written");
	return -1;
}

/* Each write goes to the pipe as it is. */
static bool
members_open(struct backup_pack *p)
{
	return archive_write_set_format_pax_restricted(p->tar) == ARCHIVE_OK &&
	       archive_write_set_bytes_per_block(p->tar, 0) == ARCHIVE_OK &&
	       archive_write_open(p->tar, p, NULL, member_write, NULL) ==
		   ARCHIVE_OK;
}

static enum status
member_head(struct backup_pack *p, const char *path, const struct stat *s,
    uint64_t size, const char *target)
{
	mode_t bits = S_ISDIR(s->st_mode)
			  ? BACKUP_FOLDER_MODE
			  : (s->st_mode & BACKUP_MODE_KEPT) | BACKUP_FILE_MODE;

	archive_entry_clear(p->entry);
	archive_entry_set_pathname(p->entry, path);
	archive_entry_set_mode(p->entry, (s->st_mode & S_IFMT) | bits);
	archive_entry_set_size(p->entry, (la_int64_t)size);
	archive_entry_set_mtime(p->entry, s->st_mtim.tv_sec, 0);
	if (target != NULL)
		archive_entry_set_symlink(p->entry, target);
	return archive_write_header(p->tar, p->entry) == ARCHIVE_OK ? ST_OK
								    : ST_IO;
}

/* As long as its head said, whatever becomes of it meanwhile. */
static enum status
member_content(struct backup_pack *p, int in, const char *path, uint64_t left)
{
	bool cut = false;

	while (left > 0) {
		size_t want =
		    left < BACKGROUND_STEP ? (size_t)left : BACKGROUND_STEP;
		ssize_t n = cut ? 0 : read(in, p->piece, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ST_IO;
		if (n == 0) {
			memset(p->piece, 0, want);
			n = (ssize_t)want;
			if (!cut)
				LOG(BACKUP_FILE_CUT, KV("path", path));
			cut = true;
		}
		backup_sum_add(p->sum, p->piece, (size_t)n);
		if (archive_write_data(p->tar, p->piece, (size_t)n) != n)
			return ST_IO;
		if (!pace_took(p->pace, (uint64_t)n))
			return ST_CANCELLED;
		left -= (uint64_t)n;
	}
	return ST_OK;
}

/* What was there a moment ago may have gone. */
static enum status
member_file(
    struct backup_pack *p, int folder, const char *name, const char *path)
{
	int in = openat(
	    folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	enum status st = ST_IO;
	uint64_t size;
	struct stat s;

	if (in < 0)
		return errno == ENOENT ? ST_OK : ST_IO;
	if (fstat(in, &s) == 0 && S_ISREG(s.st_mode)) {
		size = (uint64_t)s.st_size;
		backup_sum_add(p->sum, "f", 1);
		backup_sum_add_text(p->sum, path);
		backup_sum_add_number(p->sum, size);
		st = member_head(p, path, &s, size, NULL);
		if (st == ST_OK)
			st = member_content(p, in, path, size);
		p->bytes += size;
	}
	close(in);
	return st;
}

static enum status
member_link(
    struct backup_pack *p, const struct backup_found *f, const char *path)
{
	char target[BACKUP_PATH_MAX + 1];
	ssize_t n = readlinkat(f->folder, f->name, target, sizeof(target) - 1);

	if (n < 0)
		return errno == ENOENT ? ST_OK : ST_IO;
	target[n] = '\0';
	if (!backup_link_stays(f->path, target)) {
		LOG(BACKUP_LINK_SKIPPED, KV("path", f->path));
		return ST_OK;
	}
	backup_sum_add(p->sum, "l", 1);
	backup_sum_add_text(p->sum, path);
	backup_sum_add_text(p->sum, target);
	return member_head(p, path, f->stat, 0, target);
}

static enum status
member_visit(void *ctx, const struct backup_found *f)
{
	struct backup_pack *p = ctx;
	char path[BACKUP_PATH_MAX + 1];

	if (p->as == NULL && strcmp(f->path, BACKUP_MANIFEST_NAME) == 0)
		return ST_OK;
	if ((size_t)snprintf(path, sizeof(path), "%s%s%s",
		p->as == NULL ? "" : p->as, p->as == NULL ? "" : "/",
		f->path) >= sizeof(path))
		return ST_FULL;
	if (S_ISDIR(f->stat->st_mode))
		return member_head(p, path, f->stat, 0, NULL);
	if (S_ISREG(f->stat->st_mode))
		return member_file(p, f->folder, f->name, path);
	if (S_ISLNK(f->stat->st_mode))
		return member_link(p, f, path);
	LOG(BACKUP_LINK_SKIPPED, KV("path", f->path));
	return ST_OK;
}

static enum status
member_folder(struct backup_pack *p, const char *as)
{
	struct stat s = { .st_mode = S_IFDIR | BACKUP_FOLDER_MODE };

	p->as = as;
	p->bytes = 0;
	return member_head(p, as, &s, 0, NULL);
}

enum status
backup_pack_tree(struct backup_pack *p, const char *folder, const char *as,
    uint64_t *ret_bytes)
{
	enum status st = member_folder(p, as);

	if (st == ST_OK)
		st = backup_tree_walk(folder, member_visit, p);
	*ret_bytes = p->bytes;
	return st == ST_NOT_FOUND ? ST_OK : st;
}

enum status
backup_pack_file(struct backup_pack *p, const char *file, const char *folder,
    uint64_t *ret_bytes)
{
	char path[BACKUP_PATH_MAX + 1];
	enum status st = member_folder(p, folder);
	struct stat s;

	*ret_bytes = 0;
	snprintf(path, sizeof(path), "%s/%.255s", folder, text_base_name(file));
	if (st == ST_OK && lstat(file, &s) != 0)
		st = errno == ENOENT ? ST_NOT_FOUND : ST_IO;
	else if (st == ST_OK && !S_ISREG(s.st_mode))
		st = ST_INVALID;
	if (st == ST_OK)
		st = member_file(p, AT_FDCWD, file, path);
	*ret_bytes = p->bytes;
	return st;
}

void
backup_pack_sum(
    struct backup_pack *p, char ret_checksum[BACKUP_CHECKSUM_MAX + 1])
{
	backup_sum_end_text(p->sum, ret_checksum);
}

/* ---- open and end ---- */

static enum status
pack_start(struct backup_pack *p, const struct backup_key *key)
{
	size_t front = key != NULL ? p->manifest_max
				   : backup_front_size(p->how, p->manifest_max);

	p->tar = archive_write_new();
	p->entry = archive_entry_new();
	p->sum = backup_sum_create();
	p->pipe = backup_pipe_create();
	p->piece = malloc(BACKGROUND_STEP);
	p->out = backup_out_create(
	    p->fd, key, front, p->pace != NULL && p->pace->soon);
	if (p->tar == NULL || p->entry == NULL || p->sum == NULL ||
	    p->pipe == NULL || p->piece == NULL || p->out == NULL)
		return ST_NO_MEMORY;
	if (!members_open(p))
		return ST_IO;
	if (pthread_create(&p->packer, NULL, packer_main, p) != 0)
		return ST_NO_MEMORY;
	p->runs = true;
	return ST_OK;
}

enum status
backup_pack_open(const char *file, const struct backup_packing *as,
    struct pace *pace, struct backup_pack **ret_pack)
{
	struct backup_pack *p = calloc(1, sizeof(*p));
	enum status st;

	if (p == NULL)
		return ST_NO_MEMORY;
	p->how = as->how;
	p->quick = as->quick;
	p->sealed = as->key != NULL;
	p->manifest_max = as->manifest_max;
	p->pace = pace;
	(void)text_fit(p->file, sizeof(p->file), file);
	p->fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    BACKUP_FILE_MODE);
	if (p->fd < 0) {
		st = errno == EEXIST ? ST_EXISTS : ST_IO;
		p->ended = true; /* the file is not ours to remove */
	} else {
		st = pack_start(p, as->key);
	}
	if (st != ST_OK) {
		backup_pack_destroy(p);
		return st;
	}
	*ret_pack = p;
	return ST_OK;
}

/* Blanks after it are no part of JSON. */
static enum status
pack_front(struct backup_pack *p, struct bytes manifest)
{
	uint8_t *text = malloc(p->manifest_max + 1);
	uint8_t *frame = malloc(BACKUP_FRONT_MAX);
	struct bytes front = { text, p->manifest_max };
	enum status st = ST_NO_MEMORY;

	if (text != NULL && frame != NULL) {
		memset(text, ' ', p->manifest_max);
		memcpy(text, manifest.at, manifest.size);
		st = ST_OK;
	}
	if (st == ST_OK && !p->sealed) {
		st = backup_front_make(p->how, front, frame);
		front = (struct bytes){ frame,
			backup_front_size(p->how, p->manifest_max) };
	}
	if (st == ST_OK)
		st = backup_out_finish(p->out, front);
	free(frame);
	free(text);
	return st;
}

/* In a sealed one for whoever unseals it by hand. */
static enum status
pack_last(struct backup_pack *p, struct bytes manifest)
{
	struct stat s = { .st_mode = S_IFREG | BACKUP_FILE_MODE };
	enum status st =
	    member_head(p, BACKUP_MANIFEST_NAME, &s, manifest.size, NULL);

	if (st == ST_OK && archive_write_data(p->tar, manifest.at,
			       manifest.size) != (la_ssize_t)manifest.size)
		st = ST_IO;
	return st;
}

enum status
backup_pack_end(struct backup_pack *p, struct bytes manifest)
{
	enum status st = ST_OK;

	if (manifest.size > p->manifest_max)
		return ST_FULL;
	if (p->sealed)
		st = pack_last(p, manifest);
	if (st == ST_OK && archive_write_close(p->tar) != ARCHIVE_OK)
		st = ST_IO;
	st = packer_join(p, st);
	if (st == ST_OK)
		st = pack_front(p, manifest);
	p->ended = st == ST_OK;
	return st;
}

void
backup_pack_destroy(struct backup_pack *p)
{
	if (p == NULL)
		return;
	(void)packer_join(p, ST_CANCELLED);
	if (p->tar != NULL)
		archive_write_free(p->tar);
	archive_entry_free(p->entry);
	backup_sum_destroy(p->sum);
	backup_pipe_destroy(p->pipe);
	backup_out_destroy(p->out);
	free(p->piece);
	if (p->fd >= 0)
		close(p->fd);
	if (!p->ended)
		unlink(p->file);
	free(p);
}

/* ---- a folder that is a backup ---- */

static enum status
manifest_read(const char *folder, uint8_t *to, size_t *ret_size)
{
	char path[BACKUP_PATH_MAX + 1];
	ssize_t n = -1;
	int in;

	snprintf(path, sizeof(path), "%s/" BACKUP_MANIFEST_NAME, folder);
	in = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (in >= 0) {
		n = read(in, to, BACKUP_MANIFEST_MAX);
		close(in);
	}
	*ret_size = n > 0 ? (size_t)n : 0;
	return n > 0 ? ST_OK : ST_IO;
}

enum status
backup_pack(const char *folder, const char *file, enum backup_archive how,
    const struct backup_key *key, struct pace *pace)
{
	struct bytes manifest = { 0 };
	uint8_t *text = malloc(BACKUP_MANIFEST_MAX);
	struct backup_pack *p = NULL;
	enum status st = ST_NO_MEMORY;

	if (text != NULL)
		st = manifest_read(folder, text, &manifest.size);
	manifest.at = text;
	if (st == ST_OK)
		st = backup_pack_open(file,
		    &(struct backup_packing){
			.how = how, .key = key, .manifest_max = manifest.size },
		    pace, &p);
	if (st == ST_OK)
		st = backup_tree_walk(folder, member_visit, p);
	if (st == ST_OK)
		st = backup_pack_end(p, manifest);
	backup_pack_destroy(p);
	free(text);
	return st;
}
