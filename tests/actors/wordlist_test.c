/* Words that are no passwords: read, found, and what is too close to one. */
#include "actors/wordlist.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/check.h"
#include "tests/tempdir.h"

#define LIST_TEXT                    \
	"#!comment: none of these\n" \
	"dragon\n"                   \
	"Supernatural\r\n"           \
	"\n"                         \
	"    'passw0rd' => 7,\n"     \
	"    'it\\'s me' => 8,\n"

static int
set_up(void **state)
{
	static struct wordlist w;
	char path[64];
	enum status st;
	FILE *file;

	memset(&w, 0, sizeof(w));
	snprintf(path, sizeof(path), "%s/words", tempdir_make());
	file = fopen(path, "w");
	if (file == NULL || fputs(LIST_TEXT, file) < 0 || fclose(file) != 0)
		return -1;
	st = wordlist_read(&w, path);
	assert_int_equal(unlink(path), 0);
	wordlist_close(&w);
	*state = &w;
	return st == ST_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
	wordlist_fini(*state);
	return 0;
}

static bool
has(const struct wordlist *w, const char *text)
{
	return wordlist_has(w, text, strlen(text));
}

static void
test_words_of_both_forms_are_read(void **state)
{
	const struct wordlist *w = *state;

	assert_int_equal(w->count, 4);
	assert_true(has(w, "dragon"));
	assert_true(has(w, "SUPERNATURAL"));
	assert_true(has(w, "passw0rd"));
	assert_true(has(w, "it's me"));
	assert_false(has(w, "#!comment: none of these"));
	assert_false(has(w, "drago"));
	assert_false(has(w, ""));
}

static void
test_no_file_is_told(void **state)
{
	struct wordlist w = { 0 };

	(void)state;
	assert_int_equal(wordlist_read(&w, "/nowhere/words"), ST_NOT_FOUND);
	assert_false(has(&w, "dragon"));
	wordlist_close(&w);
	wordlist_fini(&w);
}

/* ASVS 6.2.4 */
static void
test_common_ones_with_what_people_add(void **state)
{
	static const char *const bad[] = { "supernatural", "Supernatural1!",
		"2026supernatural", "dragondragon", "DRAGON123456",
		"xxxxxxxxxxxx", "121212121212" };
	static const char *const good[] = { "correct horse battery",
		"dragon of the north", "dragon 1234567", "a1234567890-#", "" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(password_is_common(*state, bad[i]));
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_false(password_is_common(*state, good[i]));
}

/* ASVS 6.1.2, 6.2.11 */
static void
test_words_of_the_place_are_no_password(void **state)
{
	const char *words = "troupe, acme lovelace";

	assert_true(password_is_local(*state, "Troupe-2026!", words));
	assert_true(password_is_local(*state, "lovelace acme", words));
	assert_true(password_is_local(*state, "acme supernatural", words));
	assert_false(password_is_local(*state, "troupe of nine mules", words));
	assert_false(password_is_local(*state, "2026-2027-2028", words));
	assert_false(password_is_local(*state, "short", words));
	assert_false(password_is_local(*state, "my al 12345", "al"));
	assert_false(password_is_local(*state, "anything goes", ""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_words_of_both_forms_are_read),
		RUN(test_no_file_is_told),
		RUN(test_common_ones_with_what_people_add),
		RUN(test_words_of_the_place_are_no_password),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
