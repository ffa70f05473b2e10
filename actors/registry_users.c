#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "actors/registry_account.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"
#include "runtime/config.h"

#define LIST_LIMIT 50          /* accounts, if nobody asks for more */
#define PROGRAM_WORDS "troupe" /* that say nothing in a password */

/* ---- what may be asked for ---- */

/* NULL: it may be a user name. */
const char *
registry_name_mistake(const char *name)
{
	size_t size = strlen(name);

	if (text_is_blank(name))
		return "username: is blank";
	if (name[0] == ' ' || name[size - 1] == ' ')
		return "username: may not begin or end with a space";
	if (!text_is_plain(name))
		return "username: may not hold control characters, nor any "
		       "that cannot be seen";
	return NULL;
}

/* NULL: none. */
static const char *
password_words_configured(const struct actor *self)
{
	const struct config *c = actor_config(self);

	return c == NULL ? "" : config_text(c, SETTING_api_auth_password_words);
}

/* NULL: it may be a password; what is said lives in text. */
const char *
registry_password_mistake(struct actor *self, const char *field,
    const char *password, const char *username, char text[REGISTRY_WHY_SIZE])
{
	const struct registry *s = actor_state(self);
	char words[USERNAME_MAX + sizeof(PROGRAM_WORDS) + 1];

	snprintf(words, sizeof(words), PROGRAM_WORDS " %s",
	    username == NULL ? "" : username);
	if (!password_is_long(password, s->password_min))
		snprintf(text, REGISTRY_WHY_SIZE,
		    "%s: needs at least %u characters", field,
		    (unsigned)s->password_min);
	else if (username != NULL && strcasecmp(password, username) == 0)
		snprintf(text, REGISTRY_WHY_SIZE,
		    "%s: may not be the user name", field);
	else if (password_is_common(&s->words, password))
		snprintf(text, REGISTRY_WHY_SIZE,
		    "%s: is a common one, or little more", field);
	else if (password_is_local(&s->words, password, words) ||
		 password_is_local(
		     &s->words, password, password_words_configured(self)))
		snprintf(text, REGISTRY_WHY_SIZE,
		    "%s: is little more than names that are known here", field);
	else
		return NULL;
	return text;
}

/* ---- create ---- */

static struct user
users_new(const struct chore_op *data, const char *user_id)
{
	const struct chore *c = data->chore;

	return (struct user){ .user_id = user_id,
		.username = c->username,
		.role = c->role,
		.password_hash = data->credential.hash,
		.must_change_password = c->must_change_password,
		.created_at = c->created_at,
		.updated_at = c->created_at };
}

static enum status
users_on_stored(struct actor *self, struct op *op, const struct msg *reply)
{
	struct chore *c = chore_of(op);
	struct chore_texts texts;
	struct user u;
	enum status st;

	if (reply->id != MSG_done)
		return chore_refuse(self, op, reply);
	id_text(&c->user_id, texts.target);
	LOG(API_USER_CREATED, KV("user_id", texts.target));
	u = users_new(op_data(op), texts.target);
	st = chore_apply(self, c, &u);
	credential_wipe(&((struct chore_op *)op_data(op))->credential);
	if (st != ST_OK) {
		chore_end(self, op);
		(void)OP_REFUSE(op, INTERNAL, "too many accounts");
		return st;
	}
	return replica_wait_for(self, op, chore_answer_user);
}

static enum status
users_on_hashed(struct actor *self, struct op *op, const struct msg *reply)
{
	struct chore_op *data = op_data(op);
	struct chore *c = data->chore;
	struct chore_texts texts;
	struct audit_note note;

	if (reply->id != MSG_done || !data->credential.good)
		return chore_not_hashed(self, op, reply);
	c->user_id = id_make(self);
	c->created_at = actor_wall_us(self);
	note = chore_note(self, c, &texts);
	return OP_ASK(op, registry_store(self), store_user_create,
	    users_on_stored, .user = users_new(data, texts.target),
	    .audit = &note);
}

static const char *
users_create_mistake(struct actor *self, const struct user_create *ask,
    char text[REGISTRY_WHY_SIZE])
{
	const char *mistake = registry_name_mistake(ask->username);

	if (mistake == NULL && ask->role == ROLE_SYSTEM)
		mistake = "role: nobody may be the machine itself";
	if (mistake == NULL)
		mistake = registry_password_mistake(
		    self, "password", ask->password, ask->username, text);
	return mistake;
}

/* What does not fit is cut between characters. */
static void
users_detail(char ret_detail[CHORE_DETAIL_SIZE], const char *username)
{
	static const char before[] = "username=";
	size_t n = sizeof(before) - 1;

	memcpy(ret_detail, before, n);
	(void)text_fit(ret_detail + n, CHORE_DETAIL_SIZE - n, username);
}

enum status
registry_on_user_create(struct actor *self, const struct msg *in)
{
	const struct user_create *ask = in->body;
	struct registry *s = actor_state(self);
	char text[REGISTRY_WHY_SIZE];
	const char *mistake;
	struct chore_op *data;
	struct op *op;

	if (!registry_may_change(
		self, in, &ask->caller, "user.create", ask->username))
		return ST_OK;
	mistake = users_create_mistake(self, ask, text);
	if (mistake != NULL)
		return REGISTRY_REFUSE(self, in, &ask->caller, "user.create",
		    ask->username, VALIDATION, mistake);
	if (strcasecmp(ask->username, REGISTRY_SYSTEM) == 0)
		return REGISTRY_REFUSE(self, in, &ask->caller, "user.create",
		    ask->username, CONFLICT, "The name is reserved");
	if (s->accounts.count >= ACCOUNTS_MAX || !replica_has_room(&s->replica))
		return REFUSE(self, in, OVERLOADED, "too many accounts");
	op = chore_begin(self, in, &ask->caller, "user.create");
	if (op == NULL)
		return ST_OK;
	data = op_data(op);
	(void)text_fit(data->chore->username, sizeof(data->chore->username),
	    ask->username);
	data->chore->role = ask->role;
	data->chore->must_change_password =
	    !ask->has_must_change_password || ask->must_change_password;
	users_detail(data->chore->detail, ask->username);
	credential_init(&data->credential, ask->password);
	return op_work(op, WORK_CPU, credential_hash, users_on_hashed);
}

/* ---- read ---- */

static struct user_view
users_view(const struct user *u)
{
	return (struct user_view){ .id = u->user_id,
		.username = u->username,
		.role = u->role,
		.disabled = u->disabled,
		.must_change_password = u->must_change_password,
		.created_at = u->created_at,
		.updated_at = u->updated_at };
}

static enum status
users_on_page(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_user_page *page = reply->body;
	struct user_view views[USERS_PAGE_MAX];
	uint32_t n = 0;

	(void)self;
	if (reply->id != MSG_store_user_page)
		return op_pass(op, reply);
	for (; n < page->users_count && n < USERS_PAGE_MAX; n++)
		views[n] = users_view(&page->users[n]);
	return OP_REPLY(op, user_page, .users = views, .users_count = n,
	    .next = page->more && n > 0 ? views[n - 1].id : NULL);
}

static enum status
users_on_named(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_user_found *found = reply->body;
	struct user_view view;

	(void)self;
	if (reply->id != MSG_store_user_found)
		return op_pass(op, reply);
	if (found->user == NULL)
		return OP_REPLY(op, user_page, .users_count = 0);
	view = users_view(found->user);
	return OP_REPLY(op, user_page, .users = &view, .users_count = 1);
}

enum status
registry_on_user_list(struct actor *self, const struct msg *in)
{
	const struct user_list *ask = in->body;
	uint32_t limit = ask->has_limit ? ask->limit : LIST_LIMIT;
	struct uuid after;

	if (!registry_may_rule(self, in, &ask->caller, "user.list", ""))
		return ST_OK;
	if (limit == 0)
		return REFUSE(
		    self, in, VALIDATION, "limit: must be at least 1");
	if (ask->cursor != NULL && !id_parse(ask->cursor, &after))
		return REFUSE(self, in, VALIDATION,
		    "cursor: is not one that a page ended with");
	if (ask->username != NULL && text_is_blank(ask->username))
		return REFUSE(self, in, VALIDATION, "username: is blank");
	if (ask->username != NULL)
		return ASK(self, in, registry_store(self), store_user_find,
		    users_on_named, .username = ask->username);
	return ASK(self, in, registry_store(self), store_user_list,
	    users_on_page, .after = ask->cursor == NULL ? "" : ask->cursor,
	    .limit = limit);
}

static enum status
users_on_found(struct actor *self, struct op *op, const struct msg *reply)
{
	const struct store_user_found *found = reply->body;

	(void)self;
	if (reply->id != MSG_store_user_found)
		return op_pass(op, reply);
	if (found->user == NULL)
		return OP_REFUSE(op, NOT_FOUND, "User not found");
	return OP_REPLY(op, user_made, .user = users_view(found->user));
}

enum status
registry_on_user_get(struct actor *self, const struct msg *in)
{
	const struct user_get *ask = in->body;
	struct uuid id;

	if (!registry_may_rule(
		self, in, &ask->caller, "user.get", ask->user_id))
		return ST_OK;
	if (!id_parse(ask->user_id, &id))
		return REFUSE(self, in, NOT_FOUND, "User not found");
	return ASK(self, in, registry_store(self), store_user_find,
	    users_on_found, .user_id = ask->user_id);
}
