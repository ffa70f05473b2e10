/*
 * registry_account - accounts and API keys in the session-registry.
 *
 * registry_users.c     make, list and read accounts
 * registry_change.c    change, delete, give another password
 * registry_password.c  one's own password
 * registry_chore.c     what such a change keeps on its way
 * registry_api_keys.c  API keys
 * registry_tries.c     how often somebody may try, and who is locked out
 * registry_seen.c      last activity, and sessions that are idle too long
 */
#ifndef ACTORS_REGISTRY_ACCOUNT_H
#define ACTORS_REGISTRY_ACCOUNT_H

#include "actors/registry.h"

#define REGISTRY_WHY_SIZE 96
#define CHORES_MAX 256u     /* changes of accounts at once */
#define API_KEYS_MAX 10000u /* in all */
#define API_KEYS_PER_USER 20u
#define CHORE_DETAIL_SIZE 112
#define CHORE_LOCK_SIZE (4 + ID_TEXT + 1)

/* A change of an account on its way. */
struct chore {
	struct registry_who by;
	const char *action; /* static */
	char detail[CHORE_DETAIL_SIZE];
	struct uuid user_id; /* whose account it is, and the rest of it */
	char username[USERNAME_MAX + 1];
	enum role role;
	bool has_role; /* it is to change */
	bool disabled;
	bool has_disabled;
	bool must_change_password;
	int64_t created_at;
	int64_t updated_at;
	replica_then_fn then;
	uint32_t count; /* sessions that were revoked */
	/* of one's own password: */
	struct uuid session_id;
	int64_t expires_at;
	struct login *login;
	bool only_proves; /* that it is known: auth.reauthenticate */
	bool cookies;
	char secret[PASSWORD_MAX + 1];
	char hash[PASSWORD_HASH_SIZE]; /* that was proved */
};

/* As struct login_op, so that a chore can end in a log-in. */
struct chore_op {
	union {
		struct replica_wait wait; /* first: see replica_wait_for */
		struct credential credential;
	};
	struct chore *chore;
};

static_assert(sizeof(struct chore_op) <= OP_DATA_MAX, "it fits an op");

/* Texts of a note, in the caller's frame. */
struct chore_texts {
	char by[ID_TEXT + 1];
	char target[ID_TEXT + 1];
};

/* ---- registry_who.c ---- */
bool registry_rules(const struct principal *caller);
bool registry_may_rule(struct actor *self, const struct msg *in,
    const struct principal *caller, const char *action, const char *target);
bool registry_is_person(struct actor *self, const struct msg *in,
    const struct principal *caller, const char *action, const char *target);

/* They gave their password lately enough.  Else in has been refused. */
bool registry_is_recent(struct actor *self, const struct msg *in,
    const struct principal *caller, const char *action, const char *target);

/* All three: they may make and change accounts.  Else in has been refused. */
bool registry_may_change(struct actor *self, const struct msg *in,
    const struct principal *caller, const char *action, const char *target);

/* ---- registry_chore.c ---- */
/* NULL: in has been refused. */
struct op *chore_begin(struct actor *self, const struct msg *in,
    const struct principal *caller, const char *action);
void chore_end(struct actor *self, struct op *op); /* wipes it */
struct chore *chore_of(struct op *op);
void chore_note_refused(struct actor *self, struct op *op, const char *detail);
struct audit_note chore_note(
    struct actor *self, const struct chore *c, struct chore_texts *t);
/* These answer, and end the chore. */
enum status chore_refuse(
    struct actor *self, struct op *op, const struct msg *reply);
/* Nobody did it, or there was no memory for it. */
enum status chore_not_hashed(
    struct actor *self, struct op *op, const struct msg *reply);
enum status chore_answer_user(struct actor *self, struct op *op, bool all);
enum status chore_answer_done(struct actor *self, struct op *op, bool all);
MUST_CHECK enum status chore_apply(
    struct actor *self, struct chore *c, const struct user *u);
/* All sessions of its account, then waits for the gateways. */
enum status chore_revoke_all(
    struct actor *self, struct op *op, replica_then_fn then);

/* ---- registry_users.c ---- */
const char *registry_name_mistake(const char *name);
/* username: whose it will be; NULL: nobody's that is known. */
const char *registry_password_mistake(struct actor *self, const char *field,
    const char *password, const char *username, char text[REGISTRY_WHY_SIZE]);
enum status registry_on_user_create(struct actor *self, const struct msg *in);
enum status registry_on_user_list(struct actor *self, const struct msg *in);
enum status registry_on_user_get(struct actor *self, const struct msg *in);

/* ---- registry_change.c ---- */
enum status registry_on_user_change(struct actor *self, const struct msg *in);
enum status registry_on_user_delete(struct actor *self, const struct msg *in);
enum status registry_on_user_password(struct actor *self, const struct msg *in);

/* ---- registry_password.c ---- */
enum status registry_on_change_password(
    struct actor *self, const struct msg *in);
enum status registry_on_reauthenticate(
    struct actor *self, const struct msg *in);

/* ---- registry_api_keys.c ---- */
/* What is not there is made only when the API keys are known: DENIED if
 * there are any, for they cannot be recognised without it. */
MUST_CHECK enum status registry_load_key_secret(struct actor *self);
MUST_CHECK enum status registry_make_key_secret(struct actor *self);
MUST_CHECK enum status registry_put_key(
    struct registry *s, const struct api_key *k);
MUST_CHECK enum status registry_forget_keys_of(
    struct registry *s, const struct uuid *user_id);
enum status registry_on_key_create(struct actor *self, const struct msg *in);
enum status registry_on_key_list(struct actor *self, const struct msg *in);
enum status registry_on_key_revoke(struct actor *self, const struct msg *in);

/* ---- registry_tries.c ---- */
/* False: too many tries from that address, and in has been refused. */
bool registry_may_try(struct actor *self, const struct msg *in,
    const struct principal *caller, const char *action);

/* ---- registry_seen.c ---- */
enum status registry_on_seen(struct actor *self, const struct msg *in);

#endif
