#include "actors/backup_feed.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <archive.h>
#include <archive_entry.h>

#include "actors/backup_pipe.h"
#include "runtime/base/processor.h"
#include "runtime/base/thread.h"

struct backup_feed {
	struct backup_in *in;
	struct backup_pipe *pipe;
	pthread_t thread;
	enum status read_st; /* of in */
};

static la_ssize_t
feed_pull(struct archive *a, void *ctx, const void **ret_bytes)
{
	struct backup_feed *f = ctx;
	struct bytes b;

	f->read_st = backup_in_read(f->in, &b);
	*ret_bytes = b.at;
	if (f->read_st == ST_OK)
		return (la_ssize_t)b.size;
	archive_set_error(a, EIO, "%s", status_text(f->read_st));
	return -1;
}

/* One stream of bytes, whatever they are. */
static bool
feed_open(struct backup_feed *f, struct archive *a)
{
	struct archive_entry *e;

	return archive_read_support_format_raw(a) == ARCHIVE_OK &&
	       archive_read_support_filter_gzip(a) == ARCHIVE_OK &&
	       archive_read_support_filter_zstd(a) == ARCHIVE_OK &&
	       archive_read_open(a, f, NULL, feed_pull, NULL) == ARCHIVE_OK &&
	       archive_read_next_header(a, &e) == ARCHIVE_OK;
}

static enum status
feed_pour(struct backup_feed *f, struct archive *a)
{
	const void *at;
	la_int64_t offset;
	size_t size;
	int rc;

	while ((rc = archive_read_data_block(a, &at, &size, &offset)) ==
	       ARCHIVE_OK) {
		if (backup_pipe_write(f->pipe, at, size) != ST_OK)
			return ST_CANCELLED;
		processor_give_way();
	}
	return rc == ARCHIVE_EOF ? ST_OK : ST_CORRUPT;
}

/* A sealed archive is good only when its last piece is. */
static enum status
feed_rest(struct backup_feed *f)
{
	struct bytes b;
	enum status st;

	while ((st = backup_in_read(f->in, &b)) == ST_OK && b.size > 0)
		;
	return st;
}

static void *
feed_main(void *arg)
{
	struct backup_feed *f = arg;
	struct archive *a = archive_read_new();
	enum status st = ST_NO_MEMORY;

	thread_name("backup-unpack");
	if (a != NULL)
		st = feed_open(f, a) ? feed_pour(f, a) : ST_CORRUPT;
	if (f->read_st != ST_OK)
		st = f->read_st;
	else if (st == ST_OK)
		st = feed_rest(f);
	backup_pipe_end(f->pipe, st);
	if (a != NULL)
		archive_read_free(a);
	return NULL;
}

struct backup_feed *
backup_feed_create(struct backup_in *in)
{
	struct backup_feed *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->in = in;
	f->pipe = backup_pipe_create();
	if (f->pipe == NULL ||
	    pthread_create(&f->thread, NULL, feed_main, f) != 0) {
		backup_pipe_destroy(f->pipe);
		free(f);
		return NULL;
	}
	return f;
}

enum status
backup_feed_read(struct backup_feed *f, struct bytes *ret)
{
	return backup_pipe_read(f->pipe, ret);
}

void
backup_feed_destroy(struct backup_feed *f)
{
	if (f == NULL)
		return;
	backup_pipe_stop(f->pipe);
	pthread_join(f->thread, NULL);
	backup_pipe_destroy(f->pipe);
	free(f);
}
