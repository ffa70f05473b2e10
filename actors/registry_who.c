#include <string.h>

#include "actors/access.h"
#include "actors/registry_account.h"
#include "runtime/audit_by.h"
#include "runtime/base/text.h"

/* Who asked, for as long as an op lives. */
void
registry_who_take(struct registry_who *w, const struct principal *caller)
{
	memset(w, 0, sizeof(*w));
	(void)id_parse(caller->user_id, &w->user_id);
	w->role = (uint8_t)caller->role;
	w->method = (uint8_t)caller->method;
	audit_by_digits(caller, w->session);
	(void)text_fit(w->address, sizeof(w->address), caller->address);
}

/* Their name is the account's, if there is one. */
static const char *
who_name(const struct registry *s, const struct registry_who *w)
{
	const struct account_row *row = table_find(&s->accounts, &w->user_id);

	if (w->role == ROLE_SYSTEM)
		return REGISTRY_SYSTEM;
	return row == NULL ? "" : row->username;
}

struct audit_note
registry_note(struct actor *self, const struct registry_who *w,
    char text[ID_TEXT + 1], const char *action, const char *target)
{
	struct principal by = { .user_id = text,
		.username = who_name(actor_state(self), w),
		.role = (enum role)w->role,
		.method = (enum auth_method)w->method,
		.session_id = w->session,
		.address = w->address,
		.user_agent = "" };

	if (w->role == ROLE_SYSTEM)
		(void)text_fit(text, ID_TEXT + 1, REGISTRY_SYSTEM);
	else
		id_text(&w->user_id, text);
	return audit_note_by(self, &by, action, target);
}

const struct account_row *
registry_account_of(
    const struct registry *s, const struct uuid *user_id, const char *sig)
{
	const struct account_row *a = table_find(&s->accounts, user_id);

	return a == NULL || a->gone || a->role == ROLE_SYSTEM ||
		       strcmp(a->password_sig, sig) != 0
		   ? NULL
		   : a;
}

enum status
registry_refuse(struct actor *self, const struct msg *in,
    const struct principal *by, const char *action, const char *target,
    uint32_t problem, const char *detail)
{
	struct registry *s = actor_state(self);

	auditor_refused(self, &s->auditor, by, action, target, detail);
	return actor_refuse(self, in, problem, detail);
}

void
registry_note_refused(struct actor *self, const struct registry_who *by,
    const char *action, const char *target, const char *why)
{
	struct registry *s = actor_state(self);
	char who[ID_TEXT + 1];
	struct audit_note note = registry_note(self, by, who, action, target);

	note.result = AUDIT_REFUSED;
	note.detail = why;
	auditor_count(self, &s->auditor, &note);
}

bool
registry_rules(const struct principal *caller)
{
	return caller->method != AUTH_NONE && access_is_operator(caller);
}

/* True: a ceo, or a command of this host.  Else in has been refused. */
bool
registry_may_rule(struct actor *self, const struct msg *in,
    const struct principal *caller, const char *action, const char *target)
{
	struct registry *s = actor_state(self);

	if (!registry_knows(caller, "unauthenticated_user_management")) {
		(void)REFUSE(self, in, UNAUTHORIZED, "Unauthorized");
		return false;
	}
	if (registry_rules(caller))
		return true;
	auditor_refused(self, &s->auditor, caller, action, target, "role");
	(void)REFUSE(self, in, FORBIDDEN, "This is for the role ceo");
	return false;
}

/* A key makes and changes no credential. */
bool
registry_is_person(struct actor *self, const struct msg *in,
    const struct principal *caller, const char *action, const char *target)
{
	struct registry *s = actor_state(self);

	if (access_is_person(caller))
		return true;
	auditor_refused(self, &s->auditor, caller, action, target, "api key");
	(void)REFUSE(
	    self, in, FORBIDDEN, "An API key may not change credentials");
	return false;
}

bool
registry_is_recent(struct actor *self, const struct msg *in,
    const struct principal *caller, const char *action, const char *target)
{
	const struct registry *s = actor_state(self);

	if (access_is_recent(caller, s->reauth_us, actor_wall_us(self)))
		return true;
	(void)REGISTRY_REFUSE(self, in, caller, action, target, REAUTHENTICATE,
	    "Give your password again first: POST /auth/reauthenticate");
	return false;
}

bool
registry_may_change(struct actor *self, const struct msg *in,
    const struct principal *caller, const char *action, const char *target)
{
	return registry_may_rule(self, in, caller, action, target) &&
	       registry_is_person(self, in, caller, action, target) &&
	       registry_is_recent(self, in, caller, action, target);
}
