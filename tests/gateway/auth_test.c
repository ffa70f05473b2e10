/* The gate: every reason to be refused, also of a token known as good. */
#include "runtime/net_inside.h"
#include "tests/gateway/gate.h"

#define RUN(name) cmocka_unit_test(name)
#define UNAUTHORIZED "\"error_code\":1000"
#define REVOKED "\"error_code\":1002"
#define TASKS "POST /api/v1/tasks"

static struct gate g;

static const char *
ceo_token(void)
{
	return gate_token(&g, "ceo", JTI_1, SIG_1);
}

static void
change_account(struct account a)
{
	gate_change(
	    &g, &(struct replica_change){
		    .epoch = GATE_EPOCH, .accounts = &a, .accounts_count = 1 });
}

static void
revoke(const char *jti)
{
	const struct revocation v = { .session_id = jti, .user_id = "ceo" };

	gate_change(
	    &g, &(struct replica_change){
		    .epoch = GATE_EPOCH, .revoked = &v, .revoked_count = 1 });
}

static void
assert_logged(const char *reason)
{
	size_t n = rig_logged(&g.r, EV_API_AUTH_FAILED);
	char field[64];

	assert_true(n > 0);
	snprintf(field, sizeof(field), "reason=%s", reason);
	assert_has(rig_line(&g.r, EV_API_AUTH_FAILED, n - 1), field);
}

static void
test_good_token_is_let_in(void **state)
{
	(void)state;
	gate_start(&g);
	gate_dial(&g);
	for (int i = 0; i < 2; i++)
		assert_has(gate_me(&g, ceo_token()), "\"username\":\"ceo\"");
	assert_int_equal(rig_waiting(&g.r, REGISTRY), 0);
	gate_end(&g);
}

/* Scenario 3 */
static void
test_03_bad_tokens(void **state)
{
	char cut[TOKEN_MAX + 1];

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	snprintf(cut, sizeof(cut), "%s", ceo_token());
	cut[strlen(cut) - 2] = '\0';
	assert_has(gate_me(&g, cut), UNAUTHORIZED);
	assert_logged("invalid_token");
	assert_has(gate_me(&g, "x"), "HTTP/1.1 401 ");
	assert_has(
	    gate_me(&g, gate_token(&g, "nobody", JTI_1, SIG_1)), UNAUTHORIZED);
	assert_logged("no_account");
	assert_has(
	    gate_me(&g, gate_token(&g, "ceo", JTI_1, SIG_2)), UNAUTHORIZED);
	assert_logged("password_changed");
	gate_end(&g);
}

static void
test_known_token_expires(void **state)
{
	char token[TOKEN_MAX + 1];

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	snprintf(token, sizeof(token), "%s", ceo_token());
	assert_has(gate_me(&g, token), "HTTP/1.1 200 ");
	gate_hang_up(&g);
	gate_live_ms(&g, 600000);
	gate_dial(&g);
	assert_has(gate_me(&g, token), UNAUTHORIZED);
	assert_logged("expired");
	gate_end(&g);
}

/* Refused at once, and called revoked when that is there to stay. */
static void
test_revocation_that_may_not_last_is_not_called_one(void **state)
{
	const struct revocation v = { .session_id = JTI_1, .user_id = "ceo" };
	const char *const ids[] = { JTI_1 };

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	gate_change(&g, &(struct replica_change){ .epoch = GATE_EPOCH,
			    .revoked = &v,
			    .revoked_count = 1,
			    .unsettled = ids,
			    .unsettled_count = 1 });
	assert_has(gate_me(&g, ceo_token()), "HTTP/1.1 503 ");
	assert_logged("session_unsettled");
	revoke(JTI_1);
	assert_has(gate_me(&g, ceo_token()), REVOKED);
	gate_end(&g);
}

/* Scenarios 4 and 26 */
static void
test_04_known_token_is_refused_once_revoked(void **state)
{
	const char *taken;

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	assert_has(gate_me(&g, ceo_token()), "HTTP/1.1 200 ");
	revoke(JTI_1);
	assert_has(gate_me(&g, ceo_token()), REVOKED);
	assert_logged("session_revoked");
	gate_send(&g, gate_request("GET /api/v1/auth/me", ceo_token(),
			  "Accept: application/problem+json\r\n\r\n"));
	taken = gate_taken(&g);
	assert_has(taken, "Content-Type: application/problem+json\r\n");
	assert_has(taken, "WWW-Authenticate: Bearer");
	assert_has(taken, "\"status\":401");
	assert_has(taken, REVOKED);
	assert_has(
	    gate_me(&g, gate_token(&g, "ceo", JTI_2, SIG_1)), "HTTP/1.1 200 ");
	gate_end(&g);
}

/* Scenario 6 */
static void
test_06_old_tokens_end_with_the_password(void **state)
{
	struct account a = gate_account("ceo", ROLE_CEO);

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	assert_has(gate_me(&g, ceo_token()), "HTTP/1.1 200 ");
	a.password_sig = SIG_2;
	change_account(a);
	assert_has(gate_me(&g, ceo_token()), UNAUTHORIZED);
	assert_logged("password_changed");
	assert_has(
	    gate_me(&g, gate_token(&g, "ceo", JTI_1, SIG_2)), "HTTP/1.1 200 ");
	gate_end(&g);
}

static void
test_role_is_that_of_now_not_of_the_token(void **state)
{
	(void)state;
	gate_start(&g);
	gate_dial(&g);
	gate_send(&g, gate_request(TASKS, ceo_token(), "\r\n"));
	assert_null(strstr(gate_taken(&g), "HTTP/1.1 403 "));
	change_account(gate_account("ceo", ROLE_OBSERVER));
	gate_send(&g, gate_request(TASKS, ceo_token(), "\r\n"));
	assert_has(gate_taken(&g), "HTTP/1.1 403 ");
	assert_has(gate_me(&g, ceo_token()), "\"role\":\"observer\"");
	change_account(gate_account("ceo", ROLE_SYSTEM));
	assert_has(gate_me(&g, ceo_token()), UNAUTHORIZED);
	gate_end(&g);
}

static void
test_account_that_is_gone(void **state)
{
	struct account a = gate_account("ceo", ROLE_CEO);

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	a.gone = true;
	change_account(a);
	assert_has(gate_me(&g, ceo_token()), UNAUTHORIZED);
	assert_logged("no_account");
	gate_end(&g);
}

static void
test_password_must_be_changed_first(void **state)
{
	struct account a = gate_account("ceo", ROLE_CEO);

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	a.must_change_password = true;
	change_account(a);
	assert_has(gate_me(&g, ceo_token()), "\"must_change_password\":true");
	gate_send(
	    &g, gate_request("GET /api/v1/auth/sessions", ceo_token(), "\r\n"));
	assert_has(gate_taken(&g), "\"error_code\":1004");
	gate_send(
	    &g, gate_request("POST /api/v1/auth/change-password", ceo_token(),
		    "Content-Type: application/json\r\n"
		    "Content-Length: 2\r\n\r\n{}"));
	assert_has(gate_taken(&g), "body.");
	gate_end(&g);
}

/* Fixed: the account was looked up at the head and used after the body. */
static void
test_revoked_while_the_body_came(void **state)
{
	(void)state;
	gate_start(&g);
	gate_dial(&g);
	gate_send(&g, gate_request(TASKS, ceo_token(),
			  "Content-Type: application/json\r\n"
			  "Content-Length: 2\r\n\r\n{"));
	revoke(JTI_1);
	gate_send(&g, "}");
	assert_has(gate_taken(&g), REVOKED);
	assert_int_equal(rig_waiting(&g.r, ACTOR_NUMBER(tasks)), 0);
	gate_end(&g);
}

/* Scenario 24 */
static void
test_24_each_way_in_without_a_credential_has_its_reason(void **state)
{
	static const struct {
		const char *line, *reason;
	} ways[] = {
		{ "GET /api/v1/auth/sessions", "unauthenticated_session_list" },
		{ "DELETE /api/v1/auth/sessions/x",
		    "unauthenticated_session_revoke" },
		{ "POST /api/v1/auth/logout", "unauthenticated_logout" },
		{ "GET /api/v1/auth/me", "no_credential" },
	};
	char text[256];

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		snprintf(text, sizeof(text), "%s HTTP/1.1\r\n" HOST "\r\n",
		    ways[i].line);
		gate_send(&g, text);
		assert_has(gate_taken(&g), UNAUTHORIZED);
		assert_logged(ways[i].reason);
	}
	gate_end(&g);
}

static void
test_two_credentials_are_none(void **state)
{
	(void)state;
	gate_start(&g);
	gate_dial(&g);
	gate_send(&g, gate_request("GET /api/v1/auth/me", ceo_token(),
			  "Authorization: Bearer x\r\n\r\n"));
	assert_has(gate_taken(&g), UNAUTHORIZED);
	gate_end(&g);
}

/* The registry has a new key: what the old one signed is nothing. */
static void
test_known_token_ends_with_its_key(void **state)
{
	static const uint8_t seed[SEAL_SEED_SIZE] = { 8 };
	const struct account ceo = gate_account("ceo", ROLE_CEO);
	char token[TOKEN_MAX + 1];

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	snprintf(token, sizeof(token), "%s", ceo_token());
	assert_has(gate_me(&g, token), "HTTP/1.1 200 ");
	seal_keypair_destroy(g.keys);
	assert_int_equal(seal_keypair_create(seed, &g.keys), ST_OK);
	gate_beat(&g, GATE_EPOCH + 1);
	gate_join(&g, GATE_EPOCH + 1);
	gate_page(&g, &ceo, 1);
	assert_has(gate_me(&g, token), UNAUTHORIZED);
	assert_logged("invalid_token");
	assert_has(gate_me(&g, ceo_token()), "HTTP/1.1 200 ");
	gate_end(&g);
}

/* As many as a quarter of what may be known, and no key to verify with. */
static void
test_known_tokens_are_not_verified_again(void **state)
{
	struct conn *c;
	char jti[33];

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	c = ((struct net_stream *)(void *)g.wire)->ctx;
	for (int round = 0; round < 2; round++) {
		for (unsigned i = 0; i < AUTH_CACHE_SLOTS / 4; i++) {
			snprintf(jti, sizeof(jti), "%032x", i);
			assert_has(
			    gate_me(&g, gate_token(&g, "ceo", jti, SIG_1)),
			    "HTTP/1.1 200 ");
		}
		c->gateway->replica.keys.count = 0;
	}
	assert_has(
	    gate_me(&g, gate_token(&g, "ceo", JTI_1, SIG_1)), UNAUTHORIZED);
	gate_end(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_good_token_is_let_in),
		RUN(test_03_bad_tokens),
		RUN(test_known_token_expires),
		RUN(test_revocation_that_may_not_last_is_not_called_one),
		RUN(test_04_known_token_is_refused_once_revoked),
		RUN(test_06_old_tokens_end_with_the_password),
		RUN(test_role_is_that_of_now_not_of_the_token),
		RUN(test_account_that_is_gone),
		RUN(test_password_must_be_changed_first),
		RUN(test_revoked_while_the_body_came),
		RUN(test_24_each_way_in_without_a_credential_has_its_reason),
		RUN(test_two_credentials_are_none),
		RUN(test_known_token_ends_with_its_key),
		RUN(test_known_tokens_are_not_verified_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
