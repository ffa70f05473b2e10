/*
 * registry_scene - a session-registry between a store double and probes for
 * the gateway, the ticket-store and the scheduler; the gateway follows.
 */
#ifndef TESTS_REGISTRY_SCENE_H
#define TESTS_REGISTRY_SCENE_H

#include "runtime/token.h"
#include "tests/rig.h"

#define U1 "00000000000040008000000000000001"
#define U2 "00000000000040008000000000000002"
#define C1 "0000000000004000800000000000000c"
#define M1 "0000000000004000800000000000000d"
#define J_UNKNOWN "11111111111141118111111111111111"
#define SCENE_PASSWORD "correct horse battery"
#define SCENE_LOGINS_KEPT 16
#define SCENE_SETS_MAX 8
#define SCENE_FOLDER_SIZE 64
/* As many tries from one address as a test likes. */
#define SCENE_UNLIMITED ((const char *const[]){ "api.auth.tries_per_minute=0" })
#define SECOND INT64_C(1000000)
#define DAY (86400 * SECOND)

struct scene {
	struct rig r;
	struct config *config;
	char folder[SCENE_FOLDER_SIZE]; /* empty: none of its own */
	struct token_ring keys;
	uint64_t epoch;
};

/* Set by main: the rig does not know the actors. */
extern const struct actor_class *scene_class;

/* A user of the store double whose password is SCENE_PASSWORD. */
void scene_add_user(const char *id, const char *name, enum role role);

/*
 * On what the store double holds, with `namespace.key=value` settings; the
 * first may name a data folder, else there is one until scene_end.  Spawn:
 * everybody is in place, nobody started.
 */
void scene_spawn(struct scene *s, const char *const *sets, size_t count);
void scene_start_with(struct scene *s, const char *const *sets, size_t count);
/* On observers u1 and u2, a manager m1 and a ceo c1. */
void scene_start(struct scene *s);
void scene_end(struct scene *s);

/* Follows as a gateway does: joins, then hears every change. */
void scene_join(struct scene *s);
/* The gateway and the ticket-store do what they are told, until quiet. */
void scene_apply(struct scene *s);

/* As the gateway finds out who asks. */
struct principal scene_caller(const char *name, const char *session_id);

uint64_t scene_ask_login(
    struct scene *s, const char *name, const char *password, const char *agent);
uint64_t scene_ask_logout(
    struct scene *s, const char *name, const char *session_id);
uint64_t scene_ask_revoke(struct scene *s, const char *name, const char *mine,
    const char *session_id);

/* The whole of it, or the test fails; the last SCENE_LOGINS_KEPT live. */
struct auth_token scene_login(struct scene *s, const char *name);
const struct auth_session_list *scene_list(
    struct scene *s, const char *name, const char *mine, const char *scope);
const struct refused *scene_refused(struct scene *s, uint64_t tag);
void scene_expect_done(struct scene *s, uint64_t tag);

/* As the gateway's gate would judge a token now. */
enum status scene_verify(
    struct scene *s, const char *token, struct token_claims *ret_claims);

/* Reads the revoked set as a gateway that joins now does. */
bool scene_find_revoked(
    struct scene *s, const char *session_id, size_t *ret_count);
bool scene_is_revoked(struct scene *s, const char *session_id);

#endif
