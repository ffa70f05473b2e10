#include "actors/second_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/backup_sum.h"
#include "actors/backup_tree.h"
#include "actors/backup_unpack.h"
#include "actors/second_inside.h"
#include "runtime/base/fault.h"

#define PATH_SIZE 4096

/* A copy in hand. */
struct transfer {
	int folder; /* of the target */
	int in;     /* what is copied */
	int out;    /* the part */
	uint64_t size;
	uint64_t done;
	struct backup_sum *sum; /* of what was sent, and of what had been */
	uint8_t *sent, *came;   /* pieces */
	char part[BACKUP_ID_LENGTH + sizeof(SECOND_PART)];
	char name[BACKUP_NAME_MAX + 16]; /* there */
	char packed[PATH_SIZE]; /* what a folder was packed into; "": nothing */
};

/* ---- a job ---- */

struct second_job *
second_job_make(const struct backup_place *place)
{
	struct second_job *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return NULL;
	atomic_init(&j->holders, 1);
	j->place = place;
	return j;
}

void
second_job_let_go(struct second_job *j)
{
	if (j == NULL || atomic_fetch_sub(&j->holders, 1) != 1)
		return;
	free(j->there);
	free(j);
}

bool
second_job_call_off(struct second_job *j)
{
	int was = SECOND_COPIES;

	return atomic_compare_exchange_strong(
	    &j->stage, &was, SECOND_CALLED_OFF);
}

bool
second_went(struct second_job *j, enum status st, const char *what)
{
	if (st == ST_OK)
		return true;
	if (j->st == ST_OK) {
		j->st = st;
		snprintf(j->why, sizeof(j->why), "%s", what);
	}
	return false;
}

/* What the system said, as whoever looks after the target understands it. */
static const char *
system_why(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
		return "the target is full";
	case EROFS:
		return "the target is read-only";
	case EACCES:
	case EPERM:
		return "the target lets us write nothing there";
	case ENOENT:
		return "the folder is not there";
	case ENOTDIR:
		return "it is no folder";
	default:
		return strerror(error);
	}
}

bool
second_failed(struct second_job *j)
{
	return second_went(j, ST_IO, system_why(errno));
}

/* ---- the source ---- */

static void
source_path(const struct second_job *j, char ret[PATH_SIZE])
{
	snprintf(ret, PATH_SIZE, "%s/%s", j->place->root, j->next.name);
}

/* The order of its members is not ours: it takes unpacking. */
static enum status
sum_unpacked(struct second_job *j, const char *file,
    const struct backup_keys *keys, char *ret_sum, char *why)
{
	char folder[PATH_SIZE];
	enum status st;

	snprintf(folder, sizeof(folder), "%s/" BACKUP_TMP "second-%s",
	    j->place->root, j->next.facts.backup_id);
	(void)backup_tree_remove(folder);
	st = backup_unpack(
	    file, folder, keys, UINT64_MAX, &j->pace, ret_sum, why);
	if (st == ST_OK && ret_sum[0] == '\0')
		st = backup_tree_sum(folder, &j->pace, ret_sum);
	(void)backup_tree_remove(folder);
	return st;
}

static bool
source_damaged(struct second_job *j)
{
	j->is_damaged = true;
	return second_went(
	    j, ST_CORRUPT, "the backup is not what its manifest says");
}

/* What is damaged here is of no use there. */
static bool
source_prove(struct second_job *j)
{
	char sum[BACKUP_CHECKSUM_MAX + 1] = "", why[BACKUP_WHY_SIZE] = "";
	struct backup_keys *keys = NULL;
	char path[PATH_SIZE];
	enum status st;

	source_path(j, path);
	st = backup_keys_load(j->place->keys, false, &keys, why);
	if (st == ST_OK && !j->next.is_archive)
		st = backup_tree_sum(path, &j->pace, sum);
	else if (st == ST_OK)
		st = backup_unpack_sum(path, keys, &j->pace, sum, why);
	if (st == ST_UNSUPPORTED)
		st = sum_unpacked(j, path, keys, sum, why);
	backup_keys_destroy(keys);
	if (st == ST_OK)
		return strcmp(sum, j->next.facts.checksum) == 0 ||
		       source_damaged(j);
	if (st == ST_CORRUPT || st == ST_MALFORMED || st == ST_INVALID)
		return source_damaged(j);
	if (st == ST_NOT_FOUND) { /* its key, or all of it */
		j->is_damaged = true;
		return second_went(j, st, "its key is not here");
	}
	return second_went(j, st,
	    st == ST_CANCELLED ? "called off" : "the backup cannot be read");
}

/* A folder's archive lies beside it until the copy has ended. */
static bool
source_pack(struct second_job *j, struct transfer *t)
{
	char path[PATH_SIZE];
	enum status st;

	source_path(j, path);
	snprintf(t->packed, sizeof(t->packed),
	    "%s/" BACKUP_TMP "second-%s.archive", j->place->root,
	    j->next.facts.backup_id);
	(void)unlink(t->packed);
	snprintf(t->name, sizeof(t->name), "%s%s", j->next.name,
	    backup_archive_end(j->place->archive));
	st = backup_pack(path, t->packed, j->place->archive, NULL, &j->pace);
	fault_point("second.packed");
	return second_went(j, st,
	    st == ST_CANCELLED ? "called off"
			       : "there is no room here to pack a folder");
}

static bool
source_open(struct second_job *j, struct transfer *t)
{
	char path[PATH_SIZE];
	struct stat s;

	source_path(j, path);
	snprintf(t->name, sizeof(t->name), "%s", j->next.name);
	if (!j->next.is_archive && !source_pack(j, t))
		return false;
	t->in = open(t->packed[0] != '\0' ? t->packed : path,
	    O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (t->in < 0 || fstat(t->in, &s) != 0 || !S_ISREG(s.st_mode))
		return second_went(j, ST_IO, "the backup cannot be read");
	t->size = (uint64_t)s.st_size;
	atomic_store(&j->size, t->size);
	return true;
}

/* ---- the target ---- */

/* Where backups will be, if there are none yet. */
static bool
is_on_one_disk(const struct backup_place *p, int fd)
{
	struct stat there, here;

	return fstat(fd, &there) == 0 &&
	       (stat(p->root, &here) == 0 || stat(p->data_dir, &here) == 0) &&
	       there.st_dev == here.st_dev;
}

int
second_open(struct second_job *j)
{
	const struct backup_place *p = j->place;
	int fd = open(p->second, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		(void)second_failed(j);
	else if (!backup_are_apart(p->root, p->second))
		(void)second_went(
		    j, ST_DENIED, "it and backup.path are not apart");
	else if (p->second_elsewhere && is_on_one_disk(p, fd))
		(void)second_went(j, ST_DENIED,
		    "it is on the disk of backup.path: is it mounted?");
	if (j->st == ST_OK)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* A file of its own: neither a link nor another name of something else. */
static bool
part_open(struct second_job *j, struct transfer *t)
{
	struct stat s;

	snprintf(t->part, sizeof(t->part), SECOND_PART "%s",
	    j->next.facts.backup_id);
	t->out = openat(t->folder, t->part,
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
	    BACKUP_FILE_MODE);
	fault_point("second.part");
	if (t->out < 0 && errno != ELOOP)
		return second_failed(j);
	if (t->out < 0 || fstat(t->out, &s) != 0 || !S_ISREG(s.st_mode) ||
	    s.st_nlink != 1)
		return second_went(j, ST_DENIED,
		    "a link or no file stands where the part should grow");
	return true;
}

/* How much of size is there; short at the end. */
static ssize_t
read_full(int fd, uint8_t *to, size_t size, uint64_t at)
{
	size_t used = 0;

	while (used < size) {
		ssize_t n =
		    pread(fd, to + used, size - used, (off_t)(at + used));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

static size_t
same_bytes(const uint8_t *a, const uint8_t *b, size_t size)
{
	size_t n = 0;

	if (memcmp(a, b, size) == 0)
		return size;
	while (a[n] == b[n])
		n++;
	return n;
}

/* As far as it agrees it was sent before; the rest goes. */
static bool
part_compare(struct second_job *j, struct transfer *t)
{
	bool agrees = true;

	while (agrees && t->done < t->size) {
		ssize_t is = read_full(t->in, t->sent, BACKUP_PIECE, t->done);
		ssize_t was = read_full(t->out, t->came, BACKUP_PIECE, t->done);
		size_t n;

		if (is <= 0 || was < 0)
			return second_went(j, ST_IO, "the part does not read");
		n = same_bytes(t->sent, t->came, (size_t)(is < was ? is : was));
		agrees = n == (size_t)is;
		backup_sum_add(t->sum, t->sent, n);
		t->done += n;
		if (!pace_took(&j->pace, n))
			return second_went(j, ST_CANCELLED, "called off");
	}
	j->resumed = t->done;
	atomic_store(&j->done, t->done);
	if (ftruncate(t->out, (off_t)t->done) != 0)
		return second_failed(j);
	return true;
}

static bool
part_put(const struct transfer *t, size_t size)
{
	if (fault_fails("second.full")) {
		errno = ENOSPC;
		return false;
	}
	return backup_file_put(t->out, t->sent, size, (off_t)t->done);
}

static bool
part_append(struct second_job *j, struct transfer *t)
{
	while (t->done < t->size) {
		ssize_t n = read_full(t->in, t->sent, BACKUP_PIECE, t->done);

		if (n <= 0)
			return second_went(
			    j, ST_IO, "the backup cannot be read");
		backup_sum_add(t->sum, t->sent, (size_t)n);
		if (fault_fails("second.torn"))
			t->sent[0] ^= 1;
		if (!part_put(t, (size_t)n))
			return second_failed(j);
		fault_point("second.piece");
		t->done += (uint64_t)n;
		atomic_store(&j->done, t->done);
		j->bytes += (uint64_t)n;
		if (!pace_took(&j->pace, (uint64_t)n))
			return second_went(j, ST_CANCELLED, "called off");
	}
	if (fsync(t->out) != 0)
		return second_failed(j);
	fault_point("second.synced");
	return true;
}

/* From the disk, not from memory, as far as the system lets us. */
static bool
part_check(struct second_job *j, struct transfer *t)
{
	uint8_t sent[BACKUP_SUM_SIZE], came[BACKUP_SUM_SIZE];
	struct backup_sum *sum = backup_sum_create();
	uint64_t at = 0;
	ssize_t n = -1;

	if (sum == NULL)
		return second_went(j, ST_NO_MEMORY, "out of memory");
	(void)posix_fadvise(t->out, 0, 0, POSIX_FADV_DONTNEED);
	while ((n = read_full(t->out, t->came, BACKUP_PIECE, at)) > 0) {
		backup_sum_add(sum, t->came, (size_t)n);
		at += (uint64_t)n;
		if (!pace_took(&j->pace, (uint64_t)n))
			break;
	}
	backup_sum_end(sum, came);
	backup_sum_end(t->sum, sent);
	backup_sum_destroy(sum);
	if (n > 0)
		return second_went(j, ST_CANCELLED, "called off");
	if (n < 0)
		return second_failed(j);
	if (at == t->size && memcmp(sent, came, sizeof(sent)) == 0)
		return true;
	(void)unlinkat(t->folder, t->part, 0);
	return second_went(
	    j, ST_CORRUPT, "what came there is not what was sent");
}

static bool
part_publish(struct second_job *j, struct transfer *t)
{
	int was = SECOND_COPIES;
	char path[PATH_SIZE];
	struct stat s;

	fault_point("second.checked");
	source_path(j, path);
	if (lstat(path, &s) != 0 ||
	    !atomic_compare_exchange_strong(&j->stage, &was, SECOND_PUBLISHES))
		return second_went(j, ST_CANCELLED, "called off");
	if (renameat(t->folder, t->part, t->folder, t->name) != 0)
		return second_failed(j);
	fault_point("second.published");
	/* Of a folder not every system on the network has that. */
	if (fsync(t->folder) != 0 && errno != EINVAL && errno != ENOSYS)
		return second_failed(j);
	return true;
}

/* ---- a copy ---- */

static bool
transfer_init(struct transfer *t)
{
	*t = (struct transfer){ .folder = -1, .in = -1, .out = -1 };
	t->sum = backup_sum_create();
	t->sent = malloc(BACKUP_PIECE);
	t->came = malloc(BACKUP_PIECE);
	return t->sum != NULL && t->sent != NULL && t->came != NULL;
}

static void
transfer_fini(struct second_job *j, struct transfer *t)
{
	if (j->st == ST_CANCELLED && t->out >= 0 &&
	    atomic_load(&j->stage) == SECOND_CALLED_OFF)
		(void)unlinkat(t->folder, t->part, 0);
	if (t->packed[0] != '\0')
		(void)unlink(t->packed);
	if (t->in >= 0)
		close(t->in);
	if (t->out >= 0)
		close(t->out);
	if (t->folder >= 0)
		close(t->folder);
	backup_sum_destroy(t->sum);
	free(t->sent);
	free(t->came);
}

void
second_copy(struct second_job *j)
{
	struct transfer t;

	j->st = ST_OK;
	if (!transfer_init(&t)) {
		(void)second_went(j, ST_NO_MEMORY, "out of memory");
	} else if ((t.folder = second_open(j)) >= 0) {
		fault_point("second.begin");
		if (source_prove(j) && source_open(j, &t) && part_open(j, &t) &&
		    part_compare(j, &t) && part_append(j, &t) &&
		    part_check(j, &t))
			(void)part_publish(j, &t);
	}
	transfer_fini(j, &t);
}
