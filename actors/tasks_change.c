#include "actors/access.h"
#include "actors/id.h"
#include "actors/tasks_inside.h"
#include "protocols/messages.h"
#include "protocols/problem.h"
#include "runtime/base/text.h"

/* The store judges what is written: it alone sees the task as it is. */

static enum status
change_on_done(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_task_made *made = reply->body;

	(void)self;
	if (reply->id != MSG_store_task_made)
		return op_pass(op, reply);
	return OP_REPLY(op, task_made, .task = made->task);
}

static enum status
change_on_gone(struct actor *self, struct op *op, const struct msg *reply)
{
	(void)self;
	return op_pass(op, reply);
}

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

static uint64_t
change_store(const struct actor *self)
{
	return actor_find(self, ACTOR_NUMBER(store), 0);
}

static bool
is_blank_if_given(const char *text)
{
	return text != NULL && text_is_blank(text);
}

enum status
tasks_on_change(struct actor *self, const struct msg *in)
{
	const struct task_change *ask = in->body;

	if (change_denied(self, in, &ask->caller))
		return ST_OK;
	if (is_blank_if_given(ask->title) ||
	    is_blank_if_given(ask->description) ||
	    is_blank_if_given(ask->assigned_to))
		return REFUSE(self, in, VALIDATION,
		    "title, description, assigned_to: must not be blank");
	if (ask->has_budget_limit && ask->budget_limit < 0)
		return REFUSE(
		    self, in, VALIDATION, "budget_limit: must not be negative");
	return ASK(self, in, change_store(self), store_task_change,
	    change_on_done, .id = ask->id, .version = ask->version,
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
		.id = ask->id,
		.title = ask->title,
		.description = ask->description,
		.type = ask->type,
		.priority = ask->has_priority ? ask->priority : PRIORITY_MEDIUM,
		.status = ask->status,
		.project = ask->project,
		.created_by = ask->caller.user_id,
		.assigned_to = ask->assigned_to,
		.reviewers = ask->reviewers,
		.reviewers_count = ask->reviewers_count,
		.dependencies = ask->dependencies,
		.dependencies_count = ask->dependencies_count,
		.artifacts_expected = ask->artifacts_expected,
		.artifacts_expected_count = ask->artifacts_expected_count,
		.acceptance_criteria = ask->acceptance_criteria,
		.acceptance_criteria_count = ask->acceptance_criteria_count,
		.coordination_topology = ask->has_coordination_topology
					     ? ask->coordination_topology
					     : TOPOLOGY_AUTO,
		.parent_task_id = ask->parent_task_id,
		.deadline = ask->deadline,
		.has_deadline = ask->has_deadline,
		.budget_limit = ask->budget_limit,
		.has_budget_limit = ask->has_budget_limit,
	};
}

enum status
tasks_on_replace(struct actor *self, const struct msg *in)
{
	const struct task_replace *ask = in->body;
	struct task task = replace_task(ask);

	if (change_denied(self, in, &ask->caller))
		return ST_OK;
	if (text_is_blank(ask->title) || text_is_blank(ask->description) ||
	    text_is_blank(ask->project) || is_blank_if_given(ask->assigned_to))
		return REFUSE(self, in, VALIDATION,
		    "title, description, project, assigned_to: must not be "
		    "blank");
	if (ask->has_budget_limit && ask->budget_limit < 0)
		return REFUSE(
		    self, in, VALIDATION, "budget_limit: must not be negative");
	return ASK(self, in, change_store(self), store_task_change,
	    change_on_done, .id = ask->id, .version = ask->version,
	    .has_version = ask->has_version, .whole = &task,
	    .now = actor_wall_us(self), .event_id = id_make(self));
}

enum status
tasks_on_delete(struct actor *self, const struct msg *in)
{
	const struct task_delete *ask = in->body;

	if (change_denied(self, in, &ask->caller))
		return ST_OK;
	return ASK(self, in, change_store(self), store_task_remove,
	    change_on_gone, .id = ask->id, .version = ask->version,
	    .has_version = ask->has_version, .now = actor_wall_us(self),
	    .event_id = id_make(self));
}
