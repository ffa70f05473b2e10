#include "protocols/describe.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "protocols/catalogue.h"
#include "protocols/problem.h"

#define FLAGS_TEXT_SIZE 4

struct actor_line {
	unsigned number;
	const char *name;
	const char *hears;
	const char *purpose;
};

static const struct actor_line actor_lines[] = {
/* clang-format off */
#define ACTOR(id, number, name, hears, purpose) \
	{ number, name, #hears, purpose },
#include "protocols/actors.def"
#undef ACTOR
	/* clang-format on */
};

const char *
describe_kind(enum wire_kind kind)
{
	static const char *const names[] = {
#define X(k) #k,
		WIRE_KINDS(X)
#undef X
	};

	assert((size_t)kind < sizeof(names) / sizeof(names[0]));
	return names[kind];
}

static void
flags_text(unsigned flags, char ret_text[FLAGS_TEXT_SIZE])
{
	char *to = ret_text;

	if ((flags & WIRE_OPTIONAL) != 0)
		*to++ = 'o';
	if ((flags & WIRE_CALLER) != 0)
		*to++ = 'c';
	if ((flags & WIRE_SECRET) != 0)
		*to++ = 's';
	if ((flags & WIRE_OBJECT) != 0)
		*to++ = 'j';
	if (to == ret_text)
		*to++ = '-';
	*to = '\0';
}

/* The record or enum that a field holds, or NULL. */
static const char *
field_of(const struct wire_field *f)
{
	if (f->type != NULL)
		return f->type()->name;
	if (f->values != NULL)
		return f->values()->name;
	return NULL;
}

void
describe_field(
    const struct wire_type *t, size_t i, char ret_line[DESCRIBE_LINE_MAX])
{
	const struct wire_field *f = &t->fields[i];
	const char *of = field_of(f);
	char flags[FLAGS_TEXT_SIZE];
	int n;

	flags_text(f->flags, flags);
	n = snprintf(ret_line, DESCRIBE_LINE_MAX,
	    "field %s %zu %s %s %s %" PRIu64 " %" PRIu32 " %s", t->name, i,
	    f->name, describe_kind(f->kind), flags, f->max, f->list_max,
	    of == NULL ? "-" : of);
	assert(n > 0 && n < DESCRIBE_LINE_MAX);
}

static void
lines_of_enum(const struct wire_enum *e, describe_line_fn fn, void *ctx)
{
	char line[DESCRIBE_LINE_MAX];

	snprintf(line, sizeof(line), "enum %s", e->name);
	fn(ctx, line);
	for (uint32_t i = 0; i < e->count; i++) {
		snprintf(line, sizeof(line), "value %s %" PRIu32 " %s", e->name,
		    i, e->texts[i]);
		fn(ctx, line);
	}
}

static void
lines_of_type(const struct wire_type *t, describe_line_fn fn, void *ctx)
{
	char line[DESCRIBE_LINE_MAX];

	if (t->id == 0)
		snprintf(line, sizeof(line), "record %s", t->name);
	else
		snprintf(
		    line, sizeof(line), "message 0x%04x %s", t->id, t->name);
	fn(ctx, line);
	for (size_t i = 0; i < t->nfields; i++) {
		describe_field(t, i, line);
		fn(ctx, line);
	}
}

void
describe_lines(describe_line_fn fn, void *ctx)
{
	const struct wire_enum *e;
	const struct wire_type *t;

	for (size_t n = 0; (e = catalogue_nth_enum(n)) != NULL; n++)
		lines_of_enum(e, fn, ctx);
	for (size_t n = 0; (t = catalogue_nth_record(n)) != NULL; n++)
		lines_of_type(t, fn, ctx);
	for (size_t n = 0; (t = catalogue_nth(n)) != NULL; n++)
		lines_of_type(t, fn, ctx);
}

static void
dump_line(void *ctx, const char *line)
{
	fprintf(ctx, "%s\n", line);
}

void
describe_dump(FILE *to)
{
	describe_lines(dump_line, to);
}

/* A cell of a table: a bar in it would end it. */
static void
markdown_cell(FILE *to, const char *text)
{
	fputs("| ", to);
	for (; *text != '\0'; text++) {
		if (*text == '|')
			fputc('\\', to);
		fputc(*text, to);
	}
	fputc(' ', to);
}

static void
markdown_bound(FILE *to, const struct wire_field *f)
{
	const char *of = field_of(f);

	fputs("| ", to);
	if (f->list_max > 0)
		fprintf(to, "%" PRIu32 " items ", f->list_max);
	if (of != NULL)
		fprintf(to, "[%s](#%s) ", of, of);
	else if (f->kind == WIRE_TEXT || f->kind == WIRE_BYTES ||
		 f->kind == WIRE_TEXTS)
		fprintf(to, "%" PRIu64 " bytes ", f->max);
	else if (f->kind == WIRE_U32 || f->kind == WIRE_U64)
		fprintf(to, "up to %" PRIu64 " ", f->max);
}

static void
markdown_field(FILE *to, const struct wire_field *f)
{
	fprintf(to, "| `%s` | %s%s%s ", f->name, describe_kind(f->kind),
	    (f->flags & WIRE_OPTIONAL) != 0 ? ", optional" : "",
	    (f->flags & WIRE_SECRET) != 0 ? ", secret" : "");
	if ((f->flags & WIRE_CALLER) != 0)
		fputs(", from the gateway ", to);
	markdown_bound(to, f);
	markdown_cell(to, f->doc);
	fputs("|\n", to);
}

static void
markdown_type(FILE *to, const struct wire_type *t)
{
	fprintf(to, "### %s\n\n", t->name);
	if (t->id != 0)
		fprintf(to, "Id 0x%04x. ", t->id);
	fprintf(to, "%s\n\n", t->doc);
	if (t->nfields == 0)
		return;
	fputs("| Field | Kind | Bound | Meaning |\n|---|---|---|---|\n", to);
	for (size_t i = 0; i < t->nfields; i++)
		markdown_field(to, &t->fields[i]);
	fputs("\n", to);
}

static void
markdown_enum(FILE *to, const struct wire_enum *e)
{
	fprintf(to, "### %s\n\n%s\n\n", e->name, e->doc);
	fputs("| Value | Text | Meaning |\n|---|---|---|\n", to);
	for (uint32_t i = 0; i < e->count; i++) {
		fprintf(to, "| %" PRIu32 " | `%s` ", i, e->texts[i]);
		markdown_cell(to, e->docs[i]);
		fputs("|\n", to);
	}
	fputs("\n", to);
}

static void
markdown_problems(FILE *to)
{
	const struct problem *p;

	fputs("## Problems\n\nWhat a client is told when something is "
	      "refused.\n\n| Code | HTTP | Name | Category | Retry | Title "
	      "|\n|---|---|---|---|---|---|\n",
	    to);
	for (size_t n = 0; (p = problem_nth(n)) != NULL; n++) {
		fprintf(to, "| %" PRIu32 " | %" PRIu32 " | %s | %s | %s ",
		    p->code, p->http, p->name, p->category,
		    p->retryable ? "yes" : "no");
		markdown_cell(to, p->title);
		fputs("|\n", to);
	}
	fputs("\n", to);
}

/* FROM(a_b) | FROM(c) as "a_b, c"; ANYONE as "anyone". */
static void
markdown_hears(FILE *to, const char *hears)
{
	const char *at = strchr(hears, '(');

	fputs(at == NULL ? "| anyone " : "| ", to);
	while (at != NULL) {
		int size = (int)strcspn(at + 1, ")");
		const char *next = strchr(at + 1, '(');

		fprintf(to, "%.*s%s", size, at + 1, next == NULL ? " " : ", ");
		at = next;
	}
}

static void
markdown_actors(FILE *to)
{
	size_t count = sizeof(actor_lines) / sizeof(actor_lines[0]);

	fputs("## Actors\n\nWho there is, and whose messages the router lets "
	      "through.\n\n| Number | Name | Hears | Purpose |\n"
	      "|---|---|---|---|\n",
	    to);
	for (size_t i = 0; i < count; i++) {
		fprintf(to, "| %u | %s ", actor_lines[i].number,
		    actor_lines[i].name);
		markdown_hears(to, actor_lines[i].hears);
		markdown_cell(to, actor_lines[i].purpose);
		fputs("|\n", to);
	}
}

void
describe_markdown(FILE *to)
{
	const struct wire_enum *e;
	const struct wire_type *t;

	fputs("# Protocols\n\nPrinted from protocols/*.def by `troupe "
	      "describe --protocols`; change those, not this.\n\n"
	      "## Messages\n\n",
	    to);
	for (size_t n = 0; (t = catalogue_nth(n)) != NULL; n++)
		markdown_type(to, t);
	fputs("## Records\n\n", to);
	for (size_t n = 0; (t = catalogue_nth_record(n)) != NULL; n++)
		markdown_type(to, t);
	fputs("## Enums\n\n", to);
	for (size_t n = 0; (e = catalogue_nth_enum(n)) != NULL; n++)
		markdown_enum(to, e);
	markdown_problems(to);
	markdown_actors(to);
}
