/* task_row - the rules of a task's row, wherever it is read or written. */
#ifndef STORE_TASK_ROW_H
#define STORE_TASK_ROW_H

#include "protocols/messages.h"

/* What the catalogue cannot say of a task; NULL: it is fine. */
const char *task_fault(const struct task *task);

#endif
