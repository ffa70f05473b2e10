#include <string.h>

#include "protocols/event_type.h"
#include "protocols/json.h"
#include "protocols/problem.h"
#include "runtime/base/text.h"
#include "store/journal.h"
#include "store/requests.h"
#include "store/row.h"
#include "store/task_row.h"

/* Tasks that change: in one transaction with the event that tells of it. */

bool
task_may_go(enum task_status from, enum task_status to)
{
#define TO(status) (1u << TASK_##status)
#define MOVES(from, set) [TASK_##from] = (set),
	static const unsigned moves[] = {
#include "store/task_moves.def"
	};
#undef TO
#undef MOVES

	return from == to || (moves[from] >> to & 1u) != 0;
}

/* ---- events ---- */

/* As JSON; NULL: it does not fit, or no memory. */
static const char *
board_json(struct txn *t, const struct wire_type *type, const void *body)
{
	char *text = txn_take(t, EVENT_OWN_MAX + 1);
	struct wire_out out = { (unsigned char *)text, EVENT_OWN_MAX, 0 };

	if (text == NULL || json_encode(type, 0, body, &out) != ST_OK)
		return NULL;
	text[out.used] = '\0';
	return text;
}

static void
board_tell(struct txn *t, enum event_type_id what, const struct task *task,
    const struct uuid *id, int64_t now, struct store_reply *ret)
{
	const struct task_note note = { task->id, task->project, task->status,
		task->version };
	struct event event = { .event_type = event_type_name(what),
		.channel = event_type_channel(what),
		.timestamp = now,
		.event_id = *id };

	if (what != EVENT_TASK_DELETED)
		event.payload = board_json(t, CATALOGUE_TYPE(task), task);
	if (event.payload == NULL)
		event.payload = board_json(t, CATALOGUE_TYPE(task_note), &note);
	if (event.payload != NULL)
		ret->event = journal_append(t, &event);
}

/* ---- what becomes of a task ---- */

/* The task as it is, if its version is the one that is meant. */
static const struct task *
board_find(struct txn *t, const char *id, bool has_version, uint64_t version,
    struct store_reply *ret)
{
	const struct task *old = NULL;

	if (request_id(t, id, "blank task id"))
		old = task_get(t, id);
	if (txn_status(t) != ST_OK)
		return NULL;
	if (old == NULL) {
		(void)txn_fail(t, ST_NOT_FOUND, "there is no such task");
		return NULL;
	}
	if (!has_version || version == old->version)
		return old;
	ret->problem = PROBLEM_VERSION_CONFLICT;
	(void)txn_fail(t, ST_CONFLICT, "the task has changed meanwhile");
	return NULL;
}

static struct task
board_replaced(const struct task *old, const struct task *whole)
{
	struct task task = *whole;

	task.id = old->id;
	task.created_by = old->created_by;
	task.created_at = old->created_at;
	task.updated_at = old->updated_at;
	task.version = old->version;
	task.delegation_chain = old->delegation_chain;
	task.delegation_chain_count = old->delegation_chain_count;
	return task;
}

static struct task
board_patched(const struct task *old, const struct store_task_change *ask)
{
	struct task task = *old;

	if (ask->title != NULL)
		task.title = ask->title;
	if (ask->description != NULL)
		task.description = ask->description;
	if (ask->assigned_to != NULL)
		task.assigned_to = ask->assigned_to;
	if (ask->has_priority)
		task.priority = ask->priority;
	if (ask->has_status)
		task.status = ask->status;
	else if (ask->assigned_to != NULL && old->status == TASK_CREATED)
		task.status = TASK_ASSIGNED;
	if (task.status == TASK_CREATED)
		task.assigned_to = NULL;
	if (ask->has_deadline) {
		task.deadline = ask->deadline;
		task.has_deadline = true;
	}
	if (ask->has_budget_limit) {
		task.budget_limit = ask->budget_limit;
		task.has_budget_limit = true;
	}
	return task;
}

/* Who had it joins the chain when another one gets it. */
static void
board_delegate(struct txn *t, const struct task *old, struct task *task)
{
	uint32_t n = old->delegation_chain_count;
	const char **chain;

	if (old->assigned_to == NULL || task->assigned_to == NULL ||
	    strcmp(old->assigned_to, task->assigned_to) == 0)
		return;
	if (n == TASK_ITEMS_MAX) {
		(void)txn_fail(t, ST_INVALID,
		    "the delegation chain is as long as one may be");
		return;
	}
	chain = txn_take(t, (n + 1) * sizeof(*chain));
	if (chain == NULL)
		return;
	if (n > 0)
		memcpy(chain, old->delegation_chain, n * sizeof(*chain));
	chain[n] = old->assigned_to;
	task->delegation_chain = chain;
	task->delegation_chain_count = n + 1;
}

static bool
board_allows(struct txn *t, const struct task *old, const struct task *task,
    struct store_reply *ret)
{
	const char *fault = task_fault(task);

	if (!task_may_go(old->status, task->status)) {
		ret->problem = PROBLEM_TASK_MOVE;
		(void)txn_fail(t, ST_CONFLICT,
		    "the task cannot go there from where it stands");
	} else if (fault != NULL) {
		(void)txn_fail(t, ST_INVALID, fault);
	}
	return txn_status(t) == ST_OK;
}

static enum status
repo_board_change(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_task_change *ask = request;
	struct store_task_made *made = txn_take(t, sizeof(*made));
	const struct task *old =
	    board_find(t, ask->id, ask->has_version, ask->version, ret);
	struct task task;

	if (old == NULL)
		return txn_status(t);
	task = ask->whole != NULL ? board_replaced(old, ask->whole)
				  : board_patched(old, ask);
	if (!board_allows(t, old, &task, ret))
		return txn_status(t);
	board_delegate(t, old, &task);
	task.version++;
	task.updated_at =
	    ask->now > old->updated_at ? ask->now : old->updated_at;
	task_put(t, old, &task);
	board_tell(t, EVENT_TASK_CHANGED, &task, &ask->event_id, ask->now, ret);
	made->task = task;
	return REQUEST_REPLY(t, ret, store_task_made, made);
}

static enum status
repo_board_remove(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_task_remove *ask = request;
	const struct task *old =
	    board_find(t, ask->id, ask->has_version, ask->version, ret);

	if (old == NULL)
		return txn_status(t);
	task_drop(t, old);
	board_tell(t, EVENT_TASK_DELETED, old, &ask->event_id, ask->now, ret);
	return request_done(t, ret);
}

const struct request repo_board[] = {
	{ MSG_store_task_change, true, repo_board_change },
	{ MSG_store_task_remove, true, repo_board_remove },
	{ 0 },
};
