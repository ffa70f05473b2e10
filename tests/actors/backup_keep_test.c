/* Which backups stay: the rules one by one, then against plain words. */
#include "actors/backup_keep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "protocols/setting.h"
#include "tests/rig.h"

#define DAY_US (INT64_C(86400) * 1000000)
#define HOUR_US (INT64_C(3600) * 1000000)
#define NOW RIG_WALL_US
#define ENTRIES_MAX 60
#define ROUNDS 4000

static struct backup_entry
entry_of(int n, int64_t age_us, enum backup_trigger trigger)
{
	struct backup_entry e = { .facts = { .timestamp = NOW - age_us,
				      .trigger = trigger } };

	snprintf(
	    e.facts.backup_id, sizeof(e.facts.backup_id), "%012x", (unsigned)n);
	return e;
}

static const struct backup_policy three = { .max_count = 3,
	.max_days = 30,
	.now_us = NOW,
	.protects = BACKUP_PROTECT_DEFAULT };

static void
plan(const struct backup_entry *e, size_t count, const struct backup_policy *p,
    bool *ret_doomed)
{
	enum backup_fate fates[ENTRIES_MAX];

	backup_keep_plan(e, count, p, fates);
	for (size_t i = 0; i < count; i++)
		ret_doomed[i] = backup_fate_goes(fates[i]);
}

/* Scenario 29. */
static void
test_count_keeps_the_newest(void **state)
{
	struct backup_entry e[6];
	bool doomed[6];

	(void)state;
	for (int i = 0; i < 6; i++)
		e[i] = entry_of(i, i * 1000, TRIGGER_MANUAL);
	plan(e, 6, &three, doomed);
	for (int i = 0; i < 6; i++)
		assert_int_equal(doomed[i], i >= 3);
}

/* Scenario 30, R-04, and R-07: strictly older. */
static void
test_newest_is_immortal_and_age_is_strict(void **state)
{
	struct backup_entry e[3] = {
		entry_of(0, 400 * DAY_US, TRIGGER_MANUAL),
		entry_of(1, 400 * DAY_US, TRIGGER_MANUAL),
	};
	bool doomed[3];

	(void)state;
	plan(e, 1, &three, doomed);
	assert_false(doomed[0]);
	plan(e, 2, &three, doomed);
	assert_true(doomed[1]);
	e[1] = entry_of(1, 30 * DAY_US, TRIGGER_MANUAL);
	e[2] = entry_of(2, 30 * DAY_US + 1, TRIGGER_MANUAL);
	e[0] = entry_of(0, 0, TRIGGER_MANUAL);
	plan(e, 3, &three, doomed);
	assert_false(doomed[1]);
	assert_true(doomed[2]);
}

/* Scenario 31, H3, H4. */
static void
test_safety_backups_take_a_place_and_stay(void **state)
{
	struct backup_policy p = three;
	struct backup_entry e[5];
	bool doomed[5];

	(void)state;
	for (int i = 0; i < 5; i++)
		e[i] = entry_of(i, 40 * DAY_US + i,
		    i < 3 ? TRIGGER_PRE_MIGRATION : TRIGGER_MANUAL);
	plan(e, 5, &p, doomed);
	for (int i = 0; i < 5; i++)
		assert_int_equal(doomed[i], i >= 3);
	p.max_safety = 1;
	plan(e, 5, &p, doomed);
	assert_false(doomed[0]);
	assert_true(doomed[1] && doomed[2]);
}

/* H1, H12: the source of a restore, and what this process has just made. */
static void
test_pinned_backups_stay(void **state)
{
	struct backup_policy p = three;
	struct backup_entry e[3];
	bool doomed[3];

	(void)state;
	p.max_count = 1;
	for (int i = 0; i < 3; i++)
		e[i] = entry_of(i, i, TRIGGER_MANUAL);
	p.pinned[0] = e[1].facts.backup_id;
	p.newest = e[2].facts.backup_id;
	plan(e, 3, &p, doomed);
	assert_false(doomed[0] || doomed[1] || doomed[2]);
}

/* H13: it evicts nobody, and is nobody's newest. */
static void
test_future_timestamp_evicts_nothing(void **state)
{
	struct backup_entry e[5];
	bool doomed[5];

	(void)state;
	for (int i = 0; i < 2; i++)
		e[i] = entry_of(i, -400 * DAY_US, TRIGGER_MANUAL);
	for (int i = 2; i < 5; i++)
		e[i] = entry_of(i, i, TRIGGER_MANUAL);
	plan(e, 5, &three, doomed);
	for (int i = 0; i < 5; i++)
		assert_false(doomed[i]);
}

/* A second ahead is the future, too: our clock alone counts. */
static void
test_a_moment_ahead_takes_no_place(void **state)
{
	struct backup_entry e[4];
	bool doomed[4];

	(void)state;
	e[0] = entry_of(0, -1000000, TRIGGER_MANUAL);
	for (int i = 1; i < 4; i++)
		e[i] = entry_of(i, i * HOUR_US, TRIGGER_MANUAL);
	plan(e, 4, &three, doomed);
	for (int i = 0; i < 4; i++)
		assert_false(doomed[i]);
}

static void
test_held_and_protected_kinds_stay(void **state)
{
	struct backup_policy p = three;
	struct backup_entry e[6];
	enum backup_fate fates[6];
	char why[BACKUP_WHY_SIZE];

	(void)state;
	for (int i = 0; i < 6; i++)
		e[i] = entry_of(i, i * 100 * DAY_US,
		    i == 4 ? TRIGGER_SHUTDOWN : TRIGGER_MANUAL);
	e[2].is_held = true;
	assert_int_equal(
	    backup_protect_read("shutdown, startup", &p.protects, why), ST_OK);
	backup_keep_plan(e, 6, &p, fates);
	assert_int_equal(fates[0], FATE_NEWEST);
	assert_int_equal(fates[1], FATE_TOO_OLD);
	assert_int_equal(fates[2], FATE_HELD);
	assert_int_equal(fates[3], FATE_OVER_COUNT);
	assert_int_equal(fates[4], FATE_PROTECTED);
	assert_int_equal(fates[5], FATE_OVER_COUNT);
}

static void
test_kinds_are_read_strictly(void **state)
{
	char why[BACKUP_WHY_SIZE];
	uint32_t set = 0;

	(void)state;
	assert_int_equal(backup_protect_read("", &set, why), ST_OK);
	assert_int_equal(set, 0);
	assert_int_equal(
	    backup_protect_read("pre_migration", &set, why), ST_OK);
	assert_int_equal(set, BACKUP_PROTECT_DEFAULT);
	assert_int_equal(backup_protect_read("manuals", &set, why), ST_INVALID);
	assert_int_equal(
	    backup_protect_read("manual,whim", &set, why), ST_INVALID);
	assert_int_equal(set, BACKUP_PROTECT_DEFAULT);
}

/* By whoever is told of a mistake, and by whoever reads of the setting. */
static void
test_kinds_are_named_as_they_are_called(void **state)
{
	const struct setting *s = setting_nth(SETTING_backup_retention_protect);
	char all[160] = "", why[BACKUP_WHY_SIZE];
	uint32_t set = 0;

	(void)state;
	for (int i = 0; i < BACKUP_TRIGGERS; i++) {
		size_t used = strlen(all);

		snprintf(all + used, sizeof(all) - used, "%s%s",
		    i == 0 ? "" : ", ",
		    backup_trigger_text((enum backup_trigger)i));
	}
	assert_int_equal(backup_protect_read(all, &set, why), ST_OK);
	assert_int_equal(set, (1u << BACKUP_TRIGGERS) - 1);
	assert_non_null(strstr(s->doc, all));
	assert_int_equal(backup_protect_read("whim", &set, why), ST_INVALID);
	assert_non_null(strstr(why, all));
}

/* The mistake names each component that there is. */
static void
test_components_are_named_as_they_are_called(void **state)
{
	static const char *const lies[] = { "whim" };
	enum backup_component of[BACKUP_COMPONENTS_MAX];
	const char *why = NULL;

	(void)state;
	assert_false(backup_components_read(lies, 1, of, &why));
	for (int i = 0; i < BACKUP_COMPONENTS_MAX; i++)
		assert_non_null(strstr(
		    why, backup_component_text((enum backup_component)i)));
}

/* One a day for two years: what grandfather, father and son leave of it. */
static void
test_the_ladder_thins_out(void **state)
{
	static struct backup_entry e[730];
	static enum backup_fate fates[730];
	struct backup_policy p = three;
	uint32_t of[FATE_TOO_OLD + 1] = { 0 };

	(void)state;
	for (int i = 0; i < 730; i++)
		e[i] = entry_of(i, i * DAY_US, TRIGGER_SCHEDULED);
	p.max_count = 1;
	p.max_days = 1;
	memcpy(p.rungs, (uint32_t[]){ 0, 7, 5, 12, 3 }, sizeof(p.rungs));
	backup_keep_plan(e, 730, &p, fates);
	for (int i = 0; i < 730; i++)
		of[fates[i]]++;
	assert_int_equal(of[FATE_NEWEST], 1);
	assert_int_equal(of[FATE_DAILY], 6);
	assert_in_range(of[FATE_WEEKLY], 3, 4);
	assert_in_range(of[FATE_MONTHLY], 10, 11);
	assert_in_range(of[FATE_YEARLY], 1, 2);
	assert_int_equal(of[FATE_RECENT], 0);
}

/* ---- against plain words ---- */

/* The period's name as a calendar prints it, and not as a number. */
static void
period_text(int rung, int64_t us, char ret[32])
{
	time_t seconds = (time_t)(us / 1000000);
	size_t used = 0;
	struct tm tm;

	gmtime_r(&seconds, &tm);
	if (rung == 0)
		used = strftime(ret, 32, "%F %H", &tm);
	else if (rung == 1)
		used = strftime(ret, 32, "%F", &tm);
	else if (rung == 2)
		used = strftime(ret, 32, "%G-%V", &tm);
	else if (rung == 3)
		used = strftime(ret, 32, "%Y-%m", &tm);
	else
		used = strftime(ret, 32, "%Y", &tm);
	assert_true(used > 0);
}

static bool
is_on_a_rung(const struct backup_entry *e, size_t i,
    const struct backup_policy *p, int rung)
{
	char mine[32], other[32], last[32] = "";
	uint32_t newer = 0;

	period_text(rung, e[i].facts.timestamp, mine);
	for (size_t k = 0; k < i; k++) {
		if (e[k].facts.timestamp > NOW ||
		    (p->protects & 1u << e[k].facts.trigger))
			continue;
		period_text(rung, e[k].facts.timestamp, other);
		if (strcmp(other, mine) == 0)
			return false;
		newer += strcmp(other, last) != 0;
		snprintf(last, sizeof(last), "%s", other);
	}
	return newer < p->rungs[rung];
}

static bool
may_go(const struct backup_entry *e, size_t i, const struct backup_policy *p)
{
	uint32_t place = 0, safety = 0;
	bool protected = (p->protects & 1u << e[i].facts.trigger) != 0;

	for (size_t k = 0; k < i; k++) {
		place += e[k].facts.timestamp <= NOW;
		safety += e[k].facts.timestamp <= NOW &&
			  e[k].facts.trigger == TRIGGER_PRE_MIGRATION;
	}
	if (e[i].facts.timestamp > NOW || place == 0 || e[i].is_held)
		return false;
	if (protected)
		return e[i].facts.trigger == TRIGGER_PRE_MIGRATION &&
		       p->max_safety > 0 && safety >= p->max_safety;
	for (int rung = 0; rung < BACKUP_RUNGS; rung++)
		if (is_on_a_rung(e, i, p, rung))
			return false;
	return place >= p->max_count ||
	       NOW - e[i].facts.timestamp > p->max_days * DAY_US;
}

static uint64_t seed;

static uint32_t
roll(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

static size_t
roll_entries(struct backup_entry *e)
{
	static const int64_t gaps[] = { 1, HOUR_US / 7, HOUR_US, 5 * HOUR_US,
		DAY_US, 9 * DAY_US, 40 * DAY_US, 300 * DAY_US };
	size_t n = 1 + roll(ENTRIES_MAX);
	int64_t gap = gaps[roll(8)], age = -(int64_t)roll(4) * gap;

	for (size_t i = 0; i < n; i++) {
		e[i] = entry_of((int)i, age, (enum backup_trigger)roll(5));
		e[i].is_held = roll(12) == 0;
		age += gap * roll(1000) / 500;
	}
	return n;
}

/* and the ladder; TROUPE_SEED=N is round N alone. */
static void
test_plan_is_what_the_rules_say(void **state)
{
	const char *given = getenv("TROUPE_SEED");
	uint64_t first = given == NULL ? 1 : strtoull(given, NULL, 10);
	uint64_t last = given == NULL ? ROUNDS : first;
	struct backup_entry e[ENTRIES_MAX];
	bool doomed[ENTRIES_MAX];

	(void)state;
	assert_true(first > 0);
	for (uint64_t round = first; round <= last; round++) {
		struct backup_policy p = three;
		size_t n;

		seed = round;
		p.max_count = 1 + roll(9);
		p.max_days = 1 + roll(60);
		p.max_safety = roll(4);
		p.protects = roll(32);
		for (int i = 0; i < BACKUP_RUNGS; i++)
			p.rungs[i] = roll(3) == 0 ? 0 : roll(8);
		n = roll_entries(e);
		plan(e, n, &p, doomed);
		for (size_t i = 0; i < n; i++)
			if (doomed[i] != may_go(e, i, &p))
				fail_msg("TROUPE_SEED=%llu, entry %zu",
				    (unsigned long long)round, i);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_count_keeps_the_newest),
		cmocka_unit_test(test_newest_is_immortal_and_age_is_strict),
		cmocka_unit_test(test_safety_backups_take_a_place_and_stay),
		cmocka_unit_test(test_pinned_backups_stay),
		cmocka_unit_test(test_future_timestamp_evicts_nothing),
		cmocka_unit_test(test_a_moment_ahead_takes_no_place),
		cmocka_unit_test(test_held_and_protected_kinds_stay),
		cmocka_unit_test(test_kinds_are_read_strictly),
		cmocka_unit_test(test_kinds_are_named_as_they_are_called),
		cmocka_unit_test(test_components_are_named_as_they_are_called),
		cmocka_unit_test(test_the_ladder_thins_out),
		cmocka_unit_test(test_plan_is_what_the_rules_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
