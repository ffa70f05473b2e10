#include "actors/segment.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "actors/backup_tree.h"
#include "actors/segment_inside.h"
#include "runtime/base/fault.h"
#include "runtime/base/text.h"
#include "runtime/base/whole.h"

#define SEGMENT_MODE 0600
#define NTH_MAX 9999
#define NAME_FORM "%016" PRIx64 "-%020" PRIu64 "-%04u.seg"

/* ---- names ---- */

void
segment_path(const char *root, const char *name, char *ret)
{
	snprintf(ret, SEGMENT_PATH_SIZE, "%s/" SEGMENT_FOLDER "%s%s", root,
	    name[0] == '\0' ? "" : "/", name);
}

/* Written again it must be the same: no name means two things. */
bool
segment_name_read(const char *name, struct segment *ret)
{
	struct segment s = { 0 };
	char again[SEGMENT_NAME_MAX + 1];
	char *end;

	errno = 0;
	s.timeline = strtoull(name, &end, 16);
	if (*end == '-')
		s.first = strtoull(end + 1, &end, 10);
	if (*end == '-')
		s.nth = (uint32_t)strtoul(end + 1, &end, 10);
	if (errno != 0 || s.nth > NTH_MAX)
		return false;
	snprintf(again, sizeof(again), NAME_FORM, s.timeline, s.first, s.nth);
	if (strcmp(again, name) != 0)
		return false;
	memcpy(s.name, again, sizeof(again));
	*ret = s;
	return true;
}

/* ---- a folder of them ---- */

struct shelf {
	struct segment *at;
	size_t count, room;
};

static enum status
shelf_add(struct shelf *f, const struct segment *s)
{
	size_t room = f->room == 0 ? 64 : f->room * 2;
	struct segment *at;

	if (f->count == SEGMENTS_MAX)
		return ST_FULL;
	if (f->count == f->room) {
		at = realloc(f->at, room * sizeof(*at));
		if (at == NULL)
			return ST_NO_MEMORY;
		f->at = at;
		f->room = room;
	}
	f->at[f->count++] = *s;
	return ST_OK;
}

static int
segment_compare(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	if (x->timeline != y->timeline)
		return x->timeline < y->timeline ? -1 : 1;
	return x->nth < y->nth ? -1 : x->nth > y->nth;
}

enum status
segments_read(const char *root, struct segment **ret_all, size_t *ret_count)
{
	char path[SEGMENT_PATH_SIZE];
	struct shelf f = { 0 };
	enum status st = ST_OK;
	struct dirent *e;
	struct segment s;
	struct stat about;
	DIR *dir;

	segment_path(root, "", path);
	dir = opendir(path);
	if (dir == NULL && errno != ENOENT)
		return ST_IO;
	while (dir != NULL && st == ST_OK && (e = readdir(dir)) != NULL) {
		if (!segment_name_read(e->d_name, &s) ||
		    fstatat(dirfd(dir), e->d_name, &about,
			AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISREG(about.st_mode))
			continue;
		s.bytes = (uint64_t)about.st_size;
		st = shelf_add(&f, &s);
	}
	if (dir != NULL)
		closedir(dir);
	if (st != ST_OK) {
		free(f.at);
		return st;
	}
	if (f.count > 0)
		qsort(f.at, f.count, sizeof(*f.at), segment_compare);
	*ret_all = f.at;
	*ret_count = f.count;
	return ST_OK;
}

/* One may go when the next begins no later than what must be kept. */
enum status
segments_prune(const char *root, uint64_t txid_kept, uint32_t *ret_count)
{
	char path[SEGMENT_PATH_SIZE];
	struct segment *all = NULL;
	size_t count = 0;
	enum status st = segments_read(root, &all, &count);

	*ret_count = 0;
	for (size_t i = 0; st == ST_OK && i + 1 < count; i++) {
		if (all[i + 1].first > txid_kept + 1)
			break;
		segment_path(root, all[i].name, path);
		fault_point("ship.prune");
		if (unlink(path) == 0)
			(*ret_count)++;
	}
	segment_path(root, "", path);
	if (*ret_count > 0 && backup_folder_sync(path) != ST_OK)
		st = ST_IO;
	free(all);
	return st;
}

/* ---- writing ---- */

struct segment_out {
	int fd;
	bool failed;
	uint64_t good;    /* bytes that are on the disk */
	size_t head_left; /* of head, for the first piece */
	struct segment_file_head head;
	crypto_secretstream_xchacha20poly1305_state state;
	uint8_t piece[SEGMENT_SEALED];
};

static enum status
put(struct segment_out *o, const void *bytes, size_t size)
{
	if (fault_fails("ship.full")) {
		errno = ENOSPC;
		return ST_IO;
	}
	return whole_write(o->fd, bytes, size);
}

/* The file of the first name that nobody has. */
static enum status
segment_make(const char *root, uint64_t timeline, uint64_t first, int *ret_fd)
{
	char path[SEGMENT_PATH_SIZE], name[SEGMENT_NAME_MAX + 1];

	segment_path(root, "", path);
	if (backup_folder_make(path) != ST_OK)
		return ST_IO;
	for (uint32_t nth = 0; nth <= NTH_MAX; nth++) {
		snprintf(name, sizeof(name), NAME_FORM, timeline, first, nth);
		segment_path(root, name, path);
		*ret_fd = open(path,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		    SEGMENT_MODE);
		if (*ret_fd >= 0)
			return ST_OK;
		if (errno != EEXIST)
			return ST_IO;
	}
	errno = EEXIST;
	return ST_IO;
}

static enum status
segment_begin(struct segment_out *o, const char *root,
    const struct backup_key *key, int64_t now)
{
	char folder[SEGMENT_PATH_SIZE];
	uint8_t stream[SEGMENT_STREAM_HEAD];
	enum status st;

	segment_path(root, "", folder);
	memcpy(o->head.mark, SEGMENT_MARK, sizeof(o->head.mark));
	memcpy(o->head.key_id, backup_key_id(key), sizeof(o->head.key_id));
	o->head.now = htobe64((uint64_t)now);
	crypto_secretstream_xchacha20poly1305_init_push(
	    &o->state, stream, backup_key_sealing(key));
	st = put(o, &o->head, sizeof(o->head));
	if (st == ST_OK)
		st = put(o, stream, sizeof(stream));
	fault_point("ship.head");
	if (st == ST_OK && fdatasync(o->fd) != 0)
		st = ST_IO;
	o->good = sizeof(o->head) + sizeof(stream);
	return st == ST_OK ? backup_folder_sync(folder) : st;
}

enum status
segment_create(const char *root, const struct backup_key *key,
    uint64_t timeline, uint64_t first, int64_t now,
    struct segment_out **ret_out, char *ret_why)
{
	struct segment_out *o = calloc(1, sizeof(*o));
	enum status st = ST_NO_MEMORY;

	if (o != NULL) {
		o->head.timeline = htobe64(timeline);
		o->head.first = htobe64(first);
		o->head_left = sizeof(o->head);
		st = segment_make(root, timeline, first, &o->fd);
		if (st != ST_OK)
			o->fd = -1;
	}
	if (st == ST_OK)
		st = segment_begin(o, root, key, now);
	if (st == ST_OK) {
		*ret_out = o;
		return ST_OK;
	}
	snprintf(ret_why, BACKUP_WHY_SIZE, "segment: %s",
	    st == ST_IO ? strerror(errno) : status_text(st));
	segment_close(o, false);
	return st;
}

static enum status
put_piece(struct segment_out *o, const uint8_t *at, size_t size, uint8_t tag)
{
	unsigned long long sealed;
	uint32_t big;

	crypto_secretstream_xchacha20poly1305_push(&o->state, o->piece + 4,
	    &sealed, at, size, (const uint8_t *)&o->head, o->head_left, tag);
	o->head_left = 0;
	big = htobe32((uint32_t)sealed);
	memcpy(o->piece, &big, 4);
	return put(o, o->piece, 4 + (size_t)sealed);
}

static enum status
put_all(struct segment_out *o, struct bytes bytes, uint64_t *ret_size)
{
	enum status st = ST_OK;

	*ret_size = o->good;
	while (st == ST_OK && bytes.size > 0) {
		size_t n =
		    bytes.size < SEGMENT_PIECE ? bytes.size : SEGMENT_PIECE;

		st = put_piece(o, bytes.at, n, 0);
		bytes.at += n;
		bytes.size -= n;
		*ret_size += 4 + n + SEGMENT_MORE;
		fault_point("ship.piece");
	}
	if (st == ST_OK && fdatasync(o->fd) != 0)
		st = ST_IO;
	return st;
}

enum status
segment_write(struct segment_out *o, struct bytes bytes, char *ret_why)
{
	enum status st = ST_IO;
	uint64_t size = 0;

	errno = EIO;
	if (!o->failed)
		st = put_all(o, bytes, &size);
	fault_point("ship.synced");
	if (st == ST_OK) {
		o->good = size;
		return ST_OK;
	}
	snprintf(ret_why, BACKUP_WHY_SIZE, "segment: %s", strerror(errno));
	o->failed = true;
	if (ftruncate(o->fd, (off_t)o->good) != 0)
		return st; /* whoever reads sees that it is cut */
	return st;
}

uint64_t
segment_bytes(const struct segment_out *o)
{
	return o->good;
}

void
segment_close(struct segment_out *o, bool last)
{
	if (o == NULL)
		return;
	if (last && !o->failed &&
	    put_piece(o, NULL, 0,
		crypto_secretstream_xchacha20poly1305_TAG_FINAL) == ST_OK)
		(void)fdatasync(o->fd); /* without it, it is one that was cut */
	if (o->fd >= 0)
		close(o->fd);
	sodium_memzero(o, sizeof(*o));
	free(o);
}
