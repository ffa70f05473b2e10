#include <inttypes.h>
#include <string.h>

#include "ops/loaded.h"
#include "runtime/base/decimal.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"
#include "store/inspect.h"
#include "store/meta.h"
#include "store/migrate.h"
#include "store/offline.h"

/*
 * doctor store - is everything in a data folder's database what it should be?
 *
 * Exit 0: it is.  1: something is wrong, or the database cannot be read.
 * 2: asked wrongly.
 */

#define SHOW_DEFAULT 100
#define SHOW_MAX 1000000

struct telling {
	const struct cmd_args *args;
	uint64_t told;
	uint64_t show;
};

static void
telling_json(
    struct telling *s, const char *table, const char *key, const char *what)
{
	FILE *to = s->args->out;

	fprintf(to, "%s{\"table\":", s->told == 0 ? "" : ",");
	cmd_json_text(to, table);
	fprintf(to, ",\"key\":");
	cmd_json_text(to, key);
	fprintf(to, ",\"what\":");
	cmd_json_text(to, what);
	fprintf(to, "}");
}

static void
telling_one(void *ctx, const char *table, const char *key, const char *what)
{
	struct telling *s = ctx;

	if (s->told >= s->show)
		return;
	if (s->args->json)
		telling_json(s, table, key, what);
	else
		fprintf(s->args->out, "WRONG %s/%s: %s\n", table, key, what);
	s->told++;
}

static void
store_end(const struct cmd_args *args, const struct inspection *i,
    const struct telling *told, enum status st)
{
	FILE *to = args->out;
	bool whole = st == ST_OK && i->wrong == 0;

	if (args->json) {
		fprintf(to,
		    "],\"whole\":%s,\"wrong\":%" PRIu64 ",\"rows\":%" PRIu64
		    ",\"entries\":%" PRIu64 "}\n",
		    whole ? "true" : "false", i->wrong, i->rows, i->entries);
		return;
	}
	if (i->wrong > told->told)
		fprintf(to, "and %" PRIu64 " more: --show says how many\n",
		    i->wrong - told->told);
	if (whole)
		fprintf(to, "whole: ");
	else
		fprintf(to, "%" PRIu64 " wrong in ", i->wrong);
	fprintf(to, "%" PRIu64 " rows, %" PRIu64 " index entries\n", i->rows,
	    i->entries);
}

/* Another schema has other tables. */
static enum status
store_is_ours(struct offline *p, char *why)
{
	uint64_t is = meta_get(&p->txn, META_SCHEMA_VERSION);

	if (txn_status(&p->txn) != ST_OK || is == migrate_newest())
		return txn_status(&p->txn);
	snprintf(why, OFFLINE_WHY_SIZE,
	    "its schema is version %" PRIu64
	    ", this program's %u: start the program that runs it once",
	    is, migrate_newest());
	return is > migrate_newest() ? ST_NEWER : ST_UNSUPPORTED;
}

static enum status
store_inspect(const struct cmd_args *args, struct offline *p, uint64_t show,
    char *why, uint64_t *ret_wrong)
{
	struct telling told = { .args = args, .show = show };
	struct inspection i = { .tell = telling_one, .ctx = &told };
	enum status st = store_is_ours(p, why);

	if (st != ST_OK)
		return st;
	if (args->json)
		fprintf(args->out, "{\"findings\":[");
	st = inspect_all(&p->txn, &i);
	(void)text_fit(why, OFFLINE_WHY_SIZE, p->txn.why);
	store_end(args, &i, &told, st);
	*ret_wrong = i.wrong;
	return st;
}

static enum cmd_exit
store_look(const struct cmd_args *args, const struct loaded *l, uint64_t show)
{
	struct offline p = { .verified = true };
	char why[OFFLINE_WHY_SIZE];
	uint64_t wrong = 0;
	enum status st = offline_open(&p, l->config, why);

	if (st == ST_OK) {
		st = store_inspect(args, &p, show, why, &wrong);
		offline_close(&p);
	}
	if (st == ST_OK)
		return wrong == 0 ? CMD_OK : CMD_FAILED;
	fprintf(
	    args->err, "troupe doctor store: %s: %s\n", status_text(st), why);
	return CMD_FAILED;
}

/* What is wrong is the answer, not news for the log. */
static void
store_no_log(void *ctx, enum event_id event, const char *line, size_t size)
{
	(void)ctx;
	(void)event;
	(void)line;
	(void)size;
}

static bool
show_parse(const char *text, uint64_t *ret_show)
{
	*ret_show = SHOW_DEFAULT;
	return text == NULL || decimal_parse(text, SHOW_MAX, ret_show);
}

static enum cmd_exit
store_run(const struct cmd_args *args)
{
	enum cmd_exit code = CMD_USAGE;
	struct loaded l;
	uint64_t show;

	if (!show_parse(cmd_value(args, "show"), &show)) {
		fprintf(args->err,
		    "troupe doctor store: --show: expected a number up to "
		    "%d\n",
		    SHOW_MAX);
		return CMD_USAGE;
	}
	log_set_sink(store_no_log, NULL);
	if (loaded_init(&l, args) != ST_OK)
		mistakes_print(&l.mistakes, args->err);
	else
		code = store_look(args, &l, show);
	log_set_sink(NULL, NULL);
	loaded_fini(&l);
	return code;
}

static const struct cmd_option store_options[] = {
	LOADED_OPTIONS,
	{ "show", CMD_VALUE, "N", "tell at most N findings; all are counted" },
	{ 0 },
};

const struct cmd doctor_store_cmd = {
	.name = "store",
	.of = "doctor",
	.usage = "[--show N] " LOADED_USAGE " [--json]",
	.summary = "Verify every page, row, index entry and sum of the store.",
	.options = store_options,
	.run = store_run,
};
