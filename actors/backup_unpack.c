#include "actors/backup_unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "actors/backup_feed.h"
#include "actors/backup_tally.h"
#include "actors/backup_tree.h"
#include "runtime/base/folders.h"
#include "runtime/base/processor.h"
#include "runtime/base/text.h"
#include "runtime/base/trickle.h"

#define PEEK_MEMBERS 10000 /* of an archive whose manifest is not first */

struct late_link {
	struct late_link *next;
	char *path;
	char *target;
};

struct unpack {
	struct archive *archive;
	struct backup_in *in;
	int to;
	uint64_t bytes, bytes_max;
	uint32_t members;
	struct late_link *links;
	struct backup_feed *feed;   /* NULL: in is read here */
	struct backup_tally *tally; /* NULL: nobody sums */
	enum status read_st;
	char *why;
};

static enum status
unpack_fail(struct unpack *u, enum status st, const char *name, const char *why)
{
	snprintf(u->why, BACKUP_WHY_SIZE, "member %.120s: %s", name, why);
	return st;
}

static la_ssize_t
unpack_read(struct archive *a, void *ctx, const void **ret_bytes)
{
	struct unpack *u = ctx;
	struct bytes b;

	u->read_st = u->feed != NULL ? backup_feed_read(u->feed, &b)
				     : backup_in_read(u->in, &b);
	*ret_bytes = b.at;
	if (u->read_st == ST_OK)
		return (la_ssize_t)b.size;
	archive_set_error(a, EIO, "%s", status_text(u->read_st));
	return -1;
}

static enum status
unpack_open(struct unpack *u)
{
	struct archive *a = archive_read_new();

	u->archive = a;
	if (a == NULL)
		return ST_NO_MEMORY;
	if (archive_read_support_format_tar(a) != ARCHIVE_OK ||
	    (u->feed == NULL &&
		(archive_read_support_filter_gzip(a) != ARCHIVE_OK ||
		    archive_read_support_filter_zstd(a) != ARCHIVE_OK)))
		return ST_UNSUPPORTED;
	if (archive_read_open(a, u, NULL, unpack_read, NULL) == ARCHIVE_OK)
		return ST_OK;
	return u->read_st != ST_OK ? u->read_st : ST_CORRUPT;
}

/* Relative, and every part of it a name. */
static bool
name_is_good(const char *name)
{
	if (name == NULL || name[0] == '\0' || name[0] == '/' ||
	    strlen(name) > BACKUP_PATH_MAX)
		return false;
	while (*name != '\0') {
		size_t n = strcspn(name, "/");

		if (n == 0 || (n == 1 && name[0] == '.') ||
		    (n == 2 && name[0] == '.' && name[1] == '.'))
			return false;
		name += n;
		name += *name == '/';
	}
	return true;
}

/* "./a/" is a name too: as tar writes it. */
static const char *
name_clean(const char *name, char *clean)
{
	size_t n;

	if (name == NULL)
		return NULL;
	while (name[0] == '.' && name[1] == '/')
		name += 2;
	n = strlen(name);
	if (n > BACKUP_PATH_MAX)
		return NULL;
	memcpy(clean, name, n + 1);
	while (n > 1 && clean[n - 1] == '/')
		clean[--n] = '\0';
	return clean;
}

static enum status
unpack_bytes(struct unpack *u, const char *name, int fd)
{
	/* The disk works while the rest is unpacked. */
	struct trickle trickle = { .fd = fd, .soon = true };
	const void *bytes;
	la_int64_t at;
	size_t size;
	int rc;

	while ((rc = archive_read_data_block(u->archive, &bytes, &size, &at)) ==
	       ARCHIVE_OK) {
		u->bytes += size;
		/* A sparse file may claim any place: its end counts too. */
		if (u->bytes > u->bytes_max || at < 0 ||
		    (uint64_t)at > u->bytes_max)
			return unpack_fail(
			    u, ST_FULL, name, "more bytes than it may have");
		if (!backup_file_put(fd, bytes, size, at))
			return unpack_fail(u, ST_IO, name, strerror(errno));
		backup_tally_bytes(u->tally, (uint64_t)at, bytes, size);
		trickle_to(&trickle, (uint64_t)at + size);
		processor_give_way();
	}
	(void)sync_file_range(
	    fd, (off64_t)trickle.sent, 0, SYNC_FILE_RANGE_WRITE);
	if (rc == ARCHIVE_EOF)
		return ST_OK;
	return unpack_fail(u, u->read_st != ST_OK ? u->read_st : ST_CORRUPT,
	    name, "does not decompress");
}

static enum status
unpack_file(struct unpack *u, const char *name, struct archive_entry *e)
{
	enum status st;
	int fd = openat(u->to, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    BACKUP_FILE_MODE);

	if (fd < 0)
		return errno == EEXIST ? unpack_fail(u, ST_MALFORMED, name,
					     "is there twice")
				       : unpack_fail(u, ST_MALFORMED, name,
					     "cannot be made");
	backup_tally_file(u->tally, name, (uint64_t)archive_entry_size(e));
	st = unpack_bytes(u, name, fd);
	if (st == ST_OK &&
	    fchmod(fd, (archive_entry_mode(e) & BACKUP_MODE_KEPT) |
			   BACKUP_FILE_MODE) != 0)
		st = ST_IO;
	if (close(fd) != 0 && st == ST_OK)
		st = ST_IO;
	return st;
}

/* Each part is put somewhere else: what is in it stays in it. */
static enum status
keep_link(struct unpack *u, const char *name, const char *target)
{
	const char *part = strchr(name, '/');
	struct late_link *l;

	if (part == NULL || target == NULL ||
	    !backup_link_stays(part + 1, target))
		return unpack_fail(
		    u, ST_MALFORMED, name, "is a link out of its part");
	backup_tally_link(u->tally, name, target);
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return ST_NO_MEMORY;
	l->next = u->links;
	u->links = l;
	l->path = strdup(name);
	l->target = strdup(target);
	return l->path == NULL || l->target == NULL ? ST_NO_MEMORY : ST_OK;
}

static bool
is_same_part(const char *name, const char *other)
{
	size_t n = strcspn(name, "/");

	return name[n] == '/' && strncmp(name, other, n + 1) == 0;
}

/*
 * Within a part: a file of the memory tree must not be the store's as well.
 * There are no links in the folder yet: the target is where it seems.
 */
static enum status
hard_link(struct unpack *u, const char *name, const char *target)
{
	char clean[BACKUP_PATH_MAX + 1];
	const char *to = name_clean(target, clean);

	backup_tally_lose(u->tally);
	if (to == NULL || !name_is_good(to) || !is_same_part(name, to) ||
	    linkat(u->to, to, u->to, name, 0) != 0)
		return unpack_fail(u, ST_MALFORMED, name,
		    "is a hard link to nothing in its part");
	return ST_OK;
}

static enum status
unpack_member(struct unpack *u, const char *name, struct archive_entry *e)
{
	if (!folders_make_parents(u->to, name))
		return unpack_fail(u, ST_MALFORMED, name, "cannot be made");
	if (archive_entry_hardlink(e) != NULL)
		return hard_link(u, name, archive_entry_hardlink(e));
	if (archive_entry_filetype(e) == AE_IFLNK)
		return keep_link(u, name, archive_entry_symlink(e));
	if (archive_entry_filetype(e) == AE_IFREG)
		return unpack_file(u, name, e);
	if (archive_entry_filetype(e) != AE_IFDIR)
		return unpack_fail(
		    u, ST_MALFORMED, name, "is neither file, folder nor link");
	backup_tally_folder(u->tally, name);
	if (mkdirat(u->to, name, BACKUP_FOLDER_MODE) != 0 && errno != EEXIST)
		return unpack_fail(u, ST_MALFORMED, name, "cannot be made");
	return ST_OK;
}

static enum status
make_links(struct unpack *u)
{
	for (struct late_link *l = u->links; l != NULL; l = l->next)
		if (symlinkat(l->target, u->to, l->path) != 0)
			return unpack_fail(
			    u, ST_MALFORMED, l->path, "is there twice");
	return ST_OK;
}

/* A sealed archive is good only when its last piece is. */
static enum status
unpack_rest(struct unpack *u)
{
	struct bytes b;
	enum status st;

	do
		st = u->feed != NULL ? backup_feed_read(u->feed, &b)
				     : backup_in_read(u->in, &b);
	while (st == ST_OK && b.size > 0);
	return st == ST_OK ? ST_OK
			   : unpack_fail(u, st, "-", "its end does not read");
}

typedef enum status (*member_fn)(
    struct unpack *u, const char *name, struct archive_entry *e);

static enum status
unpack_one(struct unpack *u, struct archive_entry *e, member_fn each)
{
	char clean[BACKUP_PATH_MAX + 1];
	const char *raw = archive_entry_pathname(e);
	const char *name = name_clean(raw, clean);

	if (++u->members > BACKUP_TREE_NAMES)
		return unpack_fail(u, ST_FULL, "-", "one too many");
	if (name != NULL && (name[0] == '\0' || strcmp(name, ".") == 0))
		return ST_OK; /* the root itself */
	if (name == NULL || !name_is_good(name))
		return unpack_fail(u, ST_MALFORMED, raw == NULL ? "-" : raw,
		    "has a name that leaves the backup");
	return each(u, name, e);
}

static enum status
unpack_each(struct unpack *u, member_fn each)
{
	struct archive_entry *e;
	enum status st = ST_OK;
	int rc = ARCHIVE_OK;

	while (st == ST_OK &&
	       (rc = archive_read_next_header(u->archive, &e)) == ARCHIVE_OK)
		st = unpack_one(u, e, each);
	if (st == ST_OK && rc != ARCHIVE_EOF)
		st = unpack_fail(u,
		    u->read_st != ST_OK ? u->read_st : ST_CORRUPT, "-",
		    "the archive does not read");
	return st == ST_OK ? unpack_rest(u) : st;
}

static void
unpack_fini(struct unpack *u)
{
	while (u->links != NULL) {
		struct late_link *l = u->links;

		u->links = l->next;
		free(l->path);
		free(l->target);
		free(l);
	}
	if (u->archive != NULL)
		archive_read_free(u->archive);
	backup_feed_destroy(u->feed);
	backup_tally_destroy(u->tally);
	backup_in_destroy(u->in);
	if (u->to >= 0)
		close(u->to);
}

/* Unsealed, by the key that its own manifest names. */
static enum status
unpack_unseal(struct unpack *u, const struct backup_keys *keys)
{
	struct backup_facts f;
	struct bytes manifest;
	enum status st;

	if (!backup_in_is_sealed(u->in))
		return ST_OK;
	manifest = backup_in_manifest(u->in);
	st = backup_facts_read(manifest.at, manifest.size, &f, u->why);
	if (st != ST_OK)
		return ST_MALFORMED;
	st = backup_in_unseal(u->in, backup_keys_find(keys, f.key_id));
	if (st != ST_OK)
		snprintf(u->why, BACKUP_WHY_SIZE,
		    "it is sealed with key %s, which is not here", f.key_id);
	return st;
}

/* A pace that bounds the core knows of one thread. */
static enum status
unpack_start(struct unpack *u, const struct pace *pace)
{
	u->tally = backup_tally_create();
	if (u->tally == NULL)
		return ST_NO_MEMORY;
	if (pace != NULL && pace->cpu_percent > 0)
		return ST_OK;
	u->feed = backup_feed_create(u->in);
	return u->feed == NULL ? ST_NO_MEMORY : ST_OK;
}

/* All of the archive in fd, which is closed, and its sum. */
static enum status
unpack_all(struct unpack *u, int fd, const struct backup_keys *keys,
    struct pace *pace, member_fn each, char *ret_checksum)
{
	enum status st = backup_in_open(fd, pace, &u->in);

	if (st == ST_OK)
		st = unpack_unseal(u, keys);
	if (st == ST_OK)
		st = unpack_start(u, pace);
	if (st == ST_OK)
		st = unpack_open(u);
	if (st == ST_OK)
		st = unpack_each(u, each);
	if (st == ST_OK)
		st = make_links(u);
	if (st == ST_OK)
		backup_tally_end(u->tally, ret_checksum);
	unpack_fini(u);
	close(fd);
	return st;
}

enum status
backup_unpack(const char *file, const char *folder,
    const struct backup_keys *keys, uint64_t bytes_max, struct pace *pace,
    char ret_checksum[BACKUP_CHECKSUM_MAX + 1], char *ret_why)
{
	int fd = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct unpack u = { .to = -1, .bytes_max = bytes_max, .why = ret_why };

	snprintf(ret_why, BACKUP_WHY_SIZE, "the archive does not read");
	ret_checksum[0] = '\0';
	if (fd < 0)
		return errno == ENOENT ? ST_CORRUPT : ST_IO;
	if (mkdir(folder, BACKUP_FOLDER_MODE) == 0)
		u.to = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (u.to >= 0)
		return unpack_all(
		    &u, fd, keys, pace, unpack_member, ret_checksum);
	close(fd);
	return ST_IO;
}

/* ---- its sum, without unpacking ---- */

static enum status
sum_content(struct unpack *u, const char *name)
{
	const void *bytes;
	la_int64_t at;
	size_t size;
	int rc;

	while ((rc = archive_read_data_block(u->archive, &bytes, &size, &at)) ==
	       ARCHIVE_OK)
		backup_tally_bytes(u->tally, (uint64_t)at, bytes, size);
	if (rc == ARCHIVE_EOF)
		return ST_OK;
	return unpack_fail(u, u->read_st != ST_OK ? u->read_st : ST_CORRUPT,
	    name, "does not decompress");
}

static enum status
sum_member(struct unpack *u, const char *name, struct archive_entry *e)
{
	const char *target = archive_entry_symlink(e);

	if (archive_entry_hardlink(e) != NULL) {
		backup_tally_lose(u->tally);
	} else if (archive_entry_filetype(e) == AE_IFREG) {
		backup_tally_file(
		    u->tally, name, (uint64_t)archive_entry_size(e));
		return sum_content(u, name);
	} else if (archive_entry_filetype(e) == AE_IFLNK && target != NULL) {
		backup_tally_link(u->tally, name, target);
	} else if (archive_entry_filetype(e) == AE_IFDIR) {
		backup_tally_folder(u->tally, name);
	} else {
		return unpack_fail(
		    u, ST_MALFORMED, name, "is neither file, folder nor link");
	}
	return ST_OK;
}

enum status
backup_unpack_sum(const char *file, const struct backup_keys *keys,
    struct pace *pace, char ret_checksum[BACKUP_CHECKSUM_MAX + 1],
    char *ret_why)
{
	int fd = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct unpack u = { .to = -1, .why = ret_why };
	enum status st;

	snprintf(ret_why, BACKUP_WHY_SIZE, "the archive does not read");
	ret_checksum[0] = '\0';
	if (fd < 0)
		return ST_IO;
	st = unpack_all(&u, fd, keys, pace, sum_member, ret_checksum);
	return st == ST_OK && ret_checksum[0] == '\0' ? ST_UNSUPPORTED : st;
}

/* ---- the manifest alone ---- */

static enum status
peek_member(struct unpack *u, struct backup_facts *f)
{
	char *text = malloc(BACKUP_MANIFEST_MAX + 1);
	enum status st = ST_NO_MEMORY;
	size_t used = 0;
	la_ssize_t n = 0;

	while (text != NULL && used <= BACKUP_MANIFEST_MAX &&
	       (n = archive_read_data(u->archive, text + used,
		    BACKUP_MANIFEST_MAX + 1 - used)) > 0)
		used += (size_t)n;
	if (text != NULL && n < 0) {
		st = ST_CORRUPT;
		text_fit(u->why, BACKUP_WHY_SIZE, "it does not decompress");
	} else if (text != NULL) {
		st = backup_facts_read(text, used, f, u->why);
	}
	free(text);
	return st;
}

static enum status
peek_archive(struct unpack *u, struct backup_facts *f)
{
	char clean[BACKUP_PATH_MAX + 1];
	struct archive_entry *e;
	enum status st = unpack_open(u);

	for (int i = 0; st == ST_OK && i < PEEK_MEMBERS; i++) {
		const char *name;

		if (archive_read_next_header(u->archive, &e) != ARCHIVE_OK)
			break;
		name = name_clean(archive_entry_pathname(e), clean);
		if (name != NULL && strcmp(name, BACKUP_MANIFEST_NAME) == 0 &&
		    archive_entry_filetype(e) == AE_IFREG)
			return peek_member(u, f);
	}
	text_fit(u->why, BACKUP_WHY_SIZE,
	    st == ST_OK ? "it has no manifest" : "the archive does not read");
	return ST_MALFORMED;
}

enum status
backup_peek(const char *file, struct backup_facts *ret_facts, char *ret_why)
{
	int fd = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct unpack u = { .to = -1, .why = ret_why };
	struct bytes manifest;
	enum status st;

	if (fd < 0)
		return errno == ENOENT ? ST_NOT_FOUND : ST_IO;
	text_fit(ret_why, BACKUP_WHY_SIZE, "the archive does not read");
	st = backup_in_open(fd, NULL, &u.in);
	if (st == ST_OK && backup_in_is_sealed(u.in)) {
		manifest = backup_in_manifest(u.in);
		st = backup_facts_read(
		    manifest.at, manifest.size, ret_facts, ret_why);
	} else if (st == ST_OK) {
		st = peek_archive(&u, ret_facts);
	}
	unpack_fini(&u);
	close(fd);
	return st;
}
