/*
 * Who is known from where, a password given again, and secrets that are gone.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "actors/session_registry.h"
#include "tests/check.h"
#include "tests/registry_scene.h"
#include "tests/store_double.h"
#include "tests/tempdir.h"

#define MINUTE (60 * SECOND)
#define HOME "2001:db8:1:2::7"
#define HOME_TOO "2001:db8:1:2:ffff::9"
#define ELSEWHERE "2001:db8:1:3::7"

static struct scene s;

static void
restart(void)
{
	scene_end(&s);
	scene_start_with(&s, SCENE_UNLIMITED, 1);
}

static uint64_t
ask_login(const char *name, const char *password, const char *address)
{
	uint64_t tag = RIG_ASK(&s.r, gateway, session_registry, auth_login,
	    .caller = { .address = address }, .username = name,
	    .password = password);

	scene_apply(&s);
	return tag;
}

static void
log_in(const char *name, const char *address)
{
	(void)RIG_REPLIED(&s.r, gateway,
	    ask_login(name, SCENE_PASSWORD, address), auth_token);
}

static uint32_t
login_problem(const char *name, const char *password, const char *address)
{
	return scene_refused(&s, ask_login(name, password, address))->problem;
}

/* ---- networks ---- */

/* A stranger cannot lock a user out where the user has been. */
static void
test_a_restart_forgets_no_known_network(void **state)
{
	(void)state;
	scene_start(&s);
	log_in("u1", HOME);
	restart();
	for (int i = 0; i < 10; i++)
		assert_int_equal(login_problem("u1", "wrong", ELSEWHERE),
		    PROBLEM_UNAUTHORIZED);
	assert_int_equal(login_problem("u1", SCENE_PASSWORD, ELSEWHERE),
	    PROBLEM_ACCOUNT_LOCKED);
	log_in("u1", HOME);
	log_in("u1", HOME_TOO);
	assert_int_equal(login_problem("u1", SCENE_PASSWORD, "192.0.2.1"),
	    PROBLEM_ACCOUNT_LOCKED);
	assert_int_equal(store_double_noted("auth.login//u1/refused"), 3);
	scene_end(&s);
}

/* Whose /64 it is has a count, not each address of it. */
static void
test_a_known_network_is_locked_by_itself(void **state)
{
	char address[64];

	(void)state;
	scene_start(&s);
	log_in("u1", HOME);
	for (int i = 0; i < 10; i++) {
		(void)snprintf(
		    address, sizeof(address), "2001:db8:1:2::%d", i + 1);
		assert_int_equal(login_problem("u1", "wrong", address),
		    PROBLEM_UNAUTHORIZED);
	}
	assert_int_equal(
	    login_problem("u1", SCENE_PASSWORD, HOME), PROBLEM_ACCOUNT_LOCKED);
	log_in("u1", ELSEWHERE);
	scene_end(&s);
}

/* One rate for a /64, however its addresses are written. */
static void
test_a_network_has_one_rate(void **state)
{
	static const char *const sets[] = { "api.auth.tries_per_minute=3" };

	(void)state;
	store_double_reset();
	scene_add_user(U1, "u1", ROLE_OBSERVER);
	scene_start_with(&s, sets, 1);
	log_in("u1", "2001:db8::1");
	log_in("u1", "2001:db8:0:0:1::");
	log_in("u1", "2001:db8::ffff:1");
	assert_int_equal(login_problem("u1", SCENE_PASSWORD, "2001:db8::2"),
	    PROBLEM_RATE_LIMITED);
	log_in("u1", "2001:db8:0:1::2");
	assert_int_equal(store_double_noted("auth.login///refused"), 1);
	scene_end(&s);
}

/* Guesses that were on their way when the lock fell are refused and told. */
static void
test_a_guess_in_flight_when_the_lock_falls_is_told(void **state)
{
	uint64_t tags[12];
	uint32_t locked = 0;

	(void)state;
	scene_start(&s);
	for (int i = 0; i < 12; i++)
		tags[i] = RIG_ASK(&s.r, gateway, session_registry, auth_login,
		    .caller = { .address = ELSEWHERE }, .username = "u1",
		    .password = "wrong");
	scene_apply(&s);
	for (int i = 0; i < 12; i++)
		locked += scene_refused(&s, tags[i])->problem ==
			  PROBLEM_ACCOUNT_LOCKED;
	assert_int_equal(locked, 2);
	rig_advance_ms(&s.r, 60000);
	assert_int_equal(store_double_times("auth.login//u1/refused"), 12);
	assert_int_equal(store_double_noted("auth.lock//u1/refused"), 1);
	scene_end(&s);
}

/* ---- a password given again ---- */

static struct principal
boss(int64_t authenticated_at)
{
	static char session[33];
	struct principal p;
	struct auth_token t = scene_login(&s, "c1");

	snprintf(session, sizeof(session), "%s", t.session_id);
	p = scene_caller("c1", session);
	p.authenticated_at = authenticated_at;
	p.expires_at = s.r.wall_us + 20 * MINUTE;
	return p;
}

static uint64_t
ask_disable(struct principal who)
{
	uint64_t tag =
	    RIG_ASK(&s.r, gateway, session_registry, user_change, .caller = who,
		.user_id = U1, .disabled = true, .has_disabled = true);

	scene_apply(&s);
	return tag;
}

/* ASVS 7.5.1: not on the strength of a log-in long ago. */
static void
test_accounts_change_for_who_gave_a_password_lately(void **state)
{
	const char *entry = "user.change/" C1 "/" U1 "/refused";
	struct principal who;
	uint64_t tag;

	(void)state;
	scene_start(&s);
	who = boss(RIG_WALL_US - 61 * MINUTE);
	assert_int_equal(scene_refused(&s, ask_disable(who))->problem,
	    PROBLEM_REAUTHENTICATE);
	assert_int_equal(store_double_noted(entry), 1);
	tag = RIG_ASK(&s.r, gateway, session_registry, api_key_create,
	    .caller = who, .name = "ci");
	assert_int_equal(
	    scene_refused(&s, tag)->problem, PROBLEM_REAUTHENTICATE);
	who.authenticated_at = 0; /* a token of before the claim */
	assert_int_equal(scene_refused(&s, ask_disable(who))->problem,
	    PROBLEM_REAUTHENTICATE);
	who.authenticated_at = s.r.wall_us - 59 * MINUTE;
	(void)RIG_REPLIED(&s.r, gateway, ask_disable(who), user_made);
	who = (struct principal){ .user_id = "system",
		.username = "system",
		.role = ROLE_SYSTEM,
		.method = AUTH_LOCAL };
	(void)RIG_REPLIED(&s.r, gateway, ask_disable(who), user_made);
	scene_end(&s);
}

static uint64_t
ask_again(struct principal who, const char *password)
{
	return RIG_ASK(&s.r, gateway, session_registry, auth_reauthenticate,
	    .caller = who, .password = password);
}

/* The same session, the same end: only the proof is new. */
static void
test_giving_the_password_again(void **state)
{
	struct principal who;
	struct token_claims claims;
	struct auth_token t;
	uint64_t tag;

	(void)state;
	scene_start(&s);
	who = boss(RIG_WALL_US - DAY);
	rig_advance_ms(&s.r, 5000);
	assert_int_equal(scene_refused(&s, ask_again(who, "wrong"))->problem,
	    PROBLEM_UNAUTHORIZED);
	tag = ask_again(who, SCENE_PASSWORD);
	t = *RIG_REPLIED(&s.r, gateway, tag, auth_token);
	assert_int_equal(scene_verify(&s, t.token, &claims), ST_OK);
	assert_string_equal(claims.jti, who.session_id);
	assert_int_equal(claims.exp, who.expires_at / SECOND);
	assert_true(claims.has_auth_time);
	assert_int_equal(claims.auth_time, s.r.wall_us / SECOND);
	assert_int_equal(t.expires_in, claims.exp - claims.auth_time);
	assert_null(t.refresh_token);
	assert_int_equal(
	    store_double_noted("auth.reauthenticate/" C1 "/" C1 "/ok"), 1);
	assert_int_equal(
	    store_double_noted("auth.reauthenticate/" C1 "/" C1 "/refused"), 1);
	scene_end(&s);
}

/* Guesses are those of a password change: counted, then locked. */
static void
test_guesses_are_locked(void **state)
{
	struct principal who;

	(void)state;
	scene_start(&s);
	who = boss(0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(
		    scene_refused(&s, ask_again(who, "wrong"))->problem,
		    PROBLEM_UNAUTHORIZED);
	assert_int_equal(
	    scene_refused(&s, ask_again(who, SCENE_PASSWORD))->problem,
	    PROBLEM_ACCOUNT_LOCKED);
	who.method = AUTH_API_KEY;
	assert_int_equal(
	    scene_refused(&s, ask_again(who, SCENE_PASSWORD))->problem,
	    PROBLEM_FORBIDDEN);
	scene_end(&s);
}

/* Those on their way when the lock falls are not judged, even if right. */
static void
test_guesses_at_once_are_locked(void **state)
{
	uint64_t tags[12];
	uint32_t locked = 0;
	struct principal who;

	(void)state;
	scene_start(&s);
	who = boss(0);
	for (int i = 0; i < 12; i++)
		tags[i] = ask_again(who, i < 11 ? "wrong" : SCENE_PASSWORD);
	scene_apply(&s);
	for (int i = 0; i < 12; i++)
		locked += scene_refused(&s, tags[i])->problem ==
			  PROBLEM_ACCOUNT_LOCKED;
	assert_int_equal(locked, 2);
	assert_int_equal(rig_logged(&s.r, EV_API_AUTH_LOCKED), 1);
	assert_int_equal(
	    store_double_noted("auth.lock/" C1 "/" C1 "/refused"), 1);
	scene_end(&s);
}

/* ASVS 7.5.2, where it is asked for: the specification's answer is 204. */
static void
test_ending_sessions_asks_for_the_password_if_so_set(void **state)
{
	static const char *const sets[] = { "api.auth.tries_per_minute=0",
		"api.auth.reauth_sessions=true" };
	struct auth_token other;
	struct principal who;
	uint64_t tag;

	(void)state;
	store_double_reset();
	scene_add_user(C1, "c1", ROLE_CEO);
	scene_start_with(&s, sets, 2);
	other = scene_login(&s, "c1");
	who = boss(0);
	tag = RIG_ASK(&s.r, gateway, session_registry, auth_session_revoke,
	    .caller = who, .session_id = other.session_id);
	assert_int_equal(
	    scene_refused(&s, tag)->problem, PROBLEM_REAUTHENTICATE);
	tag = RIG_ASK(
	    &s.r, gateway, session_registry, auth_revoke_mine, .caller = who);
	assert_int_equal(
	    scene_refused(&s, tag)->problem, PROBLEM_REAUTHENTICATE);
	assert_false(store_double_session(other.session_id)->revoked);
	/* The one in use may always end. */
	tag = RIG_ASK(&s.r, gateway, session_registry, auth_session_revoke,
	    .caller = who, .session_id = who.session_id);
	scene_apply(&s);
	scene_expect_done(&s, tag);
	scene_end(&s);
}

/* ---- secrets that are gone ---- */

static void
start_in(const char *folder)
{
	static char set[96];
	static const char *sets[1] = { set };

	(void)snprintf(set, sizeof(set), "runtime.data_dir=%s", folder);
	scene_spawn(&s, sets, 1);
	(void)rig_start(&s.r);
}

static void
remove_key(const char *folder, const char *name)
{
	char path[96];

	(void)snprintf(path, sizeof(path), "%s/keys/%s", folder, name);
	assert_int_equal(unlink(path), 0);
}

/* Made once, and told; made again only if no API key depends on it. */
static void
test_a_lost_secret_of_api_keys_stops_the_start(void **state)
{
	const char *folder = tempdir_make();
	char keys[64];

	(void)state;
	store_double_reset();
	scene_add_user(C1, "c1", ROLE_CEO);
	start_in(folder);
	assert_int_equal(rig_logged(&s.r, EV_KEY_FILE_MADE), 1);
	assert_int_equal(rig_logged(&s.r, EV_KEY_FILE_REMADE), 1);
	scene_end(&s);
	remove_key(folder, "api.secret");
	start_in(folder);
	assert_int_equal(rig_logged(&s.r, EV_KEY_FILE_MADE), 1);
	assert_int_equal(rig_logged(&s.r, EV_API_REGISTRY_READY), 1);
	scene_end(&s);
	remove_key(folder, "api.secret");
	store_double_add_key(J_UNKNOWN, C1);
	start_in(folder);
	assert_int_equal(rig_logged(&s.r, EV_KEY_FILE_MADE), 0);
	assert_int_equal(rig_logged(&s.r, EV_API_REGISTRY_READY), 0);
	assert_non_null(strstr(
	    rig_line(&s.r, EV_API_APP_STARTUP, 0), "keys/api.secret is gone"));
	scene_end(&s);
	(void)snprintf(keys, sizeof(keys), "%s/keys", folder);
	assert_int_equal(access(keys, F_OK), 0);
	remove_key(folder, "tokens.keys");
	assert_int_equal(rmdir(keys), 0);
	assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RUN(test_a_restart_forgets_no_known_network),
		RUN(test_a_known_network_is_locked_by_itself),
		RUN(test_a_network_has_one_rate),
		RUN(test_a_guess_in_flight_when_the_lock_falls_is_told),
		RUN(test_accounts_change_for_who_gave_a_password_lately),
		RUN(test_giving_the_password_again),
		RUN(test_guesses_are_locked),
		RUN(test_guesses_at_once_are_locked),
		RUN(test_ending_sessions_asks_for_the_password_if_so_set),
		RUN(test_a_lost_secret_of_api_keys_stops_the_start),
	};

	scene_class = &session_registry_class;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
