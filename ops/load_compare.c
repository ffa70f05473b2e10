#include "ops/load_compare.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "load/compare.h"
#include "protocols/catalogue.h"
#include "protocols/json.h"
#include "protocols/messages.h"

#define COMPARE_LINE_MAX 65536
#define COMPARE_ARENA (1u << 20)

struct metric {
	const char *name;
	const char *doc;
	bool less_is_better;
};

enum metric_id { METRIC_THROUGHPUT, METRIC_CPU, METRIC_P50, METRIC_P99 };

static const struct metric metrics[] = {
	[METRIC_THROUGHPUT] = { "throughput", "messages a second", false },
	[METRIC_CPU] = { "cpu", "processor time a message", true },
	[METRIC_P50] = { "p50", "latency, median", true },
	[METRIC_P99] = { "p99", "latency, 99 %", true },
};

#define METRICS (sizeof(metrics) / sizeof(metrics[0]))

/* The runs of one side. */
struct set {
	size_t count;
	char load[64];
	char placement[64];
	double values[METRICS][COMPARE_MAX];
};

static void
set_add(struct set *s, const struct load_result *r)
{
	size_t i = s->count++;

	snprintf(s->load, sizeof(s->load), "%s", r->load);
	snprintf(s->placement, sizeof(s->placement), "%s", r->placement);
	s->values[METRIC_THROUGHPUT][i] = (double)r->per_second;
	s->values[METRIC_CPU][i] = (double)r->cpu_ns;
	s->values[METRIC_P50][i] = (double)r->latency.p50;
	s->values[METRIC_P99][i] = (double)r->latency.p99;
}

/* One line, one run. */
static bool
set_take_line(struct set *s, const char *line, struct arena *a, FILE *err,
    const char *file, unsigned number)
{
	struct json_result why;
	void *body;

	arena_reset(a);
	if (json_decode(CATALOGUE_TYPE(load_result),
		JSON_IGNORE_UNKNOWN | JSON_DEFAULTS, a, line, strlen(line),
		&body, &why) != ST_OK) {
		fprintf(err, "troupe load compare: %s:%u: %s\n", file, number,
		    why.why);
		return false;
	}
	if (s->count == COMPARE_MAX) {
		fprintf(err, "troupe load compare: %s:%u: more than %d runs\n",
		    file, number, COMPARE_MAX);
		return false;
	}
	set_add(s, body);
	return true;
}

static bool
set_read(struct set *s, const char *file, FILE *err)
{
	struct arena a = { malloc(COMPARE_ARENA), COMPARE_ARENA, 0 };
	char *line = malloc(COMPARE_LINE_MAX);
	FILE *f = fopen(file, "re");
	unsigned number = 0;
	bool ok = f != NULL && a.base != NULL && line != NULL;

	if (f == NULL)
		fprintf(err, "troupe load compare: %s: cannot be read\n", file);
	while (ok && fgets(line, COMPARE_LINE_MAX, f) != NULL)
		ok = set_take_line(s, line, &a, err, file, ++number);
	if (f != NULL)
		fclose(f);
	free(line);
	free(a.base);
	return ok;
}

/* Two files, or the word vs between those of one side and the other. */
static bool
sets_read(const struct cmd_args *args, struct set *a, struct set *b)
{
	size_t n = args->words_count, vs = 1;

	while (vs < n && strcmp(args->words[vs], "vs") != 0)
		vs++;
	if (vs == n && n == 3)
		return set_read(a, args->words[1], args->err) &&
		       set_read(b, args->words[2], args->err);
	if (vs == 1 || vs + 1 >= n) {
		fprintf(args->err,
		    "troupe load compare: needs A.json B.json, or A.json... "
		    "vs B.json...\n");
		return false;
	}
	for (size_t i = 1; i < n; i++)
		if (i != vs &&
		    !set_read(i < vs ? a : b, args->words[i], args->err))
			return false;
	return true;
}

static bool
sets_match(const struct set *a, const struct set *b, FILE *err)
{
	if (strcmp(a->load, b->load) == 0 &&
	    strcmp(a->placement, b->placement) == 0)
		return true;
	fprintf(err,
	    "troupe load compare: %s on %s is not to be compared with %s on "
	    "%s\n",
	    a->load, a->placement, b->load, b->placement);
	return false;
}

static void
print_text(FILE *to, const struct metric *m, const struct comparison *c)
{
	const char *verdict = "no difference";

	if (c->differ)
		verdict = (c->ratio < 1) == m->less_is_better ? "B is better"
							      : "B is worse";
	fprintf(to,
	    "%-11s B / A = %.3f, 95 %% from %.3f to %.3f, p = %.4f: %s\n",
	    m->name, c->ratio, c->low, c->high, c->p, verdict);
}

static void
print_json(
    FILE *to, const struct metric *m, const struct comparison *c, bool first)
{
	fprintf(to,
	    "%s\"%s\":{\"ratio\":%.6f,\"low\":%.6f,\"high\":%.6f,"
	    "\"p\":%.6f,\"differ\":%s}",
	    first ? "{" : ",", m->name, c->ratio, c->low, c->high, c->p,
	    c->differ ? "true" : "false");
}

/* The exit code is about throughput: of several tests one is soon wrong. */
static enum cmd_exit
sets_compare(
    const struct cmd_args *args, const struct set *a, const struct set *b)
{
	enum cmd_exit code = CMD_OK;
	bool first = true;

	for (size_t i = 0; i < METRICS; i++) {
		struct comparison c;

		if (compare(a->values[i], a->count, b->values[i], b->count,
			&c) != ST_OK)
			continue; /* all too fast for the clock, as a p50 of 0
				   */
		if (args->json)
			print_json(args->out, &metrics[i], &c, first);
		else
			print_text(args->out, &metrics[i], &c);
		first = false;
		if (i == METRIC_THROUGHPUT && c.differ)
			code = CMD_DIFFERS;
	}
	if (args->json)
		fprintf(args->out, "}\n");
	return code;
}

enum cmd_exit
load_compare(const struct cmd_args *args)
{
	struct set *sets = calloc(2, sizeof(*sets));
	enum cmd_exit code = CMD_USAGE;

	if (sets == NULL)
		return CMD_FAILED;
	if (!sets_read(args, &sets[0], &sets[1])) {
		code = CMD_USAGE;
	} else if (sets[0].count < COMPARE_MIN || sets[1].count < COMPARE_MIN) {
		fprintf(args->err,
		    "troupe load compare: %zu and %zu runs; an interval needs "
		    "%d of each (--repeat)\n",
		    sets[0].count, sets[1].count, COMPARE_MIN);
	} else if (sets_match(&sets[0], &sets[1], args->err)) {
		code = sets_compare(args, &sets[0], &sets[1]);
	}
	free(sets);
	return code;
}
