/*
 * backup_inside - what the files of the backup actor share, and nobody else.
 *
 * backup.c hears requests, backup_run.c makes backups, backup_flow.c restores
 * and drills, backup_prune.c lets retention remove, backup_tell.c answers,
 * logs and tells.
 */
#ifndef ACTORS_BACKUP_INSIDE_H
#define ACTORS_BACKUP_INSIDE_H

#include "actors/auditor.h"
#include "actors/backup.h"
#include "actors/backup_counts.h"
#include "actors/backup_second.h"
#include "actors/backup_ship.h"
#include "actors/backup_work.h"
#include "protocols/event_type.h"
#include "runtime/live.h"

#define BACKUP_KEY_HASH 32

/* X(id, word): backup_state's word, and behind "backup." the audit log's. */
#define RUN_KINDS(X)          \
	X(CREATE, "create")   \
	X(RESTORE, "restore") \
	X(DRILL, "drill")     \
	X(PRUNE, "prune")

#define RUN_KIND_ID(id, word) RUN_##id,
enum run_kind { RUN_KINDS(RUN_KIND_ID) };
#undef RUN_KIND_ID

struct backup_run;
typedef enum status (*run_fn)(struct actor *self, struct backup_run *r);
typedef void (*run_work_fn)(struct backup_job *j);

/* Who asked, as far as the audit log wants to know. */
struct run_caller {
	char user_id[ID_MAX + 1];
	char username[USERNAME_MAX + 1];
	char session[AUDIT_SESSION_MAX + 1]; /* or API key */
	char address[ADDRESS_MAX + 1];
	enum role role;
	enum auth_method method;
};

/* One backup, restore or drill, from its start to its last answer. */
struct backup_run {
	enum run_kind kind;
	struct op *op; /* its own, which answers nobody */
	struct backup_job main;
	struct backup_job safety;
	struct backup_job *at; /* the one in hand */
	run_work_fn work;
	run_fn next;  /* after the work in hand */
	run_fn save;  /* instead of saving and publishing it; NULL */
	run_fn after; /* after the backup in hand */
	const char *phase;
	bool swapped;
	bool attempted; /* live data may have been touched */
	bool store_is_settled;
	uint32_t tries;
	struct timer again;
	uint64_t started_us;
	uint64_t making_us; /* the backup in hand began */
	uint64_t rows, entries;
	bool by_somebody;
	struct run_caller caller;
	char key[IDEMPOTENCY_MAX + 1]; /* "": none */
	uint8_t hash[BACKUP_KEY_HASH];
	uint64_t waiters[BACKUP_WAITERS_MAX]; /* handles of ops */
	uint32_t waiters_count;
};

/* The wall clock, as far as retention believes it; see backup_prune.c. */
struct backup_clock {
	int64_t wall_us;
	uint64_t mono_us;      /* when it was so */
	uint64_t odd_since_us; /* it is told otherwise; 0: it is not */
};

struct backup_self {
	struct backup_place place;
	struct backup_clock clock;
	uint32_t include_count;
	enum backup_component include[BACKUP_COMPONENTS_MAX];
	struct live live;
	struct timer watch;
	struct auditor auditor;
	struct ship ship;
	struct second second;
	bool wants_base;
	bool is_watched;        /* the settings have been heard */
	struct backup_run *run; /* NULL: the lock is free */
	bool is_recovered;
	bool has_started; /* the backup of the start is behind us */
	bool is_closing;
	bool has_closed;
	struct timer again;
	uint32_t schema_newest;
	int64_t last_success_at;
	struct backup_proof proof; /* texts below */
	bool has_proof;
	int64_t last_proven_at; /* kept beside the backups; 0: never */
	int64_t started_at;
	struct backup_counts counts;
	struct timer news;
	char proof_id[BACKUP_ID_LENGTH + 1];
	char proof_why[REFUSED_DETAIL_MAX + 1];
	char restored_id[BACKUP_ID_LENGTH + 1]; /* "": none yet */
	const char *restore_error;              /* NULL: it went well */
};

/* ---- backup_run.c ---- */

/* Takes the lock; NULL if there is no memory or no op: in is not answered. */
struct backup_run *backup_run_open(struct actor *self, enum run_kind kind);
/* Frees the lock; the run is gone. */
void backup_run_close(struct actor *self, struct backup_run *r);
/* The request waits for the run's end; refused if too many do. */
enum status backup_run_wait(
    struct actor *self, struct backup_run *r, struct op *op);
/* As wait, for the same key again: refused CONFLICT when it takes too long. */
enum status backup_run_join(
    struct actor *self, struct backup_run *r, struct op *op);
/* On a thread of low priority, then next. */
enum status backup_run_work(struct actor *self, struct backup_run *r,
    const char *phase, run_work_fn work, run_fn next);
/* How fast it may read, and how much of a core it may take; 0: unbounded. */
uint64_t backup_run_speed(struct actor *self, const struct backup_run *r);
uint32_t backup_run_cpu(struct actor *self, const struct backup_run *r);
/* Somebody waits for it: the disk is not spared. */
bool backup_run_is_soon(const struct backup_run *r);
/* The bounds of all these for one of its jobs, from now. */
void backup_run_pace(
    struct actor *self, const struct backup_run *r, struct backup_job *j);
/* Asks the store; on_reply finds the run by backup_run_of. */
uint64_t backup_run_store(const struct actor *self);
struct backup_run *backup_run_of(struct op *op);
/* Makes the backup that r->at describes, then calls after. */
enum status backup_run_make(
    struct actor *self, struct backup_run *r, run_fn after);
/* What r->save has saved: published, and then after. */
enum status backup_run_publish(struct actor *self, struct backup_run *r);
void backup_job_init(struct actor *self, struct backup_job *j,
    enum backup_trigger trigger, const enum backup_component *components,
    uint32_t count);
/* A backup on its own: from the lock to the answers. */
enum status backup_run_create(struct actor *self, struct backup_run *r);

/* ---- backup_flow.c ---- */

enum status backup_run_restore(struct actor *self, struct backup_run *r);
enum status backup_run_drill(struct actor *self, struct backup_run *r);
/* What is in the source, or why it is not: goes on from there. */
enum status backup_run_prepared(struct actor *self, struct backup_run *r);
/* Until the store has settled and the files are; then the actor is ready. */
enum status backup_recover(struct actor *self);

/* ---- backup_at.c: states between two backups ---- */

/* From the lock to backup_run_prepared. */
enum status backup_run_at(struct actor *self, struct backup_run *r);
enum status backup_on_points(struct actor *self, const struct msg *in);

/* ---- backup_ship.c ---- */

/* A backup to start from, as soon as the lock is free. */
void backup_want_base(struct actor *self);
/* The lock is free: is one still wanted? */
void backup_look_for_base(struct actor *self);

/* ---- backup_measure.c ---- */

struct metric_page;
void backup_measure(struct actor *self, struct metric_page *to);

/* ---- backup_tell.c ---- */

const char *backup_run_word(enum run_kind kind);
/* On the channel `system`, in the form of every event about backups. */
void backup_tell_event(struct actor *self, enum event_type_id type,
    const char *backup_id, const char *phase, uint64_t size_bytes, bool good);
void backup_tell_caller(struct backup_run *r, const struct principal *who);
/* As run's outcome: the audit log, and an event on the channel `system`. */
void backup_tell_begun(struct actor *self, const struct backup_run *r);
void backup_tell_ended(struct actor *self, const struct backup_run *r);
/* Every gateway hears how well backups are proven, again and again. */
enum status backup_tell_news(struct actor *self, struct timer *t);
/* Whoever waits gets this. */
void backup_answer_all(struct actor *self, struct backup_run *r);
void backup_refuse_all(struct actor *self, struct backup_run *r);
/* Every stop of the run: answers, tells, frees the lock. */
enum status backup_run_end(struct actor *self, struct backup_run *r);

/* ---- backup.c ---- */

/* A run of this kind, for whoever waits; refused if the lock is taken. */
enum status backup_begin(struct actor *self, struct op *op, enum run_kind kind,
    const struct principal *caller, const struct backup_job *about);

/* False: it has been refused. */
bool backup_admits(
    struct actor *self, const struct msg *in, const struct principal *caller);
/* The lock is free: what waits for that. */
void backup_go_on(struct actor *self);
/* The backup of the start, once the settings and the disk are known. */
void backup_start_once(struct actor *self);

#endif
