#include <stdio.h>

#include "protocols/messages.h"
#include "protocols/setting.h"
#include "runtime/base/log.h"
#include "store/store_inside.h"

/*
 * Requests whose outcome has an event of its own.  They are told when they
 * come back, not in their transaction: a group that runs again would tell of
 * one request twice.
 */

static const void *
note_decode(struct actor *self, uint16_t id, struct bytes bytes)
{
	const void *body = NULL;

	return wire_decode(catalogue_find(id), actor_arena(self), bytes.at,
		   bytes.size, &body) == ST_OK
		   ? body
		   : NULL;
}

/* C-34: one event per update of a project's total. */
static void
note_added(struct actor *self, const struct errand *e)
{
	const struct store_cost_added *added;
	char cost[MONEY_TEXT_SIZE], total[MONEY_TEXT_SIZE];

	if (!log_wants(LOG_DEBUG))
		return;
	added = note_decode(self, e->result.id,
	    (struct bytes){ e->result.reply.bytes, e->result.reply.used });
	if (added == NULL || added->duplicate || added->decision != NULL ||
	    added->project == NULL)
		return;
	(void)money_text(added->record.cost, cost);
	(void)money_text(added->project->total_cost, total);
	LOG(PERSISTENCE_PROJECT_COST_AGG_INCREMENTED,
	    KV("project_id", added->project->project_id), KV("cost", cost),
	    KV("total", total));
}

static void
note_not_added(struct actor *self, const struct errand *e)
{
	const struct store_cost_add *add =
	    note_decode(self, e->request->id, actor_mail_body(e->mail));
	char cost[MONEY_TEXT_SIZE];

	if (add == NULL || add->record.project_id == NULL)
		return;
	(void)money_text(add->record.cost, cost);
	LOG(PERSISTENCE_PROJECT_COST_AGG_INCREMENT_FAILED,
	    KV("project_id", add->record.project_id), KV("cost", cost),
	    KV("error", e->result.why));
}

void
store_note(struct actor *self, const struct errand *e)
{
	enum status st = e->result.st;

	if (e->request->id == MSG_store_message_save && st == ST_EXISTS)
		LOG(PERSISTENCE_MESSAGE_DUPLICATE, KV("why", e->result.why));
	else if (e->request->id == MSG_store_message_save && st != ST_OK)
		LOG(PERSISTENCE_MESSAGE_SAVE_FAILED,
		    KV("error", status_name(st)), KV("why", e->result.why));
	if (e->request->id != MSG_store_cost_add)
		return;
	if (st == ST_OK)
		note_added(self, e);
	else if (st == ST_IO || st == ST_NO_SPACE || st == ST_CORRUPT ||
		 st == ST_FULL)
		note_not_added(self, e);
}

/* How durable it is in fact, not as it was asked for. */
void
store_tell_connected(const struct store_state *s)
{
	struct backend_usage u;
	char word[16] = "";
	const char *found;
	size_t size;

	backend_usage(s->backend, &u);
	found = setting_word(setting_nth(SETTING_persistence_lmdb_durability),
	    u.durability, &size);
	if (found != NULL)
		snprintf(word, sizeof(word), "%.*s", (int)size, found);
	LOG(PERSISTENCE_BACKEND_CONNECTED, KV("path", s->path),
	    KV("durability", word), KU("map_bytes", u.map_bytes));
}

/* What to do about it, rather than the library's words: those are logged. */
const char *
store_words(const struct errand *e)
{
	if (e->result.st == ST_NO_SPACE)
		return status_text(ST_NO_SPACE);
	if (e->result.why[0] != '\0')
		return e->result.why;
	if (e->result.st == ST_IO)
		return "the disk refused: nothing was stored; the store's log "
		       "says why, and asking again may help";
	return status_text(e->result.st);
}
