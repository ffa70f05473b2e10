#include <stddef.h>
#include <string.h>

#include "protocols/messages.h"
#include "protocols/problem.h"
#include "runtime/base/text.h"
#include "store/idem.h"
#include "store/journal.h"
#include "store/requests.h"
#include "store/row.h"
#include "store/task_row.h"

#define TASK_SCOPE "task.create"

/* An index and what it holds of a task: a text, then the task's id. */
struct task_index {
	enum table table;
	const char *text; /* NULL: no entry */
};

enum { TASK_INDEXES = 3 };

static const char *
task_status_text(enum task_status status)
{
	const struct wire_field *f = CATALOGUE_TYPE(task)->fields;

	while (f->offset != offsetof(struct task, status))
		f++;
	return f->values()->texts[status];
}

static void
task_indexes(const struct task *task, struct task_index ret_of[TASK_INDEXES])
{
	ret_of[0] =
	    (struct task_index){ TABLE_TASKS_BY_PROJECT, task->project };
	ret_of[1] =
	    (struct task_index){ TABLE_TASKS_BY_ASSIGNEE, task->assigned_to };
	ret_of[2] = (struct task_index){ TABLE_TASKS_BY_STATUS,
		task_status_text(task->status) };
}

static void
task_key(struct key *k, const char *id)
{
	key_init(k);
	key_tail(k, id);
}

static void
task_index_key(struct key *k, const char *text, const char *id)
{
	key_init(k);
	key_short(k, text);
	key_tail(k, id);
}

const char *
task_fault(const struct task *task)
{
	bool assigned =
	    task->status >= TASK_ASSIGNED && task->status <= TASK_COMPLETED;

	if (text_is_blank(task->id) || text_is_blank(task->project) ||
	    text_is_blank(task->title) || text_is_blank(task->description) ||
	    text_is_blank(task->created_by))
		return "a task's id, project, title, text or maker is blank";
	if (task->assigned_to != NULL && text_is_blank(task->assigned_to))
		return "a task's assignee is blank";
	if (assigned && task->assigned_to == NULL)
		return "a task of this status has an assignee";
	return NULL;
}

static bool
task_is_valid(struct txn *t, const struct task *task)
{
	const char *fault = task_fault(task);

	if (fault != NULL)
		(void)txn_fail(t, ST_INVALID, fault);
	return txn_status(t) == ST_OK;
}

/* A row that breaks the rules does not decode, whoever wrote it. */
static const struct task *
task_decode(struct txn *t, const struct backend_entry *entry)
{
	const struct task *task = ROW_DECODE(t, TABLE_TASKS, entry, task);

	if (task == NULL || task_fault(task) == NULL)
		return task;
	row_is_corrupt(t, TABLE_TASKS, entry->key);
	return NULL;
}

const struct task *
task_get(struct txn *t, const char *id)
{
	struct backend_entry entry;
	struct key k;

	task_key(&k, id);
	entry.key = key_bytes(&k);
	if (!txn_get(t, TABLE_TASKS, &k, &entry.value))
		return NULL;
	return task_decode(t, &entry);
}

/* Its entries, written or taken away. */
static void
task_index(struct txn *t, const struct task *task, bool is_there)
{
	struct task_index of[TASK_INDEXES];
	struct key k;

	task_indexes(task, of);
	for (int i = 0; i < TASK_INDEXES; i++) {
		if (of[i].text == NULL)
			continue;
		task_index_key(&k, of[i].text, task->id);
		if (is_there)
			txn_put(t, of[i].table, &k, (struct bytes){ 0 });
		else
			(void)txn_delete(t, of[i].table, &k);
	}
}

/* The same key again: what was made then, if the body is the same too. */
static enum status
task_replay(struct txn *t, const struct store_task_create *ask,
    const struct idem_mark *mark, struct store_reply *ret)
{
	struct store_task_made *made = txn_take(t, sizeof(*made));
	const struct task *first;

	if (!idem_same_body(mark, ask->once.body_hash)) {
		ret->problem = PROBLEM_IDEMPOTENCY_REUSE;
		return txn_fail(t, ST_CONFLICT,
		    "the idempotency key was used with another request");
	}
	first = task_get(t, mark->result_id);
	if (first == NULL)
		return txn_fail(t, ST_NOT_FOUND, "what was made then is gone");
	made->task = *first;
	made->replayed = true;
	return REQUEST_REPLY(t, ret, store_task_made, made);
}

static void
task_mark(struct txn *t, const struct store_task_create *ask)
{
	struct idem_mark mark = {
		.scope = TASK_SCOPE,
		.principal = ask->principal,
		.key = ask->once.key,
		.body_hash = ask->once.body_hash,
		.result_id = ask->task.id,
		.expires_at = ask->task.created_at + IDEM_KEEP_US,
	};

	if (ask->once.key != NULL)
		idem_put(t, &mark, ask->task.created_at);
}

static enum status
repo_tasks_create(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_task_create *ask = request;
	const struct idem_mark *mark = NULL;
	struct store_task_made *made = txn_take(t, sizeof(*made));
	struct key k;

	if (!task_is_valid(t, &ask->task))
		return txn_status(t);
	if (ask->once.key != NULL &&
	    request_id(t, ask->once.key, "blank idempotency key"))
		mark = idem_find(t, TASK_SCOPE, ask->principal, ask->once.key,
		    ask->task.created_at);
	if (mark != NULL)
		return task_replay(t, ask, mark, ret);

	task_key(&k, ask->task.id);
	if (!row_put_new(t, TABLE_TASKS, &k, CATALOGUE_TYPE(task), &ask->task))
		return txn_fail(t, ST_EXISTS, "the task id is taken");
	task_index(t, &ask->task, true);
	task_mark(t, ask);
	ret->event = journal_append(t, &ask->event);
	made->task = ask->task;
	return REQUEST_REPLY(t, ret, store_task_made, made);
}

void
task_put(struct txn *t, const struct task *old, const struct task *task)
{
	struct key k;

	if (old != NULL)
		task_index(t, old, false);
	task_key(&k, task->id);
	row_put(t, TABLE_TASKS, &k, CATALOGUE_TYPE(task), task);
	task_index(t, task, true);
}

void
task_drop(struct txn *t, const struct task *old)
{
	struct key k;

	task_index(t, old, false);
	task_key(&k, old->id);
	(void)txn_delete(t, TABLE_TASKS, &k);
}

static enum status
repo_tasks_save(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_task_save *ask = request;

	if (task_is_valid(t, &ask->task))
		task_put(t, task_get(t, ask->task.id), &ask->task);
	return request_done(t, ret);
}

static enum status
repo_tasks_get(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_task_get *ask = request;
	struct store_task_found *found = txn_take(t, sizeof(*found));

	if (found != NULL && request_id(t, ask->id, "blank task id"))
		found->task = task_get(t, ask->id);
	return REQUEST_REPLY(t, ret, store_task_found, found);
}

static enum status
repo_tasks_delete(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_task_delete *ask = request;
	struct store_task_deleted *reply = txn_take(t, sizeof(*reply));
	const struct task *old = NULL;

	if (reply != NULL && request_id(t, ask->id, "blank task id"))
		old = task_get(t, ask->id);
	if (old != NULL) {
		task_drop(t, old);
		reply->deleted = true;
	}
	return REQUEST_REPLY(t, ret, store_task_deleted, reply);
}

/* The most selective index that a filter has; no text: the table itself. */
static struct task_index
list_index(const struct store_task_list *ask)
{
	if (ask->project != NULL)
		return (
		    struct task_index){ TABLE_TASKS_BY_PROJECT, ask->project };
	if (ask->assigned_to != NULL)
		return (struct task_index){ TABLE_TASKS_BY_ASSIGNEE,
			ask->assigned_to };
	if (ask->has_status)
		return (struct task_index){ TABLE_TASKS_BY_STATUS,
			task_status_text(ask->status) };
	return (struct task_index){ TABLE_TASKS, NULL };
}

static bool
list_wants(const struct store_task_list *ask, const struct task *task)
{
	if (ask->has_status && task->status != ask->status)
		return false;
	if (ask->project != NULL && strcmp(task->project, ask->project) != 0)
		return false;
	return ask->assigned_to == NULL ||
	       (task->assigned_to != NULL &&
		   strcmp(task->assigned_to, ask->assigned_to) == 0);
}

/* The row itself, or the one an index entry leads to. */
static const struct task *
list_task(struct scan *s, const struct backend_entry *entry)
{
	struct backend_entry row = *entry;
	struct key k;

	if (s->table == TABLE_TASKS)
		return task_decode(s->t, entry);
	key_init(&k);
	key_tail_bytes(&k, (struct bytes){ entry->key.at + s->prefix.size,
			       entry->key.size - s->prefix.size });
	row.key = key_bytes(&k);
	if (txn_get(s->t, TABLE_TASKS, &k, &row.value))
		return task_decode(s->t, &row);
	row_is_corrupt(s->t, s->table, entry->key);
	return NULL;
}

/* The first entry after a page's last id; its end makes it so. */
static bool
list_first(struct scan *s, const struct store_task_list *ask,
    struct backend_entry *ret_entry)
{
	struct key from = s->prefix;

	if (ask->after == NULL)
		return scan_first(s, ret_entry);
	key_text(&from, ask->after);
	return scan_seek(s, &from, ret_entry);
}

static void
list_fill(struct scan *s, const struct store_task_list *ask, struct task *tasks,
    struct task_page *page)
{
	size_t began = txn_mark(s->t);
	struct backend_entry entry;
	bool found = list_first(s, ask, &entry);
	const char *last = NULL;
	size_t used = 0;

	while (found && page->tasks_count < ask->limit &&
	       txn_mark(s->t) - began < REQUEST_PAGE_BYTES) {
		const struct task *task = list_task(s, &entry);

		if (task == NULL)
			break;
		if (list_wants(ask, task)) {
			if (!request_page_takes(
				s->t, CATALOGUE_TYPE(task), task, &used))
				break;
			tasks[page->tasks_count++] = *task;
		}
		last = task->id;
		found = scan_next(s, &entry);
	}
	page->next = found ? last : NULL;
	page->tasks = tasks;
}

static bool
list_is_valid(struct txn *t, const struct store_task_list *ask)
{
	if (ask->project != NULL && text_is_blank(ask->project))
		(void)txn_fail(t, ST_INVALID, "blank project");
	if (ask->assigned_to != NULL && text_is_blank(ask->assigned_to))
		(void)txn_fail(t, ST_INVALID, "blank assignee");
	if (ask->after != NULL && ask->after[0] == '\0')
		(void)txn_fail(t, ST_INVALID, "blank cursor");
	return request_limit(t, ask->limit);
}

static enum status
repo_tasks_list(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_task_list *ask = request;
	struct task_page *page = txn_take(t, sizeof(*page));
	struct task *tasks = txn_take(t, ask->limit * sizeof(*tasks));
	struct task_index by = list_index(ask);
	struct key prefix;
	struct scan s;

	if (!list_is_valid(t, ask))
		return txn_status(t);
	key_init(&prefix);
	if (by.text != NULL)
		key_short(&prefix, by.text);
	scan_open(&s, t, by.table, by.text == NULL ? NULL : &prefix);
	list_fill(&s, ask, tasks, page);
	scan_close(&s);
	return REQUEST_REPLY(t, ret, task_page, page);
}

const struct request repo_tasks[] = {
	{ MSG_store_task_create, true, repo_tasks_create },
	{ MSG_store_task_save, true, repo_tasks_save },
	{ MSG_store_task_get, false, repo_tasks_get },
	{ MSG_store_task_list, false, repo_tasks_list },
	{ MSG_store_task_delete, true, repo_tasks_delete },
	{ 0 },
};
