/*
 * backup_shelf - what the backup actor does with backups that lie there.
 *
 * List, get, delete and hold take one look at the disk each, and no lock;
 * a prune is a run like any other.
 */
#ifndef ACTORS_BACKUP_SHELF_H
#define ACTORS_BACKUP_SHELF_H

#include "actors/backup_inside.h"

/* ---- backup_shelf.c ---- */

enum status backup_on_list(struct actor *self, const struct msg *in);
enum status backup_on_get(struct actor *self, const struct msg *in);
enum status backup_on_delete(struct actor *self, const struct msg *in);
enum status backup_on_hold(struct actor *self, const struct msg *in);
enum status backup_on_release(struct actor *self, const struct msg *in);

/* ---- backup_prune.c ---- */

void backup_policy_read(struct actor *self, struct backup_policy *ret_policy);
/* Of the copies on the second target. */
void backup_policy_read_second(
    struct actor *self, struct backup_policy *ret_policy);
enum status backup_run_prune(struct actor *self, struct backup_run *r);
enum status backup_on_prune(struct actor *self, const struct msg *in);
void backup_prune_count(struct backup_self *s, const struct backup_job *j);
void backup_prune_answer(
    struct actor *self, const struct backup_run *r, struct op *op);

/* ---- backup_tell.c ---- */

/* For the audit log; borrows from c. */
struct principal backup_tell_who(const struct run_caller *c);

#endif
