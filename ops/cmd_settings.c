#include <stdlib.h>
#include <string.h>

#include "ops/call.h"
#include "protocols/catalogue.h"
#include "protocols/json.h"
#include "protocols/messages.h"
#include "protocols/setting.h"
#include "runtime/base/arena.h"

/* settings - read and change the settings of the running Troupe. */

#define PATH_SIZE 1024
#define BODY_ROOM (SETTING_VALUE_MAX * 6 + 64)
#define HEADER_SIZE 256
#define ROOM_SIZE (4u << 20)

/* /api/v1/settings/NAMESPACE/KEY of namespace.key or namespace/key. */
static bool
settings_path(const struct cmd_args *args, const char *rest, char *ret_path)
{
	const char *name = cmd_word(args, 0);
	size_t space = strcspn(name, "./");
	char copy[SETTING_NAME_SIZE];
	size_t used;

	if (name[space] == '\0' || space == 0 || name[space + 1] == '\0' ||
	    strlen(name) >= sizeof(copy)) {
		fprintf(args->err,
		    "troupe settings: %s: expected NAMESPACE.KEY, as in "
		    "troupe settings list\n",
		    name);
		return false;
	}
	memcpy(copy, name, strlen(name) + 1);
	copy[space] = '\0';
	snprintf(ret_path, PATH_SIZE, "/api/v1/settings/");
	if (!call_escape(ret_path, PATH_SIZE, copy))
		return false;
	used = strlen(ret_path);
	snprintf(ret_path + used, PATH_SIZE - used, "/");
	if (!call_escape(ret_path, PATH_SIZE, copy + space + 1))
		return false;
	used = strlen(ret_path);
	snprintf(ret_path + used, PATH_SIZE - used, "%s", rest);
	return true;
}

/* --if-match as the header, so that a change is only made to what was seen. */
static const char *
settings_header(const struct cmd_args *args, char room[HEADER_SIZE])
{
	const char *tag = cmd_value(args, "if-match");

	if (tag == NULL)
		return NULL;
	snprintf(room, HEADER_SIZE, "If-Match: %.200s\r\n", tag);
	for (char *p = room; *p != '\0'; p++)
		if ((*p == '\r' || *p == '\n') && strcmp(p, "\r\n") != 0 &&
		    strcmp(p, "\n") != 0)
			*p = ' ';
	return room;
}

static void
settings_print_row(FILE *to, const struct setting_view *v)
{
	static const char *const sources[] = { "override", "flag",
		"environment", "file", "default" };

	fprintf(to, "%s.%s = %s  (%s%s)\n", v->namespace, v->key, v->value,
	    (size_t)v->source < sizeof(sources) / sizeof(sources[0])
		? sources[v->source]
		: "?",
	    v->read_only          ? ", read-only"
	    : v->restart_required ? ", at a restart"
				  : "");
	if (v->ignored != NULL)
		fprintf(to, "\tdoes not count: %s\n", v->ignored);
}

/* The whole answer as t, in memory of its own; NULL: it has been told. */
static void *
settings_decode(const struct cmd_args *args, const struct call_reply *r,
    const struct wire_type *t, struct arena *a)
{
	struct json_result why = { 0 };
	void *body = NULL;

	*a = (struct arena){ malloc(ROOM_SIZE), ROOM_SIZE, 0 };
	if (a->base != NULL &&
	    json_decode(t, JSON_IGNORE_UNKNOWN | JSON_DEFAULTS, a, r->body,
		r->size, &body, &why) == ST_OK)
		return body;
	fprintf(args->err, "troupe settings: the answer does not decode: %s\n",
	    why.why);
	return NULL;
}

static enum cmd_exit
settings_list_run(const struct cmd_args *args)
{
	const char *space = cmd_word(args, 0);
	const struct setting_answer *all;
	char path[PATH_SIZE] = "/api/v1/settings";
	struct call_reply r;
	struct arena a;

	if (space != NULL) {
		snprintf(path, sizeof(path), "/api/v1/settings?namespace=");
		if (!call_escape(path, sizeof(path), space))
			return CMD_USAGE;
	}
	if (call(args, &(struct call_ask){ "GET", path, NULL, NULL }, &r) !=
	    ST_OK)
		return CMD_FAILED;
	if (args->json || !call_is_good(&r))
		return call_end(args, &r);
	all = settings_decode(args, &r, CATALOGUE_TYPE(setting_answer), &a);
	for (uint32_t i = 0; all != NULL && i < all->data_count; i++)
		settings_print_row(args->out, &all->data[i]);
	free(a.base);
	call_fini(&r);
	return all != NULL ? CMD_OK : CMD_FAILED;
}

static enum cmd_exit
settings_history_run(const struct cmd_args *args)
{
	const struct setting_history_answer *all;
	char path[PATH_SIZE];
	struct call_reply r;
	struct arena a;

	if (!settings_path(args, "/history", path))
		return CMD_USAGE;
	if (call(args, &(struct call_ask){ "GET", path, NULL, NULL }, &r) !=
	    ST_OK)
		return CMD_FAILED;
	if (args->json || !call_is_good(&r))
		return call_end(args, &r);
	all = settings_decode(
	    args, &r, CATALOGUE_TYPE(setting_history_answer), &a);
	for (uint32_t i = 0; all != NULL && i < all->data_count; i++) {
		const struct setting_change *c = &all->data[i];

		fprintf(args->out, "%llu  %s  %s  %s\n",
		    (unsigned long long)c->revision, c->at,
		    c->value == NULL ? "(taken back)" : c->value, c->username);
	}
	free(a.base);
	call_fini(&r);
	return all != NULL ? CMD_OK : CMD_FAILED;
}

/* One row for people; the whole answer with --json. */
static enum cmd_exit
settings_one(const struct cmd_args *args, const char *method, const char *body)
{
	char path[PATH_SIZE];
	char header[HEADER_SIZE];
	const struct setting_one_answer *one;
	struct call_reply r;
	struct arena a;

	if (!settings_path(args, "", path))
		return CMD_USAGE;
	if (call(args,
		&(struct call_ask){
		    method, path, body, settings_header(args, header) },
		&r) != ST_OK)
		return CMD_FAILED;
	if (args->json || !call_is_good(&r))
		return call_end(args, &r);
	one = settings_decode(args, &r, CATALOGUE_TYPE(setting_one_answer), &a);
	if (one != NULL)
		settings_print_row(args->out, &one->data);
	if (one != NULL && strcmp(method, "GET") != 0 &&
	    one->data.restart_required)
		fprintf(args->out, "it counts from the next start\n");
	free(a.base);
	call_fini(&r);
	return one != NULL ? CMD_OK : CMD_FAILED;
}

static enum cmd_exit
settings_get_run(const struct cmd_args *args)
{
	return settings_one(args, "GET", NULL);
}

static enum cmd_exit
settings_set_run(const struct cmd_args *args)
{
	char *body = malloc(BODY_ROOM);
	enum cmd_exit code = CMD_FAILED;
	FILE *to = body == NULL ? NULL : fmemopen(body, BODY_ROOM, "w");

	if (to != NULL) {
		fputs("{\"value\":", to);
		cmd_json_text(to, cmd_word(args, 1));
		fputs("}", to);
		if (fclose(to) == 0)
			code = settings_one(args, "PUT", body);
	}
	free(body);
	return code;
}

static enum cmd_exit
settings_unset_run(const struct cmd_args *args)
{
	return settings_one(args, "DELETE", NULL);
}

static const struct cmd_option settings_options[] = { CALL_OPTIONS, { 0 } };

static const struct cmd_option settings_change_options[] = {
	CALL_OPTIONS,
	{ "if-match", CMD_VALUE, "ETAG", "only if this is still its tag" },
	{ 0 },
};

#define SUB(word, words, min, max, opts, text)            \
	static const struct cmd settings_##word##_cmd = { \
		.name = #word,                            \
		.of = "settings",                         \
		.usage = words CALL_USAGE " [--json]",    \
		.summary = (text),                        \
		.options = (opts),                        \
		.run = settings_##word##_run,             \
		.words_min = (min),                       \
		.words_max = (max),                       \
	}

SUB(list, "[NAMESPACE] ", 0, 1, settings_options,
    "Show all settings, and where each comes from.");
SUB(get, "NAME ", 1, 1, settings_options, "Show one setting.");
SUB(set, "NAME VALUE [--if-match ETAG] ", 2, 2, settings_change_options,
    "Override one setting.");
SUB(unset, "NAME [--if-match ETAG] ", 1, 1, settings_change_options,
    "Take an override back.");
SUB(history, "NAME ", 1, 1, settings_options,
    "Show what a setting was, and who changed it.");

static const struct cmd *const settings_subs[] = { &settings_list_cmd,
	&settings_get_cmd, &settings_set_cmd, &settings_unset_cmd,
	&settings_history_cmd, NULL };

const struct cmd settings_cmd = {
	.name = "settings",
	.usage = "list|get|set|unset|history [NAME [VALUE]] [OPTION]...",
	.summary = "Read and change the settings of the running Troupe.",
	.subs = settings_subs,
};
