/* What the gateway tells the audit log of what it refused. */
#include "tests/gateway/gate.h"

#include "tests/check.h"

#define TASKS "POST /api/v1/tasks"

static struct gate g;

static const char *
ceo_token(void)
{
	return gate_token(&g, "ceo", JTI_1, SIG_1);
}

/* What the next sweep tells; NULL: nothing. */
static struct heard *
told(void)
{
	gate_live_ms(&g, 250);
	return rig_peek(&g.r, REGISTRY, MSG_audit_refusals);
}

static struct heard *
told_something(void)
{
	struct heard *h = told();

	assert_non_null(h);
	return h;
}

static const struct audit_note *
note_at(struct heard *h, uint32_t i)
{
	const struct audit_refusals *r = RIG_BODY(h, audit_refusals);

	assert_true(i < r->notes_count);
	return &r->notes[i];
}

/* The first that is told is that user's, refused this. */
static const struct audit_note *
note_of(struct heard *h, const char *action, const char *user_id)
{
	const struct audit_note *n = note_at(h, 0);

	assert_string_equal(n->action, action);
	assert_string_equal(n->by.user_id, user_id);
	return n;
}

static void
done(struct heard *h)
{
	RIG_ANSWER(&g.r, h, done, .nothing = 0);
}

static void
test_bad_tokens_are_one_entry_and_a_count(void **state)
{
	const struct audit_note *n;
	struct heard *h;

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	assert_null(told());
	for (int i = 0; i < 500; i++)
		(void)gate_me(&g, "not.a.token");
	(void)gate_me(&g, gate_token(&g, "nobody", JTI_1, SIG_1));
	h = told_something();
	assert_int_equal(RIG_BODY(h, audit_refusals)->notes_count, 2);
	assert_int_equal(RIG_BODY(h, audit_refusals)->lost, 0);
	n = note_at(h, 0);
	assert_int_equal(n->times, 500);
	assert_string_equal(n->action, "access.credential");
	assert_string_equal(n->detail, "invalid_token");
	assert_string_equal(n->by.user_id, "");
	assert_int_equal(n->by.method, AUTH_NONE);
	assert_int_equal(n->result, AUDIT_REFUSED);
	assert_true(n->by.address[0] != '\0');
	assert_string_equal(note_at(h, 1)->detail, "no_account");
	done(h);
	assert_null(told());
	gate_end(&g);
}

/* Who is known is named, and what they tried. */
static void
test_a_role_that_may_not(void **state)
{
	const struct audit_note *n;
	struct heard *h;

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	gate_send(
	    &g, gate_request(TASKS, gate_token(&g, "observer", JTI_2, SIG_1),
		    "Content-Length: 2\r\n\r\n{}"));
	assert_has(gate_taken(&g), "\"error_code\":1001");
	h = told_something();
	n = note_of(h, "access.role", "observer");
	assert_string_equal(n->target, "POST /api/v1/tasks");
	assert_string_equal(n->by.username, "observer");
	assert_int_equal(n->by.role, ROLE_OBSERVER);
	assert_int_equal(n->by.method, AUTH_JWT);
	assert_string_equal(n->by.session_id, "22222222");
	done(h);
	gate_end(&g);
}

static void
test_a_password_that_must_be_changed(void **state)
{
	struct account a = gate_account("ceo", ROLE_CEO);
	struct heard *h;

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	a.must_change_password = true;
	gate_change(
	    &g, &(struct replica_change){
		    .epoch = GATE_EPOCH, .accounts = &a, .accounts_count = 1 });
	gate_send(&g, gate_request("GET /api/v1/tasks", ceo_token(), "\r\n"));
	assert_has(gate_taken(&g), "\"error_code\":1004");
	h = told_something();
	(void)note_of(h, "access.password", "ceo");
	done(h);
	gate_end(&g);
}

static void
test_a_refused_ticket(void **state)
{
	const struct audit_note *n;
	struct heard *ask, *h;

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	gate_send(&g, gate_request("POST /api/v1/auth/ws-ticket", ceo_token(),
			  "Content-Length: 0\r\n\r\n"));
	ask = RIG_TAKE(&g.r, ticket_store, ticket_create);
	rig_refuse(&g.r, ask, ST_FULL, PROBLEM_TICKET_LIMIT, "too many");
	assert_has(gate_taken(&g), "\"error_code\":5001");
	h = told_something();
	n = note_of(h, "ticket.create", "ceo");
	assert_string_equal(n->detail, "Too many pending tickets");
	done(h);
	gate_end(&g);
}

/* A registry that does not take them gets them again, with what is new. */
static void
test_what_was_not_taken_is_told_again(void **state)
{
	struct heard *h;

	(void)state;
	gate_start(&g);
	gate_dial(&g);
	(void)gate_me(&g, "not.a.token");
	h = told_something();
	(void)gate_me(&g, "no-key-of-ours");
	assert_ptr_equal(told(), h); /* one at a time */
	rig_refuse(&g.r, h, ST_CLOSED, 0, "gone");
	h = told_something();
	assert_string_equal(note_at(h, 0)->detail, "invalid_token");
	done(h);
	h = told_something();
	assert_string_equal(note_at(h, 0)->detail, "invalid_key");
	done(h);
	assert_null(told());
	gate_end(&g);
}

/* Each from another network, and with nothing that says who. */
static void
strangers_come(int count)
{
	struct net_peer peer = { .port = 1 };

	for (int i = 0; i < count; i++) {
		gate_dial(&g);
		(void)snprintf(peer.text, sizeof(peer.text), "10.0.0.%d", i);
		net_fake_call_from(g.wire, &peer);
		assert_has(gate_me(&g, "not.a.token"), " 401 ");
		gate_hang_up(&g);
	}
}

/* More different ones than fit: as many as that are told as a number. */
static void
test_what_does_not_fit_is_counted(void **state)
{
	struct heard *h;

	(void)state;
	gate_start(&g);
	strangers_come(REFUSALS_STRANGERS_MAX + 7);
	h = told_something();
	assert_int_equal(
	    RIG_BODY(h, audit_refusals)->notes_count, REFUSALS_STRANGERS_MAX);
	assert_int_equal(RIG_BODY(h, audit_refusals)->lost, 7);
	done(h);
	gate_end(&g);
}

/* The rest is for those we know. */
static void
test_strangers_crowd_out_nobody_we_know(void **state)
{
	const struct audit_note *n;
	struct heard *h;

	(void)state;
	gate_start(&g);
	strangers_come(TALLY_MAX + 26);
	gate_dial(&g);
	gate_send(
	    &g, gate_request(TASKS, gate_token(&g, "observer", JTI_2, SIG_1),
		    "Content-Length: 2\r\n\r\n{}"));
	assert_has(gate_taken(&g), "\"error_code\":1001");
	h = told_something();
	n = note_at(h, REFUSALS_STRANGERS_MAX);
	assert_string_equal(n->action, "access.role");
	assert_string_equal(n->by.user_id, "observer");
	assert_int_equal(RIG_BODY(h, audit_refusals)->lost,
	    TALLY_MAX + 26 - REFUSALS_STRANGERS_MAX);
	done(h);
	gate_end(&g);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RUN(test_bad_tokens_are_one_entry_and_a_count),
		RUN(test_a_role_that_may_not),
		RUN(test_a_password_that_must_be_changed),
		RUN(test_a_refused_ticket),
		RUN(test_what_was_not_taken_is_told_again),
		RUN(test_what_does_not_fit_is_counted),
		RUN(test_strangers_crowd_out_nobody_we_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
