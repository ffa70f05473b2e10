/* tasks_inside - what the files of the task board share.  For them alone. */
#ifndef ACTORS_TASKS_INSIDE_H
#define ACTORS_TASKS_INSIDE_H

#include "protocols/messages.h"
#include "runtime/actor.h"

#define BOARD_PAGE_DEFAULT 50
#define TASKS_BUDGET_NEGATIVE "budget_limit: must not be negative"

/* What whoever creates or replaces a task sets; borrows from ask. */
#define TASKS_SET_BY(ask)                                                     \
	.title = (ask)->title, .description = (ask)->description,             \
	.type = (ask)->type,                                                  \
	.priority = (ask)->has_priority ? (ask)->priority : PRIORITY_MEDIUM,  \
	.project = (ask)->project, .created_by = (ask)->caller.user_id,       \
	.assigned_to = (ask)->assigned_to, .reviewers = (ask)->reviewers,     \
	.reviewers_count = (ask)->reviewers_count,                            \
	.dependencies = (ask)->dependencies,                                  \
	.dependencies_count = (ask)->dependencies_count,                      \
	.artifacts_expected = (ask)->artifacts_expected,                      \
	.artifacts_expected_count = (ask)->artifacts_expected_count,          \
	.acceptance_criteria = (ask)->acceptance_criteria,                    \
	.acceptance_criteria_count = (ask)->acceptance_criteria_count,        \
	.coordination_topology = (ask)->has_coordination_topology             \
				     ? (ask)->coordination_topology           \
				     : TOPOLOGY_AUTO,                         \
	.parent_task_id = (ask)->parent_task_id, .deadline = (ask)->deadline, \
	.has_deadline = (ask)->has_deadline,                                  \
	.budget_limit = (ask)->budget_limit,                                  \
	.has_budget_limit = (ask)->has_budget_limit

/* actors/tasks.c */
uint64_t tasks_store(const struct actor *self);
/* Given, and blank. */
bool tasks_is_blank(const char *text);
/* NULL: a client may set it like this. */
const char *tasks_mistake(const struct task *task);
/* The store has the task: it is the answer. */
enum status tasks_on_stored(
    struct actor *self, struct op *op, const struct msg *reply);
enum status tasks_pass(
    struct actor *self, struct op *op, const struct msg *reply);

/* actors/tasks_change.c */
enum status tasks_on_change(struct actor *self, const struct msg *in);
enum status tasks_on_replace(struct actor *self, const struct msg *in);
enum status tasks_on_delete(struct actor *self, const struct msg *in);

/* actors/tasks_messages.c */
enum status tasks_on_message(struct actor *self, const struct msg *in);
enum status tasks_on_message_get(struct actor *self, const struct msg *in);
enum status tasks_on_messages(struct actor *self, const struct msg *in);

#endif
