#include "ops/load_journey.h"

#include <stdlib.h>
#include <string.h>

#include "ops/journey_node.h"

#define USER_NAME "TROUPE_LOAD_USER"
#define PASSWORD_NAME "TROUPE_LOAD_PASSWORD"

bool
load_is_journey(struct bytes text)
{
	static const char mark[] = "\nround:";

	return memmem(text.at, text.size, mark, sizeof(mark) - 1) != NULL;
}

/* A secret stands in no argument, where every user of the host can see it. */
static const char *
journey_env(const struct cmd_args *args, const char *name)
{
	size_t size = strlen(name);

	for (char *const *e = args->env; *e != NULL; e++)
		if (strncmp(*e, name, size) == 0 && (*e)[size] == '=')
			return *e + size + 1;
	return NULL;
}

static enum cmd_exit
journey_runs(const struct load_journey *l, const struct journey_target *t,
    enum cmd_exit (*tell)(const struct cmd_args *args, const struct run *r))
{
	enum cmd_exit code = CMD_OK;
	char why[RUN_WHY_SIZE] = "";

	for (uint64_t i = 0; i < l->repeat && code == CMD_OK; i++) {
		struct run *r = calloc(1, sizeof(*r));

		if (r == NULL)
			return CMD_FAILED;
		if (journey_conduct(&l->journey, t, r, why) == ST_OK) {
			code = tell(l->args, r);
		} else {
			fprintf(l->args->err, "troupe load: %s\n", why);
			code = CMD_FAILED;
		}
		free(r);
	}
	return code;
}

static enum cmd_exit
journey_on_own_node(const struct load_journey *l,
    enum cmd_exit (*tell)(const struct cmd_args *args, const struct run *r))
{
	struct journey_node n;
	enum cmd_exit code = CMD_FAILED;
	char why[RUN_WHY_SIZE] = "";

	if (journey_node_start(&n, why) == ST_OK) {
		const struct journey_target t = { .address = n.address,
			.user = JOURNEY_USER,
			.password = JOURNEY_PASSWORD,
			.pid = n.pid,
			.progress = l->progress };

		code = journey_runs(l, &t, tell);
	} else {
		fprintf(l->args->err, "troupe load: %s\n", why);
	}
	journey_node_stop(&n);
	return code;
}

enum cmd_exit
load_journey(const struct load_journey *l,
    enum cmd_exit (*tell)(const struct cmd_args *args, const struct run *r))
{
	const struct journey_target t = {
		.address = cmd_value(l->args, "server"),
		.user = journey_env(l->args, USER_NAME),
		.password = journey_env(l->args, PASSWORD_NAME),
		.progress = l->progress,
	};

	if (t.address == NULL)
		return journey_on_own_node(l, tell);
	if (t.user == NULL || t.password == NULL) {
		fprintf(l->args->err,
		    "troupe load: --server: set " USER_NAME
		    " and " PASSWORD_NAME " to an account there\n");
		return CMD_USAGE;
	}
	return journey_runs(l, &t, tell);
}
