/*
 * store_double - stands in for the store: users, sessions and tombstones in
 * arrays, and any failure a test asks for.  It keeps what it has when the
 * rig that it was spawned in ends, so that a test can start anew on it.
 */
#ifndef TESTS_STORE_DOUBLE_H
#define TESTS_STORE_DOUBLE_H

#include "runtime/actor.h"

#define DOUBLE_USERS_MAX 600
#define DOUBLE_SESSIONS_MAX 5000
#define DOUBLE_TEXT_SIZE 160
#define DOUBLE_NOTES_MAX 256
#define DOUBLE_KNOWN_MAX 32

struct double_user {
	char user_id[DOUBLE_TEXT_SIZE];
	char username[DOUBLE_TEXT_SIZE];
	char password_hash[DOUBLE_TEXT_SIZE];
	enum role role;
	bool must_change_password;
	bool disabled;
};

struct double_session {
	char session_id[DOUBLE_TEXT_SIZE];
	char user_id[DOUBLE_TEXT_SIZE];
	char username[DOUBLE_TEXT_SIZE];
	char ip_address[DOUBLE_TEXT_SIZE];
	char user_agent[USER_AGENT_MAX + 1];
	int64_t created_at;
	int64_t expires_at;
	bool row;     /* there is a session row */
	bool revoked; /* there is a tombstone */
};

struct store_double {
	struct double_user users[DOUBLE_USERS_MAX];
	size_t users_count;
	struct double_session sessions[DOUBLE_SESSIONS_MAX];
	size_t sessions_count;
	char noted[DOUBLE_NOTES_MAX][DOUBLE_TEXT_SIZE]; /* action, by, target */
	uint32_t noted_times[DOUBLE_NOTES_MAX];
	size_t noted_count;
	char known[DOUBLE_KNOWN_MAX][DOUBLE_TEXT_SIZE]; /* user, network */
	size_t known_count;
	char key_id[DOUBLE_TEXT_SIZE]; /* the one API key; empty: none */
	char key_user[DOUBLE_TEXT_SIZE];
	uint16_t fail_id;        /* requests of this message are refused */
	enum status fail_status; /* like this */
	uint16_t lose_id;        /* done, but one answer is lost: CLOSED */
	uint16_t hold_id;        /* these are never answered */
	uint32_t fail_count;     /* so many times */
	uint32_t asked[UINT16_MAX + 1]; /* requests heard, by message */
};

extern struct store_double store_double;
extern const struct actor_class store_double_class;

void store_double_reset(void);
struct audit_note;
/* Keeps what the audit log is told; note may be NULL. */
void store_double_note(const struct audit_note *note);
/* How often the audit log was told of such: "action/by/target/result". */
size_t store_double_noted(const char *note);
/* How often it happened, in all entries of it. */
uint64_t store_double_times(const char *note);
/* NULL if there is none. */
struct double_user *store_double_user(const char *username);
struct double_session *store_double_session(const char *session_id);

struct double_user *store_double_add_user(
    const char *user_id, const char *username, enum role role);
/* The one API key there is. */
void store_double_add_key(const char *key_id, const char *user_id);
struct double_session *store_double_add_session(const char *session_id,
    const char *user_id, int64_t created_at, int64_t expires_at);

#endif
