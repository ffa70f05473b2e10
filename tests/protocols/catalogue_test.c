/* catalogue_test - a catalogue with a mistake does not start (P-34). */
#include "tests/check.h"

#include <string.h>

#include "protocols/catalogue.h"
#include "tests/sample.h"

#define FIELDS_MAX 64

/* A copy of kitchen that a test spoils. */
struct spoilt {
	struct wire_type type;
	struct wire_field fields[FIELDS_MAX + 1];
};

static struct wire_field *
spoil(struct spoilt *s, const char *field)
{
	s->type = sample_kitchen;
	memcpy(s->fields, sample_kitchen.fields,
	    sample_kitchen.nfields * sizeof(s->fields[0]));
	s->type.fields = s->fields;
	return &s->fields[sample_field(&s->type, field)];
}

static void
check_refused(const struct spoilt *s, const char *why)
{
	char told[CATALOGUE_WHY_SIZE] = "";

	assert_int_equal(catalogue_check_type(&s->type, told), ST_INVALID);
	if (strstr(told, why) == NULL)
		assert_string_equal(told, why);
}

static void
test_the_catalogue_is_whole(void **state)
{
	char why[CATALOGUE_WHY_SIZE] = "";

	(void)state;
	if (catalogue_check(why) != ST_OK)
		fail_msg("%s", why);
	assert_int_equal(catalogue_check_type(&sample_kitchen, why), ST_OK);
}

static void
test_a_table_that_lacks_something_is_refused(void **state)
{
	struct spoilt s;

	(void)state;
	spoil(&s, "cook")->kind = (enum wire_kind)99;
	check_refused(&s, "kitchen.cook: a kind without codec");
	spoil(&s, "best")->type = NULL;
	check_refused(&s, "kitchen.best: no record");
	spoil(&s, "mood")->values = NULL;
	check_refused(&s, "kitchen.mood: no enum");
	spoil(&s, "pans")->list_max = 0;
	check_refused(&s, "kitchen.pans: no bound of items");
	spoil(&s, "cook")->max = 0;
	check_refused(&s, "kitchen.cook: no bound of bytes");
	spoil(&s, "plates")->max = UINT64_MAX;
	check_refused(&s, "kitchen.plates: a bound past its width");
	spoil(&s, "spices")->flags = WIRE_OPTIONAL;
	check_refused(&s, "kitchen.spices: a kind that cannot be optional");
	spoil(&s, "note")->offset = (uint32_t)sizeof(struct kitchen);
	check_refused(&s, "kitchen.note: past the end");
	spoil(&s, "tip")->aside = (uint32_t)sizeof(struct kitchen);
	check_refused(&s, "kitchen.tip: its count or presence");
	spoil(&s, "cook")->name = "note";
	check_refused(&s, "kitchen.note: its name twice");
	spoil(&s, "cook")->name = "v";
	check_refused(&s, "kitchen.v: the name of the record version");
}

static const struct wire_type *loop_type(void);

static const struct wire_field loop_field = { "in", WIRE_RECORD, WIRE_OPTIONAL,
	0, 0, 0, 0, loop_type, NULL, "" };

static const struct wire_type *
loop_type(void)
{
	static const struct wire_type t = { 0, "loop", "", sizeof(void *),
		&loop_field, 1 };

	return &t;
}

static void
test_a_record_in_itself_is_refused(void **state)
{
	char why[CATALOGUE_WHY_SIZE];

	(void)state;
	assert_int_equal(catalogue_check_type(loop_type(), why), ST_INVALID);
	assert_string_equal(why, "loop: nested deeper than 8");
}

static const struct wire_enum *
twin_enum(void)
{
	static const char *const texts[] = { "one", "two", "one" };
	static const struct wire_enum e = { "twin", "", texts, texts, 3 };

	return &e;
}

static const struct wire_enum *
empty_enum(void)
{
	static const struct wire_enum e = { "empty", "", NULL, NULL, 0 };

	return &e;
}

static void
test_an_enum_says_different_things(void **state)
{
	struct spoilt s;

	(void)state;
	spoil(&s, "mood")->values = twin_enum;
	check_refused(&s, "enum twin: one twice");
	spoil(&s, "mood")->values = empty_enum;
	check_refused(&s, "enum empty: no values");
}

static void
test_messages_are_found_by_id_and_name(void **state)
{
	const struct wire_type *t;

	(void)state;
	for (size_t n = 0; (t = catalogue_nth(n)) != NULL; n++) {
		assert_ptr_equal(catalogue_find(t->id), t);
		assert_ptr_equal(catalogue_find_name(t->name), t);
	}
	assert_null(catalogue_find(0));
	assert_null(catalogue_find(0xffff));
	assert_null(catalogue_find_name("nobody"));
	assert_true(catalogue_digest() == catalogue_digest());
	assert_true(catalogue_digest() != 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_the_catalogue_is_whole),
		RUN(test_a_table_that_lacks_something_is_refused),
		RUN(test_a_record_in_itself_is_refused),
		RUN(test_an_enum_says_different_things),
		RUN(test_messages_are_found_by_id_and_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
