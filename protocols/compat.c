#include "protocols/compat.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/catalogue.h"
#include "protocols/describe.h"

#define WORDS_MAX 9

/* A line of the old dump, cut into words. */
struct line {
	char text[DESCRIBE_LINE_MAX];
	const char *words[WORDS_MAX];
	size_t count;
};

__attribute__((format(printf, 2, 3))) static void
report(struct compat_report *r, const char *format, ...)
{
	size_t used = strlen(r->text);
	va_list args;

	r->breaks++;
	va_start(args, format);
	vsnprintf(r->text + used, sizeof(r->text) - used, format, args);
	va_end(args);
	used = strlen(r->text);
	snprintf(r->text + used, sizeof(r->text) - used, "\n");
}

/* Cuts at single spaces; a word too many leaves count past WORDS_MAX. */
static void
line_cut(struct line *l)
{
	char *at = l->text;

	for (l->count = 0; at != NULL; l->count++) {
		char *space = strchr(at, ' ');

		if (l->count < WORDS_MAX)
			l->words[l->count] = at;
		if (space != NULL)
			*space++ = '\0';
		at = space;
	}
}

/* A whole number in words[i]; false if it is none. */
static bool
line_number(const struct line *l, size_t i, uint64_t *ret_n)
{
	char *end;

	if (l->words[i][0] < '0' || l->words[i][0] > '9')
		return false;
	*ret_n = strtoull(l->words[i], &end, 0);
	return *end == '\0';
}

static const struct wire_type *
find_record(const char *name)
{
	const struct wire_type *t;

	for (size_t n = 0; (t = catalogue_nth_record(n)) != NULL; n++)
		if (strcmp(t->name, name) == 0)
			return t;
	return NULL;
}

static const struct wire_type *
find_type(const char *name)
{
	const struct wire_type *t = find_record(name);

	return t == NULL ? catalogue_find_name(name) : t;
}

static const struct wire_enum *
find_enum(const char *name)
{
	const struct wire_enum *e;

	for (size_t n = 0; (e = catalogue_nth_enum(n)) != NULL; n++)
		if (strcmp(e->name, name) == 0)
			return e;
	return NULL;
}

static bool
compat_enum(const struct line *l, struct compat_report *r)
{
	if (l->count != 2)
		return false;
	if (find_enum(l->words[1]) == NULL)
		report(r, "enum %s is gone", l->words[1]);
	return true;
}

/* value ENUM NUMBER TEXT */
static bool
compat_value(const struct line *l, struct compat_report *r)
{
	const struct wire_enum *e;
	uint64_t n;

	if (l->count != 4 || !line_number(l, 2, &n))
		return false;
	e = find_enum(l->words[1]);
	if (e == NULL)
		return true; /* told by its own line */
	if (n >= e->count)
		report(r, "enum %s: value %s is gone", e->name, l->words[3]);
	else if (strcmp(e->texts[n], l->words[3]) != 0)
		report(r, "enum %s: value %" PRIu64 " was %s and is %s",
		    e->name, n, l->words[3], e->texts[n]);
	return true;
}

static bool
compat_record(const struct line *l, struct compat_report *r)
{
	if (l->count != 2)
		return false;
	if (find_record(l->words[1]) == NULL)
		report(r, "record %s is gone", l->words[1]);
	return true;
}

/* message ID NAME */
static bool
compat_message(const struct line *l, struct compat_report *r)
{
	const struct wire_type *t;
	uint64_t id;

	if (l->count != 3 || !line_number(l, 1, &id) || id > UINT16_MAX)
		return false;
	t = catalogue_find((uint16_t)id);
	if (t == NULL)
		report(r, "message %s (%s) is gone", l->words[2], l->words[1]);
	else if (strcmp(t->name, l->words[2]) != 0)
		report(r, "id %s was %s and is reused by %s", l->words[1],
		    l->words[2], t->name);
	return true;
}

/* Whether the field of that name is elsewhere in the type. */
static const char *
field_fate(const struct wire_type *t, const char *name)
{
	return catalogue_find_field(t, name) != NULL ? "has moved" : "is gone";
}

static bool
is_optional(const char *flags)
{
	return strchr(flags, 'o') != NULL;
}

/* now is the same field of this catalogue, in the same words. */
static void
compat_same_field(
    const struct line *l, const struct line *now, struct compat_report *r)
{
	const char *type = l->words[1];
	const char *field = l->words[3];
	uint64_t was_max = 0;
	uint64_t is_max = 0;

	if (strcmp(l->words[4], now->words[4]) != 0 ||
	    strcmp(l->words[8], now->words[8]) != 0)
		report(r, "%s.%s was %s of %s and is %s of %s", type, field,
		    l->words[4], l->words[8], now->words[4], now->words[8]);
	if (is_optional(l->words[5]) != is_optional(now->words[5]))
		report(r, "%s.%s changed whether it is optional", type, field);
	for (size_t i = 6; i <= 7; i++)
		if (!line_number(l, i, &was_max) ||
		    !line_number(now, i, &is_max) || is_max < was_max)
			report(r, "%s.%s: bound narrowed from %s to %s", type,
			    field, l->words[i], now->words[i]);
}

/* field OWNER PLACE NAME KIND FLAGS MAX ITEMS OF */
static bool
compat_field(const struct line *l, struct compat_report *r)
{
	const struct wire_type *t;
	struct line now;
	uint64_t i;

	if (l->count != 9 || !line_number(l, 2, &i))
		return false;
	t = find_type(l->words[1]);
	if (t == NULL)
		return true; /* told by its own line */
	if (i >= t->nfields || strcmp(t->fields[i].name, l->words[3]) != 0) {
		report(r, "%s.%s, place %" PRIu64 ", %s", t->name, l->words[3],
		    i, field_fate(t, l->words[3]));
		return true;
	}
	describe_field(t, i, now.text);
	line_cut(&now);
	compat_same_field(l, &now, r);
	return true;
}

static bool
compat_line(const struct line *l, struct compat_report *r)
{
	static const struct {
		const char *word;
		bool (*check)(const struct line *l, struct compat_report *r);
	} checks[] = {
		{ "enum", compat_enum },
		{ "value", compat_value },
		{ "record", compat_record },
		{ "message", compat_message },
		{ "field", compat_field },
	};

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (strcmp(l->words[0], checks[i].word) == 0)
			return checks[i].check(l, r);
	return false;
}

size_t
compat_check(const char *old_dump, struct compat_report *ret_report)
{
	struct line l;
	size_t number = 1;

	ret_report->breaks = 0;
	ret_report->text[0] = '\0';
	for (const char *at = old_dump; *at != '\0'; number++) {
		size_t size = strcspn(at, "\n");
		size_t kept = size < sizeof(l.text) ? size : 0;

		memcpy(l.text, at, kept);
		l.text[kept] = '\0';
		line_cut(&l);
		if (!compat_line(&l, ret_report))
			report(
			    ret_report, "line %zu is not understood", number);
		at += size;
		at += *at == '\n';
	}
	return ret_report->breaks;
}
