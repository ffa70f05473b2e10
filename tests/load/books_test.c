/* books_test - what does not balance is found, and its edge named. */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>

#include "load/books.h"
#include "load/placement.h"

/* A run that has ended: its ledger, to be falsified. */
static struct ledger *l;
static struct books books;

static void
begin(const char *name, const char *placement)
{
	const struct plan_builtin *b = plan_builtin_find(name);
	char why[PLAN_WHY_SIZE];
	struct placement where;
	struct mistakes m;
	struct plan p;

	mistakes_init(&m);
	assert_int_equal(plan_read(b->text, b->name, &m, &p), ST_OK);
	p.actors = 3;
	assert_int_equal(
	    placement_parse(placement, plan_members(&p), &where, why), ST_OK);
	l = ledger_create(&p, &clock_system);
	assert_non_null(l);
	placement_apply(&where, l);
	for (uint32_t e = 0; e < l->nedges; e++) {
		l->outs[e].sent = 100;
		l->ins[e].handled = l->ins[e].next = 100;
		if (does_ask(
			l->plan.roles[l->members[l->outs[e].from].role].does))
			l->outs[e].answered = 100;
	}
	for (uint32_t i = 0; i < l->nmembers; i++)
		l->members[i].starts = 1;
}

static int
end(void **state)
{
	(void)state;
	ledger_destroy(l);
	l = NULL;
	return 0;
}

static void
assert_balanced(void)
{
	const struct load_tally *t = &books.tally;

	books_close(l, &books);
	if (!books.balanced)
		fail_msg("%s", books.complaint);
	assert_int_equal(
	    t->sent, t->handled + t->queued + t->refused + t->dead + t->lost);
}

static void
assert_complaint(const char *text)
{
	books_close(l, &books);
	assert_false(books.balanced);
	if (strstr(books.complaint, text) == NULL)
		fail_msg("%s", books.complaint);
}

static void
test_a_clean_run_balances(void **state)
{
	(void)state;
	begin("fan-in", "one-loop");
	assert_balanced();
	assert_int_equal(books.tally.sent, 300);
	assert_int_equal(books.edges, 3);
}

static void
test_a_lost_signal_names_its_edge(void **state)
{
	(void)state;
	begin("fan-in", "one-loop");
	l->ins[1].handled--;
	l->ins[1].missing = 1;
	l->ins[1].odd_number = 42;
	assert_complaint("edge producer.1 -> consumer.0: 1 of 100 messages "
			 "were lost, about from 42 on");
	assert_int_equal(books.wrong, 1);
}

static void
test_doubled_and_reordered_name_their_edge(void **state)
{
	(void)state;
	begin("fan-in", "one-loop");
	l->ins[2].doubled = 1;
	l->ins[2].odd_number = 7;
	assert_complaint("edge producer.2 -> consumer.0: message 7 came twice");
	l->ins[2].doubled = 0;
	l->ins[2].reordered = 3;
	assert_complaint("out of order from 7 on (3 such");
}

static void
test_more_handled_than_sent_is_wrong(void **state)
{
	(void)state;
	begin("fan-in", "one-loop");
	l->outs[0].sent = 99;
	assert_complaint("100 were handled, but 99 sent");
}

static void
test_a_full_mailbox_explains_no_more_than_it_counted(void **state)
{
	(void)state;
	begin("fan-in", "one-loop");
	l->ins[0].handled -= 5;
	l->members[0].books[BOOK_FULL] = 5;
	assert_balanced();
	assert_int_equal(books.tally.refused, 5);
	assert_int_equal(books.reasons[ST_FULL], 5);
	l->members[0].books[BOOK_FULL] = 4;
	assert_complaint("1 of 100 messages were lost");
}

static void
test_what_waits_is_queued(void **state)
{
	(void)state;
	begin("fan-in", "one-loop");
	l->ins[0].handled -= 5;
	l->members[0].queued = 5;
	assert_balanced();
	assert_int_equal(books.tally.queued, 5);
}

static void
test_a_link_explains_far_edges_alone(void **state)
{
	(void)state;
	begin("fan-in", "processes:2");
	assert_int_not_equal(l->members[3].node, l->members[0].node);
	assert_int_equal(l->members[1].node, l->members[0].node);
	l->nodes[1].link_refused = 2;
	l->ins[2].handled -= 2; /* producer.2 is member 3 */
	assert_balanced();
	l->ins[2].handled += 2;
	l->ins[0].handled -= 2;
	assert_complaint("edge producer.0 -> consumer.0");
}

static void
test_lost_is_allowed_where_a_process_died(void **state)
{
	(void)state;
	begin("fan-in", "processes:2");
	l->nodes[1].deaths = 1;
	l->ins[2].handled -= 9;
	assert_balanced();
	assert_int_equal(books.tally.lost, 9);
	l->ins[0].handled--; /* both ends on node 0, which lives */
	assert_complaint("edge producer.0");
}

static void
test_requests_are_answered_or_refused_by_name(void **state)
{
	(void)state;
	begin("star", "one-loop");
	l->outs[0].answered -= 4;
	l->outs[0].refused[ST_TIMEOUT] = 4;
	l->ins[0].handled -= 4;
	assert_balanced();
	assert_int_equal(books.tally.refused, 4);
	assert_int_equal(books.reasons[ST_TIMEOUT], 4);
	l->outs[0].refused[ST_TIMEOUT] = 3;
	l->members[l->outs[0].from].open = 0;
	l->ins[0].handled -= 2;
	books_close(l, &books);
	assert_false(books.balanced);
}

static void
test_an_answer_too_many_is_wrong(void **state)
{
	(void)state;
	begin("star", "one-loop");
	l->outs[1].answered++;
	assert_complaint("edge point.1 -> centre.0: more answers than");
}

static void
test_money_neither_comes_nor_goes(void **state)
{
	struct edge_out *out;
	uint32_t e = 0;

	(void)state;
	begin("bank", "one-loop");
	assert_balanced();
	while (l->plan.roles[l->members[l->outs[e].from].role].does !=
	       DOES_ACCOUNT)
		e++;
	out = &l->outs[e];
	out->money = 50;
	l->ins[e].money = 50;
	l->members[out->from].balance -= 50;
	l->members[out->to].balance += 50;
	assert_balanced();
	l->ins[e].money = 49;
	assert_complaint("50 were paid and 49 came");
	l->ins[e].money = 50;
	l->members[out->to].balance++;
	assert_complaint("on the way, but there were");
}

static void
test_the_runtimes_own_books_must_balance_too(void **state)
{
	(void)state;
	begin("fan-in", "one-loop");
	l->nodes[0].edges_read = true;
	l->nodes[0].edges = 7;
	assert_balanced();
	assert_int_equal(books.runtime_edges, 7);
	l->nodes[0].edges_wrong = 1;
	snprintf(l->nodes[0].edge_complaint, sizeof(l->nodes[0].edge_complaint),
	    "the runtime's edge a -> b");
	assert_complaint("the runtime's edge a -> b");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_a_clean_run_balances, end),
		cmocka_unit_test_teardown(
		    test_a_lost_signal_names_its_edge, end),
		cmocka_unit_test_teardown(
		    test_doubled_and_reordered_name_their_edge, end),
		cmocka_unit_test_teardown(
		    test_more_handled_than_sent_is_wrong, end),
		cmocka_unit_test_teardown(
		    test_a_full_mailbox_explains_no_more_than_it_counted, end),
		cmocka_unit_test_teardown(test_what_waits_is_queued, end),
		cmocka_unit_test_teardown(
		    test_a_link_explains_far_edges_alone, end),
		cmocka_unit_test_teardown(
		    test_lost_is_allowed_where_a_process_died, end),
		cmocka_unit_test_teardown(
		    test_requests_are_answered_or_refused_by_name, end),
		cmocka_unit_test_teardown(
		    test_an_answer_too_many_is_wrong, end),
		cmocka_unit_test_teardown(
		    test_the_runtimes_own_books_must_balance_too, end),
		cmocka_unit_test_teardown(
		    test_money_neither_comes_nor_goes, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
