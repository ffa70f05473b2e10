/*
 * Recovery against a plain reference: a journal that is a list, and for each
 * client the place of the last event it was told.  Whatever happens, in any
 * order, a client hears the next event, or is told that history is lost: also
 * when the channel is forgotten, which begins another epoch.
 */
#include "tests/gateway/live.h"

#define CLIENTS 6
#define STEPS 2500
#define SEEDS 40
#define EVENTS_MAX 4096
#define PAGE 7
#define EPOCHS 512

struct reader {
	struct client c;
	bool open;    /* subscribed, or about to be */
	bool acked;   /* it knows where it stands */
	bool stalled; /* takes nothing */
	bool asked_since;
	uint64_t epoch, at; /* the last event it was told */
	uint64_t heard;     /* its number, of all there ever were */
};

struct world {
	struct live_rig l;
	uint64_t epoch, first, head; /* of the journal */
	uint64_t before[EPOCHS];     /* events of all epochs before */
	uint64_t told;               /* by the hub to the gateway */
	uint64_t random;
	bool listening;
	struct reader readers[CLIENTS];
	uint64_t events, recovered, lost, slow, epochs;
};

static uint32_t
any(struct world *w, uint32_t below)
{
	w->random = w->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(w->random >> 33) % below;
}

static struct event
event_of(const struct world *w, uint64_t offset)
{
	return (struct event){ .event_type = "it.happened",
		.channel = "tasks",
		.timestamp = RIG_WALL_US,
		.event_id = { .octets = { 1 } },
		.epoch = w->epoch,
		.offset = offset,
		.payload = "{}" };
}

static void
tell(struct world *w, uint64_t offset)
{
	RIG_SEND(&w->l.rig, event_hub, gateway, hub_event,
	    .event = event_of(w, offset));
}

/* The hub tells what it owes the gateway, as far as n events. */
static void
tell_some(struct world *w, uint64_t n)
{
	for (; w->listening && n > 0 && w->told < w->head; n--) {
		w->told++;
		if (w->told >= w->first)
			tell(w, w->told);
	}
}

/* ---- the hub's answers ---- */

static void
answer_listen(struct world *w)
{
	struct heard *h =
	    rig_peek(&w->l.rig, ACTOR_NUMBER(event_hub), MSG_hub_listen);
	const struct hub_listen *ask;

	if (h == NULL)
		return;
	h->taken = true;
	ask = h->body;
	if (strcmp(ask->channel, "tasks") == 0) {
		uint64_t from = ask->epoch == w->epoch ? ask->offset : w->told;

		for (; ask->epoch == w->epoch && from < w->told; from++)
			if (from + 1 >= w->first)
				tell(w, from + 1);
		w->listening = true;
		RIG_ANSWER(&w->l.rig, h, hub_listening, .channel = ask->channel,
		    .epoch = w->epoch, .offset = w->told);
	} else {
		RIG_ANSWER(
		    &w->l.rig, h, hub_listening, .channel = ask->channel);
	}
}

static void
answer_history(struct world *w)
{
	struct heard *h =
	    rig_peek(&w->l.rig, ACTOR_NUMBER(event_hub), MSG_hub_history);
	const struct hub_history *ask;
	struct event events[PAGE];
	uint32_t count = 0;
	uint64_t at;

	if (h == NULL)
		return;
	h->taken = true;
	ask = h->body;
	if (any(w, 16) == 0) {
		rig_refuse(&w->l.rig, h, ST_TIMEOUT, PROBLEM_TIMEOUT, "");
		return;
	}
	at = ask->after + 1 < w->first ? w->first : ask->after + 1;
	for (; at <= w->head && count < PAGE && count < ask->limit; at++)
		events[count++] = event_of(w, at);
	RIG_ANSWER(&w->l.rig, h, store_journal_page, .events = events,
	    .events_count = count, .epoch = w->epoch, .head = w->head,
	    .more = at <= w->head, .first = w->first);
}

static void
forget_unlistens(struct world *w)
{
	struct heard *h;

	while ((h = rig_peek(&w->l.rig, ACTOR_NUMBER(event_hub),
		    MSG_hub_unlisten)) != NULL) {
		h->taken = true;
		if (strcmp(RIG_BODY(h, hub_unlisten)->channel, "tasks") == 0)
			w->listening = false;
	}
}

/* ---- clients ---- */

static uint64_t
number_after(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	assert_non_null(at);
	return strtoull(at + strlen(key), NULL, 10);
}

static void
reader_move(
    const struct world *w, struct reader *r, uint64_t epoch, uint64_t at)
{
	assert_true(epoch < EPOCHS);
	r->epoch = epoch;
	r->at = at;
	r->heard = w->before[epoch] + at;
}

static void
reader_hear_event(struct world *w, struct reader *r, const char *text)
{
	uint64_t epoch = number_after(text, "\"epoch\":");
	uint64_t offset = number_after(text, "\"offset\":");

	assert_true(r->acked);
	if (w->before[epoch] + offset != r->heard + 1)
		fail_msg("offset %u of %u after %u of %u", (unsigned)offset,
		    (unsigned)epoch, (unsigned)r->at, (unsigned)r->epoch);
	reader_move(w, r, epoch, offset);
	w->events++;
}

static void
reader_hear_ack(struct world *w, struct reader *r, const char *text)
{
	const char *at = strstr(text, "\"positions\"");

	assert_non_null(at);
	if (strstr(at, "\"recovered\":true") != NULL) {
		assert_true(r->asked_since);
		w->recovered++;
		if (r->epoch == 0) /* all of the history that there is */
			reader_move(w, r, number_after(at, "\"epoch\":"), 0);
	} else {
		reader_move(w, r, number_after(at, "\"epoch\":"),
		    number_after(at, "\"offset\":"));
	}
	r->acked = true;
}

static void
reader_hear(struct world *w, struct reader *r)
{
	struct said s;
	char text[2048];

	while (r->open && client_hear(&r->c, &s)) {
		snprintf(text, sizeof(text), "%.*s", (int)s.payload.size,
		    (const char *)s.payload.at);
		if (s.opcode == WEBSOCKET_CLOSE) {
			w->slow += s.code == WEBSOCKET_POLICY;
			assert_true(s.code == WEBSOCKET_POLICY ||
				    s.code == WEBSOCKET_INTERNAL);
			net_fake_end(r->c.wire, ST_IO);
			rig_settle(&w->l.rig);
			r->open = false;
		} else if (strstr(text, "\"event_type\"") != NULL) {
			reader_hear_event(w, r, text);
		} else if (strstr(text, "\"lost\"") != NULL) {
			reader_move(w, r, number_after(text, "\"epoch\":"),
			    number_after(text, "\"offset\":"));
			w->lost++;
		} else if (strstr(text, "\"subscribed\"") != NULL) {
			reader_hear_ack(w, r, text);
		}
	}
}

static void
reader_open(struct world *w, struct reader *r)
{
	struct heard *h;
	char text[256];

	if (r->open || w->l.wires_count + 1 >= LIVE_CLIENTS_MAX)
		return;
	r->c = client_open(&w->l);
	client_send(&r->c, AUTH_FRAME);
	live_hold(&w->l, "u1", "session");
	while (client_socket(&r->c)->state != SOCKET_OPEN)
		answer_listen(w);
	client_expect(&r->c, AUTH_OK);
	while ((h = rig_peek(&w->l.rig, ACTOR_NUMBER(event_hub),
		    MSG_hub_socket_up)) != NULL)
		h->taken = true;
	r->asked_since = any(w, 8) != 0;
	snprintf(text, sizeof(text),
	    "{\"action\":\"subscribe\",\"channels\":[\"tasks\"],"
	    "\"since\":{%s\"epoch\":%llu,\"offset\":%llu}}",
	    "", (unsigned long long)(r->asked_since ? r->epoch : 999),
	    (unsigned long long)r->at);
	r->open = true;
	r->acked = false;
	client_send(&r->c, text);
}

static void
reader_close(struct world *w, struct reader *r)
{
	reader_hear(w, r);
	if (!r->open)
		return;
	net_fake_end(r->c.wire, ST_IO);
	rig_settle(&w->l.rig);
	r->open = false;
}

static void
reader_stall(struct reader *r, bool stall)
{
	if (!r->open)
		return;
	net_fake_take(r->c.wire, stall ? 0 : SIZE_MAX);
	r->stalled = stall;
}

/* ---- what may happen ---- */

static void
hub_begins_anew(struct world *w)
{
	w->listening = false;
	RIG_SEND(&w->l.rig, event_hub, gateway, hub_restarted, 0);
}

/* Where there is no history, or nobody who listens to one that is silent. */
static void
epoch_passes(struct world *w)
{
	if (w->head > 0 && w->listening)
		return;
	w->before[w->epoch + 1] = w->before[w->epoch] + w->head;
	w->epoch++;
	w->head = w->told = 0;
	w->first = 1;
	w->epochs++;
}

static void
step(struct world *w)
{
	struct reader *r = &w->readers[any(w, CLIENTS)];
	uint32_t what = any(w, 100);

	if (what < 30 && w->head < EVENTS_MAX)
		w->head++;
	else if (what < 50)
		tell_some(w, 1 + any(w, 4));
	else if (what < 70)
		answer_history(w);
	else if (what < 78)
		answer_listen(w);
	else if (what < 86)
		reader_open(w, r);
	else if (what < 89)
		reader_close(w, r);
	else if (what < 92)
		reader_stall(r, true);
	else if (what < 96)
		reader_stall(r, false);
	else if (what < 97)
		hub_begins_anew(w);
	else if (what < 98 && any(w, 4) == 0)
		epoch_passes(w);
	else if (what < 98 && w->told >= w->first)
		w->first += any(w, (uint32_t)(w->told - w->first + 1));
	else
		live_advance(&w->l, 250);
	forget_unlistens(w);
	for (size_t i = 0; i < CLIENTS; i++)
		reader_hear(w, &w->readers[i]);
}

/* Everything that was held back is done; then everybody is at the end. */
static void
come_to_rest(struct world *w)
{
	for (size_t i = 0; i < CLIENTS; i++) {
		reader_stall(&w->readers[i], false);
		reader_hear(w, &w->readers[i]);
		reader_open(w, &w->readers[i]);
	}
	for (int n = 0; n < 3000; n++) {
		answer_listen(w);
		answer_history(w);
		forget_unlistens(w);
		tell_some(w, 8);
		if (n % 8 == 0)
			live_advance(&w->l, 250);
		for (size_t i = 0; i < CLIENTS; i++) {
			reader_hear(w, &w->readers[i]);
			reader_open(w, &w->readers[i]);
		}
	}
	for (size_t i = 0; i < CLIENTS; i++)
		assert_int_equal(w->readers[i].at, w->head);
}

static void
test_every_client_hears_the_next_event_or_that_it_is_lost(void **state)
{
	static const char *const sets[] = { "api.ws_frame_timeout_seconds=600",
		"api.server.ws_ping_interval=0", NULL };
	static struct world w;
	uint64_t events = 0, recovered = 0, lost = 0, slow = 0, epochs = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		memset(&w, 0, sizeof(w));
		w.random = seed;
		w.epoch = 7;
		w.first = 1;
		live_init(&w.l, sets);
		for (int n = 0; n < STEPS; n++)
			step(&w);
		come_to_rest(&w);
		live_fini(&w.l);
		events += w.events;
		recovered += w.recovered;
		lost += w.lost;
		slow += w.slow;
		epochs += w.epochs;
	}
	/* It went through what it is about. */
	assert_true(events > 1000 && recovered > 100 && slow > 0);
	assert_true(lost > 0 && epochs > 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_every_client_hears_the_next_event_or_that_it_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
