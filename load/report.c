#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "load/run.h"
#include "protocols/catalogue.h"
#include "protocols/json.h"

#define REPORT_JSON_MAX 8192

/* 12345678 as "12.35 million". */
static void
report_number(FILE *to, double n)
{
	if (n >= 1e6)
		fprintf(to, "%.2f million", n / 1e6);
	else if (n >= 1e4)
		fprintf(to, "%.1f thousand", n / 1e3);
	else
		fprintf(to, "%.0f", n);
}

static void
report_head(const struct run *r, FILE *to)
{
	const struct load_result *x = &r->result;

	if (x->nodes == 0) {
		fprintf(to, "%s, at %s: %u clients, ", x->load, x->placement,
		    x->actors);
		if (x->rate > 0)
			fprintf(to, "open loop at %" PRIu64 "/s\n", x->rate);
		else
			fprintf(to, "closed loop\n");
		return;
	}
	fprintf(to, "%s, %s: %u actors, %u process%s, %u thread%s, %u bytes, ",
	    x->load, x->placement, x->actors, x->nodes,
	    x->nodes == 1 ? "" : "es", x->loops, x->loops == 1 ? "" : "s",
	    x->size);
	if (x->rate > 0)
		fprintf(to, "open loop at %" PRIu64 "/s", x->rate);
	else
		fprintf(to, "closed loop, window %u", r->plan.window);
	fprintf(to, ", seed %" PRIu64 "\n", x->seed);
	if (x->faults[0] != '\0')
		fprintf(to, "  faults      %s\n", x->faults);
}

static void
report_books(const struct run *r, FILE *to)
{
	const struct load_tally *t = &r->result.books;

	fprintf(to,
	    "  books       sent %" PRIu64 " = handled %" PRIu64
	    " + queued %" PRIu64 " + refused %" PRIu64 " + dead %" PRIu64
	    " + lost %" PRIu64 "\n",
	    t->sent, t->handled, t->queued, t->refused, t->dead, t->lost);
	for (uint32_t i = 0; i < r->result.reasons_count; i++)
		fprintf(to, "  refused     %s %" PRIu64 "\n",
		    r->result.reasons[i].status, r->result.reasons[i].count);
	if (r->renewed > 0)
		fprintf(to, "  given up    %" PRIu64 " windows\n", r->renewed);
	if (r->books.runtime_edges > 0)
		fprintf(to,
		    "  runtime     %" PRIu64 " edges of its own books, %" PRIu64
		    " messages\n",
		    r->books.runtime_edges, r->books.runtime_messages);
	if (r->books.balanced)
		fprintf(to,
		    "  balanced    every one of %" PRIu64
		    " %s, in order, nothing doubled\n",
		    r->books.edges, r->result.nodes == 0 ? "clients" : "edges");
	else
		fprintf(to,
		    "  WRONG       %s; %" PRIu64 " of %" PRIu64
		    " %s do not balance\n",
		    r->books.complaint, r->books.wrong, r->books.edges,
		    r->result.nodes == 0 ? "clients" : "edges");
}

void
run_print(const struct run *r, FILE *to)
{
	const struct load_result *x = &r->result;
	const struct load_latency *l = &x->latency;

	report_head(r, to);
	fprintf(to, "  throughput  ");
	report_number(to, (double)x->per_second);
	fprintf(to, " messages/s: %" PRIu64 " in %.3f s\n", x->messages,
	    (double)x->elapsed_us / 1e6);
	fprintf(to,
	    "  latency us  p50 %" PRIu64 "  p90 %" PRIu64 "  p99 %" PRIu64
	    "  p99.9 %" PRIu64 "  p99.99 %" PRIu64 "  max %" PRIu64
	    "  of %" PRIu64 "\n",
	    l->p50, l->p90, l->p99, l->p999, l->p9999, l->max, l->count);
	if (x->cpu_ns > 0)
		fprintf(to,
		    "  CPU         %.3f us a message\n"
		    "  switches    %" PRIu64 "\n",
		    (double)x->cpu_ns / 1e3, x->switches);
	if (x->memory > 0)
		fprintf(to, "  memory      %.1f MiB at most\n",
		    (double)x->memory / 1048576);
	if (x->memory_bound > 0)
		fprintf(to, "  bound       %.1f MiB\n",
		    (double)x->memory_bound / 1048576);
	report_books(r, to);
}

enum status
run_print_json(const struct run *r, FILE *to)
{
	unsigned char *text = malloc(REPORT_JSON_MAX);
	struct wire_out out = { text, REPORT_JSON_MAX, 0 };
	enum status st = ST_NO_MEMORY;

	if (text != NULL)
		st = json_encode(
		    CATALOGUE_TYPE(load_result), 0, &r->result, &out);
	if (st == ST_OK)
		fprintf(to, "%.*s\n", (int)out.used, (const char *)text);
	free(text);
	return st;
}
