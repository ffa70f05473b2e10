#include "store/path.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/memory.h"

static bool
part_is(struct bytes part, const char *text)
{
	return part.size == strlen(text) &&
	       memcmp(part.at, text, part.size) == 0;
}

static bool
part_is_blank(struct bytes part)
{
	for (size_t i = 0; i < part.size; i++)
		if (part.at[i] != ' ')
			return false;
	return true;
}

static bool
path_bytes_are_legal(struct bytes raw)
{
	for (size_t i = 0; i < raw.size; i++)
		if (raw.at[i] < 0x20 || raw.at[i] == 0x7f || raw.at[i] == '\\')
			return false;
	return raw.size > 0 && raw.size < BACKEND_PATH_MAX;
}

/* Cuts the part before the next slash off *rest. */
static struct bytes
path_take_part(struct bytes *rest)
{
	const uint8_t *slash = memchr(rest->at, '/', rest->size);
	size_t size = slash == NULL ? rest->size : (size_t)(slash - rest->at);
	size_t used = size + (slash == NULL ? 0 : 1);
	struct bytes part = { rest->at, size };

	rest->at += used;
	rest->size -= used;
	return part;
}

/* The text only ever gets shorter, so it fits whatever raw fitted. */
enum status
path_clean(struct bytes raw, char ret_path[BACKEND_PATH_MAX])
{
	char text[BACKEND_PATH_MAX];
	struct bytes rest = raw;
	size_t used = 0;

	if (!path_bytes_are_legal(raw))
		return ST_INVALID;
	if (raw.at[0] == '/')
		text[used++] = '/';
	while (rest.size > 0) {
		struct bytes part = path_take_part(&rest);

		if (part.size == 0 || part_is(part, "."))
			continue;
		if (part_is(part, "..") || part_is_blank(part))
			return ST_INVALID;
		if (used > 0 && text[used - 1] != '/')
			text[used++] = '/';
		memcpy(text + used, part.at, part.size);
		used += part.size;
	}
	if (used == 0)
		text[used++] = '.';
	text[used] = '\0';
	memcpy(ret_path, text, used + 1);
	return ST_OK;
}

/* Replaces the part of path that exists by where it really is. */
static enum status
path_resolve(const char *path, char ret_real[BACKEND_PATH_MAX])
{
	char head[BACKEND_PATH_MAX], real[PATH_MAX];
	size_t cut = strlen(path);
	int n;

	memcpy(head, path, cut + 1);
	while (realpath(head, real) == NULL) {
		if (errno != ENOENT)
			return ST_DENIED;
		while (cut > 0 && head[cut - 1] != '/')
			cut--;
		cut -= cut > 1 ? 1 : 0;
		head[cut] = '\0';
		if (cut <= 1)
			snprintf(head, sizeof(head), "/");
	}
	n = snprintf(ret_real, BACKEND_PATH_MAX, "%s%s", real, path + cut);
	return n > 0 && n < BACKEND_PATH_MAX ? ST_OK : ST_INVALID;
}

enum status
path_confine(
    const char *base_dir, const char *clean, char ret_path[BACKEND_PATH_MAX])
{
	char whole[BACKEND_PATH_MAX], real[BACKEND_PATH_MAX], base[PATH_MAX];
	enum status st;
	size_t n;

	if (realpath(base_dir, base) == NULL)
		return ST_IO;
	n = strlen(base) == 1 ? 0 : strlen(base);
	if (clean[0] == '/')
		snprintf(whole, sizeof(whole), "%s", clean);
	else if ((size_t)snprintf(whole, sizeof(whole), "%s/%s", base, clean) >=
		 sizeof(whole))
		return ST_INVALID;
	st = path_resolve(whole, real);
	if (st != ST_OK)
		return st;
	if (strncmp(real, base, n) != 0 || (real[n] != '/' && real[n] != '\0'))
		return ST_DENIED;
	memcpy(ret_path, real, strlen(real) + 1);
	return ST_OK;
}
