/* task_row - a task's row, its indexes and its rules.  For repositories. */
#ifndef STORE_TASK_ROW_H
#define STORE_TASK_ROW_H

#include "protocols/messages.h"
#include "store/txn.h"

/* What the catalogue cannot say of a task; NULL: it is fine. */
const char *task_fault(const struct task *task);
/* Whether it may go there from where it stands: task_moves.def. */
bool task_may_go(enum task_status from, enum task_status to);

/* NULL: there is none, or the transaction is stuck. */
const struct task *task_get(struct txn *t, const char *id);
/* Puts a row that is there already, and moves its entries. */
void task_put(struct txn *t, const struct task *old, const struct task *task);
void task_drop(struct txn *t, const struct task *old);

#endif
