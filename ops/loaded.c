#include "ops/loaded.h"

#include <stdio.h>
#include <string.h>

#define DATA_SETTING "runtime.data_dir="
#define DATA_SETTING_SIZE (sizeof(DATA_SETTING) + 4096)

/* The --set values, and --data as one more. */
static size_t
loaded_sets(const struct cmd_args *args, const char **ret_sets,
    char data[DATA_SETTING_SIZE])
{
	const char *dir = cmd_value(args, "data");
	const char *set;
	size_t n = 0;

	while ((set = cmd_nth_value(args, "set", n)) != NULL)
		ret_sets[n++] = set;
	if (dir != NULL) {
		snprintf(data, DATA_SETTING_SIZE, "%s%s", DATA_SETTING, dir);
		ret_sets[n++] = data;
	}
	return n;
}

/* The topology is looked at even when the configuration is wrong. */
static const char *
loaded_data_dir(const struct loaded *l)
{
	if (l->config != NULL)
		return config_text(l->config, SETTING_runtime_data_dir);
	return setting_nth(SETTING_runtime_data_dir)->value;
}

enum status
loaded_init(struct loaded *l, const struct cmd_args *args)
{
	const char *sets[CMD_VALUES_MAX + 1];
	char data[DATA_SETTING_SIZE];
	struct config_input from = { .file = cmd_value(args, "config"),
		.env = args->env,
		.sets = sets,
		.nsets = loaded_sets(args, sets, data) };
	struct topology_input nodes = { .file = cmd_value(args, "topology") };
	enum status first;
	enum status second;

	memset(l, 0, sizeof(*l));
	mistakes_init(&l->mistakes);
	first = config_load(&from, &l->mistakes, &l->config);
	nodes.data_dir = loaded_data_dir(l);
	second = topology_load(&nodes, &l->mistakes, &l->topology);
	return first != ST_OK ? first : second;
}

void
loaded_fini(struct loaded *l)
{
	config_destroy(l->config);
	topology_destroy(l->topology);
}
