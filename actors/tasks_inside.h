/* tasks_inside - what the files of the task board share.  For them alone. */
#ifndef ACTORS_TASKS_INSIDE_H
#define ACTORS_TASKS_INSIDE_H

#include "runtime/actor.h"

#define BOARD_PAGE_DEFAULT 50

/* actors/tasks_change.c */
enum status tasks_on_change(struct actor *self, const struct msg *in);
enum status tasks_on_replace(struct actor *self, const struct msg *in);
enum status tasks_on_delete(struct actor *self, const struct msg *in);

/* actors/tasks_messages.c */
enum status tasks_on_message(struct actor *self, const struct msg *in);
enum status tasks_on_message_get(struct actor *self, const struct msg *in);
enum status tasks_on_messages(struct actor *self, const struct msg *in);

#endif
