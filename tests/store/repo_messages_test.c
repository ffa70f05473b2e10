/* Messages: whose mistake a failing save is, and what a bad row does. */
#include "protocols/problem.h"
#include "tests/store/asker.h"

#define NOW INT64_C(1775210400000000)

static struct agent_message
a_message(uint8_t n)
{
	return (struct agent_message){ .id = { { [0] = 0xa0, [15] = n } },
		.sender = "alice",
		.channel = "general",
		.content = "hello",
		.timestamp = NOW + n };
}

static enum status
save(const struct agent_message *m)
{
	return ASK(store_message_save, .message = *m);
}

static const struct message_page *
history(void)
{
	OK(ASK(store_message_history, .channel = "general", .limit = 10));
	return REPLY_IS(message_page);
}

/* P-22: only an id that is taken is a duplicate, whatever else refuses. */
static void
test_p22_another_failure_is_no_duplicate(void **state)
{
	struct agent_message m = a_message(1), none = a_message(2);

	(void)state;
	none.channel = " ";
	IS(INVALID, save(&none));
	assert_int_equal(asker.reply.problem, 0);
	for (uint32_t n = 1; n <= 4; n++) {
		faults_fail(&asker.f->faults, FAULT_PUT, n, ST_IO);
		IS(IO, save(&m));
		assert_int_equal(asker.reply.problem, 0);
		assert_int_equal(history()->messages_count, 0);
	}
	OK(save(&m));
	IS(EXISTS, save(&m));
	assert_int_equal(asker.reply.problem, PROBLEM_DUPLICATE);
	assert_int_equal(history()->messages_count, 1);
}

static void
damage(const struct agent_message *m)
{
	struct backend_txn *txn;

	OK(backend_write(asker.f->b, &txn));
	OK(backend_put(txn, TABLE_MESSAGES,
	    (struct bytes){ m->id.octets, sizeof(m->id.octets) },
	    B("not a record")));
	OK(backend_commit(txn));
}

/* P-25: the history fails whole and names the message; others are read. */
static void
test_p25_a_bad_row_fails_the_history_by_its_id(void **state)
{
	struct agent_message m[3] = { a_message(1), a_message(2),
		a_message(3) };

	(void)state;
	for (int i = 0; i < 3; i++)
		OK(save(&m[i]));
	damage(&m[1]);
	IS(CORRUPT,
	    ASK(store_message_history, .channel = "general", .limit = 10));
	assert_string_equal(
	    asker.why, "messages/a0000000-0000-0000-0000-000000000002");
	IS(CORRUPT, ASK(store_message_get, .id = m[1].id));
	OK(ASK(store_message_get, .id = m[0].id));
	OK(ASK(store_message_get, .id = m[2].id));
	OK(ASK(store_message_history, .channel = "general", .limit = 1));
	assert_int_equal(REPLY_IS(message_page)->messages_count, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ASKED(test_p22_another_failure_is_no_duplicate),
		ASKED(test_p25_a_bad_row_fails_the_history_by_its_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
