/* sessions.md 1.1 and 2.2: S-1 to S-9 as the store sees them. */
#include "tests/store/asker.h"

#define NOW 1000

static struct session
session_of(const char *id, const char *user, int64_t created, int64_t expires)
{
	return (struct session){ .session_id = id,
		.user_id = user,
		.username = "name",
		.ip_address = "",
		.user_agent = "",
		.created_at = created,
		.last_active_at = created,
		.expires_at = expires };
}

static enum status
create(const char *id, const char *user, int64_t created, int64_t expires)
{
	return ASK(store_session_create,
	    .session = session_of(id, user, created, expires));
}

static bool
refuse(const char *id, int64_t expires)
{
	OK(ASK(store_session_revoke,
	    .revocation = {
		.session_id = id, .user_id = "u", .expires_at = expires }));
	return REPLY_IS(store_session_revoked)->changed;
}

/* The ids of a list, joined. */
static const char *
listed(const char *user, int64_t now, uint32_t limit)
{
	static char text[256];
	const struct store_session_page *page;

	text[0] = '\0';
	OK(ASK(
	    store_session_list, .user_id = user, .now = now, .limit = limit));
	page = REPLY_IS(store_session_page);
	for (uint32_t i = 0; i < page->sessions_count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "%s ", page->sessions[i].session_id);
	return text;
}

static const char *
revoked(int64_t now, const char *after, uint32_t limit)
{
	static char text[256];
	const struct store_revocations *page;

	text[0] = '\0';
	OK(ASK(store_revoked_list, .after = after, .now = now, .limit = limit));
	page = REPLY_IS(store_revocations);
	for (uint32_t i = 0; i < page->revoked_count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "%s ", page->revoked[i].session_id);
	return text;
}

static void
test_session_is_kept_whole(void **state)
{
	const struct session *s;

	(void)state;
	OK(create("s1", "u", 10, 2000));
	IS(EXISTS, create("s1", "v", 11, 2000));
	OK(ASK(store_session_get, .session_id = "s1"));
	s = REPLY_IS(store_session_found)->session;
	assert_string_equal(s->user_id, "u");
	assert_int_equal(s->created_at, 10);
	assert_int_equal(s->expires_at, 2000);
	assert_false(s->revoked);
	OK(ASK(store_session_get, .session_id = "s2"));
	assert_null(REPLY_IS(store_session_found)->session);
}

static void
test_times_must_be_in_order(void **state)
{
	struct session s = session_of("s", "u", 5, 5);

	(void)state;
	OK(ASK(store_session_create, .session = s));
	s.session_id = "t";
	s.last_active_at = 4;
	IS(INVALID, ASK(store_session_create, .session = s));
	s.last_active_at = 6;
	IS(INVALID, ASK(store_session_create, .session = s));
	IS(INVALID, create("", "u", 1, 2));
	IS(INVALID, create("x", " ", 1, 2));
}

/* S-4, S-5: active ones, newest first, ties by id. */
static void
test_list_is_newest_first(void **state)
{
	(void)state;
	OK(create("b", "u", 20, 2000));
	OK(create("a", "u", 20, 2000));
	OK(create("c", "u", 30, 2000));
	OK(create("d", "v", 25, 2000));
	OK(create("old", "u", 40, NOW));
	OK(create("e", "uu", 50, 2000));
	OK(create("neg", "u", -5, 2000));
	assert_true(refuse("c", 2000));
	assert_string_equal(listed("u", NOW, 9), "a b neg ");
	assert_string_equal(listed("u", NOW - 1, 9), "old a b neg ");
	assert_string_equal(listed("u", NOW, 1), "a ");
	assert_string_equal(listed(NULL, NOW, 9), "e d a b neg ");
	assert_string_equal(listed("nobody", NOW, 9), "");
	IS(INVALID, ASK(store_session_list, .now = NOW));
	IS(INVALID, ASK(store_session_list, .user_id = " ", .limit = 1));
}

/* S-6 */
static void
test_revoke_happens_once(void **state)
{
	(void)state;
	OK(create("s", "owner", 10, 2000));
	assert_true(refuse("s", 9));
	assert_false(refuse("s", 9));
	OK(ASK(store_session_get, .session_id = "s"));
	assert_true(REPLY_IS(store_session_found)->session->revoked);
	/* The row knows better when it ends, and whose it is. */
	OK(ASK(store_revoked_list, .after = "", .now = NOW, .limit = 9));
	assert_string_equal(
	    REPLY_IS(store_revocations)->revoked[0].user_id, "owner");
	assert_int_equal(
	    REPLY_IS(store_revocations)->revoked[0].expires_at, 2000);
}

/* A token without a row is refused too, and a late row changes nothing. */
static void
test_revoke_without_a_row_leaves_a_tombstone(void **state)
{
	(void)state;
	assert_true(refuse("s", 1500));
	assert_false(refuse("s", 1500));
	assert_string_equal(revoked(NOW, "", 9), "s ");
	OK(create("s", "u", 10, 2000));
	OK(ASK(store_session_get, .session_id = "s"));
	assert_true(REPLY_IS(store_session_found)->session->revoked);
	assert_false(refuse("s", 1500));
	assert_string_equal(listed("u", NOW, 9), "");
	assert_string_equal(revoked(1999, "", 9), "s ");
	assert_int_equal(asker_count(TABLE_TOMBSTONES_BY_EXPIRY), 1);
}

static void
test_session_may_be_born_revoked(void **state)
{
	struct session s = session_of("s", "u", 10, 2000);

	(void)state;
	s.revoked = true;
	OK(ASK(store_session_create, .session = s));
	assert_string_equal(revoked(NOW, "", 9), "s ");
	assert_false(refuse("s", 2000));
}

/* S-7: exactly the active ones of that user, and which they were. */
static void
test_revoke_all_of_a_user(void **state)
{
	const struct store_revocations *r;

	(void)state;
	OK(create("a", "u", 10, 2000));
	OK(create("b", "u", 20, 2000));
	OK(create("mine", "u", 30, 2000));
	OK(create("old", "u", 5, NOW));
	OK(create("other", "v", 10, 2000));
	assert_true(refuse("a", 2000));
	OK(ASK(store_session_revoke_user, .user_id = "u", .now = NOW,
	    .except = "mine"));
	r = REPLY_IS(store_revocations);
	assert_int_equal(r->revoked_count, 1);
	assert_string_equal(r->revoked[0].session_id, "b");
	assert_false(r->more);
	OK(ASK(store_session_revoke_user, .user_id = "u", .now = NOW));
	assert_int_equal(REPLY_IS(store_revocations)->revoked_count, 1);
	OK(ASK(store_session_revoke_user, .user_id = "u", .now = NOW));
	assert_int_equal(REPLY_IS(store_revocations)->revoked_count, 0);
	assert_string_equal(listed(NULL, NOW, 9), "other ");
	OK(ASK(store_session_get, .session_id = "old"));
	assert_false(REPLY_IS(store_session_found)->session->revoked);
}

static void
test_revoke_all_goes_on_past_a_page(void **state)
{
	uint32_t total = 0;
	char id[16];
	bool more = true;

	(void)state;
	for (int i = 0; i < STORE_PAGE_MAX + 3; i++) {
		snprintf(id, sizeof(id), "s%03d", i);
		OK(create(id, "u", i, 2000));
	}
	while (more) {
		OK(ASK(store_session_revoke_user, .user_id = "u", .now = NOW));
		total += REPLY_IS(store_revocations)->revoked_count;
		more = REPLY_IS(store_revocations)->more;
	}
	assert_int_equal(total, STORE_PAGE_MAX + 3);
	assert_string_equal(listed("u", NOW, 9), "");
}

/* S-1 */
static void
test_revoked_list_goes_page_by_page(void **state)
{
	(void)state;
	assert_true(refuse("a", 2000));
	assert_true(refuse("ab", NOW));
	assert_true(refuse("b", 2000));
	assert_true(refuse("c", 2000));
	assert_string_equal(revoked(NOW, "", 2), "a b ");
	assert_true(REPLY_IS(store_revocations)->more);
	assert_string_equal(revoked(NOW, "b", 2), "c ");
	assert_false(REPLY_IS(store_revocations)->more);
	IS(INVALID, ASK(store_revoked_list, .after = "", .now = NOW));
}

/* S-9: what has expired goes, with everything that points to it. */
static void
test_clean_forgets_what_has_expired(void **state)
{
	const struct store_session_cleaned *c;

	(void)state;
	OK(create("a", "u", 10, NOW));
	OK(create("b", "u", 10, NOW + 1));
	OK(create("c", "u", 10, 500));
	assert_true(refuse("c", 1));
	assert_true(refuse("lone", 700));
	assert_true(refuse("later", 2000));
	OK(ASK(store_session_clean, .now = NOW, .limit = 2));
	c = REPLY_IS(store_session_cleaned);
	assert_int_equal(c->session_ids_count, 2);
	assert_string_equal(c->session_ids[0], "c");
	assert_string_equal(c->session_ids[1], "a");
	assert_true(c->more);
	OK(ASK(store_session_clean, .now = NOW, .limit = 2));
	c = REPLY_IS(store_session_cleaned);
	assert_int_equal(c->session_ids_count, 1);
	assert_string_equal(c->session_ids[0], "lone");
	assert_false(c->more);
	OK(ASK(store_session_clean, .now = NOW, .limit = 2));
	assert_int_equal(REPLY_IS(store_session_cleaned)->session_ids_count, 0);
	assert_int_equal(asker_count(TABLE_SESSIONS), 1);
	assert_int_equal(asker_count(TABLE_SESSIONS_BY_USER), 1);
	assert_int_equal(asker_count(TABLE_SESSIONS_BY_CREATED), 1);
	assert_int_equal(asker_count(TABLE_SESSIONS_BY_EXPIRY), 1);
	assert_int_equal(asker_count(TABLE_TOMBSTONES), 1);
	assert_int_equal(asker_count(TABLE_TOMBSTONES_BY_EXPIRY), 1);
	IS(INVALID, ASK(store_session_clean, .now = NOW));
}

static void
test_nothing_to_clean_writes_nothing(void **state)
{
	uint32_t commits;

	(void)state;
	OK(create("a", "u", 10, 2000));
	commits = faults_seen(&asker.f->faults, FAULT_COMMIT);
	OK(ASK(store_session_clean, .now = NOW, .limit = 9));
	assert_int_equal(faults_seen(&asker.f->faults, FAULT_COMMIT), commits);
}

static void
test_damaged_row_is_named_and_others_are_read(void **state)
{
	(void)state;
	OK(create("a", "u", 10, 2000));
	OK(create("b", "v", 10, 2000));
	asker_damage(TABLE_SESSIONS, "a");
	IS(CORRUPT, ASK(store_session_list, .now = NOW, .limit = 9));
	assert_string_equal(asker.why, "sessions/a");
	assert_string_equal(listed("v", NOW, 9), "b ");
	IS(CORRUPT, ASK(store_session_revoke, .revocation = { .session_id = "a",
						  .user_id = "u",
						  .expires_at = 1 }));
	asker_damage(TABLE_SESSIONS_BY_CREATED, "x");
	IS(CORRUPT, ASK(store_session_list, .now = NOW, .limit = 9));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ASKED(test_session_is_kept_whole),
		ASKED(test_times_must_be_in_order),
		ASKED(test_list_is_newest_first),
		ASKED(test_revoke_happens_once),
		ASKED(test_revoke_without_a_row_leaves_a_tombstone),
		ASKED(test_session_may_be_born_revoked),
		ASKED(test_revoke_all_of_a_user),
		ASKED(test_revoke_all_goes_on_past_a_page),
		ASKED(test_revoked_list_goes_page_by_page),
		ASKED(test_clean_forgets_what_has_expired),
		ASKED(test_nothing_to_clean_writes_nothing),
		ASKED(test_damaged_row_is_named_and_others_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
