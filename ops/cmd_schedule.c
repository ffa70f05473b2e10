#include <inttypes.h>
#include <string.h>

#include "ops/call.h"
#include "protocols/catalogue.h"
#include "protocols/json.h"
#include "protocols/messages.h"
#include "runtime/base/arena.h"
#include "runtime/base/clock.h"

/* schedule - when the periodic services of the running Troupe run. */

#define SCHEDULE_ARENA (64u << 10)
#define SCHEDULE_BODY_MAX 512
#define SCHEDULE_PATH_MAX 256
#define SCHEDULES_PATH "/api/v1/schedules"
#define SCHEDULE_TOO_LONG "troupe schedule set: that is too long\n"

static const char *const schedule_statuses[] = { "idle", "running", "draining",
	"failed", "dead" };

static void
schedule_print_time(FILE *to, bool is_there, int64_t at)
{
	char text[CLOCK_TEXT_SIZE];

	clock_text(at, text);
	/* To the second, in UTC: what an operator reads. */
	fprintf(to, "  %-20.19s", is_there ? text : "-");
}

static void
schedule_print(FILE *to, const struct schedule *s)
{
	char every[SCHEDULE_CRON_MAX + 1];

	if (s->cron != NULL)
		snprintf(every, sizeof(every), "%s", s->cron);
	else
		snprintf(
		    every, sizeof(every), "%" PRIu64 " s", s->interval_seconds);
	fprintf(to, "%-24s %-9s %-20s", s->service,
	    schedule_statuses[s->status], every);
	schedule_print_time(to, s->has_next_run_at, s->next_run_at);
	schedule_print_time(to, s->has_last_run_at, s->last_run_at);
	fputc('\n', to);
}

static void
schedule_print_head(FILE *to)
{
	fprintf(to, "%-24s %-9s %-20s  %-20s  %s\n", "service", "status",
	    "every", "next (UTC)", "last (UTC)");
}

/* The whole answer as t; NULL: it has been told. */
static const void *
schedule_decode(const struct cmd_args *args, const struct call_reply *r,
    const struct wire_type *t)
{
	static unsigned char memory[SCHEDULE_ARENA];
	struct arena a = { memory, sizeof(memory), 0 };
	struct json_result why = { 0 };
	void *body;

	if (json_decode(t, JSON_IGNORE_UNKNOWN | JSON_DEFAULTS, &a, r->body,
		r->size, &body, &why) == ST_OK)
		return body;
	fprintf(args->err, "troupe schedule: the answer does not decode: %s\n",
	    why.why);
	return NULL;
}

static enum cmd_exit
schedule_list_run(const struct cmd_args *args)
{
	const struct schedule_answer *all;
	struct call_reply r;

	if (call(args, &(struct call_ask){ "GET", SCHEDULES_PATH, NULL, NULL },
		&r) != ST_OK)
		return CMD_FAILED;
	if (args->json || !call_is_good(&r))
		return call_end(args, &r);
	all = schedule_decode(args, &r, CATALOGUE_TYPE(schedule_answer));
	if (all != NULL)
		schedule_print_head(args->out);
	for (uint32_t i = 0; all != NULL && i < all->data_count; i++)
		schedule_print(args->out, &all->data[i]);
	call_fini(&r);
	return all != NULL ? CMD_OK : CMD_FAILED;
}

/* A number as it was given: the server says what is wrong with it. */
static bool
schedule_number(const struct cmd_args *args, FILE *body, const char *option,
    const char *key)
{
	const char *given = cmd_value(args, option);

	if (given == NULL)
		return true;
	if (*given == '\0' || given[strspn(given, "0123456789")] != '\0') {
		fprintf(args->err,
		    "troupe schedule set: --%s %s: expected seconds\n", option,
		    given);
		return false;
	}
	fprintf(body, ",\"%s\":%s", key, given);
	return true;
}

static void
schedule_text(const struct cmd_args *args, FILE *body, const char *option,
    const char *key)
{
	const char *given = cmd_value(args, option);

	if (given == NULL)
		return;
	fprintf(body, ",\"%s\":", key);
	cmd_json_text(body, given);
}

/* False: it has been told what cannot be asked. */
static bool
schedule_body(const struct cmd_args *args, char ret_body[SCHEDULE_BODY_MAX])
{
	FILE *to = fmemopen(ret_body, SCHEDULE_BODY_MAX, "w");
	const char *missed = cmd_value(args, "missed");
	bool good, fits;

	if (to == NULL)
		return false;
	/* A default that is written out, so that commas are simple. */
	fputs("{\"missed\":", to);
	cmd_json_text(to, missed == NULL ? "run_once" : missed);
	schedule_text(args, to, "cron", "cron");
	good = schedule_number(args, to, "every", "interval_seconds") &&
	       schedule_number(args, to, "jitter", "jitter_seconds");
	fputs("}", to);
	/* Cut short, it would say something else. */
	fits = fflush(to) == 0 && ftell(to) < SCHEDULE_BODY_MAX - 1;
	fclose(to);
	if (good && !fits)
		fprintf(args->err, SCHEDULE_TOO_LONG);
	return good && fits;
}

static enum cmd_exit
schedule_set_run(const struct cmd_args *args)
{
	char path[SCHEDULE_PATH_MAX] = SCHEDULES_PATH "/";
	char body[SCHEDULE_BODY_MAX];
	const struct schedule_one_answer *one;
	struct call_reply r;

	if (!call_escape(path, sizeof(path), cmd_word(args, 0))) {
		fprintf(args->err, SCHEDULE_TOO_LONG);
		return CMD_USAGE;
	}
	if (!schedule_body(args, body))
		return CMD_USAGE;
	if (call(args, &(struct call_ask){ "PUT", path, body, NULL }, &r) !=
	    ST_OK)
		return CMD_FAILED;
	if (args->json || !call_is_good(&r))
		return call_end(args, &r);
	one = schedule_decode(args, &r, CATALOGUE_TYPE(schedule_one_answer));
	if (one != NULL) {
		schedule_print_head(args->out);
		schedule_print(args->out, &one->data);
	}
	call_fini(&r);
	return one != NULL ? CMD_OK : CMD_FAILED;
}

static const struct cmd_option schedule_list_options[] = { CALL_OPTIONS,
	{ 0 } };

static const struct cmd_option schedule_set_options[] = {
	CALL_OPTIONS,
	{ "cron", CMD_VALUE, "LINE", "five fields in UTC, or @daily ..." },
	{ "every", CMD_VALUE, "SECONDS", "instead of --cron" },
	{ "jitter", CMD_VALUE, "SECONDS", "each run later, by chance" },
	{ "missed", CMD_VALUE, "POLICY", "run_once (default) or skip" },
	{ 0 },
};

static const struct cmd schedule_list_cmd = {
	.name = "list",
	.of = "schedule",
	.usage = CALL_USAGE " [--json]",
	.summary = "When each periodic service runs next.",
	.options = schedule_list_options,
	.run = schedule_list_run,
};

static const struct cmd schedule_set_cmd = {
	.name = "set",
	.of = "schedule",
	.usage = "SERVICE [--cron LINE | --every SECONDS] [--jitter SECONDS] "
		 "[--missed POLICY] " CALL_USAGE " [--json]",
	.summary = "Change when a service runs, from now on; neither --cron "
		   "nor --every: as its setting says.",
	.options = schedule_set_options,
	.run = schedule_set_run,
	.words_min = 1,
	.words_max = 1,
};

static const struct cmd *const schedule_subs[] = {
	&schedule_list_cmd,
	&schedule_set_cmd,
	NULL,
};

const struct cmd schedule_cmd = {
	.name = "schedule",
	.usage = "WHAT [OPTION]...",
	.summary = "See and change when periodic services run.",
	.subs = schedule_subs,
};
