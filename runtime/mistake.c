#include "runtime/mistake.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "runtime/base/log.h"

#define MISTAKE_LINE_SIZE 1024

void
mistakes_init(struct mistakes *m)
{
	memset(m, 0, sizeof(*m));
}

/* A forged newline or escape must not reach a terminal or a second line. */
static void
mistake_launder(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

/* Counts it, and keeps it while there is room. */
static void
mistakes_take(struct mistakes *m, struct mistake *one, struct place at)
{
	one->line = at.line;
	snprintf(one->file, sizeof(one->file), "%s", at.file);
	snprintf(one->key, sizeof(one->key), "%s", at.key ? at.key : "");
	mistake_launder(one->file);
	mistake_launder(one->key);
	mistake_launder(one->text);
	if (m->count < MISTAKES_MAX)
		m->list[m->count++] = *one;
	if (one->warning)
		m->warnings++;
	else
		m->errors++;
}

static void
mistakes_log(const struct mistake *one)
{
	if (one->warning)
		LOG(CONFIG_WARNING, KV("file", one->file),
		    KU("line", one->line), KV("key", one->key),
		    KV("why", one->text));
	else
		LOG(CONFIG_INVALID, KV("file", one->file),
		    KU("line", one->line), KV("key", one->key),
		    KV("why", one->text));
}

static void __attribute__((format(printf, 4, 0)))
mistakes_tell(struct mistakes *m, struct place at, bool is_warning,
    const char *format, va_list list)
{
	struct mistake one = { .warning = is_warning };

	vsnprintf(one.text, sizeof(one.text), format, list);
	mistakes_take(m, &one, at);
	if (!m->quiet)
		mistakes_log(&one);
}

void
mistakes_add(struct mistakes *m, struct place at, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	mistakes_tell(m, at, false, format, list);
	va_end(list);
}

void
mistakes_warn(struct mistakes *m, struct place at, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	mistakes_tell(m, at, true, format, list);
	va_end(list);
}

void
mistake_text(const struct mistake *one, char *ret_text, size_t size)
{
	char line[24] = "";
	char key[MISTAKE_KEY_MAX + 3] = "";

	assert(size > 0);
	if (one->line != 0)
		snprintf(line, sizeof(line), ":%u", one->line);
	if (one->key[0] != '\0')
		snprintf(key, sizeof(key), "%s: ", one->key);
	snprintf(ret_text, size, "%s%s: %s%s%s", one->file, line,
	    one->warning ? "warning: " : "", key, one->text);
}

void
mistakes_print(const struct mistakes *m, FILE *to)
{
	char line[MISTAKE_LINE_SIZE];
	size_t all = m->errors + m->warnings;

	for (size_t i = 0; i < m->count; i++) {
		mistake_text(&m->list[i], line, sizeof(line));
		fprintf(to, "%s\n", line);
	}
	if (all > m->count)
		fprintf(to, "and %zu more\n", all - m->count);
}
