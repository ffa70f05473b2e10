#include <string.h>

#include "ops/call.h"

/* call - any endpoint of the running Troupe, as system. */

static const char *const call_methods[] = { "GET", "HEAD", "POST", "PUT",
	"PATCH", "DELETE" };

static const char *
call_method(const struct cmd_args *args)
{
	const char *given = cmd_value(args, "method");

	if (given == NULL)
		return cmd_value(args, "body") == NULL ? "GET" : "POST";
	for (size_t i = 0; i < sizeof(call_methods) / sizeof(*call_methods);
	     i++)
		if (strcmp(given, call_methods[i]) == 0)
			return given;
	return NULL;
}

/* A path that could hold a line of its own is none. */
static bool
call_path_is_plain(const char *path)
{
	for (const char *p = path; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~')
			return false;
	return *path == '/';
}

static enum cmd_exit
call_run(const struct cmd_args *args)
{
	struct call_ask ask = { call_method(args), cmd_value(args, "path"),
		cmd_value(args, "body"), NULL };
	struct call_reply reply;

	if (ask.method == NULL || ask.path == NULL ||
	    !call_path_is_plain(ask.path)) {
		fprintf(args->err,
		    "troupe call: expected --path /api/v1/... and a --method "
		    "of GET, HEAD, POST, PUT, PATCH, DELETE\n");
		return CMD_USAGE;
	}
	if (call(args, &ask, &reply) != ST_OK)
		return CMD_FAILED;
	return call_end(args, &reply);
}

static const struct cmd_option call_options[] = {
	CALL_OPTIONS,
	{ "method", CMD_VALUE, "METHOD", "GET, or POST with a body" },
	{ "path", CMD_VALUE, "PATH", "/api/v1/... with its query" },
	{ "body", CMD_VALUE, "JSON", "what to send" },
	{ 0 },
};

const struct cmd call_cmd = {
	.name = "call",
	.usage = CALL_USAGE " --path PATH [--method METHOD] [--body JSON] "
			    "[--json]",
	.summary = "Ask the running Troupe anything, as system.",
	.options = call_options,
	.run = call_run,
};
