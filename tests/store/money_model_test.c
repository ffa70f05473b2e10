/*
 * Budgets and holds against a plain reference: arrays and additions.
 *
 * Random operations, writes that fail at random, and a process that is killed
 * at random places in a transaction.  After each operation the two agree on
 * its outcome; every COMPARE_EVERY and at the end on every sum.  No limit that
 * only holds spend from is ever passed, and no hold is ever lost.
 *
 *   TROUPE_MODEL_OPS   operations, instead of OPS_DEFAULT
 *   TROUPE_MODEL_SEED  instead of 1; a failure prints it
 */

#include "tests/store/money_rig.h"

#define OPS_DEFAULT 6000
#define COMPARE_EVERY 256
#define KILL_EVERY 700
#define HOURS (24 * 240)
#define HOLDS 64
#define MAP_BYTES (UINT64_C(16) << 30)
#define SWEEP 8                /* as the store's HOLD_SWEEP_MAX */
#define BASE (NOW - 58 * HOUR) /* 2026-04-01T00:00:00Z */

struct ref_budget {
	struct budget b;
	bool holds_only;
	money spent[HOURS];
	money held[HOURS];
};

struct ref_hold {
	char id[16];
	bool open;
	money amount;
	int project, agent, task;
	int hour;
	int64_t expires;
	uint64_t record;
};

static const char *const projects[] = { "p0", "p1" };
static const char *const agents[] = { "a0", "a1" };
static const char *const tasks[] = { "t0", "t1" };

static struct ref_budget budgets[8];
static struct ref_hold holds[HOLDS];
static money project_total[2];
static uint64_t seed;
static uint64_t next_id;
static int64_t now;
static uint64_t accepted, refused, failed, killed;

enum { BUDGETS = sizeof(budgets) / sizeof(budgets[0]) };

static uint64_t
dice(uint64_t sides)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (seed >> 33) % sides;
}

static int
hour_of(int64_t at)
{
	return (int)((at - BASE) / HOUR);
}

/* ---- the reference ---- */

static int
month_of(int hour)
{
	static const int days[] = { 30, 31, 30, 31, 31, 30, 31, 30 };
	int day = hour / 24, month = 0;

	while (day >= days[month])
		day -= days[month++];
	return month;
}

/* Whether costs of that hour are in the budget's window of this one. */
static bool
same_window(const struct budget *b, int that, int this)
{
	switch (b->window) {
	case WINDOW_MONTH:
		return month_of(that) == month_of(this);
	case WINDOW_DAY:
		return that / 24 == this / 24;
	case WINDOW_ROLLING: /* that which ends with this hour */
		return that <= this && that >= this - (int)b->rolling_hours;
	case WINDOW_LIFETIME:
		break;
	}
	return true;
}

/* In the window that ends with this hour, or that this hour is in. */
static void
ref_window(const struct ref_budget *r, int hour, money *spent, money *held)
{
	*spent = *held = 0;
	for (int h = 0; h <= hour_of(now); h++)
		if (same_window(&r->b, h, hour)) {
			*spent += r->spent[h];
			*held += r->held[h];
		}
}

/* Of several windows that the hour is in, the most there is. */
static void
ref_sums(const struct ref_budget *r, int hour, money *spent, money *held)
{
	int last = hour;

	if (r->b.window == WINDOW_ROLLING)
		last += (int)r->b.rolling_hours;
	*spent = *held = 0;
	for (int end = hour; end <= last; end++) {
		money s, h;

		ref_window(r, end, &s, &h);
		*spent = s > *spent ? s : *spent;
		*held = h > *held ? h : *held;
	}
}

static bool
applies(const struct ref_budget *r, const struct ref_hold *h)
{
	const char *subject = r->b.subject;

	switch (r->b.level) {
	case LEVEL_PROJECT:
		return strcmp(subject, projects[h->project]) == 0;
	case LEVEL_AGENT:
		return strcmp(subject, agents[h->agent]) == 0;
	case LEVEL_TASK:
		return strcmp(subject, tasks[h->task]) == 0;
	default:
		return true;
	}
}

static bool
ref_fits(const struct ref_hold *h, money more)
{
	money spent, held;

	for (int i = 0; i < BUDGETS; i++) {
		if (!budgets[i].b.hard || !applies(&budgets[i], h))
			continue;
		ref_sums(&budgets[i], h->hour, &spent, &held);
		if (spent + held + more > budgets[i].b.amount)
			return false;
	}
	return true;
}

static void
ref_charge(const struct ref_hold *h, money spent, money held)
{
	for (int i = 0; i < BUDGETS; i++)
		if (applies(&budgets[i], h)) {
			budgets[i].spent[h->hour] += spent;
			budgets[i].held[h->hour] += held;
		}
	project_total[h->project] += spent;
}

static void
ref_expire(struct ref_hold *h)
{
	ref_charge(h, 0, -h->amount);
	h->open = false;
}

static struct ref_hold *
ref_oldest(void)
{
	struct ref_hold *oldest = NULL;

	for (int i = 0; i < HOLDS; i++) {
		struct ref_hold *h = &holds[i];

		if (!h->open)
			continue;
		if (oldest == NULL || h->expires < oldest->expires ||
		    (h->expires == oldest->expires &&
			strcmp(h->id, oldest->id) < 0))
			oldest = h;
	}
	return oldest;
}

static uint32_t
ref_sweep(uint32_t max)
{
	struct ref_hold *h;
	uint32_t n = 0;

	while (n < max && (h = ref_oldest()) != NULL && h->expires <= now) {
		ref_expire(h);
		n++;
	}
	return n;
}

/* ---- operations: what the store says, then what the reference says ---- */

static enum status
store_hold(const struct ref_hold *h)
{
	return ASK(store_hold_add,
	    .hold = { .id = h->id,
		.amount = h->amount,
		.currency = "EUR",
		.agent_id = agents[h->agent],
		.task_id = tasks[h->task],
		.project_id = projects[h->project],
		.created_at = now,
		.expires_at = h->expires,
		.created_by = "u" },
	    .decision_id = "decision");
}

static enum status
store_settle(const struct ref_hold *h, money cost)
{
	return ASK(store_hold_settle, .id = h->id,
	    .record = { .record_id = an_id(h->record),
		.agent_id = "",
		.task_id = "",
		.currency = "",
		.provider = "provider",
		.model = "model",
		.cost = cost },
	    .principal = "u", .now = now, .keep_us = KEEP_US,
	    .event_id = an_id(h->record), .decision_id = "decision");
}

/* Each knows how to ask the store, and what the reference makes of it. */
struct step {
	enum { HOLD, SETTLE, VOID, EXPIRE, RECORD } kind;
	struct ref_hold *hold;
	struct ref_hold new;
	money cost;
};

static enum status
step_ask(const struct step *s)
{
	struct cost_record r;

	switch (s->kind) {
	case HOLD:
		return store_hold(&s->new);
	case SETTLE:
		return store_settle(s->hold, s->cost);
	case VOID:
		return ASK(store_hold_void, .id = s->hold->id, .principal = "u",
		    .now = now, .decision_id = "decision");
	case EXPIRE:
		return ASK(store_hold_expire, .now = now, .limit = 100);
	case RECORD:
		break;
	}
	r = a_record(s->new.record, projects[s->new.project], s->cost);
	r.agent_id = agents[s->new.agent];
	r.task_id = tasks[s->new.task];
	r.timestamp = now;
	return add(&r, now);
}

static bool
step_was_refused(const struct step *s)
{
	return s->kind <= VOID && hold_problem() != 0;
}

static bool
ref_hold_add(const struct step *s)
{
	struct ref_hold *slot = holds;

	(void)ref_sweep(SWEEP);
	if (!ref_fits(&s->new, s->new.amount))
		return false;
	while (slot->open)
		slot++;
	*slot = s->new;
	slot->open = true;
	ref_charge(slot, 0, slot->amount);
	return true;
}

static bool
ref_settle(struct ref_hold *h, money cost)
{
	if (h->expires <= now) {
		ref_expire(h);
		return false;
	}
	if (cost > h->amount && !ref_fits(h, cost - h->amount))
		return false;
	ref_charge(h, cost, -h->amount);
	h->open = false;
	return true;
}

/* False: refused. */
static bool
step_reference(const struct step *s)
{
	switch (s->kind) {
	case HOLD:
		return ref_hold_add(s);
	case SETTLE:
		return ref_settle(s->hold, s->cost);
	case VOID:
		ref_expire(s->hold);
		return true;
	case EXPIRE:
		(void)ref_sweep(100);
		return true;
	case RECORD:
		break;
	}
	ref_charge(&s->new, s->cost, 0);
	return true;
}

/* ---- agreement ---- */

static void
agree(bool right, const char *what)
{
	if (right)
		return;
	print_error("%s, after %llu steps, seed %s\n", what,
	    (unsigned long long)accepted + refused,
	    getenv("TROUPE_MODEL_SEED"));
	fail();
}

static uint64_t
open_holds(void)
{
	uint64_t n = 0;

	for (int i = 0; i < HOLDS; i++)
		n += holds[i].open;
	return n;
}

static void
compare_at(int64_t at)
{
	money spent, held;

	for (int i = 0; i < BUDGETS; i++) {
		const struct ref_budget *r = &budgets[i];
		const struct budget_status *s = status_of(r->b.id, at);

		ref_sums(r, hour_of(at), &spent, &held);
		agree(s->spent == spent && s->held == held, "sums differ");
		ref_window(r, hour_of(at), &spent, &held);
		agree(!r->holds_only || spent + held <= r->b.amount,
		    "a limit is passed");
	}
}

static void
compare(void)
{
	compare_at(now);
	agree(asker_count(TABLE_HOLDS_BY_EXPIRY) == open_holds(),
	    "a hold is lost");
	for (int i = 0; i < 2; i++) {
		const struct project_cost *p = project_of(projects[i]);

		agree((p == NULL ? 0 : p->total_cost) == project_total[i],
		    "a project's total differs");
	}
}

/* ---- what happens ---- */

static void
whose(struct ref_hold *h, bool plain)
{
	h->project = plain ? 1 : (int)dice(2);
	h->agent = plain ? 1 : (int)dice(2);
	h->task = plain ? 1 : (int)dice(2);
	h->hour = hour_of(now);
	h->record = ++next_id;
	snprintf(h->id, sizeof(h->id), "%08llx", (unsigned long long)next_id);
}

static struct step
a_step(void)
{
	struct step s = { .kind = EXPIRE };
	uint64_t n = dice(100);
	struct ref_hold *h = &holds[dice(HOLDS)];

	s.new.amount = (money)dice(8 * 100000000) * (CENT / 1000000) + 1;
	s.cost = (money)dice(9 * 100000000) * (CENT / 1000000);
	if (n < 40 && open_holds() < HOLDS) {
		s.kind = HOLD;
		whose(&s.new, false);
		s.new.expires = now + (int64_t)(1 + dice(7200)) * 1000000;
	} else if (n < 92 && h->open) {
		s.kind = n < 75 ? SETTLE : VOID;
		s.hold = h;
	} else if (n < 98) {
		s.kind = RECORD;
		whose(&s.new, true);
		s.cost /= 20;
	}
	return s;
}

static void
step_settle(const struct step *s, bool was_refused)
{
	bool right = step_reference(s);

	agree(right == !was_refused, "an answer differs");
	accepted += right;
	refused += !right;
}

static const enum fault_op fault_ops[] = { FAULT_PUT, FAULT_GET, FAULT_DELETE,
	FAULT_COMMIT };

static void
step_with_fault(const struct step *s)
{
	enum fault_op op = fault_ops[dice(4)];
	enum status st;

	faults_fail(&asker.f->faults, op,
	    op == FAULT_COMMIT ? 1 : 1 + (uint32_t)dice(30),
	    dice(2) == 0 ? ST_IO : ST_FULL);
	st = step_ask(s);
	faults_fail(&asker.f->faults, op, 0, ST_IO);
	if (st == ST_OK)
		step_settle(s, step_was_refused(s));
	else
		failed++;
}

static int
step_said(const void *step)
{
	return step_ask(step) == ST_OK ? step_was_refused(step) : 2;
}

static void
step_with_kill(const struct step *s)
{
	enum fault_op op = fault_ops[dice(4)];
	uint32_t nth = op == FAULT_COMMIT ? 1 : 1 + (uint32_t)dice(60);
	int said;

	if (fixture_outlives(asker.f, op, nth, step_said, s, &said)) {
		assert_true(said < 2);
		step_settle(s, said == 1);
		return;
	}
	killed++;
	compare();
}

static void
begin(bool can_die)
{
	const struct budget all[BUDGETS] = {
		a_budget("b0", LEVEL_ORGANISATION, "", WINDOW_LIFETIME,
		    50000 * UNIT),
		a_budget(
		    "b1", LEVEL_PROJECT, "p0", WINDOW_LIFETIME, 30000 * UNIT),
		a_budget("b2", LEVEL_PROJECT, "p0", WINDOW_DAY, 40 * UNIT),
		a_budget("b3", LEVEL_PROJECT, "p1", WINDOW_MONTH, 900 * UNIT),
		a_budget("b4", LEVEL_AGENT, "a0", WINDOW_ROLLING, 20 * UNIT),
		a_budget("b5", LEVEL_AGENT, "a1", WINDOW_DAY, 10 * UNIT),
		a_budget("b6", LEVEL_TASK, "t0", WINDOW_MONTH, 600 * UNIT),
		a_budget(
		    "b7", LEVEL_ORGANISATION, "", WINDOW_MONTH, 5000 * UNIT),
	};
	const char *given = getenv("TROUPE_MODEL_SEED");

	memset(holds, 0, sizeof(holds));
	memset(project_total, 0, sizeof(project_total));
	seed = (given == NULL ? 1 : strtoull(given, NULL, 10)) * 2 + can_die;
	now = BASE;
	accepted = refused = failed = killed = 0;
	for (int i = 0; i < BUDGETS; i++) {
		memset(&budgets[i], 0, sizeof(budgets[i]));
		budgets[i].b = all[i];
		budgets[i].b.hard = i != 5;
		(void)make_budget(&budgets[i].b);
	}
	budgets[1].holds_only = budgets[2].holds_only = true;
	budgets[4].holds_only = budgets[6].holds_only = true;
}

static void
run(bool can_die)
{
	const char *given = getenv("TROUPE_MODEL_OPS");
	uint64_t ops = given == NULL ? OPS_DEFAULT : strtoull(given, NULL, 10);
	uint64_t span = (uint64_t)(HOURS - 24) * HOUR / ops;

	begin(can_die);
	for (uint64_t n = 1; n <= ops; n++) {
		struct step s;

		now += (int64_t)dice(span < 60000000 ? span : 60000000);
		s = a_step();
		if (can_die && n % KILL_EVERY == 0)
			step_with_kill(&s);
		else if (dice(40) == 0)
			step_with_fault(&s);
		else if (step_ask(&s) == ST_OK)
			step_settle(&s, step_was_refused(&s));
		else
			agree(false, asker.why);
		if (n % COMPARE_EVERY == 0)
			compare();
	}
	compare();
	for (int64_t at = BASE; at <= now; at += 5 * HOUR)
		compare_at(at);
	now += 3 * HOUR;
	while (expire(now) > 0)
		;
	(void)ref_sweep(HOLDS);
	compare();
	agree(asker_count(TABLE_HOLDS_BY_EXPIRY) == 0, "a hold has leaked");
	assert_true(accepted > ops / 4 && refused > ops / 50 && failed > 0);
	assert_true(!can_die || killed > 0);
}

static void
test_lmdb_agrees_with_the_reference(void **state)
{
	(void)state;
	run(true);
}

static void
test_memory_agrees_with_the_reference(void **state)
{
	(void)state;
	run(false);
}

static int
model_setup(void **state)
{
	struct fixture *f;

	asker_setup(state);
	f = *state;
	f->options.map_bytes = MAP_BYTES;
	f->options.map_bytes_max = MAP_BYTES;
	fixture_reopen(f);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		{ "lmdb", test_lmdb_agrees_with_the_reference, model_setup,
		    asker_teardown, (void *)(uintptr_t)&backend_lmdb },
		{ "memory", test_memory_agrees_with_the_reference, model_setup,
		    asker_teardown, (void *)(uintptr_t)&backend_memory },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
