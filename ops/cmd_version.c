#include "ops/cmd.h"

static enum cmd_exit
version_run(const struct cmd_args *args)
{
	if (args->json)
		fprintf(args->out, "{\"version\":\"%s\"}\n", TROUPE_VERSION);
	else
		fprintf(args->out, "troupe %s\n", TROUPE_VERSION);
	return CMD_OK;
}

const struct cmd version_cmd = {
	.name = "version",
	.usage = "[--json]",
	.summary = "Tell the version.",
	.run = version_run,
};
