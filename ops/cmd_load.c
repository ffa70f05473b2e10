#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load/interrupt.h"
#include "load/run.h"
#include "ops/cmd.h"
#include "ops/load_compare.h"
#include "ops/load_journey.h"
#include "runtime/base/log.h"
#include "runtime/base/suggest.h"
#include "runtime/yaml.h"

/*
 * load - drives a topology of actors through the real runtime and settles its
 * books.  docs/OPERATE.md has how to read what it prints.
 */

#define LOAD_REPEAT_MAX 1000
#define LOAD_ACTORS_MAX PLAN_MEMBERS_MAX

/* What the words and options have made. */
struct order_book {
	const struct cmd_args *args;
	struct run_options o;
	uint64_t repeat;
};

static enum cmd_exit
load_refuse(const struct cmd_args *a, const char *what, const char *why)
{
	fprintf(a->err, "troupe load: %s: %s\n", what, why);
	return CMD_USAGE;
}

static enum cmd_exit
load_list(const struct cmd_args *a)
{
	const struct plan_builtin *b;

	for (size_t i = 0; (b = plan_builtin_nth(i)) != NULL; i++) {
		struct mistakes m;
		struct plan p;

		mistakes_init(&m);
		if (plan_read(b->text, b->name, &m, &p) == ST_OK)
			fprintf(a->out, "%-20s %s\n", b->name, p.about);
	}
	for (size_t i = 0; (b = plan_journey_nth(i)) != NULL; i++) {
		static struct journey j;
		struct mistakes m;

		mistakes_init(&m);
		if (journey_read(b->text, b->name, &m, &j) == ST_OK)
			fprintf(a->out, "%-20s %s (a journey)\n", b->name,
			    j.plan.about);
	}
	fprintf(a->out,
	    "\ntroupe load NAME runs one of these; a FILE is of the same form "
	    "(ops/topologies/load).\n");
	return CMD_OK;
}

static enum cmd_exit
load_refuse_name(const struct cmd_args *a, const char *name)
{
	const struct plan_builtin *b;
	struct suggest near;

	suggest_init(&near, name);
	for (size_t i = 0; (b = plan_builtin_nth(i)) != NULL; i++)
		suggest_offer(&near, b->name);
	for (size_t i = 0; (b = plan_journey_nth(i)) != NULL; i++)
		suggest_offer(&near, b->name);
	fprintf(a->err,
	    "troupe load: %s is no topology and no file%s%s%s "
	    "(troupe load alone lists them)\n",
	    name, near.best == NULL ? "" : "; did you mean ",
	    near.best == NULL ? "" : near.best, near.best == NULL ? "" : "?");
	return CMD_USAGE;
}

/* A name wins over a file; memory holds the file's bytes. */
static enum cmd_exit
load_read_text(const struct cmd_args *a, const char *name, struct arena *memory,
    struct bytes *ret_text)
{
	const struct plan_builtin *b = plan_builtin_find(name);
	struct mistakes m;
	enum status st = ST_NO_MEMORY;

	if (b == NULL)
		b = plan_journey_find(name);
	if (b != NULL) {
		*ret_text = b->text;
		return CMD_OK;
	}
	if (access(name, F_OK) != 0)
		return load_refuse_name(a, name);
	mistakes_init(&m);
	if (memory->base != NULL)
		st = yaml_read(name, memory, &m, ret_text);
	mistakes_print(&m, a->err);
	return st == ST_OK ? CMD_OK : CMD_USAGE;
}

/* An option that is a number; untouched when it was not given. */
static enum cmd_exit
load_take_number(const struct cmd_args *a, const char *name, uint64_t min,
    uint64_t max, uint64_t *number)
{
	const char *text = cmd_value(a, name);
	char why[80];

	if (text == NULL)
		return CMD_OK;
	if (plan_number(text, max, number) == ST_OK && *number >= min)
		return CMD_OK;
	snprintf(why, sizeof(why), "expected a whole number from %llu to %llu",
	    (unsigned long long)min, (unsigned long long)max);
	return load_refuse(a, text, why);
}

static enum cmd_exit
load_take_u32(const struct cmd_args *a, const char *name, uint64_t min,
    uint64_t max, uint32_t *number)
{
	uint64_t n = *number;
	enum cmd_exit code = load_take_number(a, name, min, max, &n);

	*number = (uint32_t)n;
	return code;
}

static enum cmd_exit
load_take_time(const struct cmd_args *a, const char *name, uint64_t *us)
{
	const char *text = cmd_value(a, name);

	if (text == NULL || plan_time(text, us) == ST_OK)
		return CMD_OK;
	return load_refuse(a, text, "expected a time such as 500ms, 2s or 1m");
}

/* How much: messages or a time, and one takes the other's place. */
static enum cmd_exit
load_take_amount(const struct cmd_args *a, struct plan *p)
{
	if (cmd_value(a, "messages") != NULL &&
	    cmd_value(a, "duration") != NULL)
		return load_refuse(
		    a, "--messages", "not together with --duration");
	if (cmd_value(a, "duration") != NULL)
		p->messages = 0;
	if (cmd_value(a, "messages") != NULL)
		p->duration_us = 0;
	if (load_take_number(
		a, "messages", 1, PLAN_MESSAGES_MAX, &p->messages) != CMD_OK ||
	    load_take_time(a, "duration", &p->duration_us) != CMD_OK ||
	    load_take_time(a, "warm-up", &p->warm_up_us) != CMD_OK)
		return CMD_USAGE;
	if (p->messages == 0 && p->duration_us == 0)
		return load_refuse(a, "--duration", "more than nothing");
	return CMD_OK;
}

static enum cmd_exit
load_take_common(const struct cmd_args *a, struct plan *p, uint32_t actors_max)
{
	if (load_take_u32(a, "actors", 1, actors_max, &p->actors) != CMD_OK ||
	    load_take_amount(a, p) != CMD_OK)
		return CMD_USAGE;
	return load_take_number(a, "rate", 1, PLAN_MESSAGES_MAX, &p->rate);
}

static enum cmd_exit
load_take_plan(const struct cmd_args *a, struct plan *p)
{
	char why[PLAN_WHY_SIZE];

	if (load_take_common(a, p, LOAD_ACTORS_MAX) != CMD_OK ||
	    load_take_u32(a, "window", 1, PLAN_WINDOW_MAX, &p->window) !=
		CMD_OK ||
	    load_take_u32(a, "size", 0, PLAN_SIZE_MAX, &p->size) != CMD_OK ||
	    load_take_number(a, "seed", 0, UINT64_MAX / 10, &p->seed) != CMD_OK)
		return CMD_USAGE;
	if (plan_check(p, why) != ST_OK)
		return load_refuse(a, p->name, why);
	return CMD_OK;
}

static enum cmd_exit
load_take(struct order_book *b)
{
	const struct cmd_args *a = b->args;
	const char *placement = cmd_value(a, "placement");
	const char *faults = cmd_value(a, "faults");
	char why[PLAN_WHY_SIZE];

	if (cmd_value(a, "server") != NULL)
		return load_refuse(a, "--server", "is for journeys");
	if (load_take_plan(a, &b->o.plan) != CMD_OK)
		return CMD_USAGE;
	if (placement_parse(placement == NULL ? "one-loop" : placement,
		plan_members(&b->o.plan), &b->o.placement, why) != ST_OK)
		return load_refuse(a, placement, why);
	b->o.faults_text = faults;
	if (faults != NULL &&
	    faults_parse(faults, &b->o.plan, b->o.placement.nodes, &b->o.faults,
		why) != ST_OK)
		return load_refuse(a, "--faults", why);
	return CMD_OK;
}

static enum cmd_exit
load_tell(const struct cmd_args *a, const struct run *r)
{
	enum cmd_exit code = CMD_OK;

	if (a->json)
		code = run_print_json(r, a->out) == ST_OK ? CMD_OK : CMD_FAILED;
	else
		run_print(r, a->out);
	(void)fflush(a->out);
	if (!r->books.balanced) {
		fprintf(a->err, "troupe load: %s\n", r->books.complaint);
		code = CMD_UNBALANCED;
	} else if (r->result.memory_bound > 0 &&
		   r->result.memory > r->result.memory_bound) {
		fprintf(a->err, "troupe load: memory has passed its bound\n");
		code = CMD_UNBALANCED;
	}
	return code;
}

static enum cmd_exit
load_once(const struct order_book *b)
{
	const struct cmd_args *a = b->args;
	struct run *r = calloc(1, sizeof(*r));
	enum cmd_exit code = CMD_FAILED;
	char why[RUN_WHY_SIZE] = "out of memory";

	if (r != NULL && run_conduct(&b->o, r, why) == ST_OK)
		code = load_tell(a, r);
	else
		fprintf(a->err, "troupe load: %s\n", why);
	free(r);
	return code;
}

static enum cmd_exit
load_run_topology(struct order_book *b, struct bytes text)
{
	enum cmd_exit code = CMD_OK;
	struct mistakes m;
	enum status st;

	mistakes_init(&m);
	st = plan_read(text, b->args->words[0], &m, &b->o.plan);
	mistakes_print(&m, b->args->err);
	if (st != ST_OK || load_take(b) != CMD_OK)
		return CMD_USAGE;
	/* Faults are wanted: what the runtime says of them is no news. */
	log_set_level(LOG_ERROR);
	for (uint64_t i = 0; i < b->repeat && code == CMD_OK; i++)
		code = load_once(b);
	return code;
}

/* Options that a journey has no use for are a mistake, not passed over. */
static enum cmd_exit
load_run_journey(const struct order_book *b, struct bytes text)
{
	static const char *const foreign[] = { "placement", "window", "size",
		"seed", "faults", "warm-up" };
	static struct load_journey l;
	const struct cmd_args *a = b->args;
	struct mistakes m;
	enum status st;

	l = (struct load_journey){
		.args = a, .repeat = b->repeat, .progress = b->o.progress
	};
	mistakes_init(&m);
	st = journey_read(text, a->words[0], &m, &l.journey);
	mistakes_print(&m, a->err);
	if (st != ST_OK ||
	    load_take_common(a, &l.journey.plan, JOURNEY_CLIENTS_MAX) != CMD_OK)
		return CMD_USAGE;
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (cmd_value(a, foreign[i]) != NULL)
			return load_refuse(
			    a, foreign[i], "is not for journeys");
	return load_journey(&l, load_tell);
}

static enum cmd_exit
load_run_name(struct order_book *b)
{
	const struct cmd_args *args = b->args;
	struct arena memory = { malloc(YAML_ARENA_SIZE), YAML_ARENA_SIZE, 0 };
	struct bytes text = { NULL, 0 };
	enum cmd_exit code;

	interrupt_watch();
	if (!args->json && isatty(STDERR_FILENO) == 1)
		b->o.progress = stderr;
	code = load_take_number(args, "repeat", 1, LOAD_REPEAT_MAX, &b->repeat);
	if (code == CMD_OK)
		code = load_read_text(args, args->words[0], &memory, &text);
	if (code == CMD_OK)
		code = load_is_journey(text) ? load_run_journey(b, text)
					     : load_run_topology(b, text);
	free(memory.base);
	return code;
}

static enum cmd_exit
load_run(const struct cmd_args *args)
{
	static struct order_book b;

	b = (struct order_book){ .args = args, .repeat = 1 };
	if (args->words_count == 0)
		return load_list(args);
	if (strcmp(args->words[0], "compare") == 0)
		return load_compare(args);
	if (args->words_count > 1)
		return load_refuse(
		    args, args->words[1], "one topology at a time");
	return load_run_name(&b);
}

static const struct cmd_option load_options[] = {
	{ "actors", CMD_VALUE, "N",
	    "what `actors` in the topology stands for" },
	{ "messages", CMD_VALUE, "N", "in all, as 5m; or:" },
	{ "duration", CMD_VALUE, "TIME", "for so long, as 10s" },
	{ "warm-up", CMD_VALUE, "TIME", "run unmeasured for so long before" },
	{ "rate", CMD_VALUE, "N",
	    "open loop: messages a second, due on a fixed schedule" },
	{ "window", CMD_VALUE, "N",
	    "closed loop: on their way at once, for each sender" },
	{ "size", CMD_VALUE, "BYTES", "of load in each message" },
	{ "placement", CMD_VALUE, "P",
	    "one-loop, loops[:N], loop-per-actor, processes[:N[xM]], "
	    "process-per-actor, hosts[:N[xM]]" },
	{ "seed", CMD_VALUE, "N", "of what is drawn by chance" },
	{ "faults", CMD_VALUE, "LIST",
	    "what is done to it, as kill:n1@500ms,slow:sink=50us" },
	{ "server", CMD_VALUE, "HOST:PORT",
	    "journeys: an HTTP listener to use; a node of one's own "
	    "otherwise" },
	{ "repeat", CMD_VALUE, "N", "so many runs, one after the other" },
	{ 0 },
};

const struct cmd load_cmd = {
	.name = "load",
	.usage = "[NAME|FILE] [OPTION]..., or: troupe load compare A.json "
		 "B.json, or A.json... vs B.json...",
	.summary = "Drive actors under load, settle the books, compare runs; "
		   "3: books do not balance, 4: runs differ.",
	.options = load_options,
	.run = load_run,
	.words_max = CMD_WORDS_MAX,
};
