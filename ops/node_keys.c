#include "ops/node_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/folders.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

enum status
node_keys_failed(char ret_why[NODE_KEYS_WHY_SIZE], const char *what,
    const char *path, const char *reason)
{
	snprintf(ret_why, NODE_KEYS_WHY_SIZE, "%s %.160s: %.64s", what, path,
	    reason);
	return ST_IO;
}

enum status
node_keys_folder(const char *path, char ret_why[NODE_KEYS_WHY_SIZE])
{
	if (!folders_make(AT_FDCWD, path))
		return node_keys_failed(
		    ret_why, "cannot make the folder", path, strerror(errno));
	if (access(path, W_OK | X_OK) != 0)
		return node_keys_failed(
		    ret_why, "cannot write in", path, strerror(errno));
	return ST_OK;
}

static void
keys_path(const char *dir, const char *node, const char *ending,
    char ret_path[NODE_KEYS_PATH_SIZE])
{
	snprintf(ret_path, NODE_KEYS_PATH_SIZE, "%.4096s/keys/%.64s%s", dir,
	    node, ending);
}

enum status
node_keys_publish(const char *dir, const char *node,
    const struct seal_keypair *keys, char ret_why[NODE_KEYS_WHY_SIZE])
{
	char path[NODE_KEYS_PATH_SIZE];
	char temporary[NODE_KEYS_PATH_SIZE + 8];
	char hex[2 * SEAL_PUBLIC_SIZE + 1];
	bool ok;
	FILE *f;

	keys_path(dir, node, ".pub", path);
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	text_hex(seal_keypair_public(keys), SEAL_PUBLIC_SIZE, hex);
	f = fopen(temporary, "we");
	ok = f != NULL && fprintf(f, "%s\n", hex) > 0;
	if (f != NULL && fclose(f) != 0)
		ok = false;
	if (!ok || rename(temporary, path) != 0)
		return node_keys_failed(
		    ret_why, "cannot write the key", path, strerror(errno));
	return ST_OK;
}

enum status
node_keys_load(const char *dir, const char *node,
    struct seal_keypair **ret_keys, char ret_why[NODE_KEYS_WHY_SIZE])
{
	char path[NODE_KEYS_PATH_SIZE];
	enum status st;

	keys_path(dir, node, ".key", path);
	st = seal_keypair_load(path, ret_keys);
	if (st == ST_NOT_FOUND) {
		st = seal_keypair_create(NULL, ret_keys);
		if (st == ST_OK)
			st = seal_keypair_store(*ret_keys, path);
		if (st == ST_OK)
			LOG(KEY_FILE_MADE, KV("file", path));
	}
	if (st != ST_OK)
		return node_keys_failed(
		    ret_why, "cannot use the key", path, status_text(st));
	return node_keys_publish(dir, node, *ret_keys, ret_why);
}

bool
node_keys_find(
    const char *dir, const char *node, uint8_t ret_public[SEAL_PUBLIC_SIZE])
{
	char path[NODE_KEYS_PATH_SIZE];
	char hex[2 * SEAL_PUBLIC_SIZE + 2] = "";
	bool ok;
	FILE *f;

	keys_path(dir, node, ".pub", path);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	ok = fgets(hex, sizeof(hex), f) != NULL;
	fclose(f);
	hex[strcspn(hex, "\n")] = '\0';
	return ok && text_unhex(hex, ret_public, SEAL_PUBLIC_SIZE);
}
