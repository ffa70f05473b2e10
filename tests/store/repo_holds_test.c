/* Budgets and holds: what may be promised, and what comes of it. */
#include "tests/store/money_rig.h"

static struct budget limit;

static void
ten_for_the_project(enum budget_window window)
{
	limit = a_budget("b", LEVEL_PROJECT, "p", window, 10 * UNIT);
	(void)make_budget(&limit);
}

static void
stands(const char *id, int64_t at, money spent, money held)
{
	const struct budget_status *s = status_of(id, at);

	MONEY_IS(s->spent, spent);
	MONEY_IS(s->held, held);
}

static void
test_hold_fits_to_the_limit_and_no_further(void **state)
{
	(void)state;
	ten_for_the_project(WINDOW_LIFETIME);
	OK(ask_hold("h1", 6 * UNIT, NOW, HOUR));
	assert_int_equal(hold_problem(), 0);
	OK(ask_hold("h2", 4 * UNIT + 1, NOW, HOUR));
	assert_int_equal(hold_problem(), PROBLEM_BUDGET_EXHAUSTED);
	OK(ask_hold("h2", 4 * UNIT, NOW, HOUR));
	assert_int_equal(hold_problem(), 0);
	stands("b", NOW, 0, 10 * UNIT);
	assert_true(status_of("b", NOW)->exhausted);
}

/* The decision shows rule, limits, holds and totals as they were. */
static void
test_refusal_is_explained_as_things_stood(void **state)
{
	const struct budget_decision *d;
	struct cost_record r = a_record(1, "p", 3 * UNIT);

	(void)state;
	ten_for_the_project(WINDOW_MONTH);
	OK(add(&r, NOW));
	OK(ask_hold("h1", 5 * UNIT, NOW, HOUR));
	OK(ask_hold("h2", 3 * UNIT, NOW, HOUR));
	assert_int_equal(void_hold("h1", NOW), 0);
	OK(ASK(store_decision_get, .id = "decision"));
	d = REPLY_IS(store_decision_found)->decision;
	assert_string_equal(d->rule, "hard_limit");
	assert_int_equal(d->problem, PROBLEM_BUDGET_EXHAUSTED);
	MONEY_IS(d->amount, 3 * UNIT);
	assert_int_equal(d->limits_count, 1);
	MONEY_IS(d->limits[0].spent, 3 * UNIT);
	MONEY_IS(d->limits[0].held, 5 * UNIT);
	MONEY_IS(d->limits[0].remaining, 2 * UNIT);
}

static void
test_settlement_gives_the_rest_back(void **state)
{
	(void)state;
	ten_for_the_project(WINDOW_LIFETIME);
	OK(ask_hold("h", 6 * UNIT, NOW, HOUR));
	assert_int_equal(settle("h", 9, 2 * UNIT, NOW + 1), 0);
	stands("b", NOW, 2 * UNIT, 0);
	MONEY_IS(project_of("p")->total_cost, 2 * UNIT);
	/* Again: the same answer; with another cost, refused. */
	assert_int_equal(settle("h", 10, 2 * UNIT, NOW + 2), 0);
	assert_int_equal(REPLY_IS(store_hold_made)->record->seq, 1);
	assert_int_equal(settle("h", 9, 3 * UNIT, NOW + 2), PROBLEM_HOLD_ENDED);
	assert_int_equal(void_hold("h", NOW + 3), PROBLEM_HOLD_ENDED);
	stands("b", NOW, 2 * UNIT, 0);
	assert_int_equal(asker_count(TABLE_HOLDS_BY_EXPIRY), 0);
}

static void
test_more_than_was_held_must_fit(void **state)
{
	(void)state;
	ten_for_the_project(WINDOW_LIFETIME);
	OK(ask_hold("h1", 6 * UNIT, NOW, HOUR));
	OK(ask_hold("h2", 2 * UNIT, NOW, HOUR));
	assert_int_equal(
	    settle("h1", 1, 8 * UNIT + 1, NOW), PROBLEM_BUDGET_EXHAUSTED);
	stands("b", NOW, 0, 8 * UNIT);
	assert_int_equal(settle("h1", 1, 8 * UNIT, NOW), 0);
	stands("b", NOW, 8 * UNIT, 2 * UNIT);
}

static void
test_void_and_expiry_give_all_back(void **state)
{
	(void)state;
	ten_for_the_project(WINDOW_DAY);
	OK(ask_hold("h1", 4 * UNIT, NOW, HOUR));
	OK(ask_hold("h2", 4 * UNIT, NOW, 2 * HOUR));
	assert_int_equal(void_hold("h1", NOW), 0);
	assert_int_equal(void_hold("h1", NOW), 0); /* again */
	stands("b", NOW, 0, 4 * UNIT);
	assert_int_equal(expire(NOW + 2 * HOUR - 1), 0);
	assert_int_equal(REPLY_IS(store_hold_expired)->next_at, NOW + 2 * HOUR);
	assert_int_equal(expire(NOW + 2 * HOUR), 1);
	assert_false(REPLY_IS(store_hold_expired)->has_next_at);
	stands("b", NOW, 0, 0);
	assert_int_equal(settle("h2", 1, UNIT, NOW), PROBLEM_HOLD_ENDED);
	IS(NOT_FOUND, ASK(store_hold_void, .id = "none", .principal = "",
			  .now = NOW, .decision_id = "d"));
}

/* It stays held, as nobody can say of how much; the others go on. */
static void
test_a_corrupt_hold_keeps_no_other_from_its_end(void **state)
{
	(void)state;
	ten_for_the_project(WINDOW_DAY);
	OK(ask_hold("h1", UNIT, NOW, HOUR));
	OK(ask_hold("h2", 4 * UNIT, NOW, 2 * HOUR));
	OK(ask_hold("h3", 4 * UNIT, NOW, 9 * HOUR));
	asker_damage(TABLE_HOLDS, "h1");
	assert_int_equal(expire(NOW + 2 * HOUR), 1);
	assert_int_equal(REPLY_IS(store_hold_expired)->next_at, NOW + 9 * HOUR);
	stands("b", NOW, 0, 5 * UNIT);
	OK(ask_hold("h4", 5 * UNIT, NOW + 2 * HOUR, HOUR));
	assert_int_equal(hold_problem(), 0);
	OK(ask_hold("h5", UNIT, NOW + 2 * HOUR, HOUR));
	assert_int_equal(hold_problem(), PROBLEM_BUDGET_EXHAUSTED);
	assert_int_equal(expire(NOW + 9 * HOUR), 2);
	IS(CORRUPT, ASK(store_hold_get, .id = "h1"));
}

/* A timer that is late does not make a hold last longer. */
static void
test_run_out_hold_blocks_nobody_before_the_timer(void **state)
{
	(void)state;
	ten_for_the_project(WINDOW_LIFETIME);
	OK(ask_hold("h1", 10 * UNIT, NOW, HOUR));
	OK(ask_hold("h2", 10 * UNIT, NOW + HOUR, HOUR));
	assert_int_equal(hold_problem(), 0);
	assert_int_equal(settle("h1", 1, UNIT, NOW + HOUR), PROBLEM_HOLD_ENDED);
	stands("b", NOW + HOUR, 0, 10 * UNIT);
}

/* Entries without rows: they are far from due, so that nobody looks. */
static void
many_are_held(int count)
{
	struct backend_txn *inner;
	struct txn t;

	asker_make_room();
	OK(backend_write(asker.f->b, &inner));
	txn_init(&t, inner, asker.room);
	for (int n = 0; n < count; n++) {
		char id[16];
		struct key k;

		snprintf(id, sizeof(id), "b%06d", n);
		key_init(&k);
		key_time(&k, NOW + 10 * DAY);
		key_tail(&k, id);
		txn_put(&t, TABLE_HOLDS_BY_EXPIRY, &k, (struct bytes){ 0 });
	}
	OK(txn_status(&t));
	OK(backend_commit(inner));
}

static void
test_open_holds_are_bounded_and_a_refusal_says_so(void **state)
{
	const struct budget_decision *d;

	(void)state;
	many_are_held(99999);
	OK(ask_hold("h1", UNIT, NOW, HOUR));
	assert_int_equal(hold_problem(), 0);
	OK(ask_hold("h2", UNIT, NOW, HOUR));
	assert_int_equal(hold_problem(), PROBLEM_HOLDS_MAX);
	OK(ASK(store_decision_get, .id = "decision"));
	d = REPLY_IS(store_decision_found)->decision;
	assert_non_null(d);
	assert_string_equal(d->rule, "holds_max");
	assert_int_equal(void_hold("h1", NOW), 0);
	OK(ask_hold("h2", UNIT, NOW, HOUR));
	assert_int_equal(hold_problem(), 0);
}

static void
test_every_level_and_window_is_asked(void **state)
{
	static const enum budget_level levels[] = { LEVEL_ORGANISATION,
		LEVEL_PROJECT, LEVEL_AGENT, LEVEL_TASK };
	static const char *const subjects[] = { "", "p", "agent", "task" };

	(void)state;
	for (int l = 0; l < 4; l++)
		for (int w = 0; w <= WINDOW_ROLLING; w++) {
			struct budget b = a_budget("one", levels[l],
			    subjects[l], (enum budget_window)w, UNIT);

			(void)make_budget(&b);
			OK(ask_hold("h", UNIT + 1, NOW, HOUR));
			assert_int_equal(
			    hold_problem(), PROBLEM_BUDGET_EXHAUSTED);
			OK(ASK(store_budget_delete, .id = "one"));
			assert_int_equal(asker_count(TABLE_BUDGET_METERS), 0);
		}
	OK(ask_hold("h", UNIT + 1, NOW, HOUR));
	assert_int_equal(hold_problem(), 0);
}

/* A hold of the 30th that is settled on the 1st is the old month's. */
static void
test_settlement_is_charged_to_the_window_of_the_hold(void **state)
{
	const int64_t last = NOW + 27 * DAY + 13 * HOUR; /* 04-30, 23:00 */

	(void)state;
	ten_for_the_project(WINDOW_MONTH);
	OK(ask_hold("old", 10 * UNIT, last, 10 * HOUR));
	OK(ask_hold("new", 10 * UNIT, last + 2 * HOUR, HOUR));
	assert_int_equal(hold_problem(), 0);
	assert_int_equal(settle("old", 1, 9 * UNIT, last + 2 * HOUR), 0);
	stands("b", last, 9 * UNIT, 0);
	stands("b", last + 2 * HOUR, 0, 10 * UNIT);
}

static void
test_rolling_window_moves_by_the_hour(void **state)
{
	(void)state;
	ten_for_the_project(WINDOW_ROLLING); /* 3 hours */
	OK(ask_hold("h1", 10 * UNIT, NOW, HOUR));
	assert_int_equal(settle("h1", 1, 10 * UNIT, NOW), 0);
	OK(ask_hold("h2", UNIT, NOW + 3 * HOUR, HOUR));
	assert_int_equal(hold_problem(), PROBLEM_BUDGET_EXHAUSTED);
	OK(ask_hold("h2", 10 * UNIT, NOW + 4 * HOUR, HOUR));
	assert_int_equal(hold_problem(), 0);
}

/* What comes late is judged by the hours around it, not by all since. */
static void
test_rolling_window_of_a_late_cost_is_its_own(void **state)
{
	(void)state;
	ten_for_the_project(WINDOW_ROLLING); /* 3 hours */
	for (uint64_t h = 0; h < 20; h++) {
		struct cost_record r = a_record(1 + h, "p", UNIT);

		r.timestamp = NOW - (int64_t)h * HOUR;
		OK(add(&r, NOW));
		assert_int_equal(asker.reply.events_count, 1); /* no alert */
	}
	stands("b", NOW, 4 * UNIT, 0);
	stands("b", NOW - 10 * HOUR, 4 * UNIT, 0);
	OK(ask_hold("h", 6 * UNIT, NOW - 10 * HOUR, 20 * HOUR));
	assert_int_equal(hold_problem(), 0);
	/* It is in every window that reaches its hour. */
	stands("b", NOW - 7 * HOUR, 4 * UNIT, 6 * UNIT);
	OK(ask_hold("h2", UNIT, NOW - 8 * HOUR, HOUR));
	assert_int_equal(hold_problem(), PROBLEM_BUDGET_EXHAUSTED);
	OK(ask_hold("h2", UNIT, NOW - 12 * HOUR, HOUR)); /* ends behind it */
	assert_int_equal(hold_problem(), PROBLEM_BUDGET_EXHAUSTED);
}

/* A budget made today counts what was recorded and is held already. */
static void
test_new_budget_starts_with_what_was(void **state)
{
	static const enum budget_level levels[] = { LEVEL_ORGANISATION,
		LEVEL_PROJECT, LEVEL_AGENT, LEVEL_TASK };
	static const char *const subjects[] = { "", "p", "agent", "task" };
	struct cost_record r = a_record(1, "p", UNIT);

	(void)state;
	OK(add(&r, NOW));
	r = a_record(2, "p", UNIT);
	r.timestamp = NOW - 40 * DAY;
	OK(add(&r, NOW));
	OK(ask_hold("h", 3 * UNIT, NOW, HOUR));
	for (int l = 0; l < 4; l++) {
		struct budget b = a_budget(
		    "life", levels[l], subjects[l], WINDOW_LIFETIME, 10 * UNIT);

		MONEY_IS(make_budget(&b)->spent, 2 * UNIT);
		stands("life", NOW, 2 * UNIT, 3 * UNIT);
		b = a_budget(
		    "month", levels[l], subjects[l], WINDOW_MONTH, 10 * UNIT);
		(void)make_budget(&b);
		stands("month", NOW, UNIT, 3 * UNIT);
		stands("month", NOW - 40 * DAY, UNIT, 0);
		OK(ASK(store_budget_delete, .id = "life"));
		OK(ASK(store_budget_delete, .id = "month"));
	}
}

static void
test_thresholds_are_told_once_in_a_window(void **state)
{
	struct cost_record r = a_record(1, "p", 8 * UNIT);

	(void)state;
	ten_for_the_project(WINDOW_DAY);
	OK(add(&r, NOW));
	assert_int_equal(asker.reply.events_count, 2);
	assert_string_equal(
	    asker.reply.event[1].event_type, "budget.threshold");
	assert_non_null(
	    strstr(asker.reply.event[1].payload, "\"threshold\":75"));
	r = a_record(2, "p", UNIT / 2);
	OK(add(&r, NOW));
	assert_int_equal(asker.reply.events_count, 1);
	r = a_record(3, "p", 4 * UNIT); /* 90 and 100 at once */
	OK(add(&r, NOW));
	assert_int_equal(asker.reply.events_count, 3);
	r = a_record(4, "p", 4 * UNIT);
	OK(add(&r, NOW));
	assert_int_equal(asker.reply.events_count, 1);
	r = a_record(5, "p", 8 * UNIT); /* another day */
	r.timestamp = NOW + DAY;
	OK(add(&r, NOW + DAY));
	assert_int_equal(asker.reply.events_count, 2);
}

static void
test_idempotency_of_holds_and_budgets(void **state)
{
	(void)state;
	ten_for_the_project(WINDOW_LIFETIME);
	for (int i = 0; i < 3; i++) {
		OK(ask_hold("h", 6 * UNIT, NOW, HOUR));
		assert_int_equal(hold_problem(), 0);
	}
	stands("b", NOW, 0, 6 * UNIT);
	IS(EXISTS, ASK(store_budget_create, .budget = limit, .principal = "u"));
}

static void
test_bad_budgets_are_refused(void **state)
{
	struct budget b;

	(void)state;
	b = a_budget("b", LEVEL_PROJECT, "", WINDOW_DAY, UNIT);
	IS(INVALID, ASK(store_budget_create, .budget = b, .principal = "u"));
	b = a_budget("b", LEVEL_ORGANISATION, "x", WINDOW_DAY, UNIT);
	IS(INVALID, ASK(store_budget_create, .budget = b, .principal = "u"));
	b = a_budget("b", LEVEL_PROJECT, "p", WINDOW_DAY, 0);
	IS(INVALID, ASK(store_budget_create, .budget = b, .principal = "u"));
	for (int i = 0; i < 6; i++) {
		char id[8];

		snprintf(id, sizeof(id), "b%d", i);
		b = a_budget(id, LEVEL_PROJECT, "p", WINDOW_DAY, UNIT);
		(void)make_budget(&b);
	}
	b = a_budget("b6", LEVEL_PROJECT, "p", WINDOW_DAY, UNIT);
	IS(FULL, ASK(store_budget_create, .budget = b, .principal = "u"));
}

/* All budgets of a subject are of one currency, or none could be charged. */
/* A filter that leaves few looks at no more at once than a page may. */
static void
test_a_page_of_budgets_looks_at_so_many(void **state)
{
	const struct budget_page *page;
	struct backend_txn *inner;
	char id[16], after[ID_MAX + 1];
	struct txn t;

	(void)state;
	asker_make_room();
	OK(backend_write(asker.f->b, &inner));
	txn_init(&t, inner, asker.room);
	for (int n = 0; n < 20500; n++) {
		struct budget b = a_budget(id, LEVEL_TASK,
		    n == 20400 ? "rare" : "t", WINDOW_LIFETIME, UNIT);
		struct key k;

		snprintf(id, sizeof(id), "b%05d", n);
		key_init(&k);
		key_tail(&k, id);
		row_put(&t, TABLE_BUDGETS, &k, CATALOGUE_TYPE(budget), &b);
	}
	OK(backend_commit(inner));
	OK(ASK(store_budget_list, .subject = "rare", .now = NOW, .limit = 9));
	page = REPLY_IS(budget_page);
	assert_int_equal(page->budgets_count, 0);
	assert_string_equal(page->next, "b19999");
	snprintf(after, sizeof(after), "%s", page->next);
	OK(ASK(store_budget_list, .subject = "rare", .now = NOW, .limit = 9,
	    .after = after));
	page = REPLY_IS(budget_page);
	assert_int_equal(page->budgets_count, 1);
	assert_string_equal(page->budgets[0].budget.id, "b20400");
	assert_null(page->next);
}

static void
test_budgets_of_a_subject_have_one_currency(void **state)
{
	struct budget b = a_budget("usd", LEVEL_PROJECT, "p", WINDOW_DAY, UNIT);
	const struct budget_decision *d;

	(void)state;
	ten_for_the_project(WINDOW_LIFETIME);
	b.currency = "USD";
	IS(CONFLICT, ASK(store_budget_create, .budget = b, .principal = "u"));
	assert_int_equal(asker.reply.problem, PROBLEM_MIXED_CURRENCY);
	OK(ASK(store_budget_create, .budget = b, .principal = "u",
	    .decision_id = "d"));
	assert_int_equal(
	    REPLY_IS(store_refused)->decision.problem, PROBLEM_MIXED_CURRENCY);
	assert_int_equal(asker_count(TABLE_BUDGETS), 1);
	OK(ASK(store_decision_get, .id = "d"));
	d = REPLY_IS(store_decision_found)->decision;
	assert_string_equal(d->rule, "mixed_currency");
	assert_string_equal(d->project_id, "p");
	assert_string_equal(d->currency, "USD");
	assert_int_equal(d->limits_count, 1);
	assert_string_equal(d->limits[0].budget.currency, "EUR");
	b.subject = "q";
	(void)make_budget(&b);
}

static void
test_a_budget_that_has_changed_is_shown_as_it_is(void **state)
{
	const struct budget_decision *d;

	(void)state;
	ten_for_the_project(WINDOW_LIFETIME);
	IS(CONFLICT, ASK(store_budget_change, .id = "b", .version = 7,
			 .has_version = true, .now = NOW));
	OK(ASK(store_budget_change, .id = "b", .version = 7,
	    .has_version = true, .amount = UNIT, .has_amount = true, .now = NOW,
	    .principal = "u", .decision_id = "d"));
	assert_int_equal(REPLY_IS(store_refused)->decision.problem,
	    PROBLEM_VERSION_CONFLICT);
	OK(ASK(store_decision_get, .id = "d"));
	d = REPLY_IS(store_decision_found)->decision;
	assert_string_equal(d->asked_by, "u");
	MONEY_IS(d->amount, UNIT);
	assert_int_equal(d->limits[0].budget.version, 1);
	MONEY_IS(status_of("b", NOW)->budget.amount, 10 * UNIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ASKED(test_hold_fits_to_the_limit_and_no_further),
		ASKED(test_refusal_is_explained_as_things_stood),
		ASKED(test_settlement_gives_the_rest_back),
		ASKED(test_more_than_was_held_must_fit),
		ASKED(test_void_and_expiry_give_all_back),
		ASKED(test_a_corrupt_hold_keeps_no_other_from_its_end),
		ASKED(test_run_out_hold_blocks_nobody_before_the_timer),
		ASKED(test_open_holds_are_bounded_and_a_refusal_says_so),
		ASKED(test_every_level_and_window_is_asked),
		ASKED(test_settlement_is_charged_to_the_window_of_the_hold),
		ASKED(test_rolling_window_moves_by_the_hour),
		ASKED(test_rolling_window_of_a_late_cost_is_its_own),
		ASKED(test_new_budget_starts_with_what_was),
		ASKED(test_thresholds_are_told_once_in_a_window),
		ASKED(test_idempotency_of_holds_and_budgets),
		ASKED(test_bad_budgets_are_refused),
		ASKED(test_a_page_of_budgets_looks_at_so_many),
		ASKED(test_budgets_of_a_subject_have_one_currency),
		ASKED(test_a_budget_that_has_changed_is_shown_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
