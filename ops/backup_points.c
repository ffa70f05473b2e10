#include <stdlib.h>

#include "ops/cmd_backup.h"
#include "protocols/catalogue.h"
#include "protocols/messages.h"
#include "runtime/base/clock.h"

#define ARENA (4u << 20)

/* Which states of the store can be restored: troupe backup points. */

static void
window_print(FILE *to, const struct backup_window *w)
{
	char from[CLOCK_TEXT_SIZE], at[CLOCK_TEXT_SIZE];

	clock_text(w->from_at, from);
	clock_text(w->at, at);
	fprintf(to, "%-26.26s  %12llu  %-26.26s  %12llu  %4u  %6u  %s\n", from,
	    (unsigned long long)w->from_txid, at, (unsigned long long)w->txid,
	    w->backups, w->segments, w->is_current ? "now" : "ended");
}

static void
points_print(FILE *to, const struct backup_windows *all)
{
	fprintf(to, "%-26s  %12s  %-26s  %12s  %4s  %6s  %s\n", "FROM",
	    "TRANSACTION", "TO", "TRANSACTION", "FROM", "FILES", "STATE");
	for (uint32_t i = 0; i < all->windows_count; i++)
		window_print(to, &all->windows[i]);
	if (!all->shipping)
		fprintf(to, "shipping is off: backup.ship.enabled\n");
	else
		fprintf(to, "lag %llu ms%s\n", (unsigned long long)all->lag_ms,
		    all->failing ? ", and shipping fails" : "");
}

static enum cmd_exit
points_run(const struct cmd_args *args)
{
	const struct call_ask ask = { "GET", "/api/v1/backups/points", NULL,
		NULL };
	struct arena a = { malloc(ARENA), ARENA, 0 };
	enum cmd_exit code = CMD_FAILED;
	struct call_reply r;
	void *body = NULL;

	if (a.base == NULL || call(args, &ask, &r) != ST_OK) {
		free(a.base);
		return CMD_FAILED;
	}
	if (args->json || !call_is_good(&r) ||
	    call_decode(&r, "data", CATALOGUE_TYPE(backup_windows), &a,
		&body) != ST_OK) {
		code = call_end(args, &r);
	} else {
		points_print(args->out, body);
		call_fini(&r);
		code = CMD_OK;
	}
	free(a.base);
	return code;
}

/* clang-format off */
static const struct cmd_option points_options[] = { CALL_OPTIONS, { 0 } };
/* clang-format on */

const struct cmd backup_points_cmd = {
	.name = "points",
	.of = "backup",
	.usage = CALL_USAGE " [--json]",
	.summary = "Tell which states of the store can be restored, and how "
		   "far shipping is behind.",
	.options = points_options,
	.run = points_run,
};
