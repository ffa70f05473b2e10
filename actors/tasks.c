#include "actors/tasks.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "actors/access.h"
#include "actors/tasks_inside.h"
#include "protocols/event_type.h"
#include "protocols/json.h"
#include "runtime/base/text.h"

#define TASK_ID_OCTETS 16
#define TASK_ID_SIZE (2 * TASK_ID_OCTETS + 1)
#define TASK_CHANNEL "tasks"

/* The payload of one event at a time, too big for a stack. */
struct tasks_state {
	char payload[EVENT_PAYLOAD_MAX + 1];
};

static uint64_t
tasks_store(const struct actor *self)
{
	return actor_find(self, ACTOR_NUMBER(store), 0);
}

/* ---- create ---- */

static bool
texts_are_blank(const char *const *texts, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (text_is_blank(texts[i]))
			return true;
	return false;
}

static bool
criteria_are_blank(const struct task_create *ask)
{
	for (uint32_t i = 0; i < ask->acceptance_criteria_count; i++)
		if (text_is_blank(ask->acceptance_criteria[i].description))
			return true;
	return false;
}

static bool
artifacts_are_blank(const struct task_create *ask)
{
	for (uint32_t i = 0; i < ask->artifacts_expected_count; i++)
		if (text_is_blank(ask->artifacts_expected[i].path))
			return true;
	return false;
}

static bool
is_blank_if_given(const char *text)
{
	return text != NULL && text_is_blank(text);
}

/* NULL: it may become a task. */
static const char *
task_create_mistake(const struct task_create *ask)
{
	const struct {
		bool is_wrong;
		const char *why;
	} rules[] = {
		{ text_is_blank(ask->title), "title: must not be blank" },
		{ text_is_blank(ask->description),
		    "description: must not be blank" },
		{ text_is_blank(ask->project), "project: must not be blank" },
		{ is_blank_if_given(ask->assigned_to),
		    "assigned_to: must not be blank" },
		{ is_blank_if_given(ask->parent_task_id),
		    "parent_task_id: must not be blank" },
		{ texts_are_blank(ask->reviewers, ask->reviewers_count),
		    "reviewers: none may be blank" },
		{ texts_are_blank(ask->dependencies, ask->dependencies_count),
		    "dependencies: none may be blank" },
		{ artifacts_are_blank(ask),
		    "artifacts_expected: no path may be blank" },
		{ criteria_are_blank(ask),
		    "acceptance_criteria: no description may be blank" },
		{ ask->has_budget_limit && ask->budget_limit < 0,
		    "budget_limit: must not be negative" },
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].is_wrong)
			return rules[i].why;
	return NULL;
}

/* Borrows its texts from ask. */
static struct task
task_make(const struct task_create *ask, const char *id, int64_t now)
{
	bool has_assignee = ask->assigned_to != NULL;

	return (struct task){
		.id = id,
		.title = ask->title,
		.description = ask->description,
		.type = ask->type,
		.priority = ask->has_priority ? ask->priority : PRIORITY_MEDIUM,
		.status = has_assignee ? TASK_ASSIGNED : TASK_CREATED,
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
		.created_at = now,
		.updated_at = now,
		.version = 1,
	};
}

/* The task as JSON; of one too big for an event, only where to find it. */
static void
tasks_write_payload(struct tasks_state *s, const struct task *task)
{
	struct wire_out out = { (unsigned char *)s->payload, EVENT_PAYLOAD_MAX,
		0 };

	if (json_encode(CATALOGUE_TYPE(task), 0, task, &out) == ST_OK)
		s->payload[out.used] = '\0';
	else
		snprintf(s->payload, sizeof(s->payload), "{\"id\":\"%s\"}",
		    task->id);
}

/* Random, and marked as such: RFC 9562, version 4. */
static void
tasks_random_uuid(struct actor *self, struct uuid *ret_id)
{
	actor_random(self, ret_id->octets, sizeof(ret_id->octets));
	ret_id->octets[6] = (uint8_t)((ret_id->octets[6] & 0x0f) | 0x40);
	ret_id->octets[8] = (uint8_t)((ret_id->octets[8] & 0x3f) | 0x80);
}

static enum status
tasks_on_stored(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_task_made *made = reply->body;

	(void)self;
	if (reply->id != MSG_store_task_made)
		return op_pass(op, reply);
	return OP_REPLY(op, task_made, .task = made->task);
}

static enum status
tasks_store_new(struct actor *self, const struct msg *in)
{
	const struct task_create *ask = in->body;
	struct tasks_state *s = actor_state(self);
	int64_t now = actor_wall_us(self);
	uint8_t random[TASK_ID_OCTETS];
	char id[TASK_ID_SIZE];
	struct event event = { .event_type =
				   event_type_name(EVENT_TASK_CREATED),
		.channel = TASK_CHANNEL,
		.timestamp = now,
		.payload = s->payload };
	struct task task;

	actor_random(self, random, sizeof(random));
	text_hex(random, sizeof(random), id);
	task = task_make(ask, id, now);
	tasks_write_payload(s, &task);
	tasks_random_uuid(self, &event.event_id);
	return ASK(self, in, tasks_store(self), store_task_create,
	    tasks_on_stored, .task = task, .principal = ask->caller.user_id,
	    .once = ask->once, .event = event);
}

static enum status
tasks_on_create(struct actor *self, const struct msg *in)
{
	const struct task_create *ask = in->body;
	uint32_t problem = access_check(&ask->caller, ACCESS_WRITE);
	const char *mistake;

	if (problem != 0)
		return actor_refuse(
		    self, in, problem, "your role may not create tasks");
	if (ask->once.key != NULL && text_is_blank(ask->once.key))
		return REFUSE(self, in, BAD_REQUEST,
		    "the Idempotency-Key must not be blank");
	mistake = task_create_mistake(ask);
	if (mistake != NULL)
		return REFUSE(self, in, VALIDATION, mistake);
	return tasks_store_new(self, in);
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

static enum status
tasks_on_page(struct actor *self, struct op *op, const struct msg *reply)
{
	(void)self;
	assert(reply->id == MSG_task_page || reply->id == MSG_refused);
	return op_pass(op, reply);
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
	if (is_blank_if_given(ask->assigned_to))
		return "assigned_to: must not be blank";
	if (is_blank_if_given(ask->project))
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
	return ASK(self, in, tasks_store(self), store_task_list, tasks_on_page,
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
