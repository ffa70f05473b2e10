/*
 * plan - what a load run is to do: its roles, how many of each, who sends to
 * whom, and how much.  Read from YAML (plan_read), changed by options.
 *
 *   about: Many sources, one sink.
 *   actors: 16            # what `actors` below stands for; --actors
 *   messages: 1000000     # in all; or duration: 2s
 *   window: 256           # on their way at once, for each that starts
 *   size: 64              # bytes of load
 *   roles:
 *     sink:   { count: 1, does: sink }
 *     source: { count: actors, does: source, to: sink, pick: turn }
 *
 * load/does.def and load/pick.def say what a role can do.  `mailbox` bounds
 * the mailbox of a role's members, `burn` is work per message in us.
 */
#ifndef LOAD_PLAN_H
#define LOAD_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"
#include "runtime/mistake.h"

#define PLAN_ROLES_MAX 8
#define PLAN_NAME_MAX 31
#define PLAN_ABOUT_MAX 127
#define PLAN_MEMBERS_MAX 4096u /* of all roles */
#define PLAN_EDGES_MAX 65536u
#define PLAN_MESSAGES_MAX 1000000000000u
#define PLAN_WINDOW_MAX 65536u
#define PLAN_SIZE_MAX 65536u
#define PLAN_MAILBOX 65536u /* of a role that names none */
#define PLAN_BURN_US_MAX 1000000u
#define PLAN_ASKS_MAX 65536u     /* open at once, of one that asks */
#define PLAN_ASKS_DUE_MAX 16384u /* of all starters, in an open loop */
#define PLAN_ASKS_DUE_MIN 16u    /* of each of them at least */

enum does {
#define DOES(id, name, sends, asks, starts, doc) DOES_##id,
#include "load/does.def"
#undef DOES
	DOES_COUNT
};

enum pick {
#define PICK(id, name, doc) PICK_##id,
#include "load/pick.def"
#undef PICK
	PICK_COUNT
};

struct plan_role {
	char name[PLAN_NAME_MAX + 1];
	char to_name[PLAN_NAME_MAX + 1];
	unsigned line;
	enum does does;
	enum pick pick;
	uint32_t count; /* 0: as many as `actors` */
	uint32_t to;    /* index of a role; of no use unless does_sends */
	uint32_t mailbox;
	uint32_t burn_us;
};

struct plan {
	char name[PLAN_NAME_MAX + 1];
	char about[PLAN_ABOUT_MAX + 1];
	uint32_t actors;
	uint64_t messages;    /* 0: for duration_us */
	uint64_t duration_us; /* 0: until messages */
	uint64_t warm_up_us;
	uint64_t rate; /* messages a second in all; 0: closed loop */
	uint32_t window;
	uint32_t size;
	uint64_t seed;
	struct plan_role roles[PLAN_ROLES_MAX];
	uint32_t nroles;
};

/* INVALID after at least one mistake told. */
MUST_CHECK enum status plan_read(struct bytes text, const char *file,
    struct mistakes *m, struct plan *ret_plan);

/* A topology that comes with the program; n from 0 until NULL. */
struct plan_builtin {
	const char *name;
	struct bytes text;
};
const struct plan_builtin *plan_builtin_nth(size_t n);
const struct plan_builtin *plan_builtin_find(const char *name);
/* The same of journeys (ops/journey.h). */
const struct plan_builtin *plan_journey_nth(size_t n);
const struct plan_builtin *plan_journey_find(const char *name);

/* 250ms, 2s, 1m, or us as a bare number. */
MUST_CHECK enum status plan_time(const char *text, uint64_t *ret_us);
/* A whole number, with k, m or g for thousands, millions, milliards. */
MUST_CHECK enum status plan_number(
    const char *text, uint64_t max, uint64_t *ret_number);

uint32_t plan_count(const struct plan *p, uint32_t role);
uint32_t plan_members(const struct plan *p);
/* The first member of a role; members are numbered role by role. */
uint32_t plan_first(const struct plan *p, uint32_t role);
/* How many edges a member of this role has, and to which members. */
uint32_t plan_edges_of(const struct plan *p, uint32_t role, uint32_t index);
uint32_t plan_edge_to(
    const struct plan *p, uint32_t role, uint32_t index, uint32_t nth);
/* Of all members; more than PLAN_EDGES_MAX when too many. */
uint64_t plan_edges(const struct plan *p);
/*
 * Asks that a member of role may have open; what would be one more is refused
 * FULL before it is sent.
 */
uint32_t plan_asks(const struct plan *p, uint32_t role);
/* Messages that come to their end for one that a member of role sends. */
uint32_t plan_ends(const struct plan *p, uint32_t role);

/* Whether the counts make a run; INVALID with a sentence in why. */
#define PLAN_WHY_SIZE 160
MUST_CHECK enum status plan_check(
    const struct plan *p, char ret_why[PLAN_WHY_SIZE]);

bool does_sends(enum does d);
bool does_ask(enum does d);
bool does_start(enum does d);
const char *does_name(enum does d);

#endif
