/* Names of channels, and who may hear them: sessions 1.8 and 2.5.5. */
#include "protocols/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Scenario 51; D-46 */
static void
test_blank_id_makes_no_channel(void **state)
{
	char name[CHANNEL_MAX + 1] = "untouched";

	(void)state;
	assert_int_equal(channel_of_user("", name), ST_INVALID);
	assert_int_equal(channel_of_user(" \t", name), ST_INVALID);
	assert_string_equal(name, "untouched");
	assert_null(channel_user("user:"));
	assert_null(channel_user("user: "));
	assert_false(channel_is_valid("user:"));
	assert_false(channel_is_valid(""));
}

static void
test_name_of_a_user_goes_there_and_back(void **state)
{
	char id[CHANNEL_MAX + 1], name[CHANNEL_MAX + 1];

	(void)state;
	assert_int_equal(channel_of_user("ada", name), ST_OK);
	assert_string_equal(name, "user:ada");
	assert_string_equal(channel_user(name), "ada");
	memset(id, 'x', sizeof(id));
	id[CHANNEL_MAX - 5] = '\0';
	assert_int_equal(channel_of_user(id, name), ST_OK);
	id[CHANNEL_MAX - 5] = 'x';
	id[CHANNEL_MAX - 4] = '\0';
	assert_int_equal(channel_of_user(id, name), ST_FULL);
}

static void
test_shared_channels_are_a_closed_list(void **state)
{
	(void)state;
	assert_true(channel_is_valid("tasks"));
	assert_true(channel_is_valid("#ratelimit"));
	assert_false(channel_is_valid("Tasks"));
	assert_false(channel_is_valid("task"));
	assert_false(channel_is_valid("nonsense"));
	assert_false(channel_is_shared("user:ada"));
}

/* Scenarios 46, 47, 48; SEC-9 */
static void
test_private_and_restricted_channels_are_kept(void **state)
{
	(void)state;
	assert_true(channel_is_allowed("user:u1", "u1", ROLE_OBSERVER));
	assert_false(channel_is_allowed("user:u1", "c", ROLE_CEO));
	assert_false(channel_is_allowed("user:", "", ROLE_CEO));
	for (int role = ROLE_CEO; role <= ROLE_SYSTEM; role++) {
		bool most = role == ROLE_CEO || role == ROLE_MANAGER;
		bool reads = role != ROLE_SYSTEM;

		assert_int_equal(
		    channel_is_allowed("budget", "u", (enum role)role), most);
		assert_int_equal(
		    channel_is_allowed("#webhooks", "u", (enum role)role),
		    most);
		assert_int_equal(
		    channel_is_allowed("#ratelimit", "u", (enum role)role),
		    most);
		assert_int_equal(
		    channel_is_allowed("tasks", "u", (enum role)role), reads);
		assert_false(
		    channel_is_allowed("nonsense", "u", (enum role)role));
	}
}

#define RUN(test) cmocka_unit_test(test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_blank_id_makes_no_channel),
		RUN(test_name_of_a_user_goes_there_and_back),
		RUN(test_shared_channels_are_a_closed_list),
		RUN(test_private_and_restricted_channels_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
