#include "ops/cmd.h"

static void
help_json(FILE *to)
{
	const struct cmd *c;

	fprintf(to, "{\"commands\":[");
	for (size_t i = 0; (c = cmd_nth(i)) != NULL; i++) {
		fprintf(to, "%s{\"name\":", i > 0 ? "," : "");
		cmd_json_text(to, c->name);
		fprintf(to, ",\"summary\":");
		cmd_json_text(to, c->summary);
		fprintf(to, "}");
	}
	fprintf(to, "]}\n");
}

static enum cmd_exit
help_run(const struct cmd_args *args)
{
	if (args->json)
		help_json(args->out);
	else
		cmd_usage(NULL, args->out);
	return CMD_OK;
}

const struct cmd help_cmd = {
	.name = "help",
	.usage = "[--json]",
	.summary = "List the commands; COMMAND --help tells of one.",
	.run = help_run,
};
