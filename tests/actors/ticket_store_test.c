/*
 * The ticket-store: one use, a short life, a cap per user.  TK and AT are
 * rules and scenarios of integrity.md, numbers those of sessions.md.
 */
#include "actors/ticket_store.h"

#include <stdio.h>
#include <string.h>

#include "tests/rig.h"

#define TTL_MS 30000
#define PENDING_MAX 5
#define DAY INT64_C(86400000000)

static void
tickets_start(struct rig *r)
{
	log_set_level(LOG_DEBUG);
	rig_init(r);
	rig_spawn(r, &ticket_store_class, ACTOR_NUMBER(ticket_store));
	rig_probe(r, ACTOR_NUMBER(session_registry));
	rig_probe(r, ACTOR_NUMBER(scheduler));
	rig_probe(r, ACTOR_NUMBER(gateway));
	assert_int_equal(rig_start(r), ST_OK);
}

static struct principal
holder(const char *user_id, const char *session_id)
{
	return (struct principal){ .user_id = user_id,
		.username = "someone",
		.role = ROLE_OBSERVER,
		.method = AUTH_JWT,
		.session_id = session_id,
		.expires_at = RIG_WALL_US + DAY,
		.address = "192.0.2.1",
		.user_agent = "test" };
}

static uint64_t
ask_create(struct rig *r, const char *user_id, const char *session_id)
{
	return RIG_ASK(r, gateway, ticket_store, ticket_create,
	    .caller = holder(user_id, session_id));
}

static const char *
create(struct rig *r, const char *user_id, const char *session_id)
{
	return RIG_REPLIED(
	    r, gateway, ask_create(r, user_id, session_id), ticket_issued)
	    ->ticket;
}

static uint64_t
ask_consume(struct rig *r, const char *ticket)
{
	return RIG_ASK(
	    r, gateway, ticket_store, ticket_consume, .ticket = ticket);
}

static const struct principal *
consume(struct rig *r, const char *ticket)
{
	return &RIG_REPLIED(r, gateway, ask_consume(r, ticket), ticket_holder)
		    ->holder;
}

static const struct refused *
refused_of(struct rig *r, uint64_t tag)
{
	return RIG_REPLIED(r, gateway, tag, refused);
}

static void
expect_invalid(struct rig *r, const char *ticket)
{
	const struct refused *why = refused_of(r, ask_consume(r, ticket));

	assert_int_equal(why->problem, PROBLEM_UNAUTHORIZED);
	assert_string_equal(why->detail, "Invalid or expired ticket");
}

/* 42, TK-03 */
static void
test_ticket_is_good_once(void **state)
{
	const struct principal *who;
	const char *ticket;
	struct rig r;

	(void)state;
	tickets_start(&r);
	ticket = create(&r, "u1", "s1");
	assert_int_equal(strlen(ticket), 43);
	who = consume(&r, ticket);
	assert_string_equal(who->user_id, "u1");
	assert_string_equal(who->session_id, "s1");
	assert_int_equal(who->method, AUTH_WS_TICKET);
	assert_int_equal(who->role, ROLE_OBSERVER);
	assert_int_equal(who->expires_at, RIG_WALL_US + DAY);
	expect_invalid(&r, ticket);
	rig_fini(&r);
}

/* 62, AT-22 */
static void
test_of_fifty_rivals_for_a_ticket_one_wins(void **state)
{
	enum { RIVALS = 50 };
	uint64_t tags[RIVALS];
	const char *ticket;
	size_t won = 0;
	struct rig r;

	(void)state;
	tickets_start(&r);
	ticket = create(&r, "u1", "s1");
	for (size_t i = 0; i < RIVALS; i++)
		tags[i] = ask_consume(&r, ticket);
	for (size_t i = 0; i < RIVALS; i++)
		won += rig_answer_to(&r, ACTOR_NUMBER(gateway), tags[i])->id ==
		       MSG_ticket_holder;
	assert_int_equal(won, 1);
	rig_fini(&r);
}

/* 61, TK-01, TK-02, AT-20 */
static void
test_cap_is_per_user_and_says_when_to_come_back(void **state)
{
	enum { RIVALS = 100 };
	const struct refused *why = NULL;
	const char *line;
	struct rig r;

	(void)state;
	tickets_start(&r);
	for (size_t i = 0; i < PENDING_MAX; i++)
		(void)create(&r, "u1", "s1");
	for (size_t i = PENDING_MAX; i < RIVALS; i++)
		why = refused_of(&r, ask_create(&r, "u1", "s1"));
	assert_int_equal(why->problem, PROBLEM_TICKET_LIMIT);
	assert_int_equal(why->retry_after_ms, TTL_MS);
	assert_int_equal(rig_logged(&r, EV_API_WS_TICKET_LIMIT_EXCEEDED),
	    RIVALS - PENDING_MAX);
	line = rig_line(&r, EV_API_WS_TICKET_LIMIT_EXCEEDED, 0);
	assert_non_null(strstr(line, "user_id=u1 pending=5 max=5"));
	(void)create(&r, "u2", "s2");
	rig_fini(&r);
}

/* AT-26 */
static void
test_a_used_ticket_makes_room_for_one(void **state)
{
	const char *ticket = NULL;
	struct rig r;

	(void)state;
	tickets_start(&r);
	for (size_t i = 0; i < PENDING_MAX; i++)
		ticket = create(&r, "u1", "s1");
	(void)consume(&r, ticket);
	(void)create(&r, "u1", "s1");
	(void)refused_of(&r, ask_create(&r, "u1", "s1"));
	rig_fini(&r);
}

/* AT-24: at its deadline it is still good, past it it is used up. */
static void
test_ticket_dies_after_its_time(void **state)
{
	const char *on_time, *late;
	struct rig r;

	(void)state;
	tickets_start(&r);
	on_time = create(&r, "u1", "s1");
	late = create(&r, "u1", "s1");
	rig_advance_ms(&r, TTL_MS);
	(void)consume(&r, on_time);
	rig_advance_ms(&r, 1);
	expect_invalid(&r, late);
	expect_invalid(&r, late);
	assert_int_equal(rig_logged(&r, EV_API_WS_TICKET_EXPIRED), 1);
	assert_int_equal(rig_logged(&r, EV_API_WS_TICKET_INVALID), 1);
	rig_fini(&r);
}

/* TK-06, AT-25 */
static void
test_expired_tickets_do_not_count(void **state)
{
	struct rig r;

	(void)state;
	tickets_start(&r);
	for (size_t i = 0; i < PENDING_MAX; i++)
		(void)create(&r, "u1", "s1");
	rig_advance_ms(&r, TTL_MS);
	(void)refused_of(&r, ask_create(&r, "u1", "s1"));
	rig_advance_ms(&r, 1);
	(void)create(&r, "u1", "s1");
	rig_fini(&r);
}

/* TK-04 */
static void
test_cleanup_counts_in_one_step(void **state)
{
	const struct ticket_cleaned *c;
	const char *fresh;
	struct rig r;
	uint64_t tag;

	(void)state;
	tickets_start(&r);
	(void)create(&r, "u1", "s1");
	(void)create(&r, "u2", "s2");
	rig_advance_ms(&r, TTL_MS);
	fresh = create(&r, "u1", "s1");
	rig_advance_ms(&r, 1);
	tag = RIG_ASK(&r, scheduler, ticket_store, ticket_clean, .nothing = 0);
	c = RIG_REPLIED(&r, scheduler, tag, ticket_cleaned);
	assert_int_equal(c->removed, 2);
	assert_int_equal(c->remaining, 1);
	assert_non_null(strstr(rig_line(&r, EV_API_WS_TICKET_CLEANUP, 0),
	    "removed=2 remaining=1"));
	tag = RIG_ASK(&r, scheduler, ticket_store, service_run,
	    .service = "ticket-cleanup", .generation = 9);
	assert_int_equal(
	    RIG_REPLIED(&r, scheduler, tag, service_ran)->count, 0);
	assert_int_equal(
	    RIG_REPLIED(&r, scheduler, tag, service_ran)->generation, 9);
	(void)consume(&r, fresh);
	tag = RIG_ASK(&r, scheduler, ticket_store, service_run,
	    .service = "session-cleanup", .generation = 9);
	assert_int_equal(RIG_REPLIED(&r, scheduler, tag, refused)->problem,
	    PROBLEM_NOT_FOUND);
	rig_fini(&r);
}

/* What must be there: issued, not used, not known to be forgotten. */
struct model {
	const char *tickets[4 * PENDING_MAX];
	uint64_t until_ms[4 * PENDING_MAX];
	size_t count;
	uint64_t now_ms;
};

static void
model_drop(struct model *m, size_t i)
{
	m->count--;
	for (; i < m->count; i++) {
		m->tickets[i] = m->tickets[i + 1];
		m->until_ms[i] = m->until_ms[i + 1];
	}
}

/* How many have expired, and are no more. */
static size_t
model_purge(struct model *m)
{
	size_t removed = 0;

	for (; m->count > 0 && m->until_ms[0] < m->now_ms; removed++)
		model_drop(m, 0);
	return removed;
}

static void
model_create(struct rig *r, struct model *m, const char *user)
{
	struct heard *h =
	    rig_answer_to(r, ACTOR_NUMBER(gateway), ask_create(r, user, "s"));

	(void)model_purge(m);
	if (h->id == MSG_refused)
		return;
	m->tickets[m->count] = RIG_BODY(h, ticket_issued)->ticket;
	m->until_ms[m->count++] = m->now_ms + TTL_MS;
}

static void
model_consume(struct rig *r, struct model *m, size_t i)
{
	if (m->until_ms[i] < m->now_ms)
		expect_invalid(r, m->tickets[i]);
	else
		(void)consume(r, m->tickets[i]);
	model_drop(m, i);
}

static void
model_clean(struct rig *r, struct model *m)
{
	uint64_t tag =
	    RIG_ASK(r, scheduler, ticket_store, ticket_clean, .nothing = 0);
	const struct ticket_cleaned *c =
	    RIG_REPLIED(r, scheduler, tag, ticket_cleaned);

	assert_int_equal(c->removed + c->remaining, m->count);
	assert_int_equal(c->removed, model_purge(m));
}

/* AT-23: whoever creates, uses and cleans up by turns, the sums are right. */
static void
test_ten_thousand_rounds_add_up(void **state)
{
	static const char *const users[] = { "u1", "u2", "u3", "u4" };
	struct model m = { 0 };
	uint32_t dice = 1;
	struct rig r;

	(void)state;
	tickets_start(&r);
	log_set_level(LOG_ERROR);
	for (int round = 0; round < 10000; round++) {
		dice = dice * 1664525u + 1013904223u;
		if (dice >> 30 == 0)
			model_clean(&r, &m);
		else if (dice >> 30 == 1 && m.count > 0)
			model_consume(&r, &m, (dice >> 16) % m.count);
		else
			model_create(&r, &m, users[dice >> 20 & 3]);
		rig_advance_ms(&r, dice >> 8 & 0xfff);
		m.now_ms += dice >> 8 & 0xfff;
	}
	rig_fini(&r);
}

/* 63, LD-3 */
static void
test_tickets_die_with_their_session(void **state)
{
	static const char *const ids[] = { "s1", "s9", "" };
	const char *dead, *alive;
	struct rig r;
	uint64_t tag;

	(void)state;
	tickets_start(&r);
	dead = create(&r, "u1", "s1");
	alive = create(&r, "u1", "s2");
	tag = RIG_ASK(&r, session_registry, ticket_store, ticket_drop,
	    .session_ids = ids, .session_ids_count = 3);
	(void)RIG_REPLIED(&r, session_registry, tag, done);
	expect_invalid(&r, dead);
	(void)consume(&r, alive);
	rig_fini(&r);
}

/* 64 */
static void
test_only_a_token_of_a_person_gets_a_ticket(void **state)
{
	struct principal who = holder("u1", "");
	struct rig r;
	uint64_t tag;

	(void)state;
	tickets_start(&r);
	for (int m = AUTH_NONE; m <= AUTH_WS_TICKET; m++) {
		who.method = (enum auth_method)m;
		tag = RIG_ASK(
		    &r, gateway, ticket_store, ticket_create, .caller = who);
		if (m != AUTH_JWT)
			assert_int_equal(
			    refused_of(&r, tag)->problem, PROBLEM_UNAUTHORIZED);
	}
	who.method = AUTH_JWT;
	who.role = ROLE_SYSTEM;
	tag = RIG_ASK(&r, gateway, ticket_store, ticket_create, .caller = who);
	assert_int_equal(refused_of(&r, tag)->problem, PROBLEM_FORBIDDEN);
	who.role = ROLE_CEO;
	who.user_id = " ";
	tag = RIG_ASK(&r, gateway, ticket_store, ticket_create, .caller = who);
	assert_int_equal(refused_of(&r, tag)->problem, PROBLEM_UNAUTHORIZED);
	rig_fini(&r);
}

/* A ticket does not outlive the credential it was asked for with. */
static void
test_ticket_of_an_expired_credential_is_invalid(void **state)
{
	struct principal who = holder("u1", "s1");
	struct rig r;
	uint64_t tag;

	(void)state;
	tickets_start(&r);
	who.expires_at = RIG_WALL_US + 1000;
	tag = RIG_ASK(&r, gateway, ticket_store, ticket_create, .caller = who);
	rig_advance_ms(&r, 1);
	expect_invalid(
	    &r, RIG_REPLIED(&r, gateway, tag, ticket_issued)->ticket);
	rig_fini(&r);
}

static void
test_hostile_tickets_are_invalid(void **state)
{
	char flipped[TICKET_MAX];
	const char *ticket;
	struct rig r;

	(void)state;
	tickets_start(&r);
	ticket = create(&r, "u1", "s1");
	expect_invalid(&r, "");
	expect_invalid(&r, "x");
	expect_invalid(&r, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	expect_invalid(&r, "%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%");
	for (size_t i = 0; i < 43; i++) {
		snprintf(flipped, sizeof(flipped), "%s", ticket);
		flipped[i] = flipped[i] == 'A' ? 'B' : 'A';
		expect_invalid(&r, flipped);
	}
	for (size_t i = 0; i < r.line_count; i++)
		assert_null(strstr(r.lines[i], ticket));
	(void)consume(&r, ticket);
	rig_fini(&r);
}

/* Two probes ask by turns: one alone cannot hear so many answers. */
static uint64_t
ask_by_turns(struct rig *r, unsigned i)
{
	char user[16];
	struct ticket_create ask;

	snprintf(user, sizeof(user), "u%u", i / PENDING_MAX);
	ask.caller = holder(user, "s");
	return rig_ask(r,
	    i % 2 == 0 ? ACTOR_NUMBER(gateway) : ACTOR_NUMBER(session_registry),
	    ACTOR_NUMBER(ticket_store), MSG_ticket_create, &ask, RIG_WITHIN_US);
}

static void
test_table_of_tickets_is_bounded(void **state)
{
	struct rig r;
	uint64_t tag = 0;

	(void)state;
	tickets_start(&r);
	log_set_level(LOG_ERROR);
	for (unsigned i = 0; i < TICKETS_MAX; i++)
		tag = ask_by_turns(&r, i);
	(void)RIG_REPLIED(&r, session_registry, tag, ticket_issued);
	tag = ask_by_turns(&r, TICKETS_MAX);
	assert_int_equal(refused_of(&r, tag)->problem, PROBLEM_OVERLOADED);
	rig_advance_ms(&r, TTL_MS + 1);
	tag = ask_by_turns(&r, TICKETS_MAX);
	(void)RIG_REPLIED(&r, gateway, tag, ticket_issued);
	rig_fini(&r);
}

/* AT-21 */
static void
test_of_ten_users_with_ten_rivals_each_gets_five(void **state)
{
	enum { USERS = 10, RIVALS = 10 };
	uint64_t tags[USERS][RIVALS];
	char name[8];
	struct rig r;

	(void)state;
	tickets_start(&r);
	for (int i = 0; i < RIVALS; i++)
		for (int u = 0; u < USERS; u++) {
			snprintf(name, sizeof(name), "u%d", u);
			tags[u][i] = ask_create(&r, name, "s");
		}
	for (int u = 0; u < USERS; u++) {
		int issued = 0;

		for (int i = 0; i < RIVALS; i++)
			issued +=
			    rig_answer_to(&r, ACTOR_NUMBER(gateway), tags[u][i])
				->id == MSG_ticket_issued;
		assert_int_equal(issued, PENDING_MAX);
	}
	rig_fini(&r);
}

static void
change(struct rig *r, const char *key, const char *value)
{
	RIG_SEND(r, settings, ticket_store, setting_changed, .namespace = "api",
	    .key = key, .value = value);
}

/* So many of one user at once, and then one each time their room is back. */
static void
test_a_user_has_a_rate(void **state)
{
	enum { PER_MINUTE = 20 };
	const struct refused *why;
	struct rig r;

	(void)state;
	tickets_start(&r);
	for (int i = 0; i < PER_MINUTE; i++)
		(void)consume(&r, create(&r, "u1", "s1"));
	why = refused_of(&r, ask_create(&r, "u1", "s2"));
	assert_int_equal(why->problem, PROBLEM_RATE_LIMITED);
	assert_int_equal(why->retry_after_ms, 60000 / PER_MINUTE);
	assert_int_equal(rig_logged(&r, EV_API_AUTH_THROTTLED), 1);
	(void)create(&r, "u2", "s3");
	rig_advance_ms(&r, 60000 / PER_MINUTE);
	(void)create(&r, "u1", "s1");
	(void)refused_of(&r, ask_create(&r, "u1", "s1"));
	rig_fini(&r);
}

/* Live settings count from the next ticket; taken back, the default does. */
static void
test_cap_and_life_follow_the_settings(void **state)
{
	const char *longer, *shorter;
	struct rig r;

	(void)state;
	rig_init(&r);
	rig_spawn(&r, &ticket_store_class, ACTOR_NUMBER(ticket_store));
	rig_probe(&r, ACTOR_NUMBER(settings));
	rig_probe(&r, ACTOR_NUMBER(session_registry));
	rig_probe(&r, ACTOR_NUMBER(scheduler));
	rig_probe(&r, ACTOR_NUMBER(gateway));
	assert_int_equal(rig_start(&r), ST_OK);
	RIG_ANSWER(&r, RIG_TAKE(&r, settings, setting_watch), setting_overrides,
	    .rows_count = 0);
	longer = create(&r, "u1", "s1");
	change(&r, "ws_ticket_max_pending_per_user", "2");
	change(&r, "ws_ticket_ttl_seconds", "3");
	shorter = create(&r, "u1", "s1");
	(void)refused_of(&r, ask_create(&r, "u1", "s1"));
	rig_advance_ms(&r, 3001);
	expect_invalid(&r, shorter);
	/* The one with the shorter life is gone, and counts no more. */
	(void)create(&r, "u1", "s1");
	rig_advance_ms(&r, 3001);
	(void)create(&r, "u1", "s1");
	(void)consume(&r, longer);
	change(&r, "ws_ticket_max_pending_per_user", NULL);
	for (size_t i = 1; i < PENDING_MAX; i++)
		(void)create(&r, "u1", "s1");
	(void)refused_of(&r, ask_create(&r, "u1", "s1"));
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ticket_is_good_once),
		cmocka_unit_test(test_of_fifty_rivals_for_a_ticket_one_wins),
		cmocka_unit_test(
		    test_cap_is_per_user_and_says_when_to_come_back),
		cmocka_unit_test(test_a_used_ticket_makes_room_for_one),
		cmocka_unit_test(test_ticket_dies_after_its_time),
		cmocka_unit_test(test_expired_tickets_do_not_count),
		cmocka_unit_test(test_cleanup_counts_in_one_step),
		cmocka_unit_test(test_ten_thousand_rounds_add_up),
		cmocka_unit_test(test_tickets_die_with_their_session),
		cmocka_unit_test(test_only_a_token_of_a_person_gets_a_ticket),
		cmocka_unit_test(
		    test_ticket_of_an_expired_credential_is_invalid),
		cmocka_unit_test(test_hostile_tickets_are_invalid),
		cmocka_unit_test(test_table_of_tickets_is_bounded),
		cmocka_unit_test(
		    test_of_ten_users_with_ten_rivals_each_gets_five),
		cmocka_unit_test(test_a_user_has_a_rate),
		cmocka_unit_test(test_cap_and_life_follow_the_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
