#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/backup_facts.h"
#include "ops/cmd_backup.h"
#include "protocols/catalogue.h"
#include "protocols/json.h"
#include "protocols/messages.h"
#include "runtime/base/clock.h"
#include "runtime/base/text.h"
#include "runtime/base/thread.h"
#include "runtime/seal.h"

/*
 * backup - backups of the running Troupe, over its control socket; those that
 * work on a stopped one stand in backup_offline.c.
 *
 * A long request may outlast its deadline on the server, which goes on: a
 * create is then asked for again with its own key, a restore is watched until
 * it has ended.
 */

#define PATH "/api/v1/backups"
#define KEY_OCTETS 16
#define LOOK_MS 200
#define BAR_WIDTH 24
#define ARENA (4u << 20)
#define STILL_BUSY 504
#define IN_FLIGHT "4004"
#define TRIES_MAX 100000

struct asking {
	const struct cmd_args *args;
	struct call_ask ask;
	struct call_reply reply;
	enum status st;
	atomic_bool ended;
};

static void *
asking_main(void *arg)
{
	struct asking *a = arg;

	thread_name("asking");
	a->st = call(a->args, &a->ask, &a->reply);
	atomic_store(&a->ended, true);
	return NULL;
}

/* What goes on, as a record; NULL: it cannot be told now. */
static const struct backup_state *
state_read(const struct cmd_args *args, struct arena *a)
{
	struct call_reply r;
	void *body = NULL;

	if (call(args, &(struct call_ask){ "GET", PATH "/status", NULL, NULL },
		&r) != ST_OK)
		return NULL;
	arena_reset(a);
	if (!call_is_good(&r) ||
	    call_decode(&r, "data", CATALOGUE_TYPE(backup_state), a, &body) !=
		ST_OK)
		body = NULL;
	call_fini(&r);
	return body;
}

static void
bar_print(FILE *to, const struct backup_state *s)
{
	uint64_t part = s->total_bytes == 0
			    ? 0
			    : s->done_bytes * BAR_WIDTH / s->total_bytes;

	if (part > BAR_WIDTH)
		part = BAR_WIDTH;
	fprintf(to, "\r%-8s [%.*s%*s] %7.1f MiB ", s->phase, (int)part,
	    "########################", (int)(BAR_WIDTH - part), "",
	    (double)s->done_bytes / (1 << 20));
	fflush(to);
}

/* Draws until it has ended; nothing where nobody looks. */
static void
asking_watch(struct asking *a, struct arena *arena)
{
	bool draws = isatty(fileno(a->args->err)) == 1 && !a->args->json;
	bool drew = false;

	while (draws && !atomic_load(&a->ended)) {
		const struct backup_state *s = state_read(a->args, arena);

		if (s != NULL && s->doing[0] != '\0') {
			bar_print(a->args->err, s);
			drew = true;
		}
		(void)poll(NULL, 0, LOOK_MS);
	}
	if (drew)
		fprintf(a->args->err, "\r%60s\r", "");
}

/* One request, with a bar for those who look. */
static enum status
ask_once(struct asking *a, struct arena *arena)
{
	pthread_t thread;

	atomic_store(&a->ended, false);
	if (pthread_create(&thread, NULL, asking_main, a) != 0) {
		(void)asking_main(a);
		return a->st;
	}
	asking_watch(a, arena);
	pthread_join(thread, NULL);
	return a->st;
}

static bool
arena_make(struct arena *a)
{
	*a = (struct arena){ malloc(ARENA), ARENA, 0 };
	return a->base != NULL;
}

/* Until nothing is in hand; false: the other end has gone. */
static bool
wait_idle(const struct cmd_args *args, struct arena *arena)
{
	for (int i = 0; i < TRIES_MAX; i++) {
		const struct backup_state *s = state_read(args, arena);

		if (s != NULL && s->doing[0] == '\0')
			return true;
		(void)poll(NULL, 0, LOOK_MS);
	}
	return false;
}

/* ["memory","config"] of --component memory --component config. */
static bool
components_json(const struct cmd_args *args, char *ret, size_t size)
{
	size_t used = 0;
	const char *name;

	ret[0] = '\0';
	for (size_t i = 0; (name = cmd_nth_value(args, "component", i)) != NULL;
	     i++) {
		if (strspn(name, "abcdefghijklmnopqrstuvwxyz") != strlen(name))
			return false;
		used += (size_t)snprintf(ret + used, size - used, "%s\"%s\"",
		    i == 0 ? ",\"components\":[" : ",", name);
		if (used + 2 >= size)
			return false;
	}
	if (used > 0)
		snprintf(ret + used, size - used, "]");
	return true;
}

/* Its id stands in a path: it is one, or it was asked wrongly. */
static const char *
word_id(const struct cmd_args *args)
{
	const char *id = cmd_word(args, 0);

	if (id != NULL && strlen(id) == BACKUP_ID_LENGTH &&
	    strspn(id, "0123456789abcdef") == BACKUP_ID_LENGTH)
		return id;
	fprintf(args->err,
	    "troupe backup: expected a backup's id, 12 hex digits; "
	    "troupe backup list has them\n");
	return NULL;
}

/* ---- create ---- */

static bool
is_in_flight(const struct call_reply *r)
{
	struct bytes code = call_member(r, "error_detail.error_code");

	return r->http == STILL_BUSY ||
	       (code.size == 4 && memcmp(code.at, IN_FLIGHT, 4) == 0);
}

/* Whole in a line of a header: cut short it would be another one's key. */
static bool
key_is_good(const char *key)
{
	size_t size = key == NULL ? 0 : strlen(key);

	for (size_t i = 0; i < size; i++)
		if (key[i] < ' ' || key[i] > '~')
			return false;
	return size <= IDEMPOTENCY_MAX;
}

static enum cmd_exit
create_ask(const struct cmd_args *args, const char *given, const char *body,
    struct arena *arena)
{
	char headers[IDEMPOTENCY_MAX + 32], key[2 * KEY_OCTETS + 1];
	uint8_t random[KEY_OCTETS];
	struct asking a = { .args = args,
		.ask = { "POST", PATH, body, headers } };

	seal_random(random, sizeof(random));
	text_hex(random, sizeof(random), key);
	snprintf(headers, sizeof(headers), "Idempotency-Key: %s\r\n",
	    text_is_blank(given) ? key : given);
	for (int i = 0; i < TRIES_MAX; i++) {
		if (ask_once(&a, arena) != ST_OK)
			return CMD_FAILED;
		if (!is_in_flight(&a.reply))
			return call_end(args, &a.reply);
		call_fini(&a.reply);
	}
	return CMD_FAILED;
}

static enum cmd_exit
create_run(const struct cmd_args *args)
{
	char components[128], body[160];
	struct arena arena;
	enum cmd_exit code = CMD_FAILED;
	const char *key = cmd_value(args, "key");

	if (!key_is_good(key)) {
		fprintf(args->err,
		    "troupe backup create: --key is a text of %d printable "
		    "characters at most\n",
		    IDEMPOTENCY_MAX);
		return CMD_USAGE;
	}
	if (!components_json(args, components, sizeof(components))) {
		fprintf(args->err, "troupe backup create: --component is one "
				   "of persistence, memory, config\n");
		return CMD_USAGE;
	}
	snprintf(body, sizeof(body), "{%s}",
	    components[0] == '\0' ? "" : components + 1);
	if (seal_start() == ST_OK && arena_make(&arena)) {
		code = create_ask(args, key, body, &arena);
		free(arena.base);
	}
	return code;
}

/* ---- list, show, delete ---- */

/* Nothing to tell of what is ours; "unknown" alone would not tell of what. */
static const char *
list_trust(enum backup_trust trust)
{
	switch (trust) {
	case TRUST_SIGNED:
		return "";
	case TRUST_UNKNOWN:
		return ", unknown key";
	case TRUST_UNSIGNED:
		return ", unsigned";
	case TRUST_FORGED:
	default:
		return ", forged";
	}
}

static void
list_print(FILE *to, const struct backup_infos *all)
{
	char when[CLOCK_TEXT_SIZE];

	fprintf(to, "%-12s  %-20s  %-13s  %12s  %-6s  %s\n", "ID", "MADE",
	    "TRIGGER", "BYTES", "WHERE", "FORM");
	for (uint32_t i = 0; i < all->backups_count; i++) {
		const struct backup_info *b = &all->backups[i];

		clock_text(b->timestamp, when);
		fprintf(to, "%-12s  %-20.19s  %-13s  %12llu  %-6s  %s%s%s%s\n",
		    b->backup_id, when, backup_trigger_text(b->trigger),
		    (unsigned long long)b->size_bytes,
		    backup_where_text(b->where),
		    b->compressed ? "archive" : "folder",
		    b->encrypted ? ", sealed" : "", b->held ? ", held" : "",
		    list_trust(b->trust));
	}
}

/* The answer is "data": the list itself, which is no record of its own. */
static enum cmd_exit
list_show(const struct cmd_args *args, struct call_reply *r, struct arena *a)
{
	struct bytes data = call_member(r, "data");
	struct json_result why;
	void *body = NULL;
	char *text = arena_take(a, data.size + 16);
	size_t size = 0;

	if (text != NULL)
		size =
		    (size_t)snprintf(text, data.size + 16, "{\"backups\":%.*s}",
			(int)data.size, (const char *)data.at);
	if (text == NULL ||
	    json_decode(CATALOGUE_TYPE(backup_infos), JSON_IGNORE_UNKNOWN, a,
		text, size, &body, &why) != ST_OK)
		return call_end(args, r);
	/* text is the caller's arena.
	 * NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	list_print(args->out, body);
	call_fini(r);
	return CMD_OK;
}

static enum cmd_exit
list_run(const struct cmd_args *args)
{
	struct call_reply r;
	struct arena arena;
	enum cmd_exit code;

	if (call(args, &(struct call_ask){ "GET", PATH, NULL, NULL }, &r) !=
	    ST_OK)
		return CMD_FAILED;
	if (args->json || !call_is_good(&r) || !arena_make(&arena))
		return call_end(args, &r);
	code = list_show(args, &r, &arena);
	free(arena.base);
	return code;
}

enum cmd_exit
backup_ask_one(const struct cmd_args *args, const char *method, const char *of)
{
	const char *id = word_id(args);
	char path[64];
	struct call_reply r;

	if (id == NULL)
		return CMD_USAGE;
	snprintf(path, sizeof(path), PATH "/%.12s%s", id, of);
	if (call(args, &(struct call_ask){ method, path, NULL, NULL }, &r) !=
	    ST_OK)
		return CMD_FAILED;
	return call_end(args, &r);
}

static enum cmd_exit
show_run(const struct cmd_args *args)
{
	return backup_ask_one(args, "GET", "");
}

static enum cmd_exit
delete_run(const struct cmd_args *args)
{
	return backup_ask_one(args, "DELETE", "");
}

static enum cmd_exit
status_run(const struct cmd_args *args)
{
	struct call_reply r;

	if (call(args, &(struct call_ask){ "GET", PATH "/status", NULL, NULL },
		&r) != ST_OK)
		return CMD_FAILED;
	return call_end(args, &r);
}

/* ---- restore, drill ---- */

static enum cmd_exit
restore_outcome(const struct cmd_args *args, const char *id, struct arena *a)
{
	const struct backup_state *s;

	if (!wait_idle(args, a) || (s = state_read(args, a)) == NULL ||
	    s->last_restored == NULL ||
	    (id[0] != '\0' && strcmp(s->last_restored, id) != 0)) {
		fprintf(args->err, "troupe backup restore: how it ended is "
				   "not known; the log says\n");
		return CMD_FAILED;
	}
	if (s->last_restore_error != NULL) {
		fprintf(args->err, "troupe backup restore: %s\n",
		    s->last_restore_error);
		return CMD_FAILED;
	}
	fprintf(args->out,
	    args->json ? "{\"restored\":\"%s\"}\n" : "restored %s\n", id);
	return CMD_OK;
}

/* What stands in quotes below; anything else the server would refuse. */
static bool
at_is_good(const char *at)
{
	return at == NULL ||
	       (strlen(at) <= BACKUP_AT_MAX &&
		   strspn(at, "0123456789-:.+TZtz") == strlen(at));
}

static enum cmd_exit
restore_ask(const struct cmd_args *args, const char *id, const char *components,
    struct arena *arena)
{
	const char *at = cmd_value(args, "at");
	char body[320];
	struct asking a = { .args = args,
		.ask = { "POST", PATH "/restore", body, NULL } };

	snprintf(body, sizeof(body),
	    "{\"backup_id\":\"%.12s\",\"confirm\":true%s%s%s%s}", id,
	    components, at == NULL ? "" : ",\"at\":\"", at == NULL ? "" : at,
	    at == NULL ? "" : "\"");
	if (ask_once(&a, arena) != ST_OK)
		return CMD_FAILED;
	if (a.reply.http != STILL_BUSY)
		return call_end(args, &a.reply);
	call_fini(&a.reply);
	return restore_outcome(args, id, arena);
}

static enum cmd_exit
restore_run(const struct cmd_args *args)
{
	bool any = args->words_count == 0 && cmd_value(args, "at") != NULL;
	const char *id = any ? "" : word_id(args);
	char components[128];
	struct arena arena;
	enum cmd_exit code = CMD_FAILED;

	if (id == NULL)
		return CMD_USAGE;
	if (!at_is_good(cmd_value(args, "at"))) {
		fprintf(args->err,
		    "troupe backup restore: --at is an instant such as "
		    "2026-04-03T10:00:00Z, or a transaction's number\n");
		return CMD_USAGE;
	}
	if (cmd_value(args, "into") != NULL)
		return backup_offline_restore(args, id);
	if (!cmd_flag(args, "yes") ||
	    !components_json(args, components, sizeof(components))) {
		fprintf(args->err,
		    "troupe backup restore: live data is replaced: say --yes "
		    "(or --into DIR, an empty folder)\n");
		return CMD_USAGE;
	}
	if (arena_make(&arena)) {
		code = restore_ask(args, id, components, &arena);
		free(arena.base);
	}
	return code;
}

static enum cmd_exit
drill_run(const struct cmd_args *args)
{
	char body[64] = "{}";
	struct asking a = { .args = args,
		.ask = { "POST", PATH "/drill", body, NULL } };
	struct arena arena;
	enum cmd_exit code = CMD_FAILED;

	if (args->words_count > 0 && word_id(args) == NULL)
		return CMD_USAGE;
	if (args->words_count > 0)
		snprintf(body, sizeof(body), "{\"backup_id\":\"%.12s\"}",
		    cmd_word(args, 0));
	if (!arena_make(&arena))
		return CMD_FAILED;
	if (ask_once(&a, &arena) == ST_OK) {
		struct bytes proven = call_member(&a.reply, "data.proven");
		bool good = proven.size == 4;

		code = call_end(args, &a.reply);
		if (code == CMD_OK && !good)
			code = CMD_FAILED;
	}
	free(arena.base);
	return code;
}

/* clang-format off */
static const struct cmd_option plain_options[] = { CALL_OPTIONS, { 0 } };
static const struct cmd_option create_options[] = {
	CALL_OPTIONS,
	{ "component", CMD_MANY, "NAME", "persistence, memory or config; again for more" },
	{ "key", CMD_VALUE, "TEXT", "the Idempotency-Key; a random one otherwise" },
	{ 0 },
};
static const struct cmd_option restore_options[] = {
	CALL_OPTIONS,
	{ "component", CMD_MANY, "NAME", "only this of it; again for more" },
	{ "at", CMD_VALUE, "TIME|TXID", "not what it shows, but this later state of the store" },
	{ "yes", CMD_FLAG, NULL, "replace live data" },
	{ "into", CMD_VALUE, "DIR", "offline: into this empty data folder instead" },
	{ 0 },
};
/* clang-format on */

static const struct cmd create_cmd = {
	.name = "create",
	.of = "backup",
	.usage = CALL_USAGE " [--component NAME]... [--key TEXT] [--json]",
	.summary = "Make a backup, and wait until it is on the disk.",
	.options = create_options,
	.run = create_run,
};
static const struct cmd list_cmd = {
	.name = "list",
	.of = "backup",
	.usage = CALL_USAGE " [--json]",
	.summary = "List backups, newest first.",
	.options = plain_options,
	.run = list_run,
};
static const struct cmd show_cmd = {
	.name = "show",
	.of = "backup",
	.usage = "ID " CALL_USAGE " [--json]",
	.summary = "Print a backup's manifest.",
	.options = plain_options,
	.words_min = 1,
	.words_max = 1,
	.run = show_run,
};
static const struct cmd delete_cmd = {
	.name = "delete",
	.of = "backup",
	.usage = "ID " CALL_USAGE " [--json]",
	.summary = "Remove a backup.",
	.options = plain_options,
	.words_min = 1,
	.words_max = 1,
	.run = delete_run,
};
static const struct cmd restore_cmd = {
	.name = "restore",
	.of = "backup",
	.usage = "[ID] [--at TIME|TXID] --yes | --into DIR " CALL_USAGE
		 " [--component NAME]... [--json]",
	.summary = "Bring live data back to a backup, or to any state since "
		   "(troupe backup points); or, of a stopped Troupe, fill an "
		   "empty folder.",
	.options = restore_options,
	.words_max = 1,
	.run = restore_run,
};
static const struct cmd drill_cmd = {
	.name = "drill",
	.of = "backup",
	.usage = "[ID] " CALL_USAGE " [--json]",
	.summary = "Prove a backup, or the newest, in a scratch folder.",
	.options = plain_options,
	.words_max = 1,
	.run = drill_run,
};
static const struct cmd status_cmd_of_backup = {
	.name = "status",
	.of = "backup",
	.usage = CALL_USAGE " [--json]",
	.summary = "Tell what goes on, and what the last drill has shown.",
	.options = plain_options,
	.run = status_run,
};
static const struct cmd *const backup_subs[] = { &create_cmd, &list_cmd,
	&show_cmd, &delete_cmd, &restore_cmd, &backup_points_cmd, &drill_cmd,
	&backup_prune_cmd, &backup_hold_cmd, &backup_release_cmd,
	&backup_verify_cmd, &status_cmd_of_backup, &backup_rotate_cmd, NULL };

const struct cmd backup_cmd = {
	.name = "backup",
	.usage = "WHAT [OPTION]...",
	.summary = "Make, list, prove and restore backups.",
	.subs = backup_subs,
};
