/* When the second target is tried again, and what is told meanwhile. */
#include "actors/backup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/backup_facts.h"
#include "actors/backup_inside.h"
#include "actors/backup_tree.h"
#include "runtime/base/fault.h"
#include "runtime/config.h"
#include "tests/rig.h"
#include "tests/tempdir.h"

#define SETS 6
#define MAX_LAG_S 900

/* ---- a store and settings that say yes ---- */

static enum status
yes_on_settle(struct actor *self, const struct msg *in)
{
	return REPLY(self, in, done, 0);
}

static enum status
yes_on_health(struct actor *self, const struct msg *in)
{
	return REPLY(self, in, store_healthy, .healthy = true,
	    .backend = "memory", .schema = 2);
}

static enum status
yes_on_redo_end(struct actor *self, const struct msg *in)
{
	return REPLY(self, in, store_redo_stands, .stand = { 0 });
}

static uint32_t appends_refused; /* so many to come */
static uint32_t notes_appended;

static enum status
yes_on_audit_append(struct actor *self, const struct msg *in)
{
	const struct store_audit_append *ask = in->body;

	if (appends_refused > 0) {
		appends_refused--;
		return REFUSE(self, in, UNAVAILABLE, "not now");
	}
	notes_appended += ask->notes_count;
	return REPLY(self, in, done, 0);
}

static const struct handler yes_store_on[] = {
	ON(store_audit_append, yes_on_audit_append),
	ON(store_settle, yes_on_settle),
	ON(store_health, yes_on_health),
	ON(store_redo_end, yes_on_redo_end),
	{ 0 },
};

static const struct actor_class yes_store = {
	.name = "store",
	.ops_max = 16,
	.on = yes_store_on,
};

static enum status
yes_on_watch(struct actor *self, const struct msg *in)
{
	return REPLY(self, in, setting_overrides, .rows = NULL);
}

static const struct handler yes_settings_on[] = {
	ON(setting_watch, yes_on_watch),
	{ 0 },
};

static const struct actor_class yes_settings = {
	.name = "settings",
	.ops_max = 16,
	.on = yes_settings_on,
};

/* ---- the scene ---- */

struct scene {
	struct rig r;
	struct config *config;
	const char *base;
	char data[96], root[128], second[96];
	char sets[SETS][160];
};

static struct config *
config_of(struct scene *s)
{
	const char *sets[SETS];
	struct config_input in = { .sets = sets, .nsets = SETS };
	struct mistakes told;
	struct config *c = NULL;

	snprintf(
	    s->sets[0], sizeof(s->sets[0]), "runtime.data_dir=%s", s->data);
	snprintf(
	    s->sets[1], sizeof(s->sets[1]), "backup.second.path=%s", s->second);
	snprintf(
	    s->sets[2], sizeof(s->sets[2]), "backup.second.other_disk=false");
	snprintf(s->sets[3], sizeof(s->sets[3]),
	    "backup.second.max_lag_seconds=%d", MAX_LAG_S);
	snprintf(
	    s->sets[4], sizeof(s->sets[4]), "backup.second.bytes_per_second=0");
	snprintf(s->sets[5], sizeof(s->sets[5]), "backup.drill.enabled=false");
	for (size_t i = 0; i < SETS; i++)
		sets[i] = s->sets[i];
	mistakes_init(&told);
	assert_int_equal(config_load(&in, &told, &c), ST_OK);
	return c;
}

static void
put(const char *folder, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(backup_file_write(path, text, strlen(text)), ST_OK);
}

/* A backup of nothing but a configuration, as a folder. */
static void
make_backup(struct scene *s, const char *id)
{
	struct backup_facts f = { .timestamp = RIG_WALL_US,
		.trigger = TRIGGER_MANUAL,
		.count = 1,
		.components = { COMPONENT_CONFIG },
		.schema_version = 1,
		.format_version = BACKUP_FORMAT };
	unsigned char text[4096];
	struct wire_out out = { text, sizeof(text), 0 };
	char folder[192], area[224];

	snprintf(f.backup_id, sizeof(f.backup_id), "%s", id);
	snprintf(folder, sizeof(folder), "%s/%s_x", s->root, id);
	snprintf(area, sizeof(area), "%s/config", folder);
	assert_int_equal(backup_folder_make(area), ST_OK);
	put(area, "company.yaml", "name: x\n");
	assert_int_equal(backup_tree_sum(folder, NULL, f.checksum), ST_OK);
	assert_int_equal(backup_facts_write(&f, true, &out), ST_OK);
	text[out.used] = '\0';
	put(folder, BACKUP_MANIFEST_NAME, (const char *)text);
}

/* The actor, for the one thing that a test cannot do from outside. */
static struct actor *spied;

static enum status
spy_start(struct actor *self)
{
	spied = self;
	return backup_class.start(self);
}

static void
scene_start(struct scene *s)
{
	static struct actor_class spy;

	spy = backup_class;
	spy.start = spy_start;
	log_set_level(LOG_DEBUG);
	s->config = config_of(s);
	rig_init_with(&s->r, s->config);
	rig_spawn(&s->r, &yes_store, ACTOR_NUMBER(store));
	rig_spawn(&s->r, &yes_settings, ACTOR_NUMBER(settings));
	rig_probe(&s->r, ACTOR_NUMBER(event_hub));
	rig_probe(&s->r, ACTOR_NUMBER(scheduler));
	rig_probe(&s->r, ACTOR_NUMBER(gateway));
	rig_spawn(&s->r, &spy, ACTOR_NUMBER(backup));
	assert_int_equal(rig_start(&s->r), ST_OK);
}

/* Answers for the hub, so that nothing waits at the end. */
static void
scene_stop(struct scene *s)
{
	struct heard *h;

	while ((h = rig_peek(
		    &s->r, ACTOR_NUMBER(event_hub), MSG_hub_publish)) != NULL) {
		h->taken = true;
		if (h->op != NULL) /* its asker waits still */
			RIG_ANSWER(&s->r, h, done, 0);
	}
	rig_fini(&s->r);
	config_destroy(s->config);
}

static int
setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	s->base = tempdir_make();
	snprintf(s->data, sizeof(s->data), "%s/data", s->base);
	snprintf(s->root, sizeof(s->root), "%s/backups", s->data);
	snprintf(s->second, sizeof(s->second), "%s/second", s->base);
	assert_int_equal(backup_folder_make(s->root), ST_OK);
	make_backup(s, "0123456789ab");
	*state = s;
	return 0;
}

static int
teardown(void **state)
{
	struct scene *s = *state;

	free(s);
	return 0;
}

/* ---- what is asked of it ---- */

#define BOSS                                                          \
	{                                                             \
		.user_id = "u", .username = "u", .role = ROLE_CEO,    \
		.method = AUTH_JWT, .session_id = "s", .address = "", \
		.user_agent = "",                                     \
	}

static const struct backup_second *
now_is(struct scene *s)
{
	uint64_t tag =
	    RIG_ASK(&s->r, gateway, backup, backup_status, .caller = BOSS);
	const struct backup_second *now =
	    RIG_REPLIED(&s->r, gateway, tag, backup_state)->second;

	assert_non_null(now);
	return now;
}

/* What gateways hear every second; the last of it. */
static bool
is_behind(struct scene *s)
{
	bool behind = false;
	struct heard *h;

	while ((h = rig_peek(&s->r, ACTOR_NUMBER(gateway), MSG_backup_news)) !=
	       NULL) {
		behind = RIG_BODY(h, backup_news)->behind;
		h->taken = true;
	}
	return behind;
}

static void
make_second(const struct scene *s)
{
	assert_int_equal(mkdir(s->second, 0700), 0);
}

/* ---- tests ---- */

/*
 * 1 s, 2 s, 4 s ... 256 s, then every 300 s: how often it has tried is how
 * many lines of failing there would be; one is told.
 */
static void
test_tries_come_ever_later_and_one_failure_is_told(void **state)
{
	struct scene *s = *state;

	scene_start(s);
	rig_advance_ms(&s->r, 1000);
	assert_false(now_is(s)->reachable);
	assert_string_equal(now_is(s)->why, "the folder is not there");
	assert_int_equal(rig_logged(&s->r, EV_BACKUP_SECOND_FAILED), 1);
	/* Nine tries are over after 511 s and the first moment. */
	rig_advance_ms(&s->r, 520000);
	make_second(s);
	rig_advance_ms(&s->r, 200000);
	assert_false(now_is(s)->reachable); /* the tenth is yet to come */
	rig_advance_ms(&s->r, 100000);
	assert_true(now_is(s)->reachable);
	assert_int_equal(now_is(s)->copies, 1);
	assert_int_equal(rig_logged(&s->r, EV_BACKUP_SECOND_FAILED), 1);
	assert_int_equal(rig_logged(&s->r, EV_BACKUP_SECOND_COPIED), 1);
	assert_int_equal(rig_logged(&s->r, EV_BACKUP_SECOND_RECOVERED), 1);
	scene_stop(s);
}

static void
test_gateways_hear_of_it_past_its_lag_and_when_it_is_over(void **state)
{
	struct scene *s = *state;

	scene_start(s);
	rig_advance_ms(&s->r, (MAX_LAG_S - 10) * 1000);
	assert_false(is_behind(s));
	rig_advance_ms(&s->r, 20000);
	assert_true(is_behind(s));
	assert_true(now_is(s)->lag_seconds >= MAX_LAG_S);
	make_second(s);
	rig_advance_ms(&s->r, 310000);
	assert_false(is_behind(s));
	assert_int_equal(now_is(s)->lag_seconds, 0);
	scene_stop(s);
}

/* Once a minute: a target that has gone is missed before it is needed. */
static void
test_a_target_that_goes_is_missed_without_a_backup(void **state)
{
	struct scene *s = *state;

	make_second(s);
	scene_start(s);
	rig_advance_ms(&s->r, 1000);
	assert_int_equal(now_is(s)->copies, 1);
	assert_int_equal(backup_tree_remove(s->second), ST_OK);
	rig_advance_ms(&s->r, 30000);
	assert_true(now_is(s)->reachable);
	rig_advance_ms(&s->r, 31000);
	assert_false(now_is(s)->reachable);
	scene_stop(s);
}

/* Its disk has gone while it reads: it is told, and gets no company. */
static void
test_a_worker_that_hangs_is_not_sent_another(void **state)
{
	struct scene *s = *state;
	struct second_job *job;
	struct second *second;

	make_second(s);
	scene_start(s);
	rig_advance_ms(&s->r, 1000);
	second = &((struct backup_self *)actor_state(spied))->second;
	job =
	    second_job_make(&((struct backup_self *)actor_state(spied))->place);
	assert_non_null(job);
	second->job = job;
	make_backup(s, "00000000000b");
	second->moved_us = actor_now_us(spied);
	rig_advance_ms(&s->r, 50000);
	atomic_fetch_add(&job->pace.done, 1); /* it has got on, once more */
	rig_advance_ms(&s->r, 50000);
	assert_true(now_is(s)->reachable);
	rig_advance_ms(&s->r, 25000);
	assert_string_equal(now_is(s)->why, "the target does not answer");
	rig_advance_ms(&s->r, 600000);
	assert_ptr_equal(second->job, job);
	assert_int_equal(rig_logged(&s->r, EV_BACKUP_SECOND_FAILED), 1);
	/* It comes back after all. */
	second->job = NULL;
	second_job_let_go(job);
	rig_advance_ms(&s->r, 2000);
	assert_int_equal(now_is(s)->copies, 2);
	assert_true(now_is(s)->reachable);
	scene_stop(s);
}

/* What is known of it lies in the two folders, and in nobody's memory. */
static void
test_another_life_copies_nothing_twice(void **state)
{
	struct scene *s = *state;

	make_second(s);
	for (size_t life = 0; life < 2; life++) {
		scene_start(s);
		rig_advance_ms(&s->r, 1000);
		assert_int_equal(now_is(s)->copies, 1);
		assert_int_equal(
		    rig_logged(&s->r, EV_BACKUP_SECOND_COPIED), life == 0);
		scene_stop(s);
	}
}

/* The store did not take it at once: the end does not wait for another try. */
static void
test_a_drain_tells_the_audit_log_what_is_left(void **state)
{
	struct scene *s = *state;
	uint64_t tag;

	scene_start(s);
	rig_advance_ms(&s->r, 300);
	appends_refused = 1;
	notes_appended = 0;
	tag = RIG_ASK(&s->r, gateway, backup, backup_delete, .caller = BOSS,
	    .backup_id = "0123456789ab");
	(void)RIG_REPLIED(&s->r, gateway, tag, done);
	assert_int_equal(appends_refused, 0);
	assert_int_equal(notes_appended, 0);
	node_drain(s->r.node, 1000000);
	assert_int_equal(notes_appended, 1);
	scene_stop(s);
}

int
main(void)
{
#define PLACED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		PLACED(test_tries_come_ever_later_and_one_failure_is_told),
		PLACED(
		    test_gateways_hear_of_it_past_its_lag_and_when_it_is_over),
		PLACED(test_a_target_that_goes_is_missed_without_a_backup),
		PLACED(test_a_worker_that_hangs_is_not_sent_another),
		PLACED(test_another_life_copies_nothing_twice),
		PLACED(test_a_drain_tells_the_audit_log_what_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
