/* What goes to the second target: all that stays there, and only once. */
#include "actors/second_copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/backup_tree.h"
#include "tests/rig.h"

#define NOW RIG_WALL_US
#define HOUR_US (INT64_C(3600) * 1000000)
#define ENTRIES_MAX 40
#define ROUNDS 600

/* ---- the plan, against retention itself ---- */

static uint64_t seed;

static uint32_t
dice(uint32_t sides)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(seed >> 33) % sides;
}

/* Some of them from the future, some of a protected kind, some held. */
static size_t
make_entries(struct backup_entry *e)
{
	size_t count = dice(ENTRIES_MAX);

	for (size_t i = 0; i < count; i++) {
		e[i] = (struct backup_entry){ .is_archive = true,
			.is_held = dice(20) == 0,
			.stored_bytes = i,
			.facts = {
			    .timestamp = NOW - (int64_t)dice(900) * HOUR_US,
			    .trigger =
				(enum backup_trigger)dice(BACKUP_TRIGGERS) } };
		if (dice(30) == 0)
			e[i].facts.timestamp = NOW + HOUR_US;
		snprintf(e[i].facts.backup_id, sizeof(e[i].facts.backup_id),
		    "%012x", (unsigned)i);
	}
	qsort(e, count, sizeof(*e), backup_entry_compare);
	return count;
}

static struct backup_policy
make_policy(const struct backup_entry *e, size_t count)
{
	struct backup_policy p = { .max_count = 1 + dice(12),
		.max_days = 1 + dice(40),
		.max_safety = dice(4),
		.protects = dice(1u << BACKUP_TRIGGERS),
		.now_us = NOW };

	for (size_t i = 0; i < BACKUP_RUNGS; i++)
		p.rungs[i] = dice(4);
	if (count > 0 && dice(2) == 0)
		p.newest = e[dice((uint32_t)count)].facts.backup_id;
	return p;
}

/* As retention does it there. */
static void
prune(struct backup_entry *there, size_t *count, const struct backup_policy *p)
{
	enum backup_fate fates[ENTRIES_MAX];
	size_t kept = 0, was = *count;

	backup_keep_plan(there, *count, p, fates);
	for (size_t i = 0; i < was; i++)
		if (!backup_fate_goes(fates[i]))
			there[kept++] = there[i];
	*count = kept;
}

static bool
is_among(const struct backup_entry *all, size_t count, const char *id)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(all[i].facts.backup_id, id) == 0)
			return true;
	return false;
}

/*
 * From whatever is there: each copy stays while nothing newer comes, older
 * ones may go for it, and do not come again: copying ends.
 */
static void
test_copying_ends_and_nothing_goes_that_came(void **state)
{
	static struct backup_entry here[ENTRIES_MAX], there[ENTRIES_MAX];
	bool wanted[ENTRIES_MAX];

	(void)state;
	for (seed = 1; seed < ROUNDS; seed++) {
		uint64_t round = seed;
		size_t count = make_entries(here), have = 0, copies = 0, i;
		struct backup_policy p = make_policy(here, count);

		for (i = 0; i < count; i++)
			if (dice(3) == 0)
				there[have++] = here[i];
		prune(there, &have, &p);
		for (;;) {
			assert_int_equal(
			    second_plan(here, count, there, have, &p, wanted),
			    ST_OK);
			for (i = count; i > 0 && !wanted[i - 1]; i--)
				;
			if (i == 0)
				break;
			assert_true(++copies <= count);
			there[have++] = here[i - 1];
			qsort(
			    there, have, sizeof(*there), backup_entry_compare);
			prune(there, &have, &p);
			assert_true(
			    is_among(there, have, here[i - 1].facts.backup_id));
		}
		seed = round;
	}
}

static void
test_a_copy_is_known_by_what_it_says_and_its_size(void **state)
{
	struct backup_entry a = { .is_archive = true, .stored_bytes = 7 }, b;

	(void)state;
	snprintf(a.facts.backup_id, sizeof(a.facts.backup_id), "0123456789ab");
	snprintf(a.facts.checksum, sizeof(a.facts.checksum), "sha256:0");
	snprintf(a.facts.signature, sizeof(a.facts.signature), "ff");
	b = a;
	assert_true(second_is_copy(&a, &b));
	b.stored_bytes = 6;
	assert_false(second_is_copy(&a, &b));
	a.is_archive = false; /* a folder's archive has a size of its own */
	assert_true(second_is_copy(&a, &b));
	b.facts.checksum[7] = '1';
	assert_false(second_is_copy(&a, &b));
	b = a;
	b.facts.signature[0] = '\0';
	assert_false(second_is_copy(&a, &b));
	b = a;
	b.facts.backup_id[0] = '1';
	assert_false(second_is_copy(&a, &b));
}

static void
test_a_copy_in_place_cannot_be_called_off(void **state)
{
	struct backup_place place = { .root = "/nowhere" };
	struct second_job *j = second_job_make(&place);

	(void)state;
	assert_non_null(j);
	assert_true(second_job_call_off(j));
	assert_false(second_job_call_off(j));
	atomic_store(&j->stage, SECOND_PUBLISHES);
	assert_false(second_job_call_off(j));
	second_job_let_go(j);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copying_ends_and_nothing_goes_that_came),
		cmocka_unit_test(
		    test_a_copy_is_known_by_what_it_says_and_its_size),
		cmocka_unit_test(test_a_copy_in_place_cannot_be_called_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
