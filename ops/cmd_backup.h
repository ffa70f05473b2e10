/*
 * cmd_backup - what the files of `troupe backup` share.
 *
 * cmd_backup.c, backup_keeping.c and backup_points.c ask the running Troupe;
 * backup_offline.c reads the backup root of a configuration itself, and needs
 * no running one.
 */
#ifndef OPS_CMD_BACKUP_H
#define OPS_CMD_BACKUP_H

#include "ops/call.h"

extern const struct cmd backup_verify_cmd;
extern const struct cmd backup_rotate_cmd;
extern const struct cmd backup_points_cmd;
extern const struct cmd backup_prune_cmd;
extern const struct cmd backup_hold_cmd;
extern const struct cmd backup_release_cmd;

/* Asks for the backup that the first word names, or for what it has there. */
enum cmd_exit backup_ask_one(
    const struct cmd_args *args, const char *method, const char *of);

/* Into the empty or absent folder of --into. */
enum cmd_exit backup_offline_restore(
    const struct cmd_args *args, const char *id);

#endif
