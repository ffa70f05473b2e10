/*
 * journey - what users do, as a load run: HTTP requests and live sockets
 * against a real node through its gateway.
 *
 *   about: many change one setting
 *   actors: 8            # clients, a connection and perhaps a socket each
 *   messages: 400        # rounds in all; or duration, and rate
 *   starters: 1          # clients that do rounds; all, when it is absent
 *   heard: load-         # each round is told to every socket, as load-ROUND
 *   first:   [step...]   # what one does for all: they keep what it keeps
 *   prepare: [step...]   # what each client does before, unmeasured
 *   round:   [step...]   # what is measured
 *
 *   { call: METHOD /path, body: TEXT, header: 'NAME: VALUE', expect: 201,
 *     keep: FIELD }      # keep: a text of the answer, as $FIELD from then on
 *   { open: /path }      # a live socket
 *   { say: TEXT, until: WORD }   # and waits for a frame with the word
 *   { close: socket }
 *
 * $user $password $client $round $small (1 to 100, from the round), $etag of
 * the last answer, and what was kept, stand for themselves in texts.
 *
 * The books: every round is answered, refused (an answer that was not
 * expected, by its status) or lost (no answer); every socket hears every round
 * that was answered, once and in order.
 */
#ifndef OPS_JOURNEY_H
#define OPS_JOURNEY_H

#include <sys/types.h>

#include "load/plan.h"
#include "load/run.h"

#define JOURNEY_STEPS_MAX 16
#define JOURNEY_CLIENTS_MAX 1024
#define JOURNEY_TEXT_MAX 1023
#define JOURNEY_STEP_US 30000000 /* an answer takes no longer */
#define JOURNEY_HEAR_US 5000000  /* nor a frame, after the last answer */

enum step_kind { STEP_CALL, STEP_OPEN, STEP_SAY, STEP_CLOSE };

struct step {
	enum step_kind kind;
	unsigned expect;
	char what[JOURNEY_TEXT_MAX + 1]; /* METHOD /path, /path, or TEXT */
	char body[JOURNEY_TEXT_MAX + 1];
	char header[JOURNEY_TEXT_MAX + 1];
	char keep[PLAN_NAME_MAX + 1]; /* or the word to wait for */
};

struct steps {
	struct step list[JOURNEY_STEPS_MAX];
	size_t count;
};

struct journey {
	struct plan plan; /* name, actors, messages, duration, rate, seed */
	uint32_t starters;
	char heard[PLAN_NAME_MAX + 1]; /* "": rounds are not told */
	struct steps first;
	struct steps prepare;
	struct steps round;
};

/* INVALID after at least one mistake told. */
MUST_CHECK enum status journey_read(struct bytes text, const char *file,
    struct mistakes *m, struct journey *ret_journey);

struct journey_target {
	const char *address; /* host:port */
	const char *user;
	const char *password;
	pid_t pid; /* of the node, if it is ours; 0: not known */
	FILE *progress;
};

/* As run_conduct; r->placement.name is the target's. */
MUST_CHECK enum status journey_conduct(const struct journey *j,
    const struct journey_target *t, struct run *ret_run,
    char ret_why[RUN_WHY_SIZE]);

#endif
