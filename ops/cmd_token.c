#include "ops/call.h"

/* token - the keys that sign and verify access tokens. */

static enum cmd_exit
token_keys_run(const struct cmd_args *args)
{
	struct call_reply r;

	if (call(args,
		&(struct call_ask){ "GET", "/api/v1/auth/keys", NULL, NULL },
		&r) != ST_OK)
		return CMD_FAILED;
	return call_end(args, &r);
}

static enum cmd_exit
token_rotate_keys_run(const struct cmd_args *args)
{
	const char *body =
	    cmd_flag(args, "drop-old") ? "{\"drop_old\":true}" : "{}";
	struct call_reply r;

	if (call(args,
		&(struct call_ask){
		    "POST", "/api/v1/auth/keys/rotate", body, NULL },
		&r) != ST_OK)
		return CMD_FAILED;
	return call_end(args, &r);
}

static const struct cmd_option token_keys_options[] = { CALL_OPTIONS, { 0 } };

static const struct cmd_option token_rotate_options[] = {
	CALL_OPTIONS,
	{ "drop-old", CMD_FLAG, NULL,
	    "refuse tokens of older keys at once: everybody logs in again" },
	{ 0 },
};

static const struct cmd token_keys_cmd = {
	.name = "keys",
	.of = "token",
	.usage = CALL_USAGE " [--json]",
	.summary = "Show the keys there are; the first signs.",
	.options = token_keys_options,
	.run = token_keys_run,
};

static const struct cmd token_rotate_keys_cmd = {
	.name = "rotate-keys",
	.of = "token",
	.usage = CALL_USAGE " [--drop-old] [--json]",
	.summary = "Sign with a new key; older tokens live on until they "
		   "expire.",
	.options = token_rotate_options,
	.run = token_rotate_keys_run,
};

static const struct cmd *const token_subs[] = { &token_keys_cmd,
	&token_rotate_keys_cmd, NULL };

const struct cmd token_cmd = {
	.name = "token",
	.usage = "keys|rotate-keys [OPTION]...",
	.summary = "The keys that sign and verify access tokens.",
	.subs = token_subs,
};
