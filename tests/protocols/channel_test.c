/* Who may hear what.  Numbers are those of the scenarios. */
#include "protocols/channel.h"

#include "tests/gateway/check.h"

static struct channel_ref
ref(const char *name)
{
	return channel_parse(text(name));
}

static bool
allows(const struct channel_ref *c, enum role role, const char *user_id)
{
	struct hearer who = { role, user_id, "s1", CHANNEL_ROLES_WRITE };

	return channel_allows(c, &who);
}

static void
test_names_are_the_closed_list(void **state)
{
	static const char *const unknown[] = { "", "TASKS", "tasks ", "task",
		"nonsense", "user", "#budget" };

	(void)state;
	for (uint32_t c = 0; c < CHANNELS_SHARED; c++) {
		struct channel_ref r = ref(channel_name((enum channel)c));

		assert_int_equal(r.kind, CHANNEL_SHARED);
		assert_int_equal(r.shared, c);
	}
	for (size_t i = 0; i < COUNT(unknown); i++)
		assert_int_equal(ref(unknown[i]).kind, CHANNEL_UNKNOWN);
}

static void
test_51_blank_owner_is_no_channel(void **state)
{
	char name[CHANNEL_MAX + 1];

	(void)state;
	assert_int_equal(ref("user:").kind, CHANNEL_UNKNOWN);
	assert_int_equal(ref("user: \t").kind, CHANNEL_UNKNOWN);
	assert_int_equal(channel_private_name("", name), ST_INVALID);
	assert_int_equal(channel_private_name(" ", name), ST_INVALID);
	assert_int_equal(channel_private_name(NULL, name), ST_INVALID);
	assert_int_equal(channel_private_name("u1", name), ST_OK);
	assert_string_equal(name, "user:u1");
	assert_true(is(ref(name).owner, "u1"));
}

static void
test_51_owner_is_bounded(void **state)
{
	char id[ID_MAX + 2], name[CHANNEL_MAX + 1];

	(void)state;
	memset(id, 'x', sizeof(id));
	id[ID_MAX + 1] = '\0';
	assert_int_equal(channel_private_name(id, name), ST_FULL);
	id[ID_MAX] = '\0';
	assert_int_equal(channel_private_name(id, name), ST_OK);
	assert_int_equal(ref(name).kind, CHANNEL_PRIVATE);
}

static void
test_47_private_is_for_its_owner_alone(void **state)
{
	struct channel_ref r = ref("user:u1");

	(void)state;
	assert_true(allows(&r, ROLE_OBSERVER, "u1"));
	assert_false(allows(&r, ROLE_OBSERVER, "u"));
	assert_false(allows(&r, ROLE_OBSERVER, "u11"));
	assert_false(allows(&r, ROLE_CEO, "c"));
	assert_false(allows(&r, ROLE_SYSTEM, "u1"));
}

static void
test_a_session_hears_its_own_alone(void **state)
{
	struct channel_ref own = ref("session:s1"), other = ref("session:s2");

	(void)state;
	assert_int_equal(ref("session:").kind, CHANNEL_UNKNOWN);
	assert_true(allows(&own, ROLE_OBSERVER, "u1"));
	assert_false(allows(&other, ROLE_CEO, "u1"));
	assert_false(allows(&own, ROLE_SYSTEM, "u1"));
}

static void
test_projects_are_for_the_roles_of_the_setting(void **state)
{
	struct channel_ref p = ref("project:apollo");

	(void)state;
	assert_int_equal(ref("project: ").kind, CHANNEL_UNKNOWN);
	assert_true(allows(&p, ROLE_PAIR_PROGRAMMER, "x"));
	assert_false(allows(&p, ROLE_OBSERVER, "x"));
	assert_int_equal(channel_roles_of("steer"), CHANNEL_ROLES_STEER);
	assert_false(
	    channel_role_is_in(ROLE_PAIR_PROGRAMMER, CHANNEL_ROLES_STEER));
	assert_false(channel_role_is_in(ROLE_MANAGER, CHANNEL_ROLES_CEO));
}

static void
test_who_may_tell(void **state)
{
	struct channel_ref tasks = ref("tasks"), budget = ref("budget");
	struct channel_ref own = ref("user:u1"), p = ref("project:p");

	(void)state;
	assert_true(channel_may_tell(&tasks, ROLE_PAIR_PROGRAMMER));
	assert_false(channel_may_tell(&tasks, ROLE_OBSERVER));
	assert_false(channel_may_tell(&budget, ROLE_PAIR_PROGRAMMER));
	assert_true(channel_may_tell(&budget, ROLE_MANAGER));
	assert_false(channel_may_tell(&own, ROLE_PAIR_PROGRAMMER));
	assert_true(channel_may_tell(&p, ROLE_PAIR_PROGRAMMER));
}

static void
test_48_restricted_are_for_those_who_steer(void **state)
{
	static const char *const restricted[] = { "budget", "#webhooks",
		"#ratelimit" };

	(void)state;
	for (size_t i = 0; i < COUNT(restricted); i++) {
		struct channel_ref r = ref(restricted[i]);

		assert_true(allows(&r, ROLE_CEO, "x"));
		assert_true(allows(&r, ROLE_MANAGER, "x"));
		assert_false(allows(&r, ROLE_PAIR_PROGRAMMER, "x"));
		assert_false(allows(&r, ROLE_BOARD_MEMBER, "x"));
		assert_false(allows(&r, ROLE_OBSERVER, "x"));
		assert_false(allows(&r, ROLE_SYSTEM, "x"));
	}
}

static void
test_others_are_for_all_who_read(void **state)
{
	struct channel_ref tasks = ref("tasks");
	struct channel_ref none = ref("nonsense");

	(void)state;
	for (uint32_t role = ROLE_CEO; role < ROLE_SYSTEM; role++) {
		assert_true(allows(&tasks, (enum role)role, "x"));
		assert_false(allows(&none, (enum role)role, "x"));
	}
	assert_false(allows(&tasks, ROLE_SYSTEM, "x"));
	assert_false(allows(&tasks, (enum role)99, "x"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_names_are_the_closed_list),
		RUN(test_51_blank_owner_is_no_channel),
		RUN(test_51_owner_is_bounded),
		RUN(test_47_private_is_for_its_owner_alone),
		RUN(test_a_session_hears_its_own_alone),
		RUN(test_projects_are_for_the_roles_of_the_setting),
		RUN(test_who_may_tell),
		RUN(test_48_restricted_are_for_those_who_steer),
		RUN(test_others_are_for_all_who_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
