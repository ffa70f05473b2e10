/* Who is online: sessions 2.5.8, P-1 to P-5; scenarios 56 and 57. */
#include "actors/presence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct presence *
presence_create(void)
{
	struct presence *p = malloc(sizeof(*p));

	presence_init(p, 1, NULL, NULL);
	return p;
}

static void
presence_destroy(struct presence *p)
{
	presence_fini(p);
	free(p);
}

/* Scenario 56; P-1, P-2, P-3, P-4 */
static void
test_two_tabs_are_one_user_twice(void **state)
{
	struct presence *p = presence_create();
	uint32_t count = 0;

	(void)state;
	assert_false(presence_is_online(p, "u1"));
	assert_int_equal(presence_up(p, 0, 1, "u1", &count), ST_OK);
	assert_int_equal(presence_up(p, 1, 1, "u1", &count), ST_OK);
	assert_int_equal(count, 2);
	assert_int_equal(presence_count(p, "u1"), 2);
	assert_int_equal(presence_down(p, 0, 1, "u1", &count), ST_OK);
	assert_int_equal(count, 1);
	assert_true(presence_is_online(p, "u1"));
	assert_int_equal(presence_down(p, 1, 1, "u1", &count), ST_OK);
	assert_int_equal(count, 0);
	assert_false(presence_is_online(p, "u1"));
	assert_int_equal(presence_count(p, "u1"), 0);
	assert_int_equal(p->users.used, 0);
	presence_destroy(p);
}

/* Scenario 57; P-2 */
static void
test_going_without_having_come_changes_nothing(void **state)
{
	struct presence *p = presence_create();
	uint32_t count = 42;

	(void)state;
	assert_int_equal(presence_down(p, 0, 1, "u1", &count), ST_NOT_FOUND);
	assert_int_equal(count, 42);
	assert_int_equal(presence_up(p, 0, 1, "u1", &count), ST_OK);
	assert_int_equal(presence_up(p, 0, 1, "u1", &count), ST_EXISTS);
	assert_int_equal(presence_down(p, 0, 1, "u2", &count), ST_NOT_FOUND);
	assert_int_equal(presence_down(p, 1, 1, "u1", &count), ST_NOT_FOUND);
	assert_int_equal(presence_down(p, 0, 2, "u1", &count), ST_NOT_FOUND);
	assert_int_equal(presence_count(p, "u1"), 1);
	presence_destroy(p);
}

static void
test_blank_and_overlong_ids_are_refused(void **state)
{
	struct presence *p = presence_create();
	char id[ID_MAX + 2];
	uint32_t count;

	(void)state;
	assert_int_equal(presence_up(p, 0, 1, "", &count), ST_INVALID);
	assert_int_equal(presence_up(p, 0, 1, " \t", &count), ST_INVALID);
	memset(id, 'x', sizeof(id));
	id[ID_MAX + 1] = '\0';
	assert_int_equal(presence_up(p, 0, 1, id, &count), ST_INVALID);
	id[ID_MAX] = '\0';
	assert_int_equal(presence_up(p, 0, 1, id, &count), ST_OK);
	assert_int_equal(presence_count(p, id), 1);
	presence_destroy(p);
}

/* P-5 */
static void
test_list_of_users_is_a_copy(void **state)
{
	struct presence *p = presence_create();
	struct present users[4];
	uint32_t count;

	(void)state;
	assert_int_equal(presence_up(p, 0, 1, "u2", &count), ST_OK);
	assert_int_equal(presence_up(p, 0, 2, "u1", &count), ST_OK);
	assert_int_equal(presence_up(p, 0, 3, "u2", &count), ST_OK);
	assert_int_equal(presence_after(p, "", users, 4), 2);
	assert_string_equal(users[0].user_id, "u1");
	assert_string_equal(users[1].user_id, "u2");
	assert_int_equal(users[1].sockets, 2);
	memset(users, 0, sizeof(users));
	assert_true(presence_is_online(p, "u1"));
	assert_int_equal(presence_count(p, "u2"), 2);
	presence_destroy(p);
}

static void
test_list_goes_on_after_an_id(void **state)
{
	struct presence *p = presence_create();
	struct present users[2];
	char id[8];
	uint32_t count;

	(void)state;
	for (uint32_t i = 0; i < 5; i++) {
		snprintf(id, sizeof(id), "u%u", (unsigned)(7 * i % 5));
		assert_int_equal(presence_up(p, 0, i, id, &count), ST_OK);
	}
	assert_int_equal(presence_online(p), 5);
	assert_int_equal(presence_after(p, "", users, 2), 2);
	assert_string_equal(users[1].user_id, "u1");
	assert_int_equal(presence_after(p, "u1", users, 2), 2);
	assert_string_equal(users[0].user_id, "u2");
	assert_int_equal(presence_after(p, "u3", users, 2), 1);
	assert_string_equal(users[0].user_id, "u4");
	assert_int_equal(presence_after(p, "u4", users, 2), 0);
	presence_destroy(p);
}

static void
note_gone(void *ctx, const char *user_id, uint32_t count)
{
	uint32_t *sum = ctx;

	assert_int_equal(user_id[0], 'u');
	*sum += 10 + count;
}

static void
test_sockets_of_a_gateway_go_all_at_once(void **state)
{
	struct presence *p = presence_create();
	uint32_t count, sum = 0;

	(void)state;
	assert_int_equal(presence_up(p, 0, 1, "u1", &count), ST_OK);
	assert_int_equal(presence_up(p, 0, 2, "u1", &count), ST_OK);
	assert_int_equal(presence_up(p, 1, 1, "u1", &count), ST_OK);
	assert_int_equal(presence_up(p, 0, 3, "u2", &count), ST_OK);
	assert_int_equal(presence_drop_gateway(p, 0, note_gone, &sum), 3);
	assert_int_equal(sum, 30 + 2 + 1 + 0);
	assert_int_equal(presence_count(p, "u1"), 1);
	assert_false(presence_is_online(p, "u2"));
	assert_int_equal(presence_drop_gateway(p, 0, note_gone, &sum), 0);
	presence_destroy(p);
}

/* Who has moved, one character each: + and -, and the last of their id. */
static void
note_moved(void *ctx, const char *channel, const char *user_id, bool joined)
{
	char *said = ctx;
	size_t size = strlen(said);

	assert_string_equal(channel, "room");
	said[size] = joined ? '+' : '-';
	said[size + 1] = user_id[strlen(user_id) - 1];
	said[size + 2] = '\0';
}

static void
set_channels(
    struct presence *p, uint64_t socket, const char *user_id, uint32_t count)
{
	static const char *const channels[] = { "room" };

	assert_int_equal(
	    presence_set_channels(p, 0, socket, user_id, channels, count),
	    ST_OK);
}

static void
test_users_are_counted_on_each_channel(void **state)
{
	struct presence *p = malloc(sizeof(*p));
	struct present users[2];
	char said[32] = "";
	uint32_t count;

	(void)state;
	presence_init(p, 1, note_moved, said);
	assert_int_equal(presence_up(p, 0, 1, "u1", &count), ST_OK);
	assert_int_equal(presence_up(p, 0, 2, "u1", &count), ST_OK);
	assert_int_equal(presence_up(p, 0, 3, "u2", &count), ST_OK);
	set_channels(p, 1, "u1", 1);
	set_channels(p, 1, "u1", 1); /* told again */
	set_channels(p, 2, "u1", 1);
	set_channels(p, 3, "u2", 1);
	assert_string_equal(said, "+1+2");
	assert_int_equal(presence_count_on(p, "room", "u1"), 2);
	assert_int_equal(presence_online_on(p, "room"), 2);
	assert_int_equal(presence_after_on(p, "room", "u1", users, 2), 1);
	assert_string_equal(users[0].user_id, "u2");
	assert_int_equal(presence_down(p, 0, 1, "u1", &count), ST_OK);
	set_channels(p, 2, "u1", 0);
	assert_string_equal(said, "+1+2-1");
	assert_int_equal(presence_drop_gateway(p, 0, note_gone, &count), 2);
	assert_string_equal(said, "+1+2-1-2");
	assert_int_equal(presence_online_on(p, "room"), 0);
	assert_int_equal(p->channels.used + p->members.used, 0);
	presence_destroy(p);
}

static void
test_channels_of_a_socket_that_is_not_there(void **state)
{
	static const char *const channels[] = { "room" };
	struct presence *p = presence_create();
	uint32_t count;

	(void)state;
	assert_int_equal(
	    presence_set_channels(p, 0, 1, "u1", channels, 1), ST_NOT_FOUND);
	assert_int_equal(presence_up(p, 0, 1, "u1", &count), ST_OK);
	assert_int_equal(
	    presence_set_channels(p, 0, 1, "u2", channels, 1), ST_NOT_FOUND);
	assert_int_equal(
	    presence_set_channels(p, 1, 1, "u1", channels, 1), ST_NOT_FOUND);
	assert_int_equal(presence_online_on(p, "room"), 0);
	presence_destroy(p);
}

/* A user on each of them is all there is room for. */
static void
test_channels_are_bounded(void **state)
{
	static char names[64][CHANNEL_MAX + 1];
	const char *channels[64];
	struct presence *p = presence_create();
	uint32_t count, socket = 0;

	(void)state;
	for (; socket <= PRESENCE_CHANNELS_MAX / 64; socket++) {
		for (uint32_t i = 0; i < 64; i++) {
			snprintf(names[i], sizeof(names[i]), "project:%u.%u",
			    (unsigned)socket, (unsigned)i);
			channels[i] = names[i];
		}
		assert_int_equal(
		    presence_up(p, 0, socket, "u1", &count), ST_OK);
		if (presence_set_channels(p, 0, socket, "u1", channels, 64) !=
		    ST_OK)
			break;
	}
	assert_int_equal(socket, PRESENCE_CHANNELS_MAX / 64);
	assert_int_equal(presence_online_on(p, "project:0.63"), 1);
	assert_int_equal(presence_online_on(p, channels[0]), 0);
	presence_destroy(p);
}

static void
test_sockets_are_bounded(void **state)
{
	struct presence *p = presence_create();
	uint32_t count;

	(void)state;
	for (uint64_t i = 0; i < PRESENCE_SOCKETS_MAX; i++)
		assert_int_equal(presence_up(p, 0, i, "u1", &count), ST_OK);
	assert_int_equal(
	    presence_up(p, 0, PRESENCE_SOCKETS_MAX, "u1", &count), ST_FULL);
	assert_int_equal(
	    presence_up(p, 0, PRESENCE_SOCKETS_MAX, "u2", &count), ST_FULL);
	assert_false(presence_is_online(p, "u2"));
	assert_int_equal(presence_count(p, "u1"), PRESENCE_SOCKETS_MAX);
	presence_destroy(p);
}

#define RUN(test) cmocka_unit_test(test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_two_tabs_are_one_user_twice),
		RUN(test_going_without_having_come_changes_nothing),
		RUN(test_blank_and_overlong_ids_are_refused),
		RUN(test_list_of_users_is_a_copy),
		RUN(test_list_goes_on_after_an_id),
		RUN(test_sockets_of_a_gateway_go_all_at_once),
		RUN(test_users_are_counted_on_each_channel),
		RUN(test_channels_of_a_socket_that_is_not_there),
		RUN(test_channels_are_bounded),
		RUN(test_sockets_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
