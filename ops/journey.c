#include "ops/journey.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "load/interrupt.h"
#include "load/usage.h"
#include "ops/rider.h"

#define DUES_MAX 65536u /* rounds whose time is remembered, for sockets */
#define TELL_US 200000
#define STATUSES_MAX 600u

/* A run of a journey. */
struct ride {
	const struct journey *j;
	const struct journey_target *t;
	struct addrinfo *where;
	struct rider *riders;
	struct pollfd *fds;
	uint64_t dues[DUES_MAX];
	struct histogram latency;
	uint64_t begin_us;
	uint64_t told_us;
	uint64_t begun; /* rounds */
	uint64_t answered;
	uint64_t refused;
	uint64_t lost;
	uint64_t heard;
	uint64_t refusals[STATUSES_MAX];
	uint64_t last_us;
	struct usage before;
};

static uint64_t
ride_now_us(void)
{
	return clock_mono_us(&clock_system);
}

/* ---- what the sockets hear ---- */

/* Numbers of rounds become numbers without gaps: those that were answered. */
static void
ride_on_frame(void *ctx, struct rider *r, struct bytes text)
{
	struct ride *ride = ctx;
	const char *mark = ride->j->heard;
	uint64_t round = 0;
	const char *at, *end = (const char *)text.at + text.size;

	if (mark[0] == '\0')
		return;
	at = memmem(text.at, text.size, mark, strlen(mark));
	if (at == NULL)
		return;
	for (at += strlen(mark); at < end && *at >= '0' && *at <= '9'; at++)
		round = round * 10 + (uint64_t)(*at - '0');
	if (round >= ride->begun)
		return; /* of somebody else's run */
	edge_judge(&r->heard, round);
	ride->heard++;
	ride->last_us = ride_now_us();
	histogram_record(
	    &ride->latency, ride->last_us - ride->dues[round % DUES_MAX]);
}

/* ---- rounds ---- */

static void
ride_end(struct ride *ride, struct rider *r, enum rider_end how)
{
	uint64_t now_us = ride_now_us();

	if (how == RIDER_GOES_ON)
		return;
	if (how == RIDER_ANSWERED)
		ride->answered++;
	else if (how == RIDER_REFUSED) {
		ride->refused++;
		ride->refusals[r->status < STATUSES_MAX ? r->status : 0]++;
	} else {
		ride->lost++;
	}
	if (ride->j->heard[0] != '\0')
		return;
	ride->last_us = now_us;
	if (how != RIDER_LOST)
		histogram_record(&ride->latency, now_us - r->due_us);
}

/* When the next round is due; UINT64_MAX: there is none. */
static uint64_t
ride_next_due(const struct ride *ride, uint64_t now_us)
{
	const struct plan *p = &ride->j->plan;
	uint64_t due = now_us;

	if (p->messages > 0 && ride->begun >= p->messages)
		return UINT64_MAX;
	if (p->rate > 0)
		due = ride->begin_us + ride->begun / p->rate * 1000000 +
		      ride->begun % p->rate * 1000000 / p->rate;
	if (p->duration_us > 0 && due >= ride->begin_us + p->duration_us)
		return UINT64_MAX;
	return due;
}

static uint32_t
ride_starters(const struct ride *ride)
{
	uint32_t n = ride->j->starters;

	return n == 0 || n > ride->j->plan.actors ? ride->j->plan.actors : n;
}

/* Whoever is idle takes the next round that is due. */
static void
ride_begin_rounds(struct ride *ride)
{
	for (uint32_t i = 0; i < ride_starters(ride); i++) {
		struct rider *r = &ride->riders[i];
		uint64_t now_us = ride_now_us();
		uint64_t due_us = ride_next_due(ride, now_us);

		if (due_us > now_us)
			return;
		if (r->steps != NULL)
			continue;
		r->round = ride->begun++;
		r->due_us = due_us;
		ride->dues[r->round % DUES_MAX] = due_us;
		ride_end(ride, r, rider_begin(r, &ride->j->round, now_us));
	}
}

/* ---- the loop ---- */

static short
client_events(const struct client *c)
{
	return (short)(POLLIN | (c->out_used > 0 ? POLLOUT : 0));
}

static void
ride_turn(struct ride *ride, int wait_ms)
{
	uint32_t n = ride->j->plan.actors;

	for (uint32_t i = 0; i < n; i++) {
		const struct rider *r = &ride->riders[i];

		ride->fds[2 * i] =
		    (struct pollfd){ r->http.fd, client_events(&r->http), 0 };
		ride->fds[2 * i + 1] = (struct pollfd){ r->socket.fd,
			client_events(&r->socket), 0 };
	}
	(void)poll(ride->fds, 2 * n, wait_ms);
	for (uint32_t i = 0; i < n; i++) {
		struct rider *r = &ride->riders[i];

		if (ride->fds[2 * i].revents == 0 &&
		    ride->fds[2 * i + 1].revents == 0 &&
		    (r->steps == NULL || r->limit_us > ride_now_us()))
			continue;
		ride_end(
		    ride, r, rider_turn(r, ride_now_us(), ride_on_frame, ride));
	}
}

static void
ride_tell(struct ride *ride)
{
	uint64_t now_us = ride_now_us();

	if (ride->t->progress == NULL || now_us - ride->told_us < TELL_US)
		return;
	ride->told_us = now_us;
	fprintf(ride->t->progress,
	    "\r%6.1f s  %" PRIu64 " rounds  %" PRIu64 " answered  %" PRIu64
	    " refused  %" PRIu64 " heard \033[K",
	    (double)(now_us - ride->begin_us) / 1e6, ride->begun,
	    ride->answered, ride->refused, ride->heard);
	fflush(ride->t->progress);
}

static uint32_t
ride_busy(const struct ride *ride)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < ride->j->plan.actors; i++)
		n += ride->riders[i].steps != NULL;
	return n;
}

/* Log-ins are few at a time: each of them takes a core. */
#define PREPARE_AT_ONCE 4

static enum status
ride_unprepared(const struct ride *ride, char why[RUN_WHY_SIZE])
{
	unsigned status = 0;

	for (unsigned s = 0; s < STATUSES_MAX; s++)
		if (ride->refusals[s] > 0)
			status = s;
	snprintf(why, RUN_WHY_SIZE,
	    "%.128s: a client could not be prepared: ", ride->t->address);
	if (status > 0)
		snprintf(why + strlen(why), RUN_WHY_SIZE - strlen(why),
		    "HTTP %u", status);
	else
		snprintf(
		    why + strlen(why), RUN_WHY_SIZE - strlen(why), "no answer");
	return ST_CLOSED;
}

/* The first n clients go through the steps. */
static enum status
ride_prepare_some(struct ride *ride, const struct steps *steps, uint32_t n,
    char why[RUN_WHY_SIZE])
{
	uint32_t begun = 0;

	while (steps->count > 0 && (begun < n || ride_busy(ride) > 0)) {
		for (; begun < n && ride_busy(ride) < PREPARE_AT_ONCE; begun++)
			ride_end(ride, &ride->riders[begun],
			    rider_begin(
				&ride->riders[begun], steps, ride_now_us()));
		ride_turn(ride, 10);
		if (ride->refused + ride->lost > 0 || interrupt_came())
			return ride_unprepared(ride, why);
	}
	return ST_OK;
}

static enum status
ride_prepare(struct ride *ride, char why[RUN_WHY_SIZE])
{
	const struct rider *first = &ride->riders[0];
	uint32_t n = ride->j->plan.actors;
	enum status st = ride_prepare_some(ride, &ride->j->first, 1, why);

	for (size_t v = 0; v < first->nvars; v++)
		for (uint32_t i = 1; i < n; i++)
			if (strcmp(first->vars[v].name, "client") != 0)
				rider_set(&ride->riders[i], first->vars[v].name,
				    first->vars[v].value);
	if (st == ST_OK)
		st = ride_prepare_some(ride, &ride->j->prepare, n, why);
	ride->answered = 0;
	memset(&ride->latency, 0, sizeof(ride->latency));
	return st;
}

static bool
ride_has_heard_all(const struct ride *ride)
{
	return ride->j->heard[0] == '\0' ||
	       ride->heard >= ride->answered * ride->j->plan.actors;
}

static void
ride_measure(struct ride *ride)
{
	uint64_t quiet_us;

	ride->begin_us = ride->last_us = ride_now_us();
	ride->before = usage_of(ride->t->pid);
	while (!interrupt_came() &&
	       (ride_next_due(ride, ride_now_us()) != UINT64_MAX ||
		   ride_busy(ride) > 0)) {
		ride_begin_rounds(ride);
		ride_turn(ride, ride->j->plan.rate > 0 ? 1 : 10);
		ride_tell(ride);
	}
	quiet_us = ride_now_us() + JOURNEY_HEAR_US;
	while (!ride_has_heard_all(ride) && ride_now_us() < quiet_us &&
	       !interrupt_came())
		ride_turn(ride, 10);
	if (ride->t->progress != NULL)
		fprintf(ride->t->progress, "\r\033[K");
}

/* ---- the books ---- */

static void
ride_complain(struct books *b, uint32_t rider, const char *what, uint64_t count)
{
	b->balanced = false;
	if (b->wrong++ == 0)
		snprintf(b->complaint, sizeof(b->complaint),
		    "client %u: %s (%" PRIu64 ")", (unsigned)rider, what,
		    count);
}

/* A round that was refused is told to nobody, and leaves a gap. */
static void
ride_close_heard(const struct ride *ride, struct books *b)
{
	for (uint32_t i = 0; i < ride->j->plan.actors; i++) {
		const struct edge_in *e = &ride->riders[i].heard;

		b->tally.sent += ride->answered;
		b->tally.handled += e->handled;
		b->tally.doubled += e->doubled;
		b->tally.reordered += e->reordered;
		if (e->handled < ride->answered)
			b->tally.lost += ride->answered - e->handled;
		if (e->doubled > 0)
			ride_complain(b, i, "heard a round twice", e->doubled);
		else if (e->reordered > 0)
			ride_complain(
			    b, i, "heard rounds out of order", e->reordered);
		else if (e->handled < ride->answered)
			ride_complain(b, i, "did not hear every round",
			    ride->answered - e->handled);
	}
}

static void
ride_close(const struct ride *ride, struct books *b)
{
	b->balanced = true;
	b->edges = ride->j->plan.actors;
	b->tally.sent = ride->begun;
	b->tally.handled = ride->answered;
	b->tally.refused = ride->refused;
	b->tally.lost = ride->lost;
	if (ride->lost > 0)
		ride_complain(b, 0, "rounds were not answered", ride->lost);
	if (ride->begun != ride->answered + ride->refused + ride->lost)
		ride_complain(b, 0, "rounds are unaccounted for", ride->begun);
	if (ride->j->heard[0] != '\0')
		ride_close_heard(ride, b);
}

static void
ride_fill_reasons(const struct ride *ride, struct run *r)
{
	uint32_t n = 0;

	for (unsigned s = 0; s < STATUSES_MAX && n < LEDGER_STATUSES; s++) {
		if (ride->refusals[s] == 0)
			continue;
		snprintf(r->reason_names[n], sizeof(r->reason_names[n]),
		    "HTTP %u", s);
		r->reasons[n].status = r->reason_names[n];
		r->reasons[n].count = ride->refusals[s];
		n++;
	}
	r->result.reasons = r->reasons;
	r->result.reasons_count = n;
}

static void
ride_fill(const struct ride *ride, struct run *r)
{
	struct usage after = usage_of(ride->t->pid);
	struct load_result *x = &r->result;
	uint64_t us = ride->last_us - ride->begin_us;
	uint64_t messages =
	    ride->j->heard[0] == '\0' ? ride->answered : ride->heard;

	r->plan = ride->j->plan;
	snprintf(r->placement.name, sizeof(r->placement.name), "%s",
	    ride->t->address);
	ride_close(ride, &r->books);
	*x = (struct load_result){ .load = r->plan.name,
		.placement = r->placement.name,
		.version = TROUPE_VERSION,
		.actors = r->plan.actors,
		.rate = r->plan.rate,
		.faults = "",
		.messages = messages,
		.elapsed_us = us,
		.per_second = us == 0 ? 0 : messages * 1000000 / us,
		.cpu_ns = messages == 0 || after.cpu_ns < ride->before.cpu_ns
			      ? 0
			      : (after.cpu_ns - ride->before.cpu_ns) / messages,
		.switches = after.switches < ride->before.switches
				? 0
				: after.switches - ride->before.switches,
		.memory = usage_peak(ride->t->pid),
		.books = r->books.tally,
		.balanced = r->books.balanced,
		.complaint = r->books.complaint };
	run_fill_latency(&ride->latency, &x->latency);
	ride_fill_reasons(ride, r);
}

static enum status
ride_open(struct ride *ride, char why[RUN_WHY_SIZE])
{
	uint32_t n = ride->j->plan.actors;

	snprintf(
	    why, RUN_WHY_SIZE, "%.128s: no such address", ride->t->address);
	if (client_resolve(ride->t->address, &ride->where) != ST_OK)
		return ST_INVALID;
	snprintf(why, RUN_WHY_SIZE, "out of memory");
	ride->riders = calloc(n, sizeof(ride->riders[0]));
	ride->fds = calloc(2 * n, sizeof(ride->fds[0]));
	if (ride->riders == NULL || ride->fds == NULL)
		return ST_NO_MEMORY;
	for (uint32_t i = 0; i < n; i++) {
		rider_init(&ride->riders[i], i, ride->where);
		rider_set(&ride->riders[i], "user", ride->t->user);
		rider_set(&ride->riders[i], "password", ride->t->password);
	}
	return ST_OK;
}

enum status
journey_conduct(const struct journey *j, const struct journey_target *t,
    struct run *ret_run, char ret_why[RUN_WHY_SIZE])
{
	struct ride *ride = calloc(1, sizeof(*ride));
	enum status st;

	if (ride == NULL)
		return ST_NO_MEMORY;
	ride->j = j;
	ride->t = t;
	st = ride_open(ride, ret_why);
	if (st == ST_OK)
		st = ride_prepare(ride, ret_why);
	if (st == ST_OK) {
		ride_measure(ride);
		ride_fill(ride, ret_run);
	}
	if (interrupt_came()) {
		snprintf(ret_why, RUN_WHY_SIZE, "interrupted");
		st = ST_CANCELLED;
	}
	for (uint32_t i = 0; ride->riders != NULL && i < j->plan.actors; i++)
		rider_fini(&ride->riders[i]);
	if (ride->where != NULL)
		freeaddrinfo(ride->where);
	free(ride->riders);
	free(ride->fds);
	free(ride);
	return st;
}
