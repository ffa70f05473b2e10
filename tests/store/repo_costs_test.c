/* Cost records, project totals, prices: what one transaction writes. */
#include "tests/store/money_rig.h"

#include "store/cost.h"

/* C-01 */
static void
test_c01_unknown_project_is_none(void **state)
{
	(void)state;
	assert_null(project_of("p1"));
}

/* C-02, C-03, C-41 */
static void
test_c02_increments_answer_the_state_after_them(void **state)
{
	struct cost_record r = a_record(1, "p1", UNIT / 4);
	const struct project_cost *p;

	(void)state;
	r.input_tokens = 100;
	r.output_tokens = 50;
	OK(add(&r, NOW));
	p = added()->project;
	MONEY_IS(p->total_cost, UNIT / 4);
	assert_int_equal(p->total_input_tokens, 100);
	assert_int_equal(p->record_count, 1);
	assert_int_equal(p->last_updated, NOW);

	r = a_record(2, "p1", UNIT * 3 / 4);
	OK(add(&r, NOW + 1));
	p = added()->project;
	MONEY_IS(p->total_cost, UNIT);
	assert_int_equal(p->total_input_tokens, 101);
	assert_int_equal(p->total_output_tokens, 52);
	assert_int_equal(p->record_count, 2);
	MONEY_IS(project_of("p1")->total_cost, UNIT);

	r = a_record(3, "zero", 0);
	r.input_tokens = r.output_tokens = 0;
	OK(add(&r, NOW));
	MONEY_IS(project_of("zero")->total_cost, 0);
	assert_int_equal(project_of("zero")->record_count, 1);
}

/* C-07 */
static void
test_c07_last_updated_never_goes_back(void **state)
{
	struct cost_record r = a_record(1, "p", CENT);

	(void)state;
	OK(add(&r, NOW));
	r = a_record(2, "p", CENT);
	OK(add(&r, NOW - 10000000));
	assert_int_equal(added()->project->last_updated, NOW);
	MONEY_IS(added()->project->total_cost, 2 * CENT);
}

/* C-08: what the wire cannot say, a double say, is tested at the gateway. */
static void
test_c08_bad_costs_store_nothing(void **state)
{
	struct cost_record r = a_record(1, "fresh", -CENT);

	(void)state;
	IS(INVALID, add(&r, NOW));
	r = a_record(1, "fresh", COST_MAX + 1);
	IS(INVALID, add(&r, NOW));
	r = a_record(1, "fresh", CENT);
	r.currency = "EU";
	IS(INVALID, add(&r, NOW));
	assert_null(project_of("fresh"));
	assert_int_equal(asker_count(TABLE_COST_RECORDS), 0);
	assert_int_equal(asker_count(TABLE_JOURNAL), 0);
}

/* C-10 */
static void
test_c10_blank_ids_are_refused(void **state)
{
	static const char *const blanks[] = { "", "  ", "\t" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct cost_record r = a_record(1, blanks[i], CENT);

		IS(INVALID, add(&r, NOW));
		IS(INVALID,
		    ASK(store_project_cost_get, .project_id = blanks[i]));
	}
	assert_int_equal(asker_count(TABLE_PROJECT_COSTS), 0);
}

/* C-09: a failed commit leaves nothing that rides on the next one. */
static void
test_c09_failed_commit_counts_nothing(void **state)
{
	struct cost_record r = a_record(1, "p", 5 * UNIT);
	struct cost_record other = a_record(2, "q", UNIT);

	(void)state;
	faults_fail(&asker.f->faults, FAULT_COMMIT, 1, ST_FULL);
	IS(FULL, add(&r, NOW));
	OK(add(&other, NOW));
	assert_null(project_of("p"));
	OK(add(&r, NOW));
	assert_false(added()->duplicate);
	MONEY_IS(project_of("p")->total_cost, 5 * UNIT);
}

/* C-11 */
static void
test_c11_failing_read_names_operation_and_project(void **state)
{
	(void)state;
	faults_fail(&asker.f->faults, FAULT_GET, 1, ST_IO);
	IS(IO, ASK(store_project_cost_get, .project_id = "p1"));
	assert_non_null(strstr(asker.reply.detail, "fetch"));
	assert_non_null(strstr(asker.reply.detail, "p1"));
}

/* C-12 */
static void
test_c12_junk_row_is_not_a_failed_fetch(void **state)
{
	struct cost_record r = a_record(1, "p2", CENT);
	struct cost_record more = a_record(2, "p1", CENT);

	(void)state;
	OK(add(&r, NOW));
	asker_damage(TABLE_PROJECT_COSTS, "p1");
	IS(CORRUPT, ASK(store_project_cost_get, .project_id = "p1"));
	assert_non_null(strstr(asker.reply.detail, "deserialize"));
	assert_non_null(strstr(asker.reply.detail, "p1"));
	IS(CORRUPT, add(&more, NOW)); /* nor is it overwritten */
	MONEY_IS(project_of("p2")->total_cost, CENT);
}

/* C-13, C-42 */
static void
test_c42_ids_are_bytes(void **state)
{
	static const char *const ids[] = { "a", "a ", "A", "ab", "\xc3\xa9",
		"e\xcc\x81" };

	(void)state;
	for (uint64_t i = 0; i < 6; i++) {
		struct cost_record r =
		    a_record(i, ids[i], (money)(i + 1) * CENT);

		OK(add(&r, NOW));
	}
	for (uint64_t i = 0; i < 6; i++)
		MONEY_IS(project_of(ids[i])->total_cost, (money)(i + 1) * CENT);
}

/* As JSON each of its bytes becomes six. */
static void
test_the_longest_ids_can_be_told(void **state)
{
	struct cost_record r = a_record(1, NULL, UNIT);
	char ids[3][ID_MAX + 1];

	(void)state;
	for (int i = 0; i < 3; i++) {
		memset(ids[i], 1 + i, ID_MAX);
		ids[i][ID_MAX] = '\0';
	}
	r.agent_id = ids[0];
	r.task_id = ids[1];
	r.project_id = ids[2];
	OK(add(&r, NOW));
	MONEY_IS(project_of(ids[2])->total_cost, UNIT);
}

/* C-35 */
static void
test_c35_repeated_id_counts_once(void **state)
{
	struct cost_record r = a_record(1, "p", CENT);
	struct cost_record other = a_record(2, "p", CENT);

	(void)state;
	OK(add(&r, NOW));
	OK(add(&other, NOW));
	for (int i = 0; i < 4; i++) {
		OK(add(&r, NOW + i));
		assert_true(added()->duplicate);
		MONEY_IS(added()->project->total_cost, CENT);
		assert_int_equal(added()->record.seq, 1);
		assert_int_equal(asker.reply.events_count, 0);
	}
	MONEY_IS(project_of("p")->total_cost, 2 * CENT);
}

static void
test_same_key_with_another_body_is_refused(void **state)
{
	struct cost_record r = a_record(1, "p", CENT);
	struct bytes one = B("11111111111111111111111111111111");
	struct bytes two = B("22222222222222222222222222222222");

	(void)state;
	OK(ASK(store_cost_add, .record = r, .principal = "u", .now = NOW,
	    .keep_us = KEEP_US, .body_hash = one, .decision_id = "d"));
	OK(ASK(store_cost_add, .record = r, .principal = "u", .now = NOW,
	    .keep_us = KEEP_US, .body_hash = two, .decision_id = "d"));
	assert_int_equal(added()->decision->problem, PROBLEM_IDEMPOTENCY_REUSE);
	MONEY_IS(project_of("p")->total_cost, CENT);
}

/* The marks are forgotten in time, and without anybody to do it. */
static void
test_marks_do_not_pile_up(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 400; i++) {
		struct cost_record r = a_record(i, NULL, CENT);

		OK(add(&r, NOW + (int64_t)i * HOUR));
	}
	assert_true(asker_count(TABLE_COST_APPLIED) < 60);
	assert_int_equal(asker_count(TABLE_COST_RECORDS), 400);
}

/* C-40 */
static void
test_c40_overflow_is_refused_whole(void **state)
{
	struct cost_record r = a_record(1, "p", CENT);

	(void)state;
	r.input_tokens = INT64_MAX;
	OK(add(&r, NOW));
	r.record_id = an_id(2);
	OK(add(&r, NOW));
	r = a_record(3, "p", CENT);
	r.input_tokens = 5;
	IS(INVALID, add(&r, NOW));
	assert_int_equal(project_of("p")->total_input_tokens, UINT64_MAX - 1);
	assert_int_equal(project_of("p")->record_count, 2);
	assert_int_equal(asker_count(TABLE_COST_RECORDS), 2);
	r.input_tokens = (uint64_t)INT64_MAX + 1;
	r.project_id = "q";
	IS(INVALID, add(&r, NOW));
	assert_null(project_of("q"));
}

/* What others share stays at its bound: no legal record blocks a report. */
static void
test_tokens_of_a_report_stay_at_their_bound(void **state)
{
	const struct cost_points *page;

	(void)state;
	for (uint64_t i = 1; i <= 4; i++) {
		struct cost_record r = a_record(i, NULL, CENT);

		r.input_tokens = INT64_MAX;
		r.timestamp = NOW + (int64_t)(i / 4) * COST_SLOT_US;
		OK(add(&r, NOW));
	}
	OK(ASK(store_cost_trend, .start = NOW - NOW % DAY,
	    .end = NOW - NOW % DAY + DAY, .bucket = BUCKET_DAY, .id = ""));
	page = REPLY_IS(cost_points);
	assert_int_equal(page->points_count, 1);
	assert_int_equal(page->points[0].records, 4);
	MONEY_IS(page->points[0].cost, 4 * CENT);
	assert_int_equal(page->points[0].input_tokens, UINT64_MAX);
	assert_int_equal(page->points[0].output_tokens, 8);
}

/* P-16, P-17 */
static void
test_p17_sums_by_any_filter(void **state)
{
	static const struct {
		const char *agent, *task;
		money cost;
		uint32_t records;
	} wanted[] = { { NULL, NULL, 80, 4 }, { "a", NULL, 40, 3 },
		{ NULL, "t1", 60, 3 }, { "a", "t1", 20, 2 },
		{ "c", NULL, 0, 0 } };
	static const char *const of[4][2] = { { "a", "t1" }, { "a", "t2" },
		{ "b", "t1" }, { "a", "t1" } };
	static const money costs[] = { 10, 20, 40, 10 };

	(void)state;
	for (size_t i = 0; i < 3; i++) { /* P-16: of nothing */
		OK(ASK(store_cost_sum, .agent_id = i > 0 ? "a" : NULL,
		    .task_id = i > 1 ? "t" : NULL));
		MONEY_IS(REPLY_IS(cost_summed)->cost, 0);
		assert_int_equal(REPLY_IS(cost_summed)->records, 0);
	}
	for (uint64_t i = 0; i < 4; i++) {
		struct cost_record r = a_record(i + 1, NULL, costs[i] * CENT);

		r.agent_id = of[i][0];
		r.task_id = of[i][1];
		OK(add(&r, NOW));
	}
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		OK(ASK(store_cost_sum, .agent_id = wanted[i].agent,
		    .task_id = wanted[i].task));
		MONEY_IS(REPLY_IS(cost_summed)->cost, wanted[i].cost * CENT);
		OK(ASK(store_cost_list, .agent_id = wanted[i].agent,
		    .task_id = wanted[i].task, .limit = 10));
		assert_int_equal(
		    REPLY_IS(cost_page)->records_count, wanted[i].records);
	}
}

/* CU-05: nobody's total takes another currency in, and it is explained. */
static void
test_cu05_other_currency_is_refused_with_a_decision(void **state)
{
	struct cost_record r = a_record(1, "p", CENT);

	(void)state;
	OK(add(&r, NOW));
	r = a_record(2, "p", CENT);
	r.currency = "USD";
	OK(add(&r, NOW));
	assert_int_equal(added()->decision->problem, PROBLEM_MIXED_CURRENCY);
	OK(ASK(store_decision_get, .id = "decision"));
	assert_string_equal(
	    REPLY_IS(store_decision_found)->decision->rule, "mixed_currency");
	assert_int_equal(asker_count(TABLE_COST_RECORDS), 1);
	r = a_record(3, "other", CENT);
	r.currency = "USD";
	OK(add(&r, NOW));
	assert_null(added()->decision);
	IS(CONFLICT, ASK(store_cost_sum, .agent_id = "agent"));
	assert_int_equal(asker.reply.problem, PROBLEM_MIXED_CURRENCY);
}

static void
test_sum_is_the_sum_of_the_list(void **state)
{
	const struct cost_page *page;
	money sum = 0;

	(void)state;
	for (uint64_t i = 1; i <= 30; i++) {
		struct cost_record r =
		    a_record(i, i % 2 == 0 ? "p" : NULL, (money)i * CENT);

		r.task_id = i % 3 == 0 ? "x" : "y";
		r.timestamp = NOW + (int64_t)i * HOUR / 3;
		OK(add(&r, NOW));
	}
	OK(ASK(store_cost_list, .task_id = "x", .project_id = "p", .limit = 3));
	page = REPLY_IS(cost_page);
	assert_int_equal(page->records_count, 3);
	assert_int_equal(page->records[2].seq, 18);
	assert_string_equal(page->next, "18");
	for (uint32_t i = 0; i < 3; i++)
		sum += page->records[i].cost;
	OK(ASK(store_cost_list, .task_id = "x", .project_id = "p", .after = 18,
	    .limit = 10));
	page = REPLY_IS(cost_page);
	assert_int_equal(page->records_count, 2);
	assert_null(page->next);
	for (uint32_t i = 0; i < 2; i++)
		sum += page->records[i].cost;
	OK(ASK(store_cost_sum, .task_id = "x", .project_id = "p"));
	MONEY_IS(REPLY_IS(cost_summed)->cost, sum);
	OK(ASK(store_cost_sum, .task_id = "x"));
	MONEY_IS(REPLY_IS(cost_summed)->cost, 165 * CENT);
	OK(ASK(store_cost_sum, .agent_id = NULL));
	MONEY_IS(REPLY_IS(cost_summed)->cost, 465 * CENT);
	OK(ASK(store_cost_list, .after = 28, .limit = 10));
	assert_int_equal(REPLY_IS(cost_page)->records_count, 2);
	OK(ASK(store_cost_sum, .agent_id = "nobody"));
	MONEY_IS(REPLY_IS(cost_summed)->cost, 0);
	assert_null(REPLY_IS(cost_summed)->currency);
}

/* Ten million records are added up as quarters of an hour: none is read. */
static void
test_sums_by_one_thing_read_no_record(void **state)
{
	struct backend_txn *inner;
	struct txn t;
	struct key k;

	(void)state;
	for (uint64_t i = 1; i <= 3; i++) {
		struct cost_record r = a_record(i, "p", (money)i * CENT);

		r.timestamp = NOW + (int64_t)i * HOUR;
		OK(add(&r, NOW));
	}
	OK(backend_write(asker.f->b, &inner));
	txn_init(&t, inner, asker.room);
	key_init(&k);
	key_number(&k, 2);
	txn_put(&t, TABLE_COST_RECORDS, &k, B("junk"));
	OK(backend_commit(inner));
	OK(ASK(store_cost_sum, .agent_id = NULL));
	MONEY_IS(REPLY_IS(cost_summed)->cost, 6 * CENT);
	assert_int_equal(REPLY_IS(cost_summed)->records, 3);
	assert_string_equal(REPLY_IS(cost_summed)->currency, "EUR");
	OK(ASK(store_cost_sum, .agent_id = "agent"));
	MONEY_IS(REPLY_IS(cost_summed)->cost, 6 * CENT);
	OK(ASK(store_cost_sum, .project_id = "p"));
	MONEY_IS(REPLY_IS(cost_summed)->cost, 6 * CENT);
	IS(CORRUPT,
	    ASK(store_cost_sum, .agent_id = "agent", .project_id = "p"));
}

/* Lists and sums go on from block to block of their index, gaps included. */
static void
test_lists_and_sums_span_blocks(void **state)
{
	const uint64_t all = 2 * 1024 + 300;
	uint64_t after = 0, seen = 0;

	(void)state;
	asker_make_room();
	for (uint64_t i = 1; i <= all; i++) {
		struct cost_record r = a_record(i, NULL, CENT);

		/* "rare" is not in the second block at all. */
		r.task_id = i % 500 == 0 && i / 1024 != 1 ? "rare" : "task";
		OK(add(&r, NOW));
	}
	OK(ASK(store_cost_sum, .task_id = "rare"));
	assert_int_equal(REPLY_IS(cost_summed)->records, 2);
	OK(ASK(store_cost_sum, .task_id = "task"));
	assert_int_equal(REPLY_IS(cost_summed)->records, all - 2);
	OK(ASK(store_cost_list, .task_id = "rare", .limit = 10));
	assert_int_equal(REPLY_IS(cost_page)->records_count, 2);
	assert_int_equal(REPLY_IS(cost_page)->records[0].seq, 500);
	assert_int_equal(REPLY_IS(cost_page)->records[1].seq, 1000);
	assert_null(REPLY_IS(cost_page)->next);
	do {
		const struct cost_page *page;

		OK(ASK(store_cost_list, .task_id = "task", .after = after,
		    .limit = 200));
		page = REPLY_IS(cost_page);
		for (uint32_t i = 0; i < page->records_count; i++)
			assert_true(
			    page->records[i].seq >
			    (i == 0 ? after : page->records[i - 1].seq));
		seen += page->records_count;
		after = page->next == NULL ? 0 : strtoull(page->next, NULL, 10);
	} while (after != 0);
	assert_int_equal(seen, all - 2);
}

/* Two prices of one model: the one in force counts, and one rounding. */
static void
test_tokens_become_a_cost_by_the_price_then(void **state)
{
	struct price p = { .provider = "provider",
		.model = "model",
		.effective_from = NOW - DAY,
		.currency = "EUR",
		.input = 1, /* 10^-12 for a million */
		.output = 3 * UNIT };
	struct cost_record r = a_record(1, NULL, 0);

	(void)state;
	r.input_tokens = 500000;
	r.output_tokens = 0;
	OK(ASK(store_cost_add, .record = r, .priced = true, .now = NOW,
	    .principal = "u", .decision_id = "d"));
	assert_int_equal(added()->decision->problem, PROBLEM_NO_PRICE);
	OK(ASK(store_price_put, .price = p));
	assert_int_equal(REPLY_IS(price_made)->price.version, 1);
	IS(EXISTS, ASK(store_price_put, .price = p));
	assert_int_equal(asker.reply.problem, PROBLEM_DUPLICATE);
	p.effective_from = NOW + HOUR;
	p.output = 5 * UNIT;
	OK(ASK(store_price_put, .price = p));
	assert_int_equal(REPLY_IS(price_made)->price.version, 2);

	/* Half of the least unit rounds to even: 0; with a bit more, to 1. */
	OK(ASK(store_cost_add, .record = r, .priced = true, .now = NOW,
	    .principal = "u", .decision_id = "d"));
	MONEY_IS(added()->record.cost, 0);
	r.record_id = an_id(2);
	r.input_tokens = 500001;
	r.output_tokens = 7;
	OK(ASK(store_cost_add, .record = r, .priced = true, .now = NOW,
	    .principal = "u", .decision_id = "d"));
	MONEY_IS(added()->record.cost, 7 * 3 * UNIT / 1000000 + 1);
	assert_int_equal(added()->record.price_version, 1);
	r.record_id = an_id(3);
	r.timestamp = NOW + HOUR;
	OK(ASK(store_cost_add, .record = r, .priced = true, .now = NOW,
	    .principal = "u", .decision_id = "d"));
	assert_int_equal(added()->record.price_version, 2);
}

/* A wrong one is superseded from its own day; a refusal is explained. */
static void
test_a_price_is_corrected_by_another_version(void **state)
{
	struct price p = { .provider = "provider",
		.model = "model",
		.effective_from = NOW - DAY,
		.currency = "EUR",
		.input = UNIT };
	struct cost_record r = a_record(1, NULL, 0);

	(void)state;
	r.input_tokens = 1000000;
	OK(ASK(store_price_put, .price = p));
	p.input = 2 * UNIT;
	OK(ASK(store_price_put, .price = p, .supersedes = 7,
	    .has_supersedes = true, .decision_id = "d1", .principal = "u"));
	assert_int_equal(REPLY_IS(store_refused)->decision.problem,
	    PROBLEM_VERSION_CONFLICT);
	OK(ASK(store_price_put, .price = p, .decision_id = "d2"));
	assert_int_equal(
	    REPLY_IS(store_refused)->decision.problem, PROBLEM_DUPLICATE);
	OK(ASK(store_decision_get, .id = "d1"));
	assert_string_equal(
	    REPLY_IS(store_decision_found)->decision->rule, "price_version");
	OK(ASK(store_price_put, .price = p, .supersedes = 1,
	    .has_supersedes = true, .decision_id = "d3"));
	assert_int_equal(REPLY_IS(price_made)->price.version, 2);
	OK(ASK(store_cost_add, .record = r, .priced = true, .now = NOW,
	    .principal = "u", .decision_id = "d"));
	MONEY_IS(added()->record.cost, 2 * UNIT);
	assert_int_equal(added()->record.price_version, 2);
	OK(ASK(store_price_list, .limit = 1));
	assert_int_equal(REPLY_IS(price_page)->prices[0].version, 1);
	p.effective_from = NOW;
	IS(CONFLICT, ASK(store_price_put, .price = p, .supersedes = 1,
			 .has_supersedes = true));
	p.output = COST_MAX;
	OK(ASK(store_price_put, .price = p));
	p.effective_from = NOW + 1;
	p.output = COST_MAX + 1;
	IS(INVALID, ASK(store_price_put, .price = p));
}

/* C-37, in part: whatever operation is killed, all of a record or none. */
static void
test_c37_any_failing_write_leaves_nothing(void **state)
{
	struct cost_record first = a_record(1, "p", CENT);
	struct cost_record r = a_record(2, "p", CENT);

	(void)state;
	OK(add(&first, NOW));
	for (uint32_t n = 1; n < 100; n++) {
		enum status st;

		faults_fail(&asker.f->faults, FAULT_PUT, n, ST_IO);
		st = add(&r, NOW);
		if (st == ST_OK)
			break;
		assert_int_equal(st, ST_IO);
		MONEY_IS(project_of("p")->total_cost, CENT);
		assert_int_equal(asker_count(TABLE_COST_RECORDS), 1);
		assert_int_equal(asker_count(TABLE_COST_SLOTS), 4);
		assert_int_equal(asker_count(TABLE_JOURNAL), 1);
	}
	faults_fail(&asker.f->faults, FAULT_PUT, 0, ST_IO);
	MONEY_IS(project_of("p")->total_cost, 2 * CENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ASKED(test_c01_unknown_project_is_none),
		ASKED(test_c02_increments_answer_the_state_after_them),
		ASKED(test_c07_last_updated_never_goes_back),
		ASKED(test_c08_bad_costs_store_nothing),
		ASKED(test_c10_blank_ids_are_refused),
		ASKED(test_c09_failed_commit_counts_nothing),
		ASKED(test_c11_failing_read_names_operation_and_project),
		ASKED(test_c12_junk_row_is_not_a_failed_fetch),
		ASKED(test_c42_ids_are_bytes),
		ASKED(test_the_longest_ids_can_be_told),
		ASKED(test_c35_repeated_id_counts_once),
		ASKED(test_same_key_with_another_body_is_refused),
		ASKED(test_marks_do_not_pile_up),
		ASKED(test_c40_overflow_is_refused_whole),
		ASKED(test_tokens_of_a_report_stay_at_their_bound),
		ASKED(test_p17_sums_by_any_filter),
		ASKED(test_a_price_is_corrected_by_another_version),
		ASKED(test_cu05_other_currency_is_refused_with_a_decision),
		ASKED(test_sum_is_the_sum_of_the_list),
		ASKED(test_sums_by_one_thing_read_no_record),
		ASKED(test_lists_and_sums_span_blocks),
		ASKED(test_tokens_become_a_cost_by_the_price_then),
		ASKED(test_c37_any_failing_write_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
