#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/backup_tree.h"
#include "actors/backup_work.h"
#include "runtime/base/log.h"

#define PATH_SIZE 4096

/* What a drill leaves behind: when a backup was last proven to be good. */

/* Hidden, so that it is no entry: it is about the backups, not one of them. */
static void
proven_file(const struct backup_place *place, char ret_file[PATH_SIZE])
{
	snprintf(ret_file, PATH_SIZE, "%s/.proven", place->root);
}

void
backup_work_drilled(struct backup_job *j)
{
	char file[PATH_SIZE], text[32];
	int n = snprintf(text, sizeof(text), "%" PRId64 "\n", j->proven_at);

	backup_work_clean(j);
	proven_file(j->place, file);
	if (j->st == ST_OK && backup_file_write(file, text, (size_t)n) != ST_OK)
		LOG(BACKUP_UNAVAILABLE, KV("why", "the proof is not kept"));
}

int64_t
backup_work_proven(const struct backup_place *place)
{
	char path[PATH_SIZE];
	char line[32] = "";
	long long at;
	FILE *file;

	proven_file(place, path);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	if (fgets(line, sizeof(line), file) == NULL)
		line[0] = '\0';
	fclose(file);
	at = strtoll(line, NULL, 10);
	return at > 0 ? at : 0;
}
