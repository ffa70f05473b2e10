#include "tests/store/asker.h"

static struct user
user_of(const char *id, const char *name)
{
	return (struct user){ .user_id = id,
		.username = name,
		.role = ROLE_MANAGER,
		.password_hash = "hash",
		.created_at = 5,
		.updated_at = 6 };
}

static enum status
create(const char *id, const char *name)
{
	return ASK(store_user_create, .user = user_of(id, name));
}

static const struct user *
find_name(const char *name)
{
	OK(ASK(store_user_find, .username = name));
	return REPLY_IS(store_user_found)->user;
}

static void
test_user_is_found_by_id_and_by_name(void **state)
{
	const struct user *u;

	(void)state;
	OK(create("u1", "ada"));
	(void)REPLY_IS(done);
	u = find_name("ada");
	assert_string_equal(u->user_id, "u1");
	assert_string_equal(u->password_hash, "hash");
	assert_int_equal(u->role, ROLE_MANAGER);
	assert_int_equal(u->updated_at, 6);
	OK(ASK(store_user_find, .user_id = "u1"));
	assert_string_equal(REPLY_IS(store_user_found)->user->username, "ada");
	assert_null(find_name("Ada"));
	OK(ASK(store_user_find, .user_id = "ada"));
	assert_null(REPLY_IS(store_user_found)->user);
}

static void
test_names_and_ids_are_taken_once(void **state)
{
	(void)state;
	OK(create("u1", "ada"));
	IS(EXISTS, create("u1", "bob"));
	IS(EXISTS, create("u2", "ada"));
	assert_null(find_name("bob"));
	assert_int_equal(asker_count(TABLE_USERS), 1);
	assert_int_equal(asker_count(TABLE_USERS_BY_NAME), 1);
}

static void
test_first_user_is_the_first(void **state)
{
	(void)state;
	OK(ASK(store_user_create, .user = user_of("u1", "ada"), .first = true));
	IS(CONFLICT, ASK(store_user_create, .user = user_of("u2", "bob"),
			 .first = true));
	OK(create("u2", "bob"));
}

static void
test_list_goes_page_by_page(void **state)
{
	const struct store_user_page *page;

	(void)state;
	OK(create("b", "1"));
	OK(create("a", "2"));
	OK(create("ab", "3"));
	OK(ASK(store_user_list, .after = "", .limit = 2));
	page = REPLY_IS(store_user_page);
	assert_int_equal(page->users_count, 2);
	assert_string_equal(page->users[0].user_id, "a");
	assert_string_equal(page->users[1].user_id, "ab");
	assert_true(page->more);
	OK(ASK(store_user_list, .after = "ab", .limit = 2));
	page = REPLY_IS(store_user_page);
	assert_int_equal(page->users_count, 1);
	assert_string_equal(page->users[0].user_id, "b");
	assert_false(page->more);
	IS(INVALID, ASK(store_user_list, .after = ""));
}

/* P-29 */
static void
test_blank_names_are_refused(void **state)
{
	(void)state;
	IS(INVALID, create("", "ada"));
	IS(INVALID, create(" \t", "ada"));
	IS(INVALID, create("u1", "  "));
	IS(INVALID, ASK(store_user_find, .username = " "));
	IS(INVALID, ASK(store_user_find, .user_id = ""));
	IS(INVALID, ASK(store_user_find, .user_id = NULL));
	IS(INVALID, ASK(store_user_find, .user_id = "u", .username = "n"));
	assert_int_equal(asker_count(TABLE_USERS), 0);
}

static void
test_damaged_row_is_named_and_others_are_read(void **state)
{
	(void)state;
	OK(create("u1", "ada"));
	OK(create("u2", "bob"));
	asker_damage(TABLE_USERS, "u1");
	IS(CORRUPT, ASK(store_user_find, .username = "ada"));
	assert_string_equal(asker.why, "users/u1");
	IS(CORRUPT, ASK(store_user_list, .after = "", .limit = 9));
	assert_string_equal(find_name("bob")->user_id, "u2");
	fixture_put(asker.f, TABLE_USERS_BY_NAME, "ghost", "u3");
	IS(CORRUPT, ASK(store_user_find, .username = "ghost"));
	assert_string_equal(asker.why, "users_by_name/ghost");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ASKED(test_user_is_found_by_id_and_by_name),
		ASKED(test_names_and_ids_are_taken_once),
		ASKED(test_first_user_is_the_first),
		ASKED(test_list_goes_page_by_page),
		ASKED(test_blank_names_are_refused),
		ASKED(test_damaged_row_is_named_and_others_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
