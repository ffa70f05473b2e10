/*
 * backup_tally - the checksum of a backup, member by member as they come.
 *
 * It is what backup_tree_sum would say of the same tree, as long as members
 * come in the order of a walk: names by their bytes, folder by folder, each
 * once.  Otherwise the tally is lost, and says so at its end.  One thread.
 */
#ifndef ACTORS_BACKUP_TALLY_H
#define ACTORS_BACKUP_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/messages.h"

struct backup_tally;

struct backup_tally *backup_tally_create(void);    /* NULL: no memory */
void backup_tally_destroy(struct backup_tally *t); /* NULL is fine */

void backup_tally_folder(struct backup_tally *t, const char *path);
void backup_tally_link(
    struct backup_tally *t, const char *path, const char *target);
/* And then so many bytes; the manifest is left out. */
void backup_tally_file(struct backup_tally *t, const char *path, uint64_t size);
void backup_tally_bytes(
    struct backup_tally *t, uint64_t at, const void *bytes, size_t size);
/* What it cannot follow. */
void backup_tally_lose(struct backup_tally *t);

/* Once; empty if it is lost. */
void backup_tally_end(
    struct backup_tally *t, char ret_checksum[BACKUP_CHECKSUM_MAX + 1]);

#endif
