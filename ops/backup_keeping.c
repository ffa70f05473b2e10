#include <stdio.h>
#include <stdlib.h>

#include "actors/backup_keep.h"
#include "ops/cmd_backup.h"
#include "protocols/catalogue.h"
#include "protocols/messages.h"
#include "runtime/base/clock.h"

/* What stays of the backups: `troupe backup prune`, `hold`, `release`. */

#define ARENA (4u << 20)

/* ---- prune ---- */

static void
pruned_print(FILE *to, const struct backup_pruned *all)
{
	char when[CLOCK_TEXT_SIZE];

	fprintf(to, "%-12s  %-20s  %-11s  %s\n", "ID", "MADE", "WHY", "");
	for (uint32_t i = 0; i < all->backups_count; i++) {
		const struct backup_judged *b = &all->backups[i];
		bool goes = backup_fate_goes(b->fate);
		const char *what = b->removed     ? "removed"
				   : !goes        ? "stays"
				   : all->dry_run ? "would go"
						  : "not removed";

		clock_text(b->timestamp, when);
		fprintf(to, "%-12s  %-20.19s  %-11s  %s\n", b->backup_id, when,
		    backup_fate_text(b->fate), what);
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
	struct call_ask ask = { "POST", "/api/v1/backups/prune",
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
hold_run(const struct cmd_args *args)
{
	return backup_ask_one(args, "PUT", "/hold");
}

static enum cmd_exit
release_run(const struct cmd_args *args)
{
	return backup_ask_one(args, "DELETE", "/hold");
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
	.of = "backup",
	.usage = "[--dry-run] " CALL_USAGE " [--json]",
	.summary = "Remove the backups that retention lets go.",
	.options = prune_options,
	.run = prune_run,
};
const struct cmd backup_hold_cmd = {
	.name = "hold",
	.of = "backup",
	.usage = "ID " CALL_USAGE " [--json]",
	.summary = "Hold a backup: neither retention nor delete removes it.",
	.options = plain_options,
	.words_min = 1,
	.words_max = 1,
	.run = hold_run,
};
const struct cmd backup_release_cmd = {
	.name = "release",
	.of = "backup",
	.usage = "ID " CALL_USAGE " [--json]",
	.summary = "Let a held backup go.",
	.options = plain_options,
	.words_min = 1,
	.words_max = 1,
	.run = release_run,
};
