#include <string.h>

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

static const struct cmd *
help_find_sub(const struct cmd *c, const char *name)
{
	const struct cmd *const *sub;

	for (sub = c->subs; sub != NULL && *sub != NULL; sub++)
		if (strcmp((*sub)->name, name) == 0)
			return *sub;
	return NULL;
}

/* `help up`, `help doctor store`: what --help of it tells. */
static enum cmd_exit
help_one(const struct cmd_args *args)
{
	const char *name = cmd_word(args, 0);
	const char *sub = cmd_word(args, 1);
	const struct cmd *c = cmd_find(name);

	if (c != NULL && sub != NULL)
		c = help_find_sub(c, sub);
	if (c == NULL) {
		fprintf(args->err, "troupe help: %s%s%s is no command\n", name,
		    sub == NULL ? "" : " ", sub == NULL ? "" : sub);
		return CMD_USAGE;
	}
	cmd_usage(c, args->out);
	return CMD_OK;
}

static enum cmd_exit
help_run(const struct cmd_args *args)
{
	if (cmd_word(args, 0) != NULL)
		return help_one(args);
	if (args->json)
		help_json(args->out);
	else
		cmd_usage(NULL, args->out);
	return CMD_OK;
}

const struct cmd help_cmd = {
	.name = "help",
	.usage = "[COMMAND [SUBCOMMAND]] [--json]",
	.summary = "List the commands, or tell of one, as COMMAND --help does.",
	.words_max = 2,
	.run = help_run,
};
