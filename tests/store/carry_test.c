#include "store/carry.h"

#include "store/journal.h"
#include "store/key_row.h"
#include "store/session_row.h"
#include "tests/store/asker.h"

#define OTHER_EPOCH 77

/* The database that is replaced; the restored one is asker's. */
static struct backend *live;

static const struct session session = { .session_id = "s",
	.user_id = "u",
	.username = "n",
	.role = ROLE_CEO,
	.created_at = 1,
	.last_active_at = 1,
	.expires_at = INT64_C(1) << 50 };

typedef void (*txn_do)(struct txn *t);

static void
in_txn(struct backend *b, txn_do does)
{
	struct backend_txn *inner;
	struct txn t;

	OK(backend_write(b, &inner));
	txn_init(&t, inner, asker.room);
	does(&t);
	OK(txn_status(&t));
	OK(backend_commit(inner));
}

static void
put_api_key(struct txn *t)
{
	const struct api_key row = {
		.key_id = "k", .user_id = "u", .name = "n"
	};
	struct key k;

	key_init(&k);
	key_tail(&k, row.key_id);
	row_put(t, TABLE_API_KEYS, &k, CATALOGUE_TYPE(api_key), &row);
}

static void
append_one(struct txn *t)
{
	const struct event event = {
		.event_type = "a", .channel = "tasks", .payload = "{}"
	};

	assert_non_null(journal_append(t, &event));
}

static void
revoke_session(struct txn *t)
{
	const struct revocation r = session_revocation(&session);

	tombstone_put(t, &r);
}

static void
revoke_key(struct txn *t)
{
	key_row_revoke(t, "k");
}

static char live_path[128];

static int
setup(void **state)
{
	const struct migrate_world world = { .now_us = 1, .epoch = EPOCH };
	struct backend_options options;
	struct migrate_result r;

	asker_setup(state);
	options = asker.f->options;
	snprintf(live_path, sizeof(live_path), "%s/live", asker.f->folder);
	options.path = live_path;
	OK(backend_open(asker.f->class, &options, &live));
	OK(migrate_run(live, &migrate_plan, &world, &r));
	return 0;
}

static int
teardown(void **state)
{
	if (live != NULL)
		OK(backend_close(live));
	live = NULL;
	memory_forget(live_path);
	return asker_teardown(state);
}

static const struct carry_new to = { .epoch = OTHER_EPOCH, .now = 1 };

static void
carry_over(void)
{
	struct carry *c;

	OK(carry_take(live, &c));
	OK(carry_put(asker.f->b, c, &to));
	carry_destroy(c);
}

static void
session_is_refused_now(struct txn *t)
{
	assert_true(session_is_refused(t, "s"));
}

static void
session_is_good(struct txn *t)
{
	assert_false(session_is_refused(t, "s"));
}

static void
test_a_revoked_session_stays_revoked(void **state)
{
	(void)state;
	in_txn(live, revoke_session);
	in_txn(asker.f->b, session_is_good);
	carry_over();
	in_txn(asker.f->b, session_is_refused_now);
}

static void
put_session(struct txn *t)
{
	struct key k;

	session_key(&k, session.session_id);
	row_put(t, TABLE_SESSIONS, &k, CATALOGUE_TYPE(session), &session);
	session_index(t, &session);
}

static void
there_is_no_tombstone(struct txn *t)
{
	assert_int_equal(txn_count(t, TABLE_TOMBSTONES), 0);
}

/* It had no row there: nobody could see it, or end it. */
static void
test_a_session_that_the_backup_lacks_ends(void **state)
{
	(void)state;
	in_txn(live, put_session);
	carry_over();
	in_txn(asker.f->b, session_is_refused_now);
}

static void
test_a_session_that_the_backup_has_goes_on(void **state)
{
	(void)state;
	in_txn(live, put_session);
	in_txn(asker.f->b, put_session);
	carry_over();
	in_txn(asker.f->b, session_is_good);
	in_txn(asker.f->b, there_is_no_tombstone);
}

static void
test_a_session_that_has_expired_needs_no_refusal(void **state)
{
	struct carry_new later = to;
	struct carry *c;

	(void)state;
	later.now = session.expires_at;
	in_txn(live, put_session);
	OK(carry_take(live, &c));
	OK(carry_put(asker.f->b, c, &later));
	carry_destroy(c);
	in_txn(asker.f->b, there_is_no_tombstone);
}

/* Both ways: also by whoever restores this one next. */
static void
key_is_gone(struct txn *t)
{
	assert_null(key_row_get(t, "k"));
	assert_int_equal(txn_count(t, TABLE_KEYS_GONE), 1);
	assert_int_equal(txn_count(t, TABLE_API_KEYS_BY_USER), 0);
}

static void
key_is_there(struct txn *t)
{
	assert_non_null(key_row_get(t, "k"));
}

static void
test_a_revoked_key_stays_revoked(void **state)
{
	(void)state;
	in_txn(asker.f->b, put_api_key);
	carry_over();
	in_txn(asker.f->b, key_is_there);
	in_txn(live, revoke_key);
	carry_over();
	in_txn(asker.f->b, key_is_gone);
}

static void
test_channels_begin_another_epoch(void **state)
{
	const struct store_journal_page *page;

	(void)state;
	in_txn(asker.f->b, append_one);
	carry_over();
	OK(ASK(
	    store_journal_read, .channel = "tasks", .after = 0, .limit = 10));
	page = REPLY_IS(store_journal_page);
	assert_int_equal(page->epoch, OTHER_EPOCH);
	assert_int_equal(page->head, 1);
	assert_int_equal(page->events_count, 1);
	assert_int_equal(page->events[0].epoch, OTHER_EPOCH);
	in_txn(asker.f->b, append_one);
	OK(ASK(
	    store_journal_read, .channel = "tasks", .after = 1, .limit = 10));
	page = REPLY_IS(store_journal_page);
	assert_int_equal(page->events[0].epoch, OTHER_EPOCH);
}

/* A row that cannot be read fails the whole: nothing is opened without it. */
static void
test_what_cannot_be_carried_fails_whole(void **state)
{
	struct backend_txn *inner;
	struct carry *c;

	(void)state;
	in_txn(asker.f->b, put_api_key);
	in_txn(live, revoke_key);
	OK(backend_write(live, &inner));
	OK(backend_put(inner, TABLE_TOMBSTONES, B("x"), B("no row")));
	OK(backend_commit(inner));
	OK(carry_take(live, &c));
	assert_int_not_equal(carry_put(asker.f->b, c, &to), ST_OK);
	carry_destroy(c);
	in_txn(asker.f->b, key_is_there);
}

static void
test_nothing_to_carry_is_fine(void **state)
{
	struct carry *c;

	(void)state;
	OK(carry_take(NULL, &c));
	OK(carry_put(asker.f->b, c, &to));
	carry_destroy(c);
}

#define BOTH(test)                                    \
	{ #test " memory", test, setup, teardown,     \
		(void *)(uintptr_t)&backend_memory }, \
	{                                             \
#test " lmdb", test, setup, teardown, \
		    (void *)(uintptr_t)&backend_lmdb  \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_a_revoked_session_stays_revoked),
		BOTH(test_a_session_that_the_backup_lacks_ends),
		BOTH(test_a_session_that_the_backup_has_goes_on),
		BOTH(test_a_session_that_has_expired_needs_no_refusal),
		BOTH(test_a_revoked_key_stays_revoked),
		BOTH(test_channels_begin_another_epoch),
		BOTH(test_what_cannot_be_carried_fails_whole),
		BOTH(test_nothing_to_carry_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
