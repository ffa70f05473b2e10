#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "ops/books.h"
#include "ops/stage.h"

/* status - which nodes of this data folder run, as they told it themselves. */

#define STATUS_FILE_MAX 4096

struct told {
	long pid; /* 0: it told nothing, or has gone */
	char announced[STATUS_FILE_MAX];
};

/* Between mark and the next quote. */
static void
status_pick(const char *text, const char *mark, char *ret_value, size_t size)
{
	const char *at = strstr(text, mark);
	size_t n;

	*ret_value = '\0';
	if (at == NULL)
		return;
	at += strlen(mark);
	n = strcspn(at, "\"");
	snprintf(ret_value, size, "%.*s", (int)n, at);
}

static void
status_read(const struct loaded *l, const char *node, struct told *ret_told)
{
	char path[STAGE_PATH_SIZE];
	char text[STATUS_FILE_MAX] = "";
	const char *pid;
	FILE *f;

	*ret_told = (struct told){ 0 };
	snprintf(path, sizeof(path), "%.4096s/run/%.64s.json",
	    config_text(l->config, SETTING_runtime_data_dir), node);
	f = fopen(path, "re");
	if (f == NULL)
		return;
	if (fread(text, 1, sizeof(text) - 1, f) > 0 &&
	    (pid = strstr(text, "\"pid\":")) != NULL)
		ret_told->pid = strtol(pid + 6, NULL, 10);
	fclose(f);
	if (ret_told->pid > 0 && kill((pid_t)ret_told->pid, 0) != 0 &&
	    errno == ESRCH)
		ret_told->pid = 0;
	status_pick(text, "\"announced\":\"", ret_told->announced,
	    sizeof(ret_told->announced));
}

static void
status_print(const struct cmd_args *args, const struct loaded *l,
    const char *node, const struct told *told, bool first, size_t *off)
{
	if (!args->json) {
		if (told->pid > 0)
			fprintf(args->out, "%-16s running pid=%ld%s\n", node,
			    told->pid, told->announced);
		else
			fprintf(args->out, "%-16s stopped\n", node);
		if (cmd_flag(args, "books"))
			*off += books_print(l, node, false, args->out);
		return;
	}
	fprintf(args->out, "%s{\"node\":\"%s\",\"running\":%s,\"pid\":%ld,",
	    first ? "" : ",", node, told->pid > 0 ? "true" : "false",
	    told->pid);
	fprintf(args->out, "\"announced\":");
	cmd_json_text(args->out, told->announced);
	if (cmd_flag(args, "books")) {
		fprintf(args->out, ",\"books\":[");
		*off += books_print(l, node, true, args->out);
		fprintf(args->out, "]");
	}
	fprintf(args->out, "}");
}

static enum cmd_exit
status_nodes(const struct cmd_args *args, const struct loaded *l)
{
	const struct topology_node *node;
	size_t running = 0, off = 0;

	if (args->json)
		fprintf(args->out, "{\"nodes\":[");
	for (size_t i = 0; (node = topology_node(l->topology, i)); i++) {
		struct told told;

		status_read(l, node->name, &told);
		running += told.pid > 0;
		status_print(args, l, node->name, &told, i == 0, &off);
	}
	if (args->json)
		fprintf(args->out, "]}\n");
	return running == topology_node_count(l->topology) && off == 0
		   ? CMD_OK
		   : CMD_FAILED;
}

static enum cmd_exit
status_run(const struct cmd_args *args)
{
	struct loaded l;
	enum cmd_exit code = CMD_USAGE;

	if (loaded_init(&l, args) != ST_OK)
		mistakes_print(&l.mistakes, args->err);
	else
		code = status_nodes(args, &l);
	loaded_fini(&l);
	return code;
}

static const struct cmd_option status_options[] = {
	LOADED_OPTIONS,
	{ "books", CMD_FLAG, NULL,
	    "what became of every message, per sender and receiver" },
	{ 0 },
};

const struct cmd status_cmd = {
	.name = "status",
	.usage = LOADED_USAGE " [--books] [--json]",
	.summary = "Tell which nodes of this host run; exit 1 if any does not, "
		   "or if its "
		   "books do not balance.",
	.options = status_options,
	.run = status_run,
};
