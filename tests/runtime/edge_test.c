/*
 * The books: every end of a message on its edge, and a message that is lost
 * or counted twice found, on the edge where it happened.
 */
#include <string.h>

#include "runtime/node_inside.h"
#include "tests/rig.h"

#define ROWS_MAX 64

static const struct edge_row *
row_of(struct rig *r, uint32_t from, uint32_t to)
{
	static struct edge_row rows[ROWS_MAX];
	size_t count = 0;

	assert_int_equal(node_edges(r->node, rows, ROWS_MAX, &count), ST_OK);
	assert_true(count <= ROWS_MAX);
	for (size_t i = 0; i < count; i++)
		if (address_number(rows[i].from) == from &&
		    address_number(rows[i].to) == to)
			return &rows[i];
	fail_msg("no edge from %u to %u", from, to);
	return NULL;
}

#define ROW(r, from, to) row_of(r, ACTOR_NUMBER(from), ACTOR_NUMBER(to))

static enum status
echo_on_ping(struct actor *self, const struct msg *in)
{
	return REPLY(self, in, pong, .number = 1);
}

static const struct handler echo_on[] = { ON(ping, echo_on_ping), { 0 } };
static const struct actor_class echo_class = {
	.name = "echo", .mailbox_max = 4, .on = echo_on
};

static void
echo_rig(struct rig *r)
{
	rig_init(r);
	rig_spawn(r, &echo_class, ACTOR_NUMBER(tasks));
	rig_probe(r, ACTOR_NUMBER(gateway));
	assert_int_equal(rig_start(r), ST_OK);
}

static struct actor *
actor_of(struct rig *r, uint32_t number)
{
	return r->node->listed[number]->actor;
}

static void
test_what_is_handled_balances(void **state)
{
	const struct edge_row *row;
	struct rig r;

	(void)state;
	echo_rig(&r);
	(void)RIG_ASK(&r, gateway, tasks, ping, .number = 1);
	(void)RIG_ASK(&r, gateway, tasks, done, .nothing = 0);
	row = ROW(&r, gateway, tasks);
	assert_int_equal(row->sent, 2);
	assert_int_equal(row->ends[EDGE_HANDLED], 1);
	assert_int_equal(row->ends[EDGE_UNKNOWN], 1);
	assert_int_equal(edge_row_missing(row), 0);
	assert_string_equal(row->to_name, "echo");
	row = ROW(&r, tasks, gateway);
	assert_int_equal(row->sent, 2);
	assert_int_equal(row->ends[EDGE_HANDLED], 2);
	rig_fini(&r);
}

/* Sends without turning the loop, so that mails stay where they are. */
static void
send_pings(struct rig *r, int count)
{
	struct actor *from = actor_of(r, ACTOR_NUMBER(gateway));
	uint64_t to = actor_find(from, ACTOR_NUMBER(tasks), 0);

	for (int i = 0; i < count; i++)
		(void)SEND(from, to, ping, .number = 1);
}

/* Three are not kept: what was let in, what was handled, what was sent. */
static void
test_an_actors_own_books_are_found(void **state)
{
	uint64_t books[BOOKS];
	struct rig r;

	(void)state;
	echo_rig(&r);
	(void)RIG_ASK(&r, gateway, tasks, ping, .number = 1);
	(void)RIG_ASK(&r, gateway, tasks, done, .nothing = 0);
	send_pings(&r, 6);
	actor_count_books(actor_of(&r, ACTOR_NUMBER(tasks)), books);
	assert_int_equal(books[BOOK_ACCEPTED], 2 + 4);
	assert_int_equal(books[BOOK_HANDLED], 1);
	assert_int_equal(books[BOOK_UNKNOWN], 1);
	assert_int_equal(books[BOOK_FULL], 2);
	assert_int_equal(books[BOOK_SENT], 2);
	actor_count_books(actor_of(&r, ACTOR_NUMBER(gateway)), books);
	assert_int_equal(books[BOOK_HANDLED], 2);
	assert_int_equal(books[BOOK_SENT], 2 + 6);
	rig_fini(&r);
}

static void
test_what_waits_and_what_found_no_room_balances(void **state)
{
	const struct edge_row *row;
	struct rig r;

	(void)state;
	echo_rig(&r);
	send_pings(&r, 6);
	row = ROW(&r, gateway, tasks);
	assert_int_equal(row->sent, 6);
	assert_int_equal(row->queued, 4);
	assert_int_equal(row->ends[EDGE_FULL], 2);
	assert_int_equal(edge_row_missing(row), 0);
	rig_settle(&r);
	row = ROW(&r, gateway, tasks);
	assert_int_equal(row->queued, 0);
	assert_int_equal(row->ends[EDGE_HANDLED], 4);
	rig_fini(&r);
}

static void
test_a_lost_message_is_told_once_after_a_second_look(void **state)
{
	struct rig r;
	struct actor *a;

	(void)state;
	echo_rig(&r);
	a = actor_of(&r, ACTOR_NUMBER(tasks));
	send_pings(&r, 3);
	loop_drop(a->loop, mail_list_pop(&a->box));
	assert_int_equal(edge_row_missing(ROW(&r, gateway, tasks)), 1);
	assert_int_equal(node_check_books(r.node), 1);
	assert_int_equal(rig_logged(&r, EV_BOOKS_UNBALANCED), 0);
	assert_int_equal(node_check_books(r.node), 1);
	assert_int_equal(node_check_books(r.node), 1);
	assert_int_equal(rig_logged(&r, EV_BOOKS_UNBALANCED), 1);
	assert_non_null(
	    strstr(rig_line(&r, EV_BOOKS_UNBALANCED, 0), "to=echo sent=3"));
	/* Mended, so that the rig finds nothing missing. */
	for (uint32_t i = 0; i < a->loop->edges.count; i++)
		if (edge_nth(&a->loop->edges, i)->to == a->address)
			edge_nth(&a->loop->edges, i)->sent--;
	assert_int_equal(node_check_books(r.node), 0);
	rig_fini(&r);
}

static void
test_a_doubled_message_is_found(void **state)
{
	struct rig r;
	struct actor *a;
	struct mail *twin;

	(void)state;
	echo_rig(&r);
	a = actor_of(&r, ACTOR_NUMBER(tasks));
	send_pings(&r, 1);
	twin = mail_take(&a->loop->pool, MAIL_ROOM_SMALL);
	memcpy(twin->at, a->box.head->at, a->box.head->size);
	twin->size = a->box.head->size;
	twin->edge = a->box.head->edge;
	assert_int_equal(loop_route(a->loop, twin), ST_OK);
	assert_int_equal(edge_row_missing(ROW(&r, gateway, tasks)), -1);
	rig_settle(&r);
	assert_int_equal(edge_row_missing(ROW(&r, gateway, tasks)), -1);
	twin->edge->sent++;
	rig_fini(&r);
}

static void
test_further_edges_are_summed(void **state)
{
	struct edge_row rows[2 * ROWS_MAX];
	uint64_t books[BOOKS];
	size_t count;
	struct rig r;
	struct loop *l;
	struct edge *e;

	(void)state;
	echo_rig(&r);
	l = &r.node->loops[0];
	for (uint32_t i = l->edges.count; i < EDGES_MAX; i++)
		(void)edge_find(l, &l->edges, 1000 + i, 7);
	e = edge_find(l, &l->edges, 1, 7);
	assert_ptr_equal(edge_find(l, &l->edges, 2, 8), e);
	assert_int_equal(e->from, 0);
	e->sent = 3;
	e->near_ends[EDGE_HANDLED] = 3;
	assert_int_equal(node_edges(r.node, rows, 2 * ROWS_MAX, &count), ST_OK);
	assert_int_equal(count, EDGES_MAX + 1);
	assert_int_equal(node_check_books(r.node), 0);
	(void)RIG_ASK(&r, gateway, tasks, ping, .number = 1);
	actor_count_books(actor_of(&r, ACTOR_NUMBER(tasks)), books);
	assert_int_equal(books[BOOK_HANDLED], 1);
	assert_int_equal(books[BOOK_SENT], 1);
	rig_fini(&r);
}

/* Its edge knows neither end, so that the frame must. */
static void
test_a_signal_on_a_further_edge_is_addressed(void **state)
{
	struct rig r;
	struct actor *from, *to;
	struct loop *l;
	struct mail *m;

	(void)state;
	echo_rig(&r);
	from = actor_of(&r, ACTOR_NUMBER(gateway));
	to = actor_of(&r, ACTOR_NUMBER(tasks));
	l = from->loop;
	for (uint32_t i = l->edges.count; i < EDGES_MAX; i++)
		(void)edge_find(l, &l->edges, 1000 + i, 7);
	send_pings(&r, 1);
	m = to->box.head;
	assert_int_equal(m->edge->from, 0);
	assert_int_equal(frame_check(m->at, m->size), ST_OK);
	assert_int_equal(frame_get_u64(m->at, FRAME_AT_FROM), from->address);
	assert_int_equal(frame_get_u64(m->at, FRAME_AT_TO), to->address);
	rig_fini(&r);
}

static uintptr_t
line_of(const void *at)
{
	return (uintptr_t)at / MAIL_LINE;
}

/* Two loops that count on one line would take it from each other. */
static void
test_what_two_loops_count_is_on_two_lines(void **state)
{
	struct node_config c = { .name = "t", .loops = 2 };
	struct edge *e, *two[2 * EDGE_SLAB];
	struct node *n;
	struct loop *l;
	uint64_t at[2];

	(void)state;
	assert_int_equal(node_create(&c, &n), ST_OK);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(
		    node_spawn(n, &echo_class, 0, i, i, &at[i]), ST_OK);
	l = &n->loops[0];
	for (uint32_t i = 0; i < 2 * EDGE_SLAB; i++) {
		two[i] = edge_find(l, &l->edges, 1000 + i, at[1]);
		e = edge_find(l, &l->edges, 1000 + i, at[0]);
		assert_int_equal(line_of(&e->from), line_of(&e->handled));
		assert_ptr_equal(edge_nth(&l->edges, 2 * i + 1), e);
	}
	for (uint32_t i = 0; i < 2 * EDGE_SLAB; i++) {
		e = two[i];
		assert_ptr_equal(edge_nth(&l->edges, 2 * i), e);
		assert_int_equal(line_of(&e->handled) - line_of(&e->from), 1);
		assert_int_equal(line_of(&e->handled) % 2, 0);
		assert_int_equal(line_of(&e->from), line_of(&e->route));
		assert_int_equal(line_of(&e->handled), line_of(&e->near));
	}
	node_destroy(n);
}

/* ---- with threads: the cut is exact while messages fly ---- */

#define FLOOD 150000u

struct flood {
	uint64_t left;
	uint64_t to;
};

static atomic_ulong flood_heard;
static uint64_t flood_to;

static enum status
sink_on_ping(struct actor *self, const struct msg *in)
{
	(void)atomic_fetch_add(&flood_heard, 1);
	return SEND(self, in->from, pong, .number = 1);
}

static const struct handler sink_on[] = { ON(ping, sink_on_ping), { 0 } };
static const struct actor_class sink_class = {
	.name = "sink", .mailbox_max = 65536, .on = sink_on
};

static enum status
source_on_pong(struct actor *self, const struct msg *in)
{
	struct flood *f = actor_state(self);

	(void)in;
	if (f->left == 0)
		return ST_OK;
	f->left--;
	return SEND(self, flood_to, ping, .number = f->left);
}

static enum status
source_on_ping(struct actor *self, const struct msg *in)
{
	const struct ping *p = in->body;
	struct flood *f = actor_state(self);

	f->left = FLOOD;
	for (uint64_t i = 0; i < p->number; i++)
		(void)source_on_pong(self, in);
	return ST_OK;
}

static const struct handler source_on[] = { ON(ping, source_on_ping),
	ON(pong, source_on_pong), { 0 } };
static const struct actor_class source_class = { .name = "source",
	.state_size = sizeof(struct flood),
	.mailbox_max = 65536,
	.on = source_on };

/* So many in flight: one is alone on its way, others go in bundles. */
static void
flood_two_loops(uint64_t in_flight)
{
	struct node_config c = { .name = "t", .loops = 2, .threaded = true };
	struct edge_row rows[ROWS_MAX];
	struct node *n;
	uint64_t at;
	size_t count;

	atomic_store(&flood_heard, 0);
	assert_int_equal(node_create(&c, &n), ST_OK);
	assert_int_equal(node_spawn(n, &sink_class, 0, 0, 1, &flood_to), ST_OK);
	assert_int_equal(node_spawn(n, &source_class, 0, 0, 0, &at), ST_OK);
	assert_int_equal(node_start(n), ST_OK);
	assert_int_equal(
	    node_signal(n, at, MSG_ping, &(struct ping){ .number = in_flight }),
	    ST_OK);
	do {
		assert_int_equal(node_edges(n, rows, ROWS_MAX, &count), ST_OK);
		for (size_t i = 0; i < count && i < ROWS_MAX; i++)
			assert_int_equal(edge_row_missing(&rows[i]), 0);
	} while (atomic_load(&flood_heard) < FLOOD);
	node_stop(n);
	node_destroy(n);
}

static void
test_books_balance_exactly_while_two_loops_run(void **state)
{
	(void)state;
	flood_two_loops(256);
}

/* Each is counted as taken, or no more would be let out after a while. */
static void
test_mails_alone_pass_beyond_what_may_be_in_flight(void **state)
{
	_Static_assert(FLOOD > 2 * MAIL_INFLIGHT_MAX, "or it shows nothing");
	(void)state;
	flood_two_loops(1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_handled_balances),
		cmocka_unit_test(test_an_actors_own_books_are_found),
		cmocka_unit_test(
		    test_what_waits_and_what_found_no_room_balances),
		cmocka_unit_test(
		    test_a_lost_message_is_told_once_after_a_second_look),
		cmocka_unit_test(test_a_doubled_message_is_found),
		cmocka_unit_test(test_further_edges_are_summed),
		cmocka_unit_test(test_a_signal_on_a_further_edge_is_addressed),
		cmocka_unit_test(test_what_two_loops_count_is_on_two_lines),
		cmocka_unit_test(
		    test_books_balance_exactly_while_two_loops_run),
		cmocka_unit_test(
		    test_mails_alone_pass_beyond_what_may_be_in_flight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
