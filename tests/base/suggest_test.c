#include "runtime/base/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *
nearest(const char *word)
{
	static const char *const known[] = { "gateway", "store",
		"session-registry", "settings" };
	struct suggest s;

	suggest_init(&s, word);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		suggest_offer(&s, known[i]);
	return s.best;
}

static void
test_one_slip_of_any_kind_is_forgiven(void **state)
{
	(void)state;
	assert_string_equal(nearest("gateway"), "gateway");
	assert_string_equal(nearest("gatway"), "gateway");
	assert_string_equal(nearest("gatewayy"), "gateway");
	assert_string_equal(nearest("gatevay"), "gateway");
	assert_string_equal(nearest("gaetway"), "gateway");
	assert_string_equal(nearest("Session_Registry"), "session-registry");
}

static void
test_a_word_too_far_from_all_has_no_suggestion(void **state)
{
	(void)state;
	assert_string_equal(nearest("stxxe"), "store");
	assert_null(nearest("xxxxe"));
	assert_null(nearest(""));
	assert_null(nearest("z"));
}

static void
test_a_swap_of_neighbours_counts_once(void **state)
{
	struct suggest s;

	(void)state;
	suggest_init(&s, "ab");
	suggest_offer(&s, "ba");
	assert_string_equal(s.best, "ba");
	assert_int_equal(s.distance, 1);
}

static void
test_words_over_the_bound_match_nothing(void **state)
{
	char word[SUGGEST_WORD_MAX + 2];
	struct suggest s;

	(void)state;
	memset(word, 'x', sizeof(word));
	word[SUGGEST_WORD_MAX + 1] = '\0';
	suggest_init(&s, word);
	suggest_offer(&s, word);
	assert_null(s.best);
	word[SUGGEST_WORD_MAX] = '\0';
	suggest_offer(&s, word);
	assert_ptr_equal(s.best, word);
}

#define RUN(name) cmocka_unit_test(name)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RUN(test_one_slip_of_any_kind_is_forgiven),
		RUN(test_a_word_too_far_from_all_has_no_suggestion),
		RUN(test_a_swap_of_neighbours_counts_once),
		RUN(test_words_over_the_bound_match_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
