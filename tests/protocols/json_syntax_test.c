/*
 * json_syntax_test - what is JSON and what is not, by RFC 8259.
 *
 * The cases are ours; the kinds of mistakes are those that public collections
 * of JSON cases look for.
 */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "protocols/json.h"
#include "protocols/json_lex.h"

/* A literal with its size, so that a NUL may be inside. */
struct text {
	const char *bytes;
	size_t size;
};

#define T(literal)                           \
	{                                    \
		literal, sizeof(literal) - 1 \
	}

static const struct text good[] = {
	T("0"),
	T("-0"),
	T("7"),
	T("-1"),
	T("10"),
	T("123456789012345678901234567890"),
	T("0.5"),
	T("-0.0"),
	T("1.000"),
	T("1e1"),
	T("1E1"),
	T("1e+1"),
	T("1e-1"),
	T("0e0"),
	T("0E+1"),
	T("1.5e999999"),
	T("true"),
	T("false"),
	T("null"),
	T("\"\""),
	T("\"text\""),
	T("\" \""),
	T("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
	T("\"\\u0000\""),
	T("\"\\u0041\\u00e9\\u20AC\""),
	T("\"\\ud83d\\ude00\""),
	T("\"\\uDBFF\\uDFFF\""),
	T("\"\\ufffe\\uffff\""),
	T("\"a\\u2028b\""),
	T("\"\x7f\""),
	T("\"\xc3\xa9\""),
	T("\"\xe2\x82\xac\""),
	T("\"\xf0\x9f\x98\x80\""),
	T("\"\xf4\x8f\xbf\xbf\""),
	T("\"\xef\xbf\xbf\""),
	T("\"/\""),
	T("\"'\""),
	T("[]"),
	T("[ ]"),
	T("[\n]"),
	T("[1]"),
	T("[1,2]"),
	T(" [ 1 , 2 ] "),
	T("[[]]"),
	T("[[],[]]"),
	T("[[[]],{}]"),
	T("[null,true,false,0,\"\",[],{}]"),
	T("{}"),
	T("{ }"),
	T("{\"a\":1}"),
	T("{\"a\":{}}"),
	T("{\"a\":[],\"b\":{}}"),
	T("{\"\":0}"),
	T("{\"a\\u0000b\":0}"),
	T("{ \"a\" : 1 , \"b\" : 2 }"),
	T("\t\n\r {\"a\"\t:\n1\r}"),
	T("{\"a\":1,\"a\":2}"), /* the grammar allows it, structs do not */
	T("{\"a\":[{\"b\":[{}]}]}"),
	T("[1]\n"),
	T("[\"\\u005C\\u0022\"]"),
};

static const struct text bad[] = {
	T(""),
	T(" "),
	T("\n"),
	T("\xef\xbb\xbf{}"), /* a byte order mark */
	T("\xff\xfe"),
	T("+1"),
	T("-"),
	T("--1"),
	T("01"),
	T("-01"),
	T("00"),
	T("1."),
	T(".5"),
	T("-.5"),
	T("1.e1"),
	T("1e"),
	T("1e+"),
	T("1e-"),
	T("1e1.5"),
	T("1ee1"),
	T("1+1"),
	T("0x10"),
	T("1a"),
	T("1 2"),
	T("1,000"),
	T("NaN"),
	T("-NaN"),
	T("Infinity"),
	T("-Infinity"),
	T("inf"),
	T("\xef\xbc\x91"), /* a full-width digit */
	T("True"),
	T("TRUE"),
	T("tru"),
	T("truex"),
	T("nul"),
	T("nulll"),
	T("fals"),
	T("undefined"),
	T("\""),
	T("\"a"),
	T("a\""),
	T("'a'"),
	T("\"\\\""),
	T("\"\\"),
	T("\"\\a\""),
	T("\"\\x41\""),
	T("\"\\'\""),
	T("\"\\U0041\""),
	T("\"\\u\""),
	T("\"\\u1\""),
	T("\"\\u12\""),
	T("\"\\u123\""),
	T("\"\\u123g\""),
	T("\"\\u 123\""),
	T("\"\\ud800\""), /* surrogates alone, swapped, half */
	T("\"\\udc00\""),
	T("\"\\ud800\\u0041\""),
	T("\"\\ud800\\ud800\""),
	T("\"\\udc00\\ud800\""),
	T("\"\\ud800\\udc0\""),
	T("\"\\ud800\\\""),
	T("\"\\ud800x\""),
	T("\"\n\""),
	T("\"\t\""),
	T("\"\x1f\""),
	T("\"\0\""),
	T("\"\\\0\""),
	T("\"\x80\""),
	T("\"\xc3\""),
	T("\"\xc0\xaf\""),
	T("\"\xe0\x80\x80\""),
	T("\"\xed\xa0\x80\""),
	T("\"\xf5\x80\x80\x80\""),
	T("\"\xf0\x9f\x98\""),
	T("\"a\"b\""),
	T("\"a\" \"b\""),
	T("["),
	T("]"),
	T("[1"),
	T("[1,"),
	T("[1,]"),
	T("[,1]"),
	T("[,]"),
	T("[1,,2]"),
	T("[1 2]"),
	T("[1:2]"),
	T("[1}"),
	T("[1]]"),
	T("[1],"),
	T("[][]"),
	T("[\"a\",\n4\n,1,1\n"),
	T("[1,\n1\n,1"),
	T("[\x0b]"),
	T("[\f]"),
	T("[\xc2\xa0]"),
	T("{"),
	T("}"),
	T("{]"),
	T("{\"a\"}"),
	T("{\"a\":}"),
	T("{:1}"),
	T("{\"a\":1"),
	T("{\"a\":1,"),
	T("{\"a\":1,}"),
	T("{,\"a\":1}"),
	T("{\"a\":1,,\"b\":2}"),
	T("{\"a\" 1}"),
	T("{\"a\"::1}"),
	T("{\"a\",1}"),
	T("{a:1}"),
	T("{'a':1}"),
	T("{1:1}"),
	T("{null:1}"),
	T("{[]:1}"),
	T("{\"a\":1 \"b\":2}"),
	T("{\"a\":1]"),
	T("{}}"),
	T("{}{}"),
	T("{} x"),
	T("{\"a\":1}#"),
	T("{}/**/"),
	T("/**/{}"),
	T("{}//"),
	T("<.>"),
	T("*"),
	T("\\u0031"),
	T("{\"a\":\"b\",\"c\"}"),
	T("[\"x\"\0]"),
	T("1\0"),
	T("\0"),
};

/* In memory of exactly its size, so that a byte past it would be seen. */
static bool
valid(const struct text *t)
{
	char *exact = malloc(t->size + 1);
	bool yes;

	assert_non_null(exact);
	exact = realloc(exact, t->size > 0 ? t->size : 1);
	memcpy(exact, t->bytes, t->size);
	yes = json_valid(exact, t->size);
	free(exact);
	return yes;
}

static void
test_good_ones_are_accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!valid(&good[i]))
			fail_msg("refused: %s", good[i].bytes);
}

static void
test_bad_ones_are_refused(void **state)
{
	(void)state;
	assert_true(
	    sizeof(good) / sizeof(good[0]) + sizeof(bad) / sizeof(bad[0]) >=
	    120);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (valid(&bad[i]))
			fail_msg("accepted: %s", bad[i].bytes);
}

/* Cut a good one anywhere, and it is good no more; numbers aside. */
static void
test_every_truncation_is_refused(void **state)
{
	static const char text[] = "{\"a\":[1,{\"b\\u00e9\":\"\xc3\xa9\"},"
				   "null,true,[]],\"c\":-1.5e+3}";

	(void)state;
	assert_true(json_valid(text, sizeof(text) - 1));
	for (size_t size = 0; size < sizeof(text) - 1; size++) {
		struct text cut = { text, size };

		assert_false(valid(&cut));
	}
}

static bool
nested_valid(size_t depth, char open, char close)
{
	static char text[2 * (JSON_DEPTH_MAX + 100000)];

	memset(text, open, depth);
	memset(text + depth, close, depth);
	return json_valid(text, 2 * depth);
}

static void
test_nesting_ends_at_its_bound(void **state)
{
	(void)state;
	assert_true(nested_valid(JSON_DEPTH_MAX, '[', ']'));
	assert_false(nested_valid(JSON_DEPTH_MAX + 1, '[', ']'));
	assert_false(nested_valid(100000, '[', ']'));
	assert_false(nested_valid(100000, '[', '['));
	assert_false(nested_valid(100000, '{', '}'));
}

static void
check_decoded(const char *text, const char *meaning, size_t size)
{
	struct json_lex l = { text, text + strlen(text), false };
	struct json_token token = json_lex_token(&l);
	char decoded[64];

	assert_int_equal(token.kind, JSON_STRING);
	assert_int_equal(json_token_decode(&token, decoded), size);
	assert_memory_equal(decoded, meaning, size);
}

static void
test_escapes_mean_what_they_say(void **state)
{
	(void)state;
	check_decoded("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8);
	check_decoded("\"\\u0041\\u00e9\\u20AC\"", "A\xc3\xa9\xe2\x82\xac", 6);
	check_decoded("\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80", 4);
	check_decoded("\"\\uDBFF\\uDFFF!\"", "\xf4\x8f\xbf\xbf!", 5);
	check_decoded("\"a\\u0000b\"", "a\0b", 3);
	check_decoded("\"\\\\u0041\"", "\\u0041", 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_good_ones_are_accepted),
		RUN(test_bad_ones_are_refused),
		RUN(test_every_truncation_is_refused),
		RUN(test_nesting_ends_at_its_bound),
		RUN(test_escapes_mean_what_they_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
