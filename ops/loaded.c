#include "ops/loaded.h"

#include <stdio.h>
#include <string.h>

#include "runtime/topology_url.h"

#define SHORT_SIZE 4200 /* a setting that a short option stands for */
#define SHORTS_MAX 5

/* The --set values, and what the short options stand for. */
struct loaded_sets {
	const char *sets[CMD_VALUES_MAX + SHORTS_MAX];
	size_t count;
	char shorts[SHORTS_MAX][SHORT_SIZE];
	size_t shorts_used;
};

static void
sets_add_short(
    struct loaded_sets *s, const char *setting, const char *value, size_t size)
{
	char *text = s->shorts[s->shorts_used++];

	snprintf(text, SHORT_SIZE, "%s=%.*s", setting, (int)size, value);
	s->sets[s->count++] = text;
}

/* HOST:PORT, [HOST]:PORT; without a port it is all host. */
static void
sets_add_listen(struct loaded_sets *s, const char *value)
{
	const char *colon = strrchr(value, ':');
	const char *end = colon == NULL ? value + strlen(value) : colon;

	if (*value == '[' && end > value + 1 && end[-1] == ']')
		sets_add_short(
		    s, "api.server.host", value + 1, (size_t)(end - value) - 2);
	else
		sets_add_short(
		    s, "api.server.host", value, (size_t)(end - value));
	if (colon != NULL)
		sets_add_short(
		    s, "api.server.port", colon + 1, strlen(colon + 1));
	/* Addresses of a file must not win over what was asked for here. */
	sets_add_short(s, "api.server.listen", "", 0);
}

static void
loaded_sets(const struct cmd_args *args, struct loaded_sets *s)
{
	const char *data = cmd_value(args, "data");
	const char *listen = cmd_value(args, "listen");
	const char *format = cmd_value(args, "log");
	const char *set;

	s->shorts_used = 0;
	for (s->count = 0; (set = cmd_nth_value(args, "set", s->count)) != NULL;
	     s->count++)
		s->sets[s->count] = set;
	if (data != NULL)
		sets_add_short(s, "runtime.data_dir", data, strlen(data));
	if (format != NULL)
		sets_add_short(s, "runtime.log_format", format, strlen(format));
	if (listen != NULL)
		sets_add_listen(s, listen);
}

/* The topology is looked at even when the configuration is wrong. */
static const char *
loaded_data_dir(const struct loaded *l)
{
	if (l->config != NULL)
		return config_text(l->config, SETTING_runtime_data_dir);
	return setting_nth(SETTING_runtime_data_dir)->value;
}

/* Links between hosts need what they show to one another. */
static enum status
loaded_cross_check(struct loaded *l, const char *topology)
{
	const struct topology_node *n;
	enum status st = ST_OK;

	for (size_t i = 0; (n = topology_node(l->topology, i)) != NULL; i++) {
		if (!topology_url_is_tls(n->listen) ||
		    *config_text(l->config, SETTING_runtime_link_certfile) !=
			'\0')
			continue;
		mistakes_add(&l->mistakes,
		    (struct place){ topology, n->line, n->name },
		    "listens on tls+tcp://, and runtime.link.certfile, "
		    ".keyfile and .ca_certs are not set");
		st = ST_INVALID;
	}
	return st;
}

enum status
loaded_init(struct loaded *l, const struct cmd_args *args)
{
	struct loaded_sets sets;
	struct config_input from = { .file = cmd_value(args, "config"),
		.env = args->env,
		.sets = sets.sets };
	struct topology_input nodes = { .file = cmd_value(args, "topology") };
	enum status first;
	enum status second;

	memset(l, 0, sizeof(*l));
	loaded_sets(args, &sets);
	from.nsets = sets.count;
	mistakes_init(&l->mistakes);
	first = config_load(&from, &l->mistakes, &l->config);
	nodes.data_dir = loaded_data_dir(l);
	second = topology_load(&nodes, &l->mistakes, &l->topology);
	if (first == ST_OK && second == ST_OK)
		return loaded_cross_check(l, nodes.file);
	return first != ST_OK ? first : second;
}

void
loaded_fini(struct loaded *l)
{
	config_destroy(l->config);
	topology_destroy(l->topology);
}

enum status
loaded_config(const struct cmd_args *args, struct config **ret_config)
{
	struct loaded_sets sets;
	struct config_input from = { .file = cmd_value(args, "config"),
		.env = args->env,
		.sets = sets.sets };
	struct mistakes m;

	loaded_sets(args, &sets);
	from.nsets = sets.count;
	mistakes_init(&m);
	return config_load(&from, &m, ret_config);
}
