#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/backup_work.h"
#include "runtime/base/text.h"

/* Where things are, and that none of them lies where another one goes. */

enum place_at {
	AT_ROOT,
	AT_SECOND,
	AT_KEYS,
	AT_MEMORY,
	AT_CONFIG,
	AT_STORE,
	AT_TOKENS,
	AT_DATA,
	PLACES
};

struct named_place {
	const char *name;
	const char *path;
};

#define BIT(at) (1u << (at))

/*
 * Who must not hold whom: a restore replaces the memory tree and the company's
 * file, retention removes from the backups, and keys go nowhere with either.
 */
static const unsigned must_not_hold[PLACES] = {
	[AT_ROOT] = BIT(AT_SECOND) | BIT(AT_KEYS) | BIT(AT_MEMORY) |
		    BIT(AT_CONFIG) | BIT(AT_STORE),
	[AT_SECOND] = BIT(AT_ROOT) | BIT(AT_KEYS) | BIT(AT_MEMORY) |
		      BIT(AT_CONFIG) | BIT(AT_STORE),
	[AT_MEMORY] = BIT(AT_ROOT) | BIT(AT_SECOND) | BIT(AT_KEYS) |
		      BIT(AT_CONFIG) | BIT(AT_STORE) | BIT(AT_TOKENS) |
		      BIT(AT_DATA),
	[AT_CONFIG] = BIT(AT_MEMORY) | BIT(AT_ROOT) | BIT(AT_SECOND) |
		      BIT(AT_KEYS) | BIT(AT_STORE),
	[AT_KEYS] = BIT(AT_CONFIG),
	[AT_STORE] = BIT(AT_MEMORY) | BIT(AT_CONFIG),
	[AT_TOKENS] = BIT(AT_MEMORY) | BIT(AT_CONFIG) | BIT(AT_ROOT),
};

/* The next name of a path: "a//./b" has two.  Size 0: there is none. */
static const char *
next_name(const char *at, size_t *ret_size)
{
	do {
		at += strspn(at, "/");
		*ret_size = strcspn(at, "/");
	} while (*ret_size == 1 && *at == '.' && *++at != '\0');
	if (*at == '\0')
		*ret_size = 0;
	return at;
}

bool
backup_is_within(const char *path, const char *folder)
{
	size_t n, m;

	for (;;) {
		folder = next_name(folder, &m);
		path = next_name(path, &n);
		if (m == 0)
			return true;
		if (n != m || strncmp(path, folder, m) != 0)
			return false;
		path += n;
		folder += m;
	}
}

bool
backup_are_apart(const char *a, const char *b)
{
	char *x = realpath(a, NULL), *y = realpath(b, NULL);
	bool apart = x == NULL || y == NULL ||
		     (!backup_is_within(x, y) && !backup_is_within(y, x));

	free(x);
	free(y);
	return apart;
}

static enum status
place_fail(char *ret_why, const char *why)
{
	text_fit(ret_why, BACKUP_WHY_SIZE, why);
	return ST_INVALID;
}

static enum status
place_mistake(const struct named_place all[PLACES], char *ret_why)
{
	for (unsigned i = 0; i < PLACES; i++)
		for (unsigned k = 0; k < PLACES; k++) {
			if ((must_not_hold[i] & BIT(k)) == 0 ||
			    all[i].path[0] == '\0' || all[k].path[0] == '\0' ||
			    !backup_is_within(all[k].path, all[i].path))
				continue;
			snprintf(ret_why, BACKUP_WHY_SIZE,
			    "%s must not be in %s", all[k].name, all[i].name);
			return ST_INVALID;
		}
	return ST_OK;
}

/* What the memory backend is given is no path. */
static enum status
place_check(const struct config *c, const struct backup_place *p, char *ret_why)
{
	char store[BACKUP_PLACE_MAX], tokens[BACKUP_PLACE_MAX + 8];
	const struct named_place all[PLACES] = {
		[AT_ROOT] = { "backup.path", p->root },
		[AT_SECOND] = { "backup.second.path", p->second },
		[AT_KEYS] = { "backup.key_dir", p->keys },
		[AT_MEMORY] = { "memory.path", p->memory },
		[AT_CONFIG] = { "company.config_path", p->config },
		[AT_STORE] = { "persistence.lmdb.path", store },
		[AT_TOKENS] = { "the folder of token keys", tokens },
		[AT_DATA] = { "runtime.data_dir", p->data_dir },
	};

	if (config_path(c, SETTING_persistence_lmdb_path, store,
		sizeof(store)) != ST_OK)
		return place_fail(ret_why, "persistence.lmdb.path is too long");
	if (store[0] == ':')
		store[0] = '\0';
	snprintf(tokens, sizeof(tokens), "%s/keys", p->data_dir);
	return place_mistake(all, ret_why);
}

enum status
backup_place_init(const struct config *c, struct backup_place *p, char *ret_why)
{
	const struct {
		enum setting_id id;
		char *at;
	} paths[] = {
		{ SETTING_backup_path, p->root },
		{ SETTING_backup_key_dir, p->keys },
		{ SETTING_backup_second_path, p->second },
		{ SETTING_memory_path, p->memory },
		{ SETTING_company_config_path, p->config },
	};
	enum status st;

	if (!text_fit(p->data_dir, sizeof(p->data_dir),
		config_text(c, SETTING_runtime_data_dir)))
		return place_fail(ret_why, "runtime.data_dir is too long");
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (config_path(
			c, paths[i].id, paths[i].at, BACKUP_PLACE_MAX) != ST_OK)
			return place_fail(ret_why, "a path is too long");
	if (config_text(c, SETTING_backup_second_path)[0] == '\0')
		p->second[0] = '\0';
	st = place_check(c, p, ret_why);
	if (st != ST_OK)
		return st;
	p->second_elsewhere = config_bool(c, SETTING_backup_second_other_disk);
	p->archive =
	    (enum backup_archive)config_choice(c, SETTING_backup_archive);
	p->require_signature = config_bool(c, SETTING_backup_require_signature);
	return backup_protect_read(
	    config_text(c, SETTING_backup_retention_protect), &p->protects,
	    ret_why);
}
