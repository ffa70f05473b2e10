#include "actors/backup_tally.h"

#include <stdlib.h>
#include <string.h>

#include "actors/backup_facts.h"
#include "actors/backup_sum.h"
#include "runtime/base/text.h"

struct backup_tally {
	struct backup_sum *sum;
	bool lost;
	bool passes;    /* over the manifest */
	uint64_t left;  /* of the file in hand */
	uint64_t place; /* in it */
	char last[BACKUP_PATH_MAX + 1];
};

struct backup_tally *
backup_tally_create(void)
{
	struct backup_tally *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->sum = backup_sum_create();
	if (t->sum == NULL) {
		free(t);
		return NULL;
	}
	return t;
}

void
backup_tally_destroy(struct backup_tally *t)
{
	if (t == NULL)
		return;
	backup_sum_destroy(t->sum);
	free(t);
}

/* A folder's content comes before what has a longer name. */
static unsigned
walk_rank(char c)
{
	return c == '\0' ? 0 : c == '/' ? 1 : (unsigned char)c + 1u;
}

static bool
walk_is_after(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b)
		a++, b++;
	return walk_rank(*b) > walk_rank(*a);
}

/* False: it does not count. */
static bool
tally_next(struct backup_tally *t, const char *path)
{
	if (t->left > 0)
		t->lost = true; /* the one before was too short */
	t->left = t->place = 0;
	t->passes = strcmp(path, BACKUP_MANIFEST_NAME) == 0;
	if (t->passes || t->lost)
		return false;
	if (!walk_is_after(t->last, path) ||
	    !text_fit(t->last, sizeof(t->last), path))
		t->lost = true;
	return !t->lost;
}

void
backup_tally_folder(struct backup_tally *t, const char *path)
{
	(void)tally_next(t, path);
}

void
backup_tally_link(struct backup_tally *t, const char *path, const char *target)
{
	if (!tally_next(t, path))
		return;
	backup_sum_add(t->sum, "l", 1);
	backup_sum_add_text(t->sum, path);
	backup_sum_add_text(t->sum, target);
}

void
backup_tally_file(struct backup_tally *t, const char *path, uint64_t size)
{
	if (!tally_next(t, path))
		return;
	backup_sum_add(t->sum, "f", 1);
	backup_sum_add_text(t->sum, path);
	backup_sum_add_number(t->sum, size);
	t->left = size;
}

void
backup_tally_bytes(
    struct backup_tally *t, uint64_t at, const void *bytes, size_t size)
{
	if (t->passes || t->lost)
		return;
	if (at != t->place || size > t->left) {
		t->lost = true;
		return;
	}
	backup_sum_add(t->sum, bytes, size);
	t->place += size;
	t->left -= size;
}

void
backup_tally_lose(struct backup_tally *t)
{
	t->lost = true;
}

void
backup_tally_end(
    struct backup_tally *t, char ret_checksum[BACKUP_CHECKSUM_MAX + 1])
{
	ret_checksum[0] = '\0';
	if (!t->lost && t->left == 0)
		backup_sum_end_text(t->sum, ret_checksum);
}
