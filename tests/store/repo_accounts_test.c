/* Accounts, API keys and activity: what the registry's changes rest on. */
#include "tests/store/asker.h"

#define DIGEST "01234567890123456789012345678901"

static void
add_user(const char *id, const char *name, enum role role)
{
	struct user u = { .user_id = id,
		.username = name,
		.role = role,
		.password_hash = "hash",
		.created_at = 5,
		.updated_at = 6 };

	OK(ASK(store_user_create, .user = u));
}

static struct session
a_session(const char *id, const char *user, int64_t active, int64_t end)
{
	return (struct session){ .session_id = id,
		.user_id = user,
		.username = user,
		.ip_address = "",
		.user_agent = "",
		.created_at = active,
		.last_active_at = active,
		.expires_at = end };
}

static void
add_session(const char *id, const char *user, int64_t active, int64_t end)
{
	struct session s = a_session(id, user, active, end);

	OK(ASK(store_session_create, .session = s));
}

static enum status
add_key(const char *id, const char *user, uint32_t max)
{
	struct api_key k = { .key_id = id,
		.user_id = user,
		.name = "ci",
		.digest = { (const uint8_t *)DIGEST, 32 },
		.created_at = 5 };

	return ASK(store_key_create, .api_key = k, .user_max = max);
}

static struct audit_note
note_of(const char *action, const char *detail)
{
	return (struct audit_note){ .at = 60,
		.by = { .user_id = "ceo",
		    .username = "",
		    .session_id = "",
		    .address = "",
		    .user_agent = "" },
		.action = action,
		.target = "u",
		.detail = detail };
}

static const struct store_audit_page *
audited(void)
{
	OK(ASK(store_audit_list, .limit = 100));
	return REPLY_IS(store_audit_page);
}

static void
test_the_last_ceo_stays(void **state)
{
	(void)state;
	add_user("c1", "ada", ROLE_CEO);
	add_user("m1", "max", ROLE_MANAGER);
	IS(CONFLICT, ASK(store_user_change, .user_id = "c1", .now = 9,
			 .role = ROLE_OBSERVER, .has_role = true));
	IS(CONFLICT, ASK(store_user_change, .user_id = "c1", .now = 9,
			 .disabled = true, .has_disabled = true));
	IS(CONFLICT, ASK(store_user_delete, .user_id = "c1"));
	OK(ASK(store_user_change, .user_id = "m1", .now = 9, .role = ROLE_CEO,
	    .has_role = true));
	OK(ASK(store_user_change, .user_id = "m1", .now = 9, .disabled = true,
	    .has_disabled = true));
	IS(CONFLICT, ASK(store_user_delete, .user_id = "c1"));
	OK(ASK(store_user_change, .user_id = "m1", .now = 9, .disabled = false,
	    .has_disabled = true));
	OK(ASK(store_user_delete, .user_id = "c1"));
	IS(CONFLICT, ASK(store_user_delete, .user_id = "m1"));
	IS(NOT_FOUND, ASK(store_user_delete, .user_id = "c1"));
}

static void
test_a_change_moves_its_time_and_checks_the_hash(void **state)
{
	const struct user *u;

	(void)state;
	add_user("c1", "ada", ROLE_CEO);
	IS(CONFLICT, ASK(store_user_change, .user_id = "c1", .now = 1,
			 .password_hash = "new", .expected_hash = "other"));
	OK(ASK(store_user_change, .user_id = "c1", .now = 1,
	    .password_hash = "new", .expected_hash = "hash"));
	u = REPLY_IS(store_user_found)->user;
	assert_string_equal(u->password_hash, "new");
	assert_int_equal(u->updated_at, 7);
}

/* LD-9: rows go with their user, tombstones stay. */
static void
test_a_deleted_user_leaves_tombstones_alone(void **state)
{
	(void)state;
	add_user("c1", "ada", ROLE_CEO);
	add_user("u1", "bob", ROLE_OBSERVER);
	add_session("s1", "u1", 10, 100);
	add_session("s2", "u1", 11, 100);
	add_session("s3", "c1", 12, 100);
	OK(add_key("k1", "u1", 9));
	OK(add_key("k2", "c1", 9));
	OK(ASK(store_session_revoke,
	    .revocation = {
		.session_id = "s1", .user_id = "u1", .expires_at = 100 }));
	OK(ASK(store_user_delete, .user_id = "u1"));
	assert_int_equal(asker_count(TABLE_TOMBSTONES), 1);
	assert_int_equal(asker_count(TABLE_SESSIONS), 2);
	assert_int_equal(asker_count(TABLE_SESSIONS_BY_ACTIVE), 1);
	assert_int_equal(asker_count(TABLE_API_KEYS), 1);
	assert_int_equal(asker_count(TABLE_API_KEYS_BY_USER), 1);
	add_user("u2", "bob", ROLE_OBSERVER);
}

/* What the sessions leave no room for is cut between characters. */
static void
test_a_long_note_of_ended_sessions_is_cut(void **state)
{
	char detail[AUDIT_DETAIL_MAX + 1] = "a", left[AUDIT_DETAIL_MAX + 1];
	struct audit_note note = note_of("user.delete", detail);

	(void)state;
	for (size_t n = 1; n + 2 <= 141; n += 2)
		memcpy(detail + n, "\xc3\xa9", 3);
	add_user("c1", "ada", ROLE_CEO);
	add_user("u1", "bob", ROLE_OBSERVER);
	add_session("s1", "u1", 10, 100);
	OK(ASK(store_user_delete, .user_id = "u1", .audit = &note));
	assert_int_equal(audited()->entries_count, 1);
	(void)snprintf(left, sizeof(left), "%.127s sessions=1 s1", detail);
	assert_string_equal(audited()->entries[0].detail, left);
}

static void
test_keys_have_a_bound_and_an_owner(void **state)
{
	const struct store_key_page *page;

	(void)state;
	add_user("u1", "bob", ROLE_OBSERVER);
	IS(NOT_FOUND, add_key("k0", "nobody", 2));
	OK(add_key("k2", "u1", 2));
	OK(add_key("k1", "u1", 2));
	IS(FULL, add_key("k3", "u1", 2));
	IS(EXISTS, add_key("k1", "u1", 9));
	OK(ASK(store_key_list, .user_id = "u1", .after = "", .limit = 9));
	page = REPLY_IS(store_key_page);
	assert_int_equal(page->api_keys_count, 2);
	assert_string_equal(page->api_keys[0].key_id, "k1");
	OK(ASK(store_key_list, .after = "k1", .limit = 9));
	assert_int_equal(REPLY_IS(store_key_page)->api_keys_count, 1);
	IS(NOT_FOUND,
	    ASK(store_key_delete, .key_id = "k1", .user_id = "other"));
	OK(ASK(store_key_delete, .key_id = "k1", .user_id = "u1"));
	IS(NOT_FOUND, ASK(store_key_delete, .key_id = "k1"));
}

/* D-36: debounced, never back, never past the end. */
static void
test_activity_moves_once_in_a_while(void **state)
{
	const struct sighting seen[] = { { .id = "s1", .at = 50 },
		{ .id = "s2", .at = 50 } };
	const struct sighting late[] = { { .id = "s1", .at = 500 } };

	(void)state;
	add_session("s1", "u1", 10, 100);
	OK(ASK(store_session_touch, .seen = seen, .seen_count = 2,
	    .least_us = 41));
	OK(ASK(store_session_get, .session_id = "s1"));
	assert_int_equal(
	    REPLY_IS(store_session_found)->session->last_active_at, 10);
	OK(ASK(store_session_touch, .seen = seen, .seen_count = 2));
	assert_int_equal(REPLY_IS(store_session_touched)->missing, 1);
	OK(ASK(store_session_touch, .seen = late, .seen_count = 1));
	OK(ASK(store_session_touch, .seen = seen, .seen_count = 2));
	OK(ASK(store_session_get, .session_id = "s1"));
	assert_int_equal(
	    REPLY_IS(store_session_found)->session->last_active_at, 100);
	assert_int_equal(asker_count(TABLE_SESSIONS_BY_ACTIVE), 1);
}

static void
test_idle_sessions_are_revoked_longest_first(void **state)
{
	struct audit_note note = { .at = 60,
		.by = { .user_id = "system",
		    .username = "",
		    .session_id = "",
		    .address = "",
		    .user_agent = "" },
		.action = "session.idle",
		.target = "",
		.detail = "" };
	const struct store_revocations *r;

	(void)state;
	add_session("s1", "u1", 20, 100);
	add_session("s2", "u1", 10, 100);
	add_session("s3", "u1", 50, 100);
	add_session("s4", "u1", 5, 30);
	OK(ASK(store_session_idle, .before = 50, .now = 60, .limit = 1,
	    .audit = note));
	r = REPLY_IS(store_revocations);
	assert_int_equal(r->revoked_count, 1);
	assert_string_equal(r->revoked[0].session_id, "s2");
	assert_true(r->more);
	OK(ASK(store_session_idle, .before = 50, .now = 60, .limit = 9,
	    .audit = note));
	r = REPLY_IS(store_revocations);
	assert_int_equal(r->revoked_count, 1);
	assert_string_equal(r->revoked[0].session_id, "s1");
	assert_false(r->more);
	assert_int_equal(asker_count(TABLE_TOMBSTONES), 2);
	assert_int_equal(asker_count(TABLE_AUDIT), 2);
}

/* ---- what a change ended, for the audit log ---- */

static void
test_sessions_that_a_password_ends_are_named(void **state)
{
	struct audit_note note = note_of("user.password", "by a ceo");

	(void)state;
	add_user("u", "ada", ROLE_OBSERVER);
	add_session("aaaaaaaa11111111", "u", 10, 1000);
	add_session("bbbbbbbb11111111", "u", 20, 1000);
	OK(ASK(store_user_change, .user_id = "u", .now = 9,
	    .password_hash = "other", .audit = &note));
	assert_int_equal(audited()->entries_count, 1);
	assert_string_equal(audited()->entries[0].detail,
	    "by a ceo sessions=2 bbbbbbbb aaaaaaaa");
	assert_int_equal(audited()->entries[0].times, 1);
	note.detail = "";
	OK(ASK(store_user_change, .user_id = "u", .now = 9,
	    .password_hash = "third", .audit = &note));
	assert_string_equal(audited()->entries[0].detail, "");
}

static void
test_sessions_that_go_with_an_account_are_named(void **state)
{
	struct audit_note note = note_of("user.delete", "");

	(void)state;
	add_user("c", "max", ROLE_CEO);
	add_user("u", "ada", ROLE_OBSERVER);
	add_session("aaaaaaaa11111111", "u", 10, 1000);
	OK(ASK(store_user_delete, .user_id = "u", .audit = &note));
	assert_string_equal(
	    audited()->entries[0].detail, "sessions=1 aaaaaaaa");
}

/* All of them, in as many entries as that takes. */
static void
test_many_sessions_are_all_named(void **state)
{
	struct audit_note note = note_of("session.revoke_all", "");
	const struct store_audit_page *page;
	size_t named = 0;
	char id[33];

	(void)state;
	add_user("u", "ada", ROLE_OBSERVER);
	for (int i = 0; i < 100; i++) {
		(void)snprintf(id, sizeof(id), "%08x0000", i + 1);
		add_session(id, "u", 10, 1000);
	}
	OK(ASK(store_session_revoke_user, .user_id = "u", .now = 20,
	    .audit = &note));
	page = audited();
	assert_int_equal(page->entries_count, 4);
	assert_non_null(strstr(page->entries[3].detail, "sessions=100 "));
	for (uint32_t e = 0; e < page->entries_count; e++) {
		assert_string_equal(page->entries[e].target, "u");
		for (int i = 0; i < 100; i++) {
			(void)snprintf(id, sizeof(id), " %08x", i + 1);
			named += strstr(page->entries[e].detail, id) != NULL;
		}
	}
	assert_int_equal(named, 100);
}

/* ---- networks that somebody logged in from ---- */

static void
log_in_from(const char *id, const char *user, const char *network, int64_t at)
{
	struct session s = a_session(id, user, at, at + 1000);

	OK(ASK(store_session_create, .session = s, .network = network));
}

/* 0: it is not known. */
static int64_t
known_at(const char *username, const char *network)
{
	const struct store_user_found *found;

	OK(ASK(store_user_find, .username = username, .network = network));
	found = REPLY_IS(store_user_found);
	return found->has_known_at ? found->known_at : 0;
}

static void
test_networks_are_known_of_each_user_by_himself(void **state)
{
	(void)state;
	add_user("u", "ada", ROLE_OBSERVER);
	add_user("v", "bob", ROLE_OBSERVER);
	assert_int_equal(known_at("ada", "192.0.2.1"), 0);
	log_in_from("s1", "u", "192.0.2.1", 10);
	log_in_from("s2", "u", "192.0.2.1", 30);
	assert_int_equal(known_at("ada", "192.0.2.1"), 30);
	assert_int_equal(known_at("ada", "192.0.2.2"), 0);
	assert_int_equal(known_at("bob", "192.0.2.1"), 0);
	assert_int_equal(known_at("nobody", "192.0.2.1"), 0);
}

static void
test_the_network_longest_unused_makes_room(void **state)
{
	char id[16], network[32];

	(void)state;
	add_user("u", "ada", ROLE_OBSERVER);
	for (int i = 0; i < 8; i++) {
		(void)snprintf(id, sizeof(id), "s%d", i);
		(void)snprintf(network, sizeof(network), "192.0.2.%d", i);
		log_in_from(id, "u", network, 10 + i);
	}
	log_in_from("again", "u", "192.0.2.0", 50);
	assert_int_equal(known_at("ada", "192.0.2.1"), 11);
	log_in_from("new", "u", "192.0.2.99", 60);
	assert_int_equal(known_at("ada", "192.0.2.1"), 0);
	assert_int_equal(known_at("ada", "192.0.2.0"), 50);
	assert_int_equal(known_at("ada", "192.0.2.99"), 60);
}

static void
test_networks_go_with_their_user(void **state)
{
	(void)state;
	add_user("c", "max", ROLE_CEO);
	add_user("u", "ada", ROLE_OBSERVER);
	log_in_from("s1", "u", "192.0.2.1", 10);
	OK(ASK(store_user_delete, .user_id = "u"));
	add_user("u", "ada", ROLE_OBSERVER);
	assert_int_equal(known_at("ada", "192.0.2.1"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ASKED(test_sessions_that_a_password_ends_are_named),
		ASKED(test_sessions_that_go_with_an_account_are_named),
		ASKED(test_many_sessions_are_all_named),
		ASKED(test_networks_are_known_of_each_user_by_himself),
		ASKED(test_the_network_longest_unused_makes_room),
		ASKED(test_networks_go_with_their_user),
		ASKED(test_the_last_ceo_stays),
		ASKED(test_a_change_moves_its_time_and_checks_the_hash),
		ASKED(test_a_deleted_user_leaves_tombstones_alone),
		ASKED(test_a_long_note_of_ended_sessions_is_cut),
		ASKED(test_keys_have_a_bound_and_an_owner),
		ASKED(test_activity_moves_once_in_a_while),
		ASKED(test_idle_sessions_are_revoked_longest_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
