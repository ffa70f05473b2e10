#include "runtime/base/log.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/clock.h"

static const struct event_info events[] = {
/* clang-format off */
#define EVENT(id, name, level, doc) [EV_##id] = { name, level, doc },
#include "runtime/base/events.def"
#undef EVENT
	/* clang-format on */
};

static const char *const log_levels[] = { "debug", "info", "warn", "error" };

static struct {
	log_sink_fn sink;
	void *ctx;
	_Atomic int least; /* enum log_level */
	bool json;
} log_to = { NULL, NULL, LOG_INFO, false };

struct line {
	char text[LOG_LINE_MAX + 1];
	size_t used;
};

static void
line_put(struct line *l, const char *bytes, size_t size)
{
	size_t room = LOG_LINE_MAX - l->used;

	if (size > room)
		size = room;
	memcpy(l->text + l->used, bytes, size);
	l->used += size;
}

static void
line_puts(struct line *l, const char *text)
{
	line_put(l, text, strlen(text));
}

/* Quoted as JSON quotes; control characters cannot forge a second line. */
static void
line_quote(struct line *l, const char *text)
{
	char code[8];

	line_puts(l, "\"");
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\') {
			line_put(l, "\\", 1);
			line_put(l, c, 1);
		} else if ((unsigned char)*c < 0x20 || *c == 0x7f) {
			snprintf(code, sizeof(code), "\\u%04x",
			    (unsigned)(unsigned char)*c);
			line_puts(l, code);
		} else {
			line_put(l, c, 1);
		}
	}
	line_puts(l, "\"");
}

static bool
text_is_plain(const char *text)
{
	for (const char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c <= 0x20 || *c == '"' || *c == '=' ||
		    *c == '\\' || *c == 0x7f)
			return false;
	return *text != '\0';
}

static void
line_value(struct line *l, const struct log_field *f, bool json)
{
	char number[24];

	if (f->kind == LOG_TEXT) {
		const char *text = f->text == NULL ? "-" : f->text;

		if (json || !text_is_plain(text))
			line_quote(l, text);
		else
			line_puts(l, text);
		return;
	}
	if (f->kind == LOG_INT)
		snprintf(
		    number, sizeof(number), "%" PRId64, (int64_t)f->number);
	else
		snprintf(number, sizeof(number), "%" PRIu64, f->number);
	line_puts(l, number);
}

static void
line_field(struct line *l, const struct log_field *f, bool json)
{
	line_puts(l, json ? ",\"" : " ");
	line_puts(l, f->key);
	line_puts(l, json ? "\":" : "=");
	line_value(l, f, json);
}

static void
line_head(struct line *l, const struct event_info *e, bool json)
{
	char now[CLOCK_TEXT_SIZE];

	clock_text(clock_wall_us(&clock_system), now);
	line_puts(l, json ? "{\"time\":\"" : "");
	line_puts(l, now);
	line_puts(l, json ? "\",\"level\":\"" : " ");
	line_puts(l, log_levels[e->level]);
	line_puts(l, json ? "\",\"event\":\"" : " ");
	line_puts(l, e->name);
	line_puts(l, json ? "\"" : "");
}

static void
log_write(struct line *l)
{
	size_t done = 0;

	l->text[l->used++] = '\n';
	while (done < l->used) {
		ssize_t n =
		    write(STDERR_FILENO, l->text + done, l->used - done);

		if (n <= 0)
			return;
		done += (size_t)n;
	}
}

const struct event_info *
event_info(enum event_id event)
{
	return &events[event];
}

void
log_set_sink(log_sink_fn sink, void *ctx)
{
	log_to.sink = sink;
	log_to.ctx = ctx;
}

bool
log_wants(enum log_level level)
{
	return log_to.sink != NULL ||
	       (int)level >=
		   atomic_load_explicit(&log_to.least, memory_order_relaxed);
}

void
log_set_level(enum log_level least)
{
	atomic_store_explicit(&log_to.least, (int)least, memory_order_relaxed);
}

void
log_set_json(bool json)
{
	log_to.json = json;
}

bool
log_level_parse(const char *text, enum log_level *ret_level)
{
	for (int i = LOG_DEBUG; i <= LOG_ERROR; i++) {
		if (strcmp(text, log_levels[i]) == 0) {
			*ret_level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

const char *
log_level_text(enum log_level level)
{
	return log_levels[level];
}

void
log_event(enum event_id event, const struct log_field *fields, size_t count)
{
	const struct event_info *e = &events[event];
	struct line l;

	if ((int)e->level <
		atomic_load_explicit(&log_to.least, memory_order_relaxed) &&
	    log_to.sink == NULL)
		return;
	l.used = 0;
	line_head(&l, e, log_to.json);
	for (size_t i = 0; i < count; i++)
		line_field(&l, &fields[i], log_to.json);
	line_puts(&l, log_to.json ? "}" : "");
	if (l.used >= LOG_LINE_MAX)
		memcpy(l.text + LOG_LINE_MAX - 3, "...", 3);
	l.text[l.used] = '\0';
	if (log_to.sink != NULL)
		log_to.sink(log_to.ctx, event, l.text, l.used);
	else
		log_write(&l);
}
