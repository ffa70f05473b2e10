/*
 * loaded - the configuration and the topology that a command was given.
 *
 * Every command that starts or looks at nodes takes LOADED_OPTIONS and reads
 * them here, so that all mean the same.
 */
#ifndef OPS_LOADED_H
#define OPS_LOADED_H

#include "ops/cmd.h"
#include "runtime/config.h"
#include "runtime/topology.h"

/* clang-format off */
#define LOADED_OPTIONS \
	{ "config", CMD_VALUE, "FILE", "read settings from FILE" }, \
	{ "topology", CMD_VALUE, "FILE", "read the nodes from FILE" }, \
	{ "set", CMD_MANY, "NAME=VALUE", "one setting; wins over others" }, \
	{ "data", CMD_VALUE, "DIR", "same as --set runtime.data_dir=DIR" }, \
	{ "listen", CMD_VALUE, "HOST:PORT", "same as --set api.server.host and .port" }, \
	{ "log", CMD_VALUE, "FORMAT", "same as --set runtime.log_format=FORMAT" }
#define LOADED_USAGE \
	"[--config FILE] [--topology FILE] [--set NAME=VALUE]... [--data DIR] " \
	"[--listen HOST:PORT] [--log FORMAT]"
/* clang-format on */

struct loaded {
	struct mistakes mistakes;
	struct config *config;     /* NULL if it has errors */
	struct topology *topology; /* NULL if it has errors */
};

/*
 * INVALID with all mistakes of both, each of them logged.  What could be read
 * is there in any case; give it back with loaded_fini.
 */
MUST_CHECK enum status loaded_init(
    struct loaded *l, const struct cmd_args *args);
void loaded_fini(struct loaded *l);

/* The configuration alone, read again; each mistake is logged. */
MUST_CHECK enum status loaded_config(
    const struct cmd_args *args, struct config **ret_config);

#endif
