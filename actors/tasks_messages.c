#include "actors/access.h"
#include "actors/id.h"
#include "actors/tasks_inside.h"
#include "protocols/messages.h"
#include "protocols/problem.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

/* NULL: it may be kept.  `from` is another name of `sender`. */
static const char *
message_mistake(const struct message_send *ask)
{
	if ((ask->sender == NULL) == (ask->from == NULL))
		return "sender: must be there, once; from is its other name";
	if (text_is_blank(ask->sender != NULL ? ask->sender : ask->from))
		return "sender: must not be blank";
	if (text_is_blank(ask->channel))
		return "channel: must not be blank";
	if (tasks_is_blank(ask->to))
		return "to: must not be blank";
	for (uint32_t i = 0; i < ask->attachments_count; i++)
		if (text_is_blank(ask->attachments[i].ref))
			return "attachments: no ref may be blank";
	return NULL;
}

enum status
tasks_on_message(struct actor *self, const struct msg *in)
{
	const struct message_send *ask = in->body;
	uint32_t problem = access_check(&ask->caller, ACCESS_WRITE);
	const char *mistake = message_mistake(ask);

	if (problem != 0)
		return actor_refuse(
		    self, in, problem, "your role may not send messages");
	if (mistake != NULL)
		return REFUSE(self, in, VALIDATION, mistake);
	return ASK(self, in, tasks_store(self), store_message_save, tasks_pass,
	    .message = { .id = ask->has_id ? ask->id : id_make(self),
		.sender = ask->sender != NULL ? ask->sender : ask->from,
		.channel = ask->channel,
		.to = ask->to,
		.type = ask->type,
		.priority = ask->has_priority ? ask->priority : PRIORITY_MEDIUM,
		.content = ask->content,
		.timestamp =
		    ask->has_timestamp ? ask->timestamp : actor_wall_us(self),
		.attachments = ask->attachments,
		.attachments_count = ask->attachments_count,
		.metadata = ask->metadata });
}

enum status
tasks_on_message_get(struct actor *self, const struct msg *in)
{
	const struct message_get *ask = in->body;
	uint32_t problem = access_check(&ask->caller, ACCESS_READ);

	if (problem != 0)
		return actor_refuse(
		    self, in, problem, "your role may not read messages");
	return ASK(self, in, tasks_store(self), store_message_get, tasks_pass,
	    .id = ask->id);
}

static const char *
history_mistake(const struct message_list *ask)
{
	if (ask->has_limit && ask->limit == 0)
		return "limit: must be at least 1";
	if (ask->channel == NULL && ask->sender == NULL)
		return "channel or sender: one must be there";
	if (tasks_is_blank(ask->channel) || tasks_is_blank(ask->sender))
		return "channel, sender: must not be blank";
	return NULL;
}

enum status
tasks_on_messages(struct actor *self, const struct msg *in)
{
	const struct message_list *ask = in->body;
	uint32_t problem = access_check(&ask->caller, ACCESS_READ);
	const char *mistake = history_mistake(ask);

	if (problem != 0)
		return actor_refuse(
		    self, in, problem, "your role may not read messages");
	if (mistake != NULL) {
		LOG(PERSISTENCE_MESSAGE_HISTORY_FAILED,
		    KV("channel", ask->channel == NULL ? "" : ask->channel),
		    KU("limit", ask->has_limit ? ask->limit : 0),
		    KV("error", mistake));
		return REFUSE(self, in, VALIDATION, mistake);
	}
	return ASK(self, in, tasks_store(self), store_message_history,
	    tasks_pass, .channel = ask->channel, .sender = ask->sender,
	    .since = ask->since, .has_since = ask->has_since,
	    .until = ask->until, .has_until = ask->has_until,
	    .after = ask->cursor,
	    .limit = ask->has_limit ? ask->limit : BOARD_PAGE_DEFAULT);
}
