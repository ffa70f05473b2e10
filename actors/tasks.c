#include "actors/tasks.h"

#include <stdio.h>
#include <string.h>

#include "actors/access.h"
#include "actors/id.h"
#include "actors/tasks_inside.h"
#include "protocols/event_type.h"
#include "protocols/json.h"
#include "runtime/base/text.h"

#define TASK_ID_OCTETS 16
#define TASK_ID_SIZE (2 * TASK_ID_OCTETS + 1)

/* The payload of one event at a time, too big for a stack. */
struct tasks_state {
	char payload[EVENT_OWN_MAX + 1];
};

uint64_t
tasks_store(const struct actor *self)
{
	return actor_find(self, ACTOR_NUMBER(store), 0);
}

enum status
tasks_on_stored(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_task_made *made = reply->body;

	(void)self;
	if (reply->id != MSG_store_task_made)
		return op_pass(op, reply);
	return OP_REPLY(op, task_made, .task = made->task);
}

enum status
tasks_pass(struct actor *self, struct op *op, const struct msg *reply)
{
	(void)self;
	return op_pass(op, reply);
}

/* ---- what a task may be ---- */

bool
tasks_is_blank(const char *text)
{
	return text != NULL && text_is_blank(text);
}

static bool
texts_are_blank(const char *const *texts, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (text_is_blank(texts[i]))
			return true;
	return false;
}

static bool
criteria_are_blank(const struct task *task)
{
	for (uint32_t i = 0; i < task->acceptance_criteria_count; i++)
		if (text_is_blank(task->acceptance_criteria[i].description))
			return true;
	return false;
}

static bool
artifacts_are_blank(const struct task *task)
{
	for (uint32_t i = 0; i < task->artifacts_expected_count; i++)
		if (text_is_blank(task->artifacts_expected[i].path))
			return true;
	return false;
}

const char *
tasks_mistake(const struct task *task)
{
	const struct {
		bool is_wrong;
		const char *why;
	} rules[] = {
		{ text_is_blank(task->title), "title: must not be blank" },
		{ text_is_blank(task->description),
		    "description: must not be blank" },
		{ text_is_blank(task->project), "project: must not be blank" },
		{ tasks_is_blank(task->assigned_to),
		    "assigned_to: must not be blank" },
		{ tasks_is_blank(task->parent_task_id),
		    "parent_task_id: must not be blank" },
		{ texts_are_blank(task->reviewers, task->reviewers_count),
		    "reviewers: none may be blank" },
		{ texts_are_blank(task->dependencies, task->dependencies_count),
		    "dependencies: none may be blank" },
		{ artifacts_are_blank(task),
		    "artifacts_expected: no path may be blank" },
		{ criteria_are_blank(task),
		    "acceptance_criteria: no description may be blank" },
		{ task->has_budget_limit && task->budget_limit < 0,
		    TASKS_BUDGET_NEGATIVE },
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].is_wrong)
			return rules[i].why;
	return NULL;
}

/* ---- create ---- */

/* All but its id; borrows its texts from ask. */
static struct task
task_make(const struct task_create *ask, int64_t now)
{
	bool has_assignee = ask->assigned_to != NULL;

	return (struct task){
		TASKS_SET_BY(ask),
		.status = has_assignee ? TASK_ASSIGNED : TASK_CREATED,
		.created_at = now,
		.updated_at = now,
		.version = 1,
	};
}

/* The task as JSON; of one too big for an event, only where to find it. */
static void
tasks_write_payload(struct tasks_state *s, const struct task *task)
{
	struct wire_out out = { (unsigned char *)s->payload, EVENT_OWN_MAX, 0 };

	if (json_encode(CATALOGUE_TYPE(task), 0, task, &out) == ST_OK)
		s->payload[out.used] = '\0';
	else
		snprintf(s->payload, sizeof(s->payload), "{\"id\":\"%s\"}",
		    task->id);
}

static enum status
tasks_store_new(
    struct actor *self, const struct msg *in, const struct task *without_id)
{
	const struct task_create *ask = in->body;
	struct tasks_state *s = actor_state(self);
	uint8_t random[TASK_ID_OCTETS];
	char id[TASK_ID_SIZE];
	struct task task = *without_id;
	struct event event = { .event_type =
				   event_type_name(EVENT_TASK_CREATED),
		.channel = event_type_channel(EVENT_TASK_CREATED),
		.timestamp = task.created_at,
		.event_id = id_make(self),
		.payload = s->payload };

	actor_random(self, random, sizeof(random));
	text_hex(random, sizeof(random), id);
	task.id = id;
	tasks_write_payload(s, &task);
	return ASK(self, in, tasks_store(self), store_task_create,
	    tasks_on_stored, .task = task, .principal = ask->caller.user_id,
	    .once = ask->once, .event = event);
}

static enum status
tasks_on_create(struct actor *self, const struct msg *in)
{
	const struct task_create *ask = in->body;
	uint32_t problem = access_check(&ask->caller, ACCESS_WRITE);
	struct task task = task_make(ask, actor_wall_us(self));
	const char *mistake = tasks_mistake(&task);

	if (problem != 0)
		return actor_refuse(
		    self, in, problem, "your role may not create tasks");
	if (ask->once.key != NULL && text_is_blank(ask->once.key))
		return REFUSE(self, in, BAD_REQUEST,
		    "the Idempotency-Key must not be blank");
	if (mistake != NULL)
		return REFUSE(self, in, VALIDATION, mistake);
	return tasks_store_new(self, in, &task);
}

/* ---- read ---- */

static enum status
tasks_on_found(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_task_found *found = reply->body;

	(void)self;
	if (reply->id != MSG_store_task_found)
		return op_pass(op, reply);
	if (found->task == NULL)
		return OP_REFUSE(op, NOT_FOUND, "there is no such task");
	return OP_REPLY(op, task_made, .task = *found->task);
}

static enum status
tasks_on_get(struct actor *self, const struct msg *in)
{
	const struct task_get *ask = in->body;
	uint32_t problem = access_check(&ask->caller, ACCESS_READ);

	if (problem != 0)
		return actor_refuse(
		    self, in, problem, "your role may not read tasks");
	if (text_is_blank(ask->id))
		return REFUSE(self, in, NOT_FOUND, "there is no such task");
	return ASK(self, in, tasks_store(self), store_task_get, tasks_on_found,
	    .id = ask->id);
}

/* NULL: it can be answered.  A cursor is the id a page ended with. */
static const char *
task_list_mistake(const struct task_list *ask)
{
	if (ask->has_limit && ask->limit == 0)
		return "limit: must be at least 1";
	if (ask->cursor != NULL &&
	    (text_is_blank(ask->cursor) || strlen(ask->cursor) > ID_MAX))
		return "cursor: is not one that a page ended with";
	if (tasks_is_blank(ask->assigned_to))
		return "assigned_to: must not be blank";
	if (tasks_is_blank(ask->project))
		return "project: must not be blank";
	return NULL;
}

static enum status
tasks_on_list(struct actor *self, const struct msg *in)
{
	const struct task_list *ask = in->body;
	uint32_t problem = access_check(&ask->caller, ACCESS_READ);
	const char *mistake = task_list_mistake(ask);

	if (problem != 0)
		return actor_refuse(
		    self, in, problem, "your role may not read tasks");
	if (mistake != NULL)
		return REFUSE(self, in, VALIDATION, mistake);
	return ASK(self, in, tasks_store(self), store_task_list, tasks_pass,
	    .status = ask->status, .has_status = ask->has_status,
	    .assigned_to = ask->assigned_to, .project = ask->project,
	    .after = ask->cursor,
	    .limit = ask->has_limit ? ask->limit : TASKS_PAGE_DEFAULT);
}

static const struct handler tasks_on[] = {
	ON(task_create, tasks_on_create),
	ON(task_get, tasks_on_get),
	ON(task_list, tasks_on_list),
	ON(task_change, tasks_on_change),
	ON(task_replace, tasks_on_replace),
	ON(task_delete, tasks_on_delete),
	ON(message_send, tasks_on_message),
	ON(message_get, tasks_on_message_get),
	ON(message_list, tasks_on_messages),
	{ 0 },
};

const struct actor_class tasks_class = {
	.name = "tasks",
	.state_size = sizeof(struct tasks_state),
	.on = tasks_on,
};
