/*
 * load_compare - `troupe load compare A.json B.json`: whether two sets of
 * runs, as `troupe load --json --repeat N` has printed them, differ.
 *
 * Exit codes: CMD_OK, no difference was found; CMD_DIFFERS, their throughput
 * differs; CMD_USAGE, files that cannot be read or compared.
 */
#ifndef OPS_LOAD_COMPARE_H
#define OPS_LOAD_COMPARE_H

#include "ops/cmd.h"

enum cmd_exit load_compare(const struct cmd_args *args);

#endif
