#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/cmd_backup.h"
#include "protocols/catalogue.h"
#include "protocols/messages.h"
#include "runtime/base/clock.h"

/* What stays of the backups: `troupe backup prune`, `hold`, `release`. */

#define PATH "/api/v1/backups"
#define ARENA (4u << 20)

/* ---- prune ---- */

static const struct wire_enum *
fates_find(void)
{
	size_t n = 0;

	while (strcmp(catalogue_nth_enum(n)->name, "backup_fate") != 0)
		n++;
	return catalogue_nth_enum(n);
}

static void
pruned_print(FILE *to, const struct backup_pruned *all)
{
	const struct wire_enum *fates = fates_find();
	char when[CLOCK_TEXT_SIZE];

	fprintf(to, "%-12s  %-20s  %-11s  %s\n", "ID", "MADE", "WHY", "");
	for (uint32_t i = 0; i < all->backups_count; i++) {
		const struct backup_judged *b = &all->backups[i];
		bool goes = b->fate >= FATE_OVER_SAFETY;
		const char *what = b->removed     ? "removed"
				   : !goes        ? "stays"
				   : all->dry_run ? "would go"
						  : "not removed";

		clock_text(b->timestamp, when);
		fprintf(to, "%-12s  %-20.19s  %-11s  %s\n", b->backup_id, when,
		    fates->texts[b->fate], what);
	}
}

static enum cmd_exit
prune_show(const struct cmd_args *args, struct call_reply *r, struct arena *a)
{
	void *body = NULL;

	if (call_decode(r, "data", CATALOGUE_TYPE(backup_pruned), a, &body) !=
	    ST_OK)
		return call_end(args, r);
	/* body is the caller's arena.
	 * NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	pruned_print(args->out, body);
	call_fini(r);
	return CMD_OK;
}

static enum cmd_exit
prune_run(const struct cmd_args *args)
{
	struct call_ask ask = { "POST", PATH "/prune",
		cmd_flag(args, "dry-run") ? "{\"dry_run\":true}" : "{}", NULL };
	struct arena a = { malloc(ARENA), ARENA, 0 };
	enum cmd_exit code = CMD_FAILED;
	struct call_reply r;

	if (a.base != NULL && call(args, &ask, &r) == ST_OK)
		code = args->json || !call_is_good(&r)
			   ? call_end(args, &r)
			   : prune_show(args, &r, &a);
	free(a.base);
	return code;
}

/* ---- hold and release ---- */

static enum cmd_exit
hold_ask(const struct cmd_args *args, const char *method)
{
	const char *id = backup_word_id(args);
	char path[64];
	struct call_reply r;

	if (id == NULL)
		return CMD_USAGE;
	snprintf(path, sizeof(path), PATH "/%.12s/hold", id);
	if (call(args, &(struct call_ask){ method, path, NULL, NULL }, &r) !=
	    ST_OK)
		return CMD_FAILED;
	return call_end(args, &r);
}

static enum cmd_exit
hold_run(const struct cmd_args *args)
{
	return hold_ask(args, "PUT");
}

static enum cmd_exit
release_run(const struct cmd_args *args)
{
	return hold_ask(args, "DELETE");
}

/* clang-format off */
static const struct cmd_option plain_options[] = { CALL_OPTIONS, { 0 } };
static const struct cmd_option prune_options[] = {
	CALL_OPTIONS,
	{ "dry-run", CMD_FLAG, NULL, "only tell what would go, and why" },
	{ 0 },
};
/* clang-format on */

const struct cmd backup_prune_cmd = {
	.name = "prune",
	.usage = "[--dry-run] " CALL_USAGE " [--json]",
	.summary = "Remove the backups that retention lets go.",
	.options = prune_options,
	.run = prune_run,
};
const struct cmd backup_hold_cmd = {
	.name = "hold",
	.usage = "ID " CALL_USAGE " [--json]",
	.summary = "Hold a backup: neither retention nor delete removes it.",
	.options = plain_options,
	.words_min = 1,
	.words_max = 1,
	.run = hold_run,
};
const struct cmd backup_release_cmd = {
	.name = "release",
	.usage = "ID " CALL_USAGE " [--json]",
	.summary = "Let a held backup go.",
	.options = plain_options,
	.words_min = 1,
	.words_max = 1,
	.run = release_run,
};
