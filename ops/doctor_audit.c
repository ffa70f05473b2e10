#include <inttypes.h>
#include <string.h>

#include "ops/loaded.h"
#include "runtime/base/decimal.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"
#include "store/audit.h"
#include "store/offline.h"

/*
 * doctor audit - is the audit log in a data folder what was written?
 *
 * Exit 0: the chain is whole.  1: it is broken, or the database cannot be
 * read.  2: asked wrongly.
 */

/* --anchor SEQ:DIGEST, as somebody noted it. */
struct noted {
	struct audit_end end;
	uint8_t digest[AUDIT_DIGEST_SIZE];
};

static bool
noted_parse(const char *text, struct noted *ret)
{
	ret->end.digest = (struct bytes){ ret->digest, sizeof(ret->digest) };
	return text[0] != '0' &&
	       decimal_take(&text, UINT64_MAX, &ret->end.seq) &&
	       *text++ == ':' &&
	       text_unhex(text, ret->digest, sizeof(ret->digest));
}

static void
audit_print_json(const struct audit_report *r, const char *head, FILE *to)
{
	fprintf(to,
	    "{\"whole\":%s,\"entries\":%" PRIu64 ",\"first\":%" PRIu64
	    ",\"last\":%" PRIu64 ",\"head\":\"%s\",\"broken\":",
	    r->whole ? "true" : "false", r->entries, r->first, r->last, head);
	if (r->whole) {
		fprintf(to, "null}\n");
		return;
	}
	fprintf(to, "{\"entry\":%" PRIu64 ",\"why\":", r->broken);
	cmd_json_text(to, r->why);
	fprintf(to, "}}\n");
}

static void
audit_print(const struct cmd_args *args, const struct audit_report *r)
{
	char head[AUDIT_DIGEST_TEXT + 1];

	text_hex(r->head, sizeof(r->head), head);
	if (args->json) {
		audit_print_json(r, head, args->out);
		return;
	}
	if (!r->whole)
		fprintf(args->out, "BROKEN at entry %" PRIu64 ": %s\n",
		    r->broken, r->why);
	fprintf(args->out,
	    "%s%" PRIu64 " entries, %" PRIu64 " to %" PRIu64 "\n",
	    r->whole ? "whole: " : "good before it: ", r->entries, r->first,
	    r->last);
	if (r->whole && r->last > 0)
		fprintf(args->out,
		    "to prove later that this still stands: --anchor %" PRIu64
		    ":%s\n",
		    r->last, head);
}

static enum cmd_exit
audit_look(const struct cmd_args *args, const struct loaded *l,
    const struct audit_end *wanted)
{
	struct audit_report report;
	struct offline p = { 0 };
	char why[OFFLINE_WHY_SIZE];
	enum status st = offline_open(&p, l->config, why);

	if (st == ST_OK) {
		audit_verify(&p.txn, wanted, NULL, &report);
		st = txn_status(&p.txn);
		(void)text_fit(why, sizeof(why), p.txn.why);
		offline_close(&p);
	}
	if (st == ST_OK) {
		audit_print(args, &report);
		return report.whole ? CMD_OK : CMD_FAILED;
	}
	fprintf(
	    args->err, "troupe doctor audit: %s: %s\n", status_text(st), why);
	return CMD_FAILED;
}

/* A broken entry is the answer, not news for the log. */
static void
audit_no_log(void *ctx, enum event_id event, const char *line, size_t size)
{
	(void)ctx;
	(void)event;
	(void)line;
	(void)size;
}

static enum cmd_exit
audit_run(const struct cmd_args *args)
{
	const char *anchor = cmd_value(args, "anchor");
	struct noted noted;
	struct loaded l;
	enum cmd_exit code = CMD_USAGE;

	if (anchor != NULL && !noted_parse(anchor, &noted)) {
		fprintf(args->err,
		    "troupe doctor audit: --anchor: expected NUMBER:DIGEST as "
		    "`digest` of the log or this command told it\n");
		return CMD_USAGE;
	}
	log_set_sink(audit_no_log, NULL);
	if (loaded_init(&l, args) != ST_OK)
		mistakes_print(&l.mistakes, args->err);
	else
		code = audit_look(args, &l, anchor == NULL ? NULL : &noted.end);
	log_set_sink(NULL, NULL);
	loaded_fini(&l);
	return code;
}

static const struct cmd_option audit_options[] = {
	LOADED_OPTIONS,
	{ "anchor", CMD_VALUE, "SEQ:DIGEST", "this entry must be there, so" },
	{ 0 },
};

const struct cmd doctor_audit_cmd = {
	.name = "audit",
	.of = "doctor",
	.usage = "[--anchor SEQ:DIGEST] " LOADED_USAGE " [--json]",
	.summary = "Verify the chain of the audit log; name its first broken "
		   "entry.",
	.options = audit_options,
	.run = audit_run,
};
