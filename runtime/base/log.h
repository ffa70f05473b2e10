/*
 * log - one line per event, as `event key=value ...` or as JSON.
 *
 * Every event stands in events.def with its level and its meaning; a line is
 * written with LOG(name, fields ...) and never carries secrets or bodies.
 * Lines longer than LOG_LINE_MAX are cut and end in "...".  Any thread.
 */
#ifndef RUNTIME_BASE_LOG_H
#define RUNTIME_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LINE_MAX 2048

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

enum event_id {
#define EVENT(id, name, level, doc) EV_##id,
#include "runtime/base/events.def"
#undef EVENT
	EV_COUNT
};

struct event_info {
	const char *name;
	enum log_level level;
	const char *doc;
};

struct log_field {
	const char *key;
	enum { LOG_TEXT, LOG_UINT, LOG_INT } kind;
	const char *text; /* NULL prints as - */
	uint64_t number;  /* two's complement for LOG_INT */
};

/* Who gets the lines: written, without its newline, by the caller's thread. */
typedef void (*log_sink_fn)(
    void *ctx, enum event_id event, const char *line, size_t size);

const struct event_info *event_info(enum event_id event);

/* Call before threads start. NULL puts standard error back. */
void log_set_sink(log_sink_fn sink, void *ctx);
void log_set_level(enum log_level least);
/* Whether an event of a level would be told: ask before words are made. */
bool log_wants(enum log_level level);
void log_set_json(bool json);

/* "debug", "info", "warn", "error"; false if it is none of them. */
bool log_level_parse(const char *text, enum log_level *ret_level);

/* The word that log_level_parse reads. */
const char *log_level_text(enum log_level level);

void log_event(
    enum event_id event, const struct log_field *fields, size_t count);

#define KV(key, text) ((struct log_field){ (key), LOG_TEXT, (text), 0 })
#define KU(key, n) ((struct log_field){ (key), LOG_UINT, NULL, (uint64_t)(n) })
#define KI(key, n) \
	((struct log_field){ (key), LOG_INT, NULL, (uint64_t)(int64_t)(n) })

#define LOG(event, ...)                                            \
	log_event(EV_##event, (struct log_field[]){ __VA_ARGS__ }, \
	    sizeof((struct log_field[]){ __VA_ARGS__ }) /          \
		sizeof(struct log_field))

#endif
