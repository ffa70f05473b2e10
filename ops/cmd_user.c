#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "ops/call.h"
#include "protocols/messages.h"
#include "runtime/base/text.h"
#include "runtime/seal.h"

/*
 * user - accounts, over the control socket of the running Troupe.
 *
 * A password is never a word of the command: it is the first line of
 * --password-file, or of the standard input.
 */

#define PATH_SIZE 1024
#define BODY_SIZE 2048

/* ---- JSON and paths ---- */

/* Appends text as a JSON string; false if it does not fit. */
static bool
user_json_text(char *body, const char *name, const char *text)
{
	size_t used = strlen(body);
	FILE *to = fmemopen(body + used, BODY_SIZE - used, "w");
	bool fits;

	if (to == NULL)
		return false;
	fprintf(to, "%s\"%s\":", used > 1 ? "," : "", name);
	cmd_json_text(to, text);
	fits = ftell(to) < (long)(BODY_SIZE - used) - 2;
	fclose(to);
	return fits;
}

/* The id of the account with that name; false: it has been told why not. */
static bool
user_find(
    const struct cmd_args *args, const char *name, char ret_id[ID_MAX + 1])
{
	static const char before[] = "/api/v1/users?username=";
	char path[PATH_SIZE] = "";
	struct call_reply r;
	struct bytes users;
	const char *at;

	snprintf(path, sizeof(path), "%s", before);
	if (!call_escape(path, sizeof(path), name)) {
		fprintf(args->err, "troupe user: the name is too long\n");
		return false;
	}
	if (call(args, &(struct call_ask){ "GET", path, NULL, NULL }, &r) !=
	    ST_OK)
		return false;
	if (!call_is_good(&r)) {
		(void)call_refused(args, &r);
		return false;
	}
	users = call_member(&r, "data.users");
	at = users.size == 0 ? NULL
			     : strstr((const char *)users.at, "\"id\":\"");
	if (at == NULL)
		fprintf(args->err, "troupe user: there is no user %s\n", name);
	else
		snprintf(ret_id, ID_MAX + 1, "%.*s", (int)strcspn(at + 6, "\""),
		    at + 6);
	call_fini(&r);
	return at != NULL;
}

static enum cmd_exit
user_ask(const struct cmd_args *args, const char *method, const char *name,
    const char *end, const char *body)
{
	char id[ID_MAX + 1];
	char path[PATH_SIZE];
	struct call_reply r;

	if (!user_find(args, name, id))
		return CMD_FAILED;
	snprintf(path, sizeof(path), "/api/v1/users/%s%s", id, end);
	if (call(args, &(struct call_ask){ method, path, body, NULL }, &r) !=
	    ST_OK)
		return CMD_FAILED;
	return call_end(args, &r);
}

/* ---- passwords ---- */

/* The terminal shows nothing meanwhile. */
static bool
user_read_line(FILE *from, char *line, int size)
{
	struct termios was, quiet;
	bool shows = isatty(fileno(from)) && tcgetattr(fileno(from), &was) == 0;
	bool got;

	if (shows) {
		quiet = was;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		fprintf(stderr, "password: ");
		(void)tcsetattr(fileno(from), TCSAFLUSH, &quiet);
	}
	got = fgets(line, size, from) != NULL;
	if (shows) {
		(void)tcsetattr(fileno(from), TCSAFLUSH, &was);
		fprintf(stderr, "\n");
	}
	if (got)
		line[strcspn(line, "\r\n")] = '\0';
	return got;
}

/* False: it has been told why not. */
static bool
user_read_password(
    const struct cmd_args *args, char ret_password[PASSWORD_MAX + 2])
{
	const char *file = cmd_value(args, "password-file");
	FILE *from = file == NULL ? stdin : fopen(file, "re");
	bool got = from != NULL &&
		   user_read_line(from, ret_password, PASSWORD_MAX + 2);

	if (from != NULL && from != stdin)
		fclose(from);
	if (!got || ret_password[0] == '\0')
		fprintf(args->err, "troupe user: no password in %s\n",
		    file == NULL ? "the standard input" : file);
	return got && ret_password[0] != '\0';
}

/* ---- the commands ---- */

static enum cmd_exit
create_run(const struct cmd_args *args)
{
	const char *role = cmd_value(args, "role");
	char password[PASSWORD_MAX + 2];
	char body[BODY_SIZE] = "{";
	struct call_reply r;
	enum cmd_exit code = CMD_FAILED;
	bool fits;

	if (!user_read_password(args, password))
		return CMD_FAILED;
	fits = user_json_text(body, "username", cmd_word(args, 0)) &&
	       user_json_text(body, "role", role == NULL ? "observer" : role) &&
	       user_json_text(body, "password", password);
	seal_wipe(password, sizeof(password));
	if (!fits) {
		fprintf(args->err, "troupe user: the name is too long\n");
		return CMD_USAGE;
	}
	snprintf(body + strlen(body), sizeof(body) - strlen(body), "%s}",
	    cmd_flag(args, "keep-password") ? ",\"must_change_password\":false"
					    : "");
	if (call(args,
		&(struct call_ask){ "POST", "/api/v1/users", body, NULL },
		&r) == ST_OK)
		code = call_end(args, &r);
	seal_wipe(body, sizeof(body));
	return code;
}

static enum cmd_exit
list_run(const struct cmd_args *args)
{
	const char *cursor = cmd_value(args, "cursor");
	char path[PATH_SIZE] = "/api/v1/users?limit=200";
	struct call_reply r;

	if (cursor != NULL) {
		snprintf(path, sizeof(path), "/api/v1/users?limit=200&cursor=");
		if (!call_escape(path, sizeof(path), cursor))
			return CMD_USAGE;
	}
	if (call(args, &(struct call_ask){ "GET", path, NULL, NULL }, &r) !=
	    ST_OK)
		return CMD_FAILED;
	return call_end(args, &r);
}

static enum cmd_exit
disable_run(const struct cmd_args *args)
{
	return user_ask(
	    args, "PATCH", cmd_word(args, 0), "", "{\"disabled\":true}");
}

static enum cmd_exit
enable_run(const struct cmd_args *args)
{
	return user_ask(
	    args, "PATCH", cmd_word(args, 0), "", "{\"disabled\":false}");
}

static enum cmd_exit
delete_run(const struct cmd_args *args)
{
	return user_ask(args, "DELETE", cmd_word(args, 0), "", NULL);
}

static enum cmd_exit
role_run(const struct cmd_args *args)
{
	char body[BODY_SIZE] = "{";

	if (!user_json_text(body, "role", cmd_word(args, 1)))
		return CMD_USAGE;
	snprintf(body + strlen(body), sizeof(body) - strlen(body), "}");
	return user_ask(args, "PATCH", cmd_word(args, 0), "", body);
}

static enum cmd_exit
password_run(const struct cmd_args *args)
{
	char password[PASSWORD_MAX + 2];
	char body[BODY_SIZE] = "{";
	enum cmd_exit code;

	if (!user_read_password(args, password))
		return CMD_FAILED;
	if (!user_json_text(body, "password", password))
		return CMD_USAGE;
	seal_wipe(password, sizeof(password));
	snprintf(body + strlen(body), sizeof(body) - strlen(body), "}");
	code = user_ask(args, "POST", cmd_word(args, 0), "/password", body);
	seal_wipe(body, sizeof(body));
	return code;
}

/* clang-format off */
#define PASSWORD_OPTION \
	{ "password-file", CMD_VALUE, "FILE", "its first line; else standard input" }
/* clang-format on */

static const struct cmd_option plain_options[] = {
	CALL_OPTIONS,
	{ 0 },
};

static const struct cmd_option list_options[] = {
	CALL_OPTIONS,
	{ "cursor", CMD_VALUE, "CURSOR", "go on where a page ended: its next" },
	{ 0 },
};

static const struct cmd_option create_options[] = {
	CALL_OPTIONS,
	PASSWORD_OPTION,
	{ "role", CMD_VALUE, "ROLE", "observer if none is given" },
	{ "keep-password", CMD_FLAG, NULL, "it need not be changed at first" },
	{ 0 },
};

static const struct cmd_option password_options[] = {
	CALL_OPTIONS,
	PASSWORD_OPTION,
	{ 0 },
};

#define USER_CMD(id, words, use, what, opts)             \
	static const struct cmd user_##id##_cmd = {      \
		.name = #id,                             \
		.of = "user",                            \
		.usage = use " " CALL_USAGE " [--json]", \
		.summary = (what),                       \
		.options = (opts),                       \
		.run = id##_run,                         \
		.words_min = (words),                    \
		.words_max = (words),                    \
	}

USER_CMD(create, 1, "NAME [--role ROLE] [--password-file FILE]",
    "Make an account; it changes its password at first.", create_options);
USER_CMD(list, 0, "[--cursor CURSOR]", "List accounts.", list_options);
USER_CMD(disable, 1, "NAME", "Let it come in no more; end its sessions.",
    plain_options);
USER_CMD(enable, 1, "NAME", "Let it come in again.", plain_options);
USER_CMD(
    delete, 1, "NAME", "Delete it, its sessions and its keys.", plain_options);
USER_CMD(role, 2, "NAME ROLE", "Give it another role.", plain_options);
USER_CMD(password, 1, "NAME [--password-file FILE]",
    "Give it another password, which it must change.", password_options);

static const struct cmd *const user_cmds[] = {
	&user_create_cmd,
	&user_list_cmd,
	&user_disable_cmd,
	&user_enable_cmd,
	&user_delete_cmd,
	&user_role_cmd,
	&user_password_cmd,
	NULL,
};

const struct cmd user_cmd = {
	.name = "user",
	.usage = "WHAT NAME [OPTION]...",
	.summary = "Make, list, change and delete accounts.",
	.subs = user_cmds,
};
