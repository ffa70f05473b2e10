#include "runtime/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/base/log.h"

static struct mistakes told;
static struct arena arena;

static void
sink(void *ctx, enum event_id event, const char *line, size_t size)
{
	(void)ctx;
	(void)event;
	(void)line;
	(void)size;
}

static enum status
parse(const char *text, struct yaml_node **ret_root)
{
	struct bytes in = { (const uint8_t *)text, strlen(text) };

	mistakes_init(&told);
	arena_reset(&arena);
	return yaml_parse(in, "y", &arena, &told, ret_root);
}

static void
test_a_tree_keeps_kinds_keys_and_lines(void **state)
{
	struct yaml_node *n = NULL;

	(void)state;
	assert_int_equal(parse("a:\n  - x\n  - ~\nb: \"~\"\nc:\n", &n), ST_OK);
	assert_int_equal(n->kind, YAML_MAP);
	n = n->first;
	assert_string_equal(n->key, "a");
	assert_int_equal(n->kind, YAML_LIST);
	assert_int_equal(n->key_line, 1);
	assert_string_equal(n->first->text, "x");
	assert_int_equal(n->first->line, 2);
	assert_int_equal(n->first->next->kind, YAML_NONE);
	assert_null(n->first->next->next);
	n = n->next;
	assert_int_equal(n->kind, YAML_TEXT);
	assert_string_equal(n->text, "~");
	assert_int_equal(n->line, 4);
	assert_int_equal(n->next->kind, YAML_NONE);
}

static void
test_no_document_is_nothing(void **state)
{
	struct yaml_node *n = NULL;

	(void)state;
	assert_int_equal(parse("", &n), ST_OK);
	assert_int_equal(n->kind, YAML_NONE);
	assert_int_equal(parse("# only words\n", &n), ST_OK);
	assert_int_equal(n->kind, YAML_NONE);
}

static void
test_a_duplicate_is_told_and_the_first_one_stays(void **state)
{
	struct yaml_node *n = NULL;

	(void)state;
	assert_int_equal(parse("a: 1\nb: 2\na: {c: 3}\n", &n), ST_OK);
	assert_int_equal(told.errors, 1);
	assert_int_equal(told.list[0].line, 3);
	assert_string_equal(n->first->text, "1");
	assert_string_equal(n->first->next->key, "b");
	assert_null(n->first->next->next);
}

/* Some of them made the scanner spin. */
static void
test_a_directive_is_refused_wherever_a_line_begins(void **state)
{
	static const char *const bad[] = { "%YAML 1.2\n---\n{}", "%",
		"a: 1\n%x\n", "a: 1\r%x", "\xef\xbb\xbf%x", "\xc2\x85%x",
		"\xe2\x80\xa8%x" };
	struct yaml_node *n = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(bad[i], &n), ST_INVALID);
		assert_int_equal(told.errors, 1);
		assert_non_null(strstr(told.list[0].text, "directives"));
	}
	assert_int_equal(told.list[0].line, 1);
	assert_int_equal(parse("a: 5%\nb: \"%\"\nc: \xc3\xa8%\n", &n), ST_OK);
}

static void
test_a_nul_byte_is_refused(void **state)
{
	struct bytes in = { (const uint8_t *)"a: 1\n\0", 6 };
	struct yaml_node *n = NULL;

	(void)state;
	mistakes_init(&told);
	arena_reset(&arena);
	assert_int_equal(yaml_parse(in, "y", &arena, &told, &n), ST_INVALID);
	assert_int_equal(told.list[0].line, 2);
}

static void
test_nesting_has_a_bound(void **state)
{
	char text[2 * (YAML_DEPTH_MAX + 1) + 1];
	struct yaml_node *n = NULL;

	(void)state;
	for (int deep = YAML_DEPTH_MAX; deep <= YAML_DEPTH_MAX + 1; deep++) {
		memset(text, '[', (size_t)deep);
		memset(text + deep, ']', (size_t)deep);
		text[2 * deep] = '\0';
		assert_int_equal(parse(text, &n),
		    deep == YAML_DEPTH_MAX ? ST_OK : ST_INVALID);
	}
}

static void
test_values_have_a_bound(void **state)
{
	const size_t items = YAML_NODES_MAX - 1;
	char *text = calloc(YAML_NODES_MAX + 2, 3);
	struct yaml_node *n = NULL;

	(void)state;
	/* The list itself is one. */
	for (size_t i = 0; i < items; i++)
		memcpy(text + 2 * i, i == 0 ? "[1" : ",1", 2);
	memcpy(text + 2 * items, "]", 2);
	assert_int_equal(parse(text, &n), ST_OK);
	memcpy(text + 2 * items, ",1]", 4);
	assert_int_equal(parse(text, &n), ST_INVALID);
	free(text);
}

static void
test_texts_have_a_bound(void **state)
{
	char *text = calloc(1, YAML_TEXT_MAX + 2);
	struct yaml_node *n = NULL;

	(void)state;
	memset(text, 'x', YAML_TEXT_MAX);
	assert_int_equal(parse(text, &n), ST_OK);
	assert_int_equal(told.errors, 0);
	assert_int_equal(strlen(n->text), YAML_TEXT_MAX);
	text[YAML_TEXT_MAX] = 'x';
	assert_int_equal(parse(text, &n), ST_OK);
	assert_int_equal(told.errors, 1);
	free(text);
}

static void
test_the_arena_holds_the_worst_document(void **state)
{
	char *text = calloc(1, YAML_BYTES_MAX + 1);
	struct yaml_node *n = NULL;
	size_t used = 1;

	(void)state;
	text[0] = '[';
	/* Two bytes of escape become three of text. */
	while (used + 130 < YAML_BYTES_MAX) {
		text[used++] = '"';
		for (int i = 0; i < 62; i++, used += 2)
			memcpy(text + used, "\\L", 2);
		memcpy(text + used, "\",", 2);
		used += 2;
	}
	memcpy(text + used - 1, "]", 2);
	assert_int_equal(parse(text, &n), ST_OK);
	assert_int_equal(told.errors, 0);
	assert_true(arena.used < arena.size);
	free(text);
}

#define RUN(name) cmocka_unit_test(name)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RUN(test_a_tree_keeps_kinds_keys_and_lines),
		RUN(test_no_document_is_nothing),
		RUN(test_a_duplicate_is_told_and_the_first_one_stays),
		RUN(test_a_directive_is_refused_wherever_a_line_begins),
		RUN(test_a_nul_byte_is_refused),
		RUN(test_nesting_has_a_bound),
		RUN(test_values_have_a_bound),
		RUN(test_texts_have_a_bound),
		RUN(test_the_arena_holds_the_worst_document),
	};
	int failed;

	arena.base = malloc(YAML_ARENA_SIZE);
	arena.size = YAML_ARENA_SIZE;
	log_set_sink(sink, NULL);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(arena.base);
	return failed;
}
