/* How a gateway follows the registry, and what it does when it cannot. */
#include "tests/gateway/gate.h"

#define RUN(name) cmocka_unit_test(name)
#define OTHER_EPOCH (GATE_EPOCH + 1)
#define PATIENCE_MS (REPLICA_PATIENCE_US / 1000)
#define SWEEP_MS (GATEWAY_SWEEP_US / 1000)

static struct gate g;

static const char *
ceo_token(void)
{
	return gate_token(&g, "ceo", JTI_1, SIG_1);
}

static void
page(
    const struct account *accounts, const struct revocation *revoked, bool more)
{
	RIG_ANSWER(&g.r, RIG_TAKE(&g.r, session_registry, replica_read),
	    replica_page, .accounts = accounts,
	    .accounts_count = accounts != NULL, .revoked = revoked,
	    .revoked_count = revoked != NULL, .more = more);
}

static bool
is_open(void)
{
	struct net_fake_wire *w;
	enum status st = net_fake_dial(g.net, GATE_ADDRESS, &w);

	if (st == ST_OK)
		net_fake_hang_up(w);
	return st == ST_OK;
}

static void
test_pages_are_read_after_the_last_of_each(void **state)
{
	const struct account ceo = gate_account("ceo", ROLE_CEO);
	const struct account other = gate_account("other", ROLE_CEO);
	const struct revocation gone = { .session_id = JTI_1,
		.user_id = "ceo" };
	const struct replica_read *ask;

	(void)state;
	gate_spawn(&g, NULL, 0);
	gate_join(&g, GATE_EPOCH);
	ask =
	    RIG_BODY(rig_peek(&g.r, REGISTRY, MSG_replica_read), replica_read);
	assert_string_equal(ask->after_user, "");
	assert_string_equal(ask->after_session, "");
	page(&ceo, &gone, true);
	ask =
	    RIG_BODY(rig_peek(&g.r, REGISTRY, MSG_replica_read), replica_read);
	assert_int_equal(ask->epoch, GATE_EPOCH);
	assert_string_equal(ask->after_user, "ceo");
	assert_string_equal(ask->after_session, JTI_1);
	assert_false(is_open());
	page(&other, NULL, false);
	gate_dial(&g);
	assert_has(gate_me(&g, ceo_token()), "\"error_code\":1002");
	assert_has(gate_me(&g, gate_token(&g, "other", JTI_2, SIG_1)),
	    "HTTP/1.1 200 ");
	gate_end(&g);
}

/* Of a gateway that joins again; one that starts hears changes when ready. */
static void
test_change_between_pages_is_kept(void **state)
{
	const struct account ceo = gate_account("ceo", ROLE_CEO);
	const struct revocation gone = { .session_id = JTI_1,
		.user_id = "ceo" };

	(void)state;
	gate_start(&g);
	gate_beat(&g, OTHER_EPOCH);
	gate_join(&g, OTHER_EPOCH);
	page(&ceo, NULL, true);
	gate_change(&g,
	    &(struct replica_change){
		.epoch = OTHER_EPOCH, .revoked = &gone, .revoked_count = 1 });
	page(NULL, NULL, false);
	gate_dial(&g);
	assert_has(gate_me(&g, ceo_token()), "\"error_code\":1002");
	gate_end(&g);
}

static void
test_pruned_ids_are_forgotten(void **state)
{
	static const char *const pruned[] = { JTI_1 };
	const struct revocation gone = { .session_id = JTI_1,
		.user_id = "ceo" };

	(void)state;
	gate_start(&g);
	gate_change(&g,
	    &(struct replica_change){
		.epoch = GATE_EPOCH, .revoked = &gone, .revoked_count = 1 });
	gate_change(
	    &g, &(struct replica_change){
		    .epoch = GATE_EPOCH, .pruned = pruned, .pruned_count = 1 });
	gate_dial(&g);
	assert_has(gate_me(&g, ceo_token()), "HTTP/1.1 200 ");
	gate_end(&g);
}

static void
test_join_is_tried_again(void **state)
{
	(void)state;
	gate_spawn(&g, NULL, 0);
	rig_refuse(&g.r, RIG_TAKE(&g.r, session_registry, replica_join),
	    ST_UNAVAILABLE, PROBLEM_UNAVAILABLE, "not yet");
	rig_advance_ms(&g.r, 100);
	gate_join(&g, GATE_EPOCH);
	/* Meanwhile it has started again: the page is of another epoch. */
	rig_refuse(&g.r, RIG_TAKE(&g.r, session_registry, replica_read),
	    ST_CONFLICT, PROBLEM_CONFLICT, "another epoch");
	rig_advance_ms(&g.r, 100);
	gate_join(&g, OTHER_EPOCH);
	assert_false(is_open());
	gate_page(&g, NULL, 0);
	assert_true(is_open());
	gate_end(&g);
}

/* Each page has its own time, however many there are. */
static void
test_slow_pages_are_no_failure(void **state)
{
	const struct account ceo = gate_account("ceo", ROLE_CEO);

	(void)state;
	gate_spawn(&g, NULL, 0);
	gate_join(&g, GATE_EPOCH);
	for (int i = 0; i < 4; i++) {
		rig_advance_ms(&g.r, 2000);
		page(&ceo, NULL, i < 3);
	}
	assert_true(is_open());
	gate_end(&g);
}

/* The bound, and one past it; a beat that comes too late does not help. */
static void
test_lapsed_lease_lets_nobody_in_until_it_joins_again(void **state)
{
	const struct account ceo = gate_account("ceo", ROLE_CEO);
	const char *taken;

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	gate_beat(&g, GATE_EPOCH);
	rig_advance_ms(&g.r, REPLICA_LEASE_MS - 1);
	assert_has(gate_me(&g, ceo_token()), "HTTP/1.1 200 ");
	rig_advance_ms(&g.r, 1);
	assert_string_equal(gate_me(&g, ceo_token()), "");
	gate_beat(&g, GATE_EPOCH);
	assert_string_equal(gate_taken(&g), "");
	rig_advance_ms(&g.r, PATIENCE_MS - 1);
	assert_string_equal(gate_taken(&g), "");
	rig_advance_ms(&g.r, SWEEP_MS);
	taken = gate_taken(&g);
	assert_has(taken, "HTTP/1.1 503 ");
	assert_has(taken, "Retry-After: 1\r\n");
	/* Who comes now learns it at once. */
	assert_has(gate_me(&g, ceo_token()), "HTTP/1.1 503 ");
	gate_send(&g, "GET /readyz HTTP/1.1\r\n" HOST "\r\n");
	assert_has(gate_taken(&g), "HTTP/1.1 503 ");
	gate_join(&g, GATE_EPOCH);
	gate_page(&g, &ceo, 1);
	assert_has(gate_me(&g, ceo_token()), "HTTP/1.1 200 ");
	gate_end(&g);
}

/* The registry has started again: nobody is sent away for that. */
static void
test_requests_wait_while_the_registry_starts_again(void **state)
{
	const struct account ceo = gate_account("ceo", ROLE_CEO);
	const char *taken;

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	gate_beat(&g, OTHER_EPOCH);
	/* One after the other, of one connection. */
	gate_send(
	    &g, gate_request("GET /api/v1/auth/me", ceo_token(), "\r\n" LIVEZ));
	assert_string_equal(gate_taken(&g), "");
	gate_join(&g, OTHER_EPOCH);
	gate_page(&g, &ceo, 1);
	taken = gate_taken(&g);
	assert_int_equal(occurs(taken, "HTTP/1.1 200 "), 2);
	assert_true(strstr(taken, "\"ceo\"") < strstr(taken, "\"live\""));
	gate_end(&g);
}

/* Its body may come before the answer to who sends it, or after. */
static void
test_bodies_wait_too(void **state)
{
	const struct account ceo = gate_account("ceo", ROLE_CEO);

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	gate_beat(&g, OTHER_EPOCH);
	gate_send(&g, gate_request("POST /api/v1/tasks", ceo_token(),
			  "Content-Type: application/json\r\n"
			  "Content-Length: 13\r\n\r\n{\"title\""));
	gate_send(&g, ":\"t\"}");
	assert_string_equal(gate_taken(&g), "");
	gate_join(&g, OTHER_EPOCH);
	gate_page(&g, &ceo, 1);
	/* Let in, and understood. */
	assert_has(gate_taken(&g), "body.description: required");
	gate_end(&g);
}

/* What is known at the end of the wait counts, not what was before it. */
static void
test_who_has_waited_is_judged_anew(void **state)
{
	const struct account ceo = gate_account("ceo", ROLE_CEO);
	const struct revocation gone = { .session_id = JTI_1,
		.user_id = "ceo" };

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	assert_has(gate_me(&g, ceo_token()), "HTTP/1.1 200 ");
	gate_beat(&g, OTHER_EPOCH);
	assert_string_equal(gate_me(&g, ceo_token()), "");
	gate_join(&g, OTHER_EPOCH);
	page(&ceo, &gone, false);
	assert_has(gate_taken(&g), "\"error_code\":1002");
	gate_end(&g);
}

static void
test_who_waits_may_leave(void **state)
{
	(void)state;
	gate_start(&g);
	gate_dial(&g);
	gate_beat(&g, OTHER_EPOCH);
	assert_string_equal(gate_me(&g, ceo_token()), "");
	gate_hang_up(&g);
	gate_dial(&g);
	gate_join(&g, OTHER_EPOCH);
	gate_page(&g, NULL, 0);
	assert_has(gate_me(&g, ceo_token()), "HTTP/1.1 401 ");
	gate_end(&g);
}

static void
test_beats_keep_the_lease(void **state)
{
	(void)state;
	gate_start(&g);
	gate_live_ms(&g, 4 * REPLICA_LEASE_MS);
	gate_dial(&g);
	assert_has(gate_me(&g, ceo_token()), "HTTP/1.1 200 ");
	assert_null(rig_peek(&g.r, REGISTRY, MSG_replica_join));
	gate_end(&g);
}

static void
test_other_epoch_means_join_again(void **state)
{
	const struct account other = gate_account("other", ROLE_CEO);
	struct replica_change change = { .epoch = OTHER_EPOCH };
	uint64_t tag;

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	tag = rig_ask(&g.r, REGISTRY, ACTOR_NUMBER(gateway), MSG_replica_change,
	    &change, RIG_WITHIN_US);
	(void)RIG_REPLIED(&g.r, session_registry, tag, refused);
	assert_has(gate_me(&g, ceo_token()), "HTTP/1.1 200 ");
	gate_beat(&g, OTHER_EPOCH);
	rig_advance_ms(&g.r, PATIENCE_MS);
	assert_has(gate_me(&g, ceo_token()), "HTTP/1.1 503 ");
	gate_join(&g, OTHER_EPOCH);
	gate_page(&g, &other, 1);
	/* Nothing of the old one is left. */
	assert_has(gate_me(&g, ceo_token()), "HTTP/1.1 401 ");
	assert_has(gate_me(&g, gate_token(&g, "other", JTI_1, SIG_1)),
	    "HTTP/1.1 200 ");
	gate_end(&g);
}

/* Said before we joined, heard after: the door stays open. */
static void
test_late_word_to_join_is_passed_over(void **state)
{
	(void)state;
	gate_start(&g);
	gate_dial(&g);
	gate_beat(&g, 0);
	assert_null(rig_peek(&g.r, REGISTRY, MSG_replica_join));
	assert_has(gate_me(&g, ceo_token()), "HTTP/1.1 200 ");
	rig_advance_ms(&g.r, REPLICA_BEAT_MS);
	gate_beat(&g, 0);
	assert_non_null(rig_peek(&g.r, REGISTRY, MSG_replica_join));
	gate_end(&g);
}

/* More than it can keep: whom it has forgotten it cannot refuse. */
static void
test_overflow_closes_the_gate(void **state)
{
	static struct revocation batch[REPLICA_PAGE_MAX];
	static char ids[REPLICA_PAGE_MAX][SESSION_ID_MAX + 1];
	const uint32_t last = REPLICA_REVOKED_MAX % REPLICA_PAGE_MAX;
	struct replica_change change = { .epoch = GATE_EPOCH,
		.revoked = batch,
		.revoked_count = REPLICA_PAGE_MAX };
	uint32_t n = 0;

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	while (n < REPLICA_REVOKED_MAX) {
		uint32_t count = REPLICA_REVOKED_MAX - n < REPLICA_PAGE_MAX
				     ? last
				     : REPLICA_PAGE_MAX;

		for (uint32_t i = 0; i < count; i++) {
			snprintf(ids[i], sizeof(ids[i]), "%032u", n++);
			batch[i] = (struct revocation){ .session_id = ids[i],
				.user_id = "ceo" };
		}
		change.revoked_count = count;
		gate_change(&g, &change);
	}
	assert_has(gate_me(&g, ceo_token()), "HTTP/1.1 200 ");
	change.revoked_count = 1;
	snprintf(ids[0], sizeof(ids[0]), "%032u", n);
	gate_change(&g, &change);
	assert_has(gate_me(&g, ceo_token()), "HTTP/1.1 503 ");
	assert_int_equal(rig_logged(&g.r, EV_REPLICA_OVERFLOW), 1);
	gate_end(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_pages_are_read_after_the_last_of_each),
		RUN(test_change_between_pages_is_kept),
		RUN(test_pruned_ids_are_forgotten),
		RUN(test_join_is_tried_again),
		RUN(test_slow_pages_are_no_failure),
		RUN(test_lapsed_lease_lets_nobody_in_until_it_joins_again),
		RUN(test_requests_wait_while_the_registry_starts_again),
		RUN(test_bodies_wait_too),
		RUN(test_who_has_waited_is_judged_anew),
		RUN(test_who_waits_may_leave),
		RUN(test_beats_keep_the_lease),
		RUN(test_other_epoch_means_join_again),
		RUN(test_late_word_to_join_is_passed_over),
		RUN(test_overflow_closes_the_gate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
