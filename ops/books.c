#include "ops/books.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ops/cmd.h"
#include "ops/stage.h"

#ifdef TROUPE_NO_BOOKS
#error "a program without books is for bench/books.py alone"
#endif

#define BOOKS_LINE_MAX 1024

static void
books_path(
    const struct loaded *l, const char *name, char ret_path[STAGE_PATH_SIZE])
{
	snprintf(ret_path, STAGE_PATH_SIZE, "%.4096s/run/%.64s.books",
	    config_text(l->config, SETTING_runtime_data_dir), name);
}

static void
books_write(FILE *f, const struct edge_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct edge_row *r = &rows[i];

		fprintf(f, "%s %s %" PRIu64 " %" PRIu64, r->from_name,
		    r->to_name, r->sent, r->queued);
		for (int e = 0; e < EDGE_ENDS; e++)
			fprintf(f, " %" PRIu64, r->ends[e]);
		fputc('\n', f);
	}
}

static void
books_save(const struct loaded *l, const char *name,
    const struct edge_row *rows, size_t count)
{
	char path[STAGE_PATH_SIZE];
	char temporary[STAGE_PATH_SIZE + 8];
	FILE *f;

	books_path(l, name, path);
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	f = fopen(temporary, "we");
	if (f == NULL)
		return;
	books_write(f, rows, count);
	if (fclose(f) == 0)
		(void)rename(temporary, path);
}

void
books_keep(const struct loaded *l, const char *name, struct node *n)
{
	static struct edge_row *rows;
	static uint64_t sent_before = UINT64_MAX;
	uint64_t sent = 0;
	size_t count = 0;

	(void)node_check_books(n);
	if (rows == NULL)
		rows = calloc(BOOKS_ROWS_MAX, sizeof(rows[0]));
	if (rows == NULL ||
	    node_edges(n, rows, BOOKS_ROWS_MAX, &count) != ST_OK)
		return;
	if (count > BOOKS_ROWS_MAX)
		count = BOOKS_ROWS_MAX;
	for (size_t i = 0; i < count; i++)
		sent += rows[i].sent + edge_row_ended(&rows[i]);
	if (sent != sent_before)
		books_save(l, name, rows, count);
	sent_before = sent;
}

/* False for a line that is none of ours. */
static bool
books_parse(char *line, struct edge_row *ret)
{
	char *rest = NULL;
	char *from = strtok_r(line, " ", &rest);
	char *to = strtok_r(NULL, " ", &rest);
	uint64_t *numbers[2 + EDGE_ENDS] = { &ret->sent, &ret->queued };

	if (from == NULL || to == NULL)
		return false;
	snprintf(ret->from_name, sizeof(ret->from_name), "%s", from);
	snprintf(ret->to_name, sizeof(ret->to_name), "%s", to);
	for (int e = 0; e < EDGE_ENDS; e++)
		numbers[2 + e] = &ret->ends[e];
	for (int i = 0; i < 2 + EDGE_ENDS; i++) {
		char *word = strtok_r(NULL, " \n", &rest);

		if (word == NULL)
			return false;
		*numbers[i] = strtoull(word, NULL, 10);
	}
	return true;
}

static void
books_print_text(const struct edge_row *r, const char *name, FILE *out)
{
	int64_t missing = edge_row_missing(r);

	fprintf(out, "%-12s %-20s %-20s sent=%" PRIu64 " queued=%" PRIu64, name,
	    r->from_name, r->to_name, r->sent, r->queued);
	for (int e = 0; e < EDGE_ENDS; e++)
		if (r->ends[e] != 0)
			fprintf(out, " %s=%" PRIu64,
			    edge_end_name((enum edge_end)e), r->ends[e]);
	if (missing != 0)
		fprintf(out, " UNBALANCED missing=%" PRId64, missing);
	fputc('\n', out);
}

static void
books_print_json(const struct edge_row *r, bool first, FILE *out)
{
	fprintf(out, "%s{\"from\":", first ? "" : ",");
	cmd_json_text(out, r->from_name);
	fprintf(out, ",\"to\":");
	cmd_json_text(out, r->to_name);
	fprintf(out, ",\"sent\":%" PRIu64 ",\"queued\":%" PRIu64, r->sent,
	    r->queued);
	for (int e = 0; e < EDGE_ENDS; e++)
		fprintf(out, ",\"%s\":%" PRIu64,
		    edge_end_name((enum edge_end)e), r->ends[e]);
	fprintf(out, ",\"missing\":%" PRId64 "}", edge_row_missing(r));
}

size_t
books_print(const struct loaded *l, const char *name, bool json, FILE *out)
{
	char path[STAGE_PATH_SIZE];
	char line[BOOKS_LINE_MAX];
	size_t off = 0, rows = 0;
	FILE *f;

	books_path(l, name, path);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		struct edge_row r = { 0 };

		if (!books_parse(line, &r))
			continue;
		off += edge_row_missing(&r) != 0;
		if (json)
			books_print_json(&r, rows == 0, out);
		else
			books_print_text(&r, name, out);
		rows++;
	}
	if (f != NULL)
		fclose(f);
	return off;
}
