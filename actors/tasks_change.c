#include "actors/access.h"
#include "actors/id.h"
#include "actors/tasks_inside.h"
#include "protocols/messages.h"
#include "protocols/problem.h"

/* The store judges what is written: it alone sees the task as it is. */

static bool
change_denied(
    struct actor *self, const struct msg *in, const struct principal *caller)
{
	uint32_t problem = access_check(caller, ACCESS_WRITE);

	if (problem != 0)
		(void)actor_refuse(
		    self, in, problem, "your role may not change tasks");
	return problem != 0;
}

enum status
tasks_on_change(struct actor *self, const struct msg *in)
{
	const struct task_change *ask = in->body;

	if (change_denied(self, in, &ask->caller))
		return ST_OK;
	if (tasks_is_blank(ask->title) || tasks_is_blank(ask->description) ||
	    tasks_is_blank(ask->assigned_to))
		return REFUSE(self, in, VALIDATION,
		    "title, description, assigned_to: must not be blank");
	if (ask->has_budget_limit && ask->budget_limit < 0)
		return REFUSE(self, in, VALIDATION, TASKS_BUDGET_NEGATIVE);
	return ASK(self, in, tasks_store(self), store_task_change,
	    tasks_on_stored, .id = ask->id, .version = ask->version,
	    .has_version = ask->has_version, .title = ask->title,
	    .description = ask->description, .priority = ask->priority,
	    .has_priority = ask->has_priority, .status = ask->status,
	    .has_status = ask->has_status, .assigned_to = ask->assigned_to,
	    .deadline = ask->deadline, .has_deadline = ask->has_deadline,
	    .budget_limit = ask->budget_limit,
	    .has_budget_limit = ask->has_budget_limit,
	    .now = actor_wall_us(self), .event_id = id_make(self));
}

/* Borrows from ask; the store adds what clients do not set. */
static struct task
replace_task(const struct task_replace *ask)
{
	return (struct task){
		TASKS_SET_BY(ask),
		.id = ask->id,
		.status = ask->status,
	};
}

enum status
tasks_on_replace(struct actor *self, const struct msg *in)
{
	const struct task_replace *ask = in->body;
	struct task task = replace_task(ask);
	const char *mistake = tasks_mistake(&task);

	if (change_denied(self, in, &ask->caller))
		return ST_OK;
	if (mistake != NULL)
		return REFUSE(self, in, VALIDATION, mistake);
	return ASK(self, in, tasks_store(self), store_task_change,
	    tasks_on_stored, .id = ask->id, .version = ask->version,
	    .has_version = ask->has_version, .whole = &task,
	    .now = actor_wall_us(self), .event_id = id_make(self));
}

enum status
tasks_on_delete(struct actor *self, const struct msg *in)
{
	const struct task_delete *ask = in->body;

	if (change_denied(self, in, &ask->caller))
		return ST_OK;
	return ASK(self, in, tasks_store(self), store_task_remove, tasks_pass,
	    .id = ask->id, .version = ask->version,
	    .has_version = ask->has_version, .now = actor_wall_us(self),
	    .event_id = id_make(self));
}
