/* Refusals that repeat: what is the same, what is not, and the bound. */
#include "runtime/tally.h"

#include <stdio.h>
#include <string.h>

#include "tests/check.h"

static struct tally t;

static struct audit_note
note_of(const char *address, const char *action, const char *detail)
{
	return (struct audit_note){ .at = 7,
		.by = { .user_id = "u", .username = "ada", .address = address },
		.action = action,
		.target = "x",
		.result = AUDIT_REFUSED,
		.detail = detail };
}

static struct tally_entry *
put(const char *address, const char *action, const char *detail)
{
	struct audit_note note = note_of(address, action, detail);
	struct tally_entry *e = tally_find(&t, &note);

	if (e != NULL)
		tally_count(e, &note);
	return e != NULL ? e : tally_put(&t, &note);
}

static void
test_the_same_is_counted(void **state)
{
	struct tally_entry *e;

	(void)state;
	memset(&t, 0, sizeof(t));
	for (int i = 0; i < 5; i++)
		e = put("192.0.2.1", "access.role", "role");
	assert_int_equal(t.count, 1);
	assert_int_equal(e->note.times, 5);
	assert_ptr_equal(put("::ffff:192.0.2.1", "access.role", "role"), e);
	(void)put("2001:db8::1", "access.role", "role");
	(void)put("2001:db8::2:1", "access.role", "role");
	assert_int_equal(t.count, 2);
}

/* Of everything that tells one from another, where it ends included. */
static void
test_what_differs_is_another(void **state)
{
	struct audit_note note = note_of("192.0.2.1", "a", "b");

	(void)state;
	memset(&t, 0, sizeof(t));
	(void)put("192.0.2.1", "a", "b");
	(void)put("192.0.2.2", "a", "b");
	(void)put("192.0.2.1", "b", "a");
	(void)put("192.0.2.1", "ax", "b");
	(void)put("192.0.2.1", "a", "xb");
	assert_int_equal(t.count, 5);
	note.target = "y";
	assert_null(tally_find(&t, &note));
	note.target = "x";
	note.by.user_id = "v";
	assert_null(tally_find(&t, &note));
	note.by.user_id = "u";
	note.result = AUDIT_FAILED;
	assert_null(tally_find(&t, &note));
	note.result = AUDIT_REFUSED;
	note.at = 8;
	assert_non_null(tally_find(&t, &note));
}

/* A stolen key is not the owner's log-in, nor one session another. */
static void
test_another_way_in_is_another(void **state)
{
	struct audit_note note = note_of("192.0.2.1", "a", "b");

	(void)state;
	memset(&t, 0, sizeof(t));
	note.by.method = AUTH_JWT;
	note.by.session_id = "11111111";
	assert_non_null(tally_put(&t, &note));
	assert_non_null(tally_find(&t, &note));
	note.by.session_id = "22222222";
	assert_null(tally_find(&t, &note));
	note.by.session_id = "11111111";
	note.by.method = AUTH_API_KEY;
	assert_null(tally_find(&t, &note));
	note.by.session_id = "";
	note.by.key_id = "33333333aaaaaaaa";
	assert_non_null(tally_put(&t, &note));
	note.by.key_id = "44444444aaaaaaaa";
	assert_null(tally_find(&t, &note));
	note.by.key_id = "33333333aaaaaaaa";
	assert_string_equal(tally_find(&t, &note)->note.session, "33333333");
	note.by.key_id = NULL;
	note.by.session_id = "11111111";
	note.by.method = AUTH_NONE;
	assert_null(tally_find(&t, &note));
}

/* What nobody proved: a session is named while there is but one. */
static void
test_nobodys_sessions_are_one_entry(void **state)
{
	struct audit_note note = note_of("192.0.2.1", "a", "b");
	struct tally_entry *e;

	(void)state;
	memset(&t, 0, sizeof(t));
	note.by.session_id = "11111111";
	e = tally_put(&t, &note);
	tally_count(e, &note);
	assert_string_equal(e->note.session, "11111111");
	note.by.session_id = "22222222";
	assert_ptr_equal(tally_find(&t, &note), e);
	tally_count(e, &note);
	assert_string_equal(e->note.session, "");
	note.by.session_id = "11111111";
	assert_ptr_equal(tally_find(&t, &note), e);
	tally_count(e, &note);
	assert_string_equal(e->note.session, "");
	assert_int_equal(e->note.times, 4);
}

static void
test_the_bound_and_one_past_it(void **state)
{
	char detail[16];

	(void)state;
	memset(&t, 0, sizeof(t));
	for (int i = 0; i < TALLY_MAX; i++) {
		(void)snprintf(detail, sizeof(detail), "%d", i);
		assert_non_null(put("192.0.2.1", "a", detail));
	}
	assert_null(put("192.0.2.1", "a", "more"));
	assert_int_equal(put("192.0.2.1", "a", "0")->note.times, 2);
	tally_drop(&t, put("192.0.2.1", "a", "5"));
	assert_int_equal(t.count, TALLY_MAX - 1);
	assert_int_equal(put("192.0.2.1", "a", "63")->note.times, 2);
	assert_non_null(put("192.0.2.1", "a", "more"));
}

/* Texts are kept, cut to their bounds; a count never wraps. */
static void
test_a_note_comes_back(void **state)
{
	char longest[AUDIT_DETAIL_MAX + 1];
	struct audit_note note, back;
	struct tally_entry *e;

	(void)state;
	memset(&t, 0, sizeof(t));
	memset(longest, 'x', AUDIT_DETAIL_MAX);
	longest[AUDIT_DETAIL_MAX] = '\0';
	note = note_of("192.0.2.1", "a", longest);
	note.by.session_id = "0123456789abcdef";
	note.times = UINT32_MAX - 1;
	e = tally_put(&t, &note);
	assert_ptr_equal(tally_find(&t, &note), e);
	note.times = 9;
	tally_count(e, &note);
	assert_int_equal(e->note.times, UINT32_MAX);
	back = tally_note_give(&e->note);
	assert_string_equal(back.by.session_id, "01234567");
	assert_string_equal(back.by.username, "ada");
	assert_int_equal(strlen(back.detail), TALLY_DETAIL_MAX);
	assert_int_equal(back.at, 7);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RUN(test_the_same_is_counted),
		RUN(test_what_differs_is_another),
		RUN(test_another_way_in_is_another),
		RUN(test_nobodys_sessions_are_one_entry),
		RUN(test_the_bound_and_one_past_it),
		RUN(test_a_note_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
