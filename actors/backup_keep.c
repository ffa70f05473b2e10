#include "actors/backup_keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "actors/backup_tree.h"
#include "runtime/base/calendar.h"
#include "runtime/base/fault.h"
#include "runtime/base/items.h"
#include "runtime/base/log.h"

#define PATH_SIZE (BACKUP_PATH_MAX + 16)
#define LAST_NAME ".last"
#define NO_PERIOD INT64_MIN

/* How far each rung of hours, days ... has come, on the way into the past. */
struct ladder {
	int64_t period[BACKUP_RUNGS];
	uint32_t filled[BACKUP_RUNGS];
};

struct judge {
	const struct backup_policy *p;
	struct ladder ladder;
	uint32_t place;
	uint32_t safety;
};

bool
backup_fate_goes(enum backup_fate fate)
{
	return fate == FATE_OVER_SAFETY || fate == FATE_OVER_COUNT ||
	       fate == FATE_TOO_OLD;
}

static bool
trigger_find(const char *text, size_t size, uint32_t *ret_bit)
{
	for (uint32_t i = 0; i < BACKUP_TRIGGERS; i++) {
		const char *name = backup_trigger_text((enum backup_trigger)i);

		if (strlen(name) == size && strncmp(text, name, size) == 0) {
			*ret_bit = 1u << i;
			return true;
		}
	}
	return false;
}

static enum status
protect_mistake(char *ret_why)
{
	size_t used = (size_t)snprintf(ret_why, BACKUP_WHY_SIZE,
	    "backup.retention.protect: each is one of");

	for (uint32_t i = 0; i < BACKUP_TRIGGERS && used < BACKUP_WHY_SIZE; i++)
		used += (size_t)snprintf(ret_why + used, BACKUP_WHY_SIZE - used,
		    "%s %s", i == 0 ? "" : ",",
		    backup_trigger_text((enum backup_trigger)i));
	return ST_INVALID;
}

enum status
backup_protect_read(const char *text, uint32_t *ret_set, char *ret_why)
{
	uint32_t set = 0, bit;
	const char *word;
	size_t size;

	while ((word = items_word(&text, " ,", &size)) != NULL) {
		if (!trigger_find(word, size, &bit))
			return protect_mistake(ret_why);
		set |= bit;
	}
	*ret_set = set;
	return ST_OK;
}

/* ---- the plan ---- */

static int64_t
period_of(uint32_t rung, int64_t us)
{
	static const enum calendar_unit units[] = { CALENDAR_HOUR, CALENDAR_DAY,
		CALENDAR_WEEK, CALENDAR_MONTH };
	time_t seconds = (time_t)(us / 1000000);
	struct tm tm = { 0 };

	if (rung < sizeof(units) / sizeof(units[0]))
		return calendar_floor(units[rung], us, 0);
	gmtime_r(&seconds, &tm);
	return tm.tm_year;
}

/* Takes its place on every rung, whatever else keeps it. */
static bool
ladder_take(struct ladder *l, const struct backup_policy *p, int64_t us,
    enum backup_fate *ret_fate)
{
	bool took = false;

	for (uint32_t i = 0; i < BACKUP_RUNGS; i++) {
		int64_t period = period_of(i, us);

		if (l->filled[i] >= p->rungs[i] || l->period[i] == period)
			continue;
		l->period[i] = period;
		l->filled[i]++;
		if (!took)
			*ret_fate = (enum backup_fate)(FATE_HOURLY + i);
		took = true;
	}
	return took;
}

static bool
is_one_of(const char *const *ids, size_t count, const char *id)
{
	for (size_t i = 0; i < count; i++)
		if (ids[i] != NULL && strcmp(ids[i], id) == 0)
			return true;
	return false;
}

static enum backup_fate
judge_ordinary(
    const struct judge *j, const struct backup_facts *f, uint32_t place)
{
	int64_t limit_us = (int64_t)j->p->max_days * CALENDAR_DAY_US;

	if (place >= j->p->max_count)
		return FATE_OVER_COUNT;
	return j->p->now_us - f->timestamp > limit_us ? FATE_TOO_OLD
						      : FATE_RECENT;
}

static enum backup_fate
judge_one(struct judge *j, const struct backup_entry *e)
{
	const struct backup_facts *f = &e->facts;
	const struct backup_policy *p = j->p;
	bool protected = (p->protects & 1u << f->trigger) != 0;
	bool safe = protected && f->trigger == TRIGGER_PRE_MIGRATION;
	enum backup_fate rung = FATE_HOURLY;
	bool on_ladder;
	uint32_t place;

	if (f->timestamp > p->now_us)
		return FATE_FUTURE;
	if (e->is_disputed)
		return FATE_DISPUTED;
	if (e->trust != TRUST_SIGNED)
		return FATE_UNPROVEN;
	place = j->place++;
	j->safety += safe;
	on_ladder =
	    !protected && ladder_take(&j->ladder, p, f->timestamp, &rung);
	if (place == 0 || is_one_of(&p->newest, 1, f->backup_id))
		return FATE_NEWEST;
	if (e->is_held)
		return FATE_HELD;
	if (is_one_of(p->pinned, BACKUP_PINS, f->backup_id))
		return FATE_IN_USE;
	if (safe && p->max_safety > 0 && j->safety > p->max_safety)
		return FATE_OVER_SAFETY;
	if (protected)
		return FATE_PROTECTED;
	if (on_ladder && judge_ordinary(j, f, place) != FATE_RECENT)
		return rung;
	return judge_ordinary(j, f, place);
}

void
backup_keep_plan(const struct backup_entry *entries, size_t count,
    const struct backup_policy *p, enum backup_fate *ret_fates)
{
	struct judge j = { .p = p };

	for (uint32_t i = 0; i < BACKUP_RUNGS; i++)
		j.ladder.period[i] = NO_PERIOD;
	for (size_t i = 0; i < count; i++)
		ret_fates[i] = judge_one(&j, &entries[i]);
}

/* ---- the removal ---- */

static void
keep_remove(
    const char *root, const struct backup_entry *e, struct backup_outcome *o)
{
	if (backup_entry_drop(root, e) == ST_OK) {
		o->removed = true;
		LOG(BACKUP_RETENTION_PRUNED, KV("ids", o->backup_id),
		    KU("count", 1));
	} else {
		LOG(BACKUP_RETENTION_FAILED, KV("backup_id", o->backup_id),
		    KV("error", strerror(errno)));
	}
}

/* One line, however many there are. */
static void
keep_tell_unproven(
    const struct backup_entry *all, size_t count, const enum backup_fate *fates)
{
	const char *one = NULL;
	size_t unproven = 0;

	for (size_t i = 0; i < count; i++)
		if (fates[i] == FATE_UNPROVEN) {
			one = all[i].name;
			unproven++;
		}
	if (unproven > 0)
		LOG(BACKUP_RETENTION_UNPROVEN, KV("path", one),
		    KU("count", unproven));
}

static void
keep_judge(const char *root, const struct backup_policy *p, bool dry,
    struct backup_entry *all, size_t count, enum backup_fate *fates,
    struct backup_outcome *ret)
{
	backup_keys_prove(p->keys, all, count);
	for (size_t i = 0; i < count && p->holds != NULL; i++)
		all[i].is_held |=
		    backup_is_held(p->holds, all[i].facts.backup_id);
	backup_keep_plan(all, count, p, fates);
	keep_tell_unproven(all, count, fates);
	for (size_t i = 0; i < count; i++) {
		const struct backup_facts *f = &all[i].facts;

		ret[i] = (struct backup_outcome){ .timestamp = f->timestamp,
			.trigger = f->trigger,
			.fate = fates[i] };
		memcpy(ret[i].backup_id, f->backup_id, sizeof(f->backup_id));
		if (f->timestamp > p->now_us + BACKUP_FUTURE_US)
			LOG(BACKUP_TIMESTAMP_ODD,
			    KV("backup_id", f->backup_id));
		if (!dry && backup_fate_goes(fates[i]))
			keep_remove(root, &all[i], &ret[i]);
	}
}

static enum status
keep_fail(enum status st)
{
	LOG(BACKUP_RETENTION_FAILED, KV("error", status_text(st)));
	return st;
}

enum status
backup_keep(const char *root, const struct backup_policy *p, bool dry,
    struct backup_outcome **ret, size_t *ret_count, size_t *ret_refused)
{
	struct backup_outcome *outcomes;
	enum backup_fate *fates;
	struct backup_entry *all;
	size_t count;
	enum status st = backup_entries_look(root, &all, &count, ret_refused);

	*ret = NULL;
	*ret_count = 0;
	if (st == ST_OK && fault_fails("retention.read")) {
		free(all);
		st = ST_IO;
	}
	if (st != ST_OK)
		return keep_fail(st);
	outcomes = calloc(count + 1, sizeof(*outcomes));
	fates = calloc(count + 1, sizeof(*fates));
	if (outcomes == NULL || fates == NULL) {
		free(outcomes);
		st = keep_fail(ST_NO_MEMORY);
	} else {
		keep_judge(root, p, dry, all, count, fates, outcomes);
		*ret = outcomes;
		*ret_count = count;
	}
	free(fates);
	free(all);
	return st;
}

/* ---- which was made last ---- */

void
backup_last_write(const char *root, const char *id)
{
	char file[PATH_SIZE];

	snprintf(file, sizeof(file), "%s/" LAST_NAME, root);
	if (backup_file_write(file, id, strlen(id)) != ST_OK)
		LOG(BACKUP_RETENTION_FAILED, KV("backup_id", id),
		    KV("error", "which was made last is not kept"));
}

bool
backup_last_read(const char *root, char ret_id[BACKUP_ID_LENGTH + 1])
{
	char file[PATH_SIZE], text[BACKUP_ID_LENGTH + 1] = "";
	ssize_t n = -1;
	int fd;

	snprintf(file, sizeof(file), "%s/" LAST_NAME, root);
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0) {
		n = read(fd, text, BACKUP_ID_LENGTH);
		close(fd);
	}
	if (n != BACKUP_ID_LENGTH || !backup_id_is_good(text))
		return false;
	memcpy(ret_id, text, sizeof(text));
	return true;
}
