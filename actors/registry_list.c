#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "actors/access.h"
#include "actors/registry.h"
#include "runtime/base/decimal.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

#define LIST_LIMIT 100 /* views, if nobody asks for more */
#define CURSOR_SIZE 64
#define SCOPE_OWN "own"
#define SCOPE_ALL "all"

/* What a listing keeps until the store has answered. */
struct listing {
	struct uuid current; /* the session this request was made with */
	struct uuid user_id;
	uint32_t limit;
	bool all;
};

static_assert(sizeof(struct listing) <= OP_DATA_MAX, "it fits an op");

bool
registry_knows(const struct principal *caller, const char *reason)
{
	if (caller->method != AUTH_NONE && !text_is_blank(caller->user_id))
		return true;
	LOG(API_AUTH_FAILED, KV("reason", reason),
	    KV("address", caller->address));
	return false;
}

static struct session_view
listing_view(const struct session *from, bool current)
{
	return (struct session_view){ .session_id = from->session_id,
		.user_id = from->user_id,
		.username = from->username,
		.ip_address = from->ip_address,
		.user_agent = from->user_agent,
		.created_at = from->created_at,
		.last_active_at = from->last_active_at,
		.expires_at = from->expires_at,
		.is_current = current };
}

/* Active ones alone: what is refused here is listed nowhere. */
static uint32_t
listing_fill(const struct registry *s, const struct listing *l,
    const struct store_session_page *page, int64_t now,
    struct session_view ret_views[STORE_PAGE_MAX])
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < page->sessions_count; i++) {
		const struct session *one = &page->sessions[i];
		struct uuid id;

		if (!id_parse(one->session_id, &id) || one->revoked ||
		    one->expires_at <= now ||
		    table_find(&s->revoked, &id) != NULL)
			continue;
		ret_views[count++] =
		    listing_view(one, id_equal(&id, &l->current));
	}
	return count;
}

/* A full page may not have been the last: where the next one begins. */
static void
listing_next(const struct listing *l, const struct store_session_page *page,
    char ret_next[CURSOR_SIZE])
{
	const struct session *last;

	ret_next[0] = '\0';
	if (page->sessions_count < l->limit)
		return;
	last = &page->sessions[page->sessions_count - 1];
	snprintf(ret_next, CURSOR_SIZE, "%" PRId64 ":%.32s", last->created_at,
	    last->session_id);
}

static bool
listing_cursor(const char *text, int64_t *ret_created_at, const char **ret_id)
{
	uint64_t created_at;
	struct uuid id;

	if (!decimal_take(&text, INT64_MAX, &created_at) || *text != ':')
		return false;
	*ret_created_at = (int64_t)created_at;
	*ret_id = text + 1;
	return id_parse(*ret_id, &id);
}

static enum status
listing_on_page(struct actor *self, struct op *op, const struct msg *reply)
{
	struct session_view views[STORE_PAGE_MAX];
	const struct listing *l = op_data(op);
	const char *scope = l->all ? SCOPE_ALL : SCOPE_OWN;
	char next[CURSOR_SIZE];
	char user_id[ID_TEXT + 1];
	uint32_t count;

	if (reply->id != MSG_store_session_page)
		return op_pass(op, reply);
	listing_next(l, reply->body, next);
	count = listing_fill(
	    actor_state(self), l, reply->body, actor_wall_us(self), views);
	id_text(&l->user_id, user_id);
	LOG(API_SESSION_LISTED, KV("user_id", user_id), KV("scope", scope),
	    KU("count", count));
	return OP_REPLY(op, auth_session_list, .sessions = views,
	    .sessions_count = count, .scope = scope,
	    .next = next[0] == '\0' ? NULL : next);
}

static enum status
listing_refuse_scope(
    struct actor *self, const struct msg *in, const char *scope)
{
	char detail[REFUSED_DETAIL_MAX + 1];

	snprintf(detail, sizeof(detail),
	    "Invalid scope: '%s'. Valid: " SCOPE_OWN ", " SCOPE_ALL, scope);
	return REFUSE(self, in, VALIDATION, detail);
}

/* At least one, and no more than the store gives at once. */
static uint32_t
listing_limit(const struct auth_sessions *ask)
{
	uint32_t limit = ask->has_limit ? ask->limit : LIST_LIMIT;

	if (limit > STORE_PAGE_MAX)
		limit = STORE_PAGE_MAX;
	return limit == 0 ? 1 : limit;
}

enum status
registry_on_sessions(struct actor *self, const struct msg *in)
{
	const struct auth_sessions *ask = in->body;
	const char *scope = ask->scope == NULL ? SCOPE_OWN : ask->scope;
	struct listing *l;
	int64_t created_at = 0;
	const char *after = "";
	struct op *op;
	bool all;

	if (!registry_knows(&ask->caller, "unauthenticated_session_list"))
		return REFUSE(self, in, UNAUTHORIZED, "Unauthorized");
	if (strcmp(scope, SCOPE_OWN) != 0 && strcmp(scope, SCOPE_ALL) != 0)
		return listing_refuse_scope(self, in, scope);
	all = strcmp(scope, SCOPE_ALL) == 0 && access_is_operator(&ask->caller);
	if (ask->cursor != NULL &&
	    !listing_cursor(ask->cursor, &created_at, &after))
		return REFUSE(self, in, VALIDATION,
		    "cursor: is not one that a page ended with");
	op = op_open(self, in);
	if (op == NULL)
		return ST_OK;
	l = op_data(op);
	l->all = all;
	l->limit = listing_limit(ask);
	(void)id_parse(ask->caller.user_id, &l->user_id);
	(void)id_parse(ask->caller.session_id, &l->current);
	if (ask->cursor != NULL)
		return OP_ASK(op, registry_store(self), store_session_range,
		    listing_on_page,
		    .user_id = all ? NULL : ask->caller.user_id,
		    .now = actor_wall_us(self), .limit = l->limit,
		    .created_at = created_at, .session_id = after);
	return OP_ASK(op, registry_store(self), store_session_list,
	    listing_on_page, .user_id = all ? NULL : ask->caller.user_id,
	    .now = actor_wall_us(self), .limit = listing_limit(ask));
}
