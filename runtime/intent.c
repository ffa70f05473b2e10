#include "runtime/intent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "protocols/catalogue.h"
#include "protocols/json.h"

#define INTENT_MAX 4096
#define INTENT_PATH_SIZE 4200
#define INTENT_MODE 0600

static bool
intent_path(
    const char *data_dir, const char *end, char ret_path[INTENT_PATH_SIZE])
{
	int n = snprintf(
	    ret_path, INTENT_PATH_SIZE, "%s/" INTENT_NAME "%s", data_dir, end);

	return n > 0 && n < INTENT_PATH_SIZE;
}

static enum status
intent_load(const char *path, char *text, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? ST_NOT_FOUND : ST_IO;
	n = read(fd, text, INTENT_MAX);
	close(fd);
	*ret_size = n < 0 ? 0 : (size_t)n;
	return n < 0 ? ST_IO : ST_OK;
}

enum status
intent_read(const char *data_dir, struct arena *a,
    const struct restore_intent **ret_intent)
{
	char path[INTENT_PATH_SIZE], text[INTENT_MAX];
	struct json_result result;
	size_t size = 0;
	void *body = NULL;
	enum status st;

	if (!intent_path(data_dir, "", path))
		return ST_INVALID;
	st = intent_load(path, text, &size);
	if (st != ST_OK)
		return st;
	st = json_decode(
	    CATALOGUE_TYPE(restore_intent), 0, a, text, size, &body, &result);
	if (st == ST_OK)
		*ret_intent = body;
	return st == ST_OK || st == ST_NO_MEMORY ? st : ST_CORRUPT;
}

static enum status
intent_sync_folder(const char *data_dir)
{
	int fd = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return ST_IO;
	rc = fsync(fd);
	close(fd);
	return rc == 0 ? ST_OK : ST_IO;
}

static enum status
intent_put(const char *path, const struct wire_out *out)
{
	int fd =
	    open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, INTENT_MODE);
	bool good;

	if (fd < 0)
		return ST_IO;
	good = write(fd, out->bytes, out->used) == (ssize_t)out->used &&
	       fsync(fd) == 0;
	return close(fd) == 0 && good ? ST_OK : ST_IO;
}

enum status
intent_write(const char *data_dir, const struct restore_intent *intent)
{
	char path[INTENT_PATH_SIZE], fresh[INTENT_PATH_SIZE], text[INTENT_MAX];
	struct wire_out out = { (unsigned char *)text, sizeof(text), 0 };
	enum status st =
	    json_encode(CATALOGUE_TYPE(restore_intent), 0, intent, &out);

	if (!intent_path(data_dir, "", path) ||
	    !intent_path(data_dir, ".new", fresh))
		return ST_INVALID;
	if (st == ST_OK)
		st = intent_put(fresh, &out);
	if (st == ST_OK && rename(fresh, path) != 0)
		st = ST_IO;
	return st == ST_OK ? intent_sync_folder(data_dir) : st;
}

enum status
intent_remove(const char *data_dir)
{
	char path[INTENT_PATH_SIZE];

	if (!intent_path(data_dir, "", path))
		return ST_INVALID;
	if (unlink(path) != 0)
		return errno == ENOENT ? ST_OK : ST_IO;
	return intent_sync_folder(data_dir);
}
