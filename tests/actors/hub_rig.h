/* hub_rig - an event hub between a store and a gateway that are probes. */
#ifndef TESTS_ACTORS_HUB_RIG_H
#define TESTS_ACTORS_HUB_RIG_H

#include "actors/event_hub.h"

#include <stdio.h>
#include <string.h>

#include "tests/actors/people.h"
#include "tests/rig.h"

#define EPOCH 7
#define TASKS "tasks"

static inline void
hub_rig_cold(struct rig *r)
{
	rig_init(r);
	rig_probe(r, ACTOR_NUMBER(store));
	rig_probe(r, ACTOR_NUMBER(session_registry));
	rig_probe(r, ACTOR_NUMBER(gateway));
	rig_spawn(r, &event_hub_class, ACTOR_NUMBER(event_hub));
	assert_int_equal(rig_start(r), ST_OK);
}

/* Its store has a history of tasks that stands at head. */
static inline void
hub_rig(struct rig *r, uint64_t head)
{
	struct channel_head known = { TASKS, EPOCH, head, 0 };

	hub_rig_cold(r);
	RIG_ANSWER(r, RIG_TAKE(r, store, store_journal_channels),
	    store_channels, .channels = &known, .channels_count = 1);
	(void)RIG_TAKE(r, gateway, hub_restarted);
}

static struct event
event_at(uint64_t offset)
{
	struct event e = { .event_type = "task.created",
		.channel = TASKS,
		.epoch = EPOCH,
		.offset = offset,
		.payload = "{}" };

	memcpy(e.event_id.octets, &offset, sizeof(offset));
	return e;
}

static inline void
commit(struct rig *r, uint64_t first, uint64_t last)
{
	struct event events[HUB_BATCH_MAX];
	uint32_t count = 0;

	for (uint64_t i = first; i <= last; i++)
		events[count++] = event_at(i);
	RIG_SEND(r, store, event_hub, hub_committed, .events = events,
	    .events_count = count);
}

/* Answers a question to the journal with these events. */
static inline void
page(struct rig *r, struct heard *h, uint64_t first, uint64_t last,
    uint64_t head)
{
	struct event events[HUB_BATCH_MAX];
	uint32_t count = 0;

	for (uint64_t i = first; i <= last; i++)
		events[count++] = event_at(i);
	RIG_ANSWER(r, h, store_journal_page, .events = events,
	    .events_count = count, .epoch = EPOCH, .head = head,
	    .more = last < head);
}

static inline uint64_t
ask_listen(struct rig *r, const char *channel, uint64_t seen)
{
	return RIG_ASK(r, gateway, event_hub, hub_listen, .channel = channel,
	    .incarnation = 1, .epoch = seen == 0 ? 0 : EPOCH, .offset = seen);
}

static inline uint64_t
listening_at(struct rig *r, uint64_t tag)
{
	return RIG_REPLIED(r, gateway, tag, hub_listening)->offset;
}

/* The gateway has heard exactly first to last, in order, and no more. */
static inline void
assert_heard(struct rig *r, uint64_t first, uint64_t last)
{
	for (uint64_t i = first; i <= last; i++) {
		struct heard *h = RIG_TAKE(r, gateway, hub_event);

		assert_int_equal(RIG_BODY(h, hub_event)->event.offset, i);
	}
	assert_null(rig_peek(r, ACTOR_NUMBER(gateway), MSG_hub_event));
}

static inline void
assert_journal_is_left_alone(struct rig *r)
{
	assert_null(rig_peek(r, ACTOR_NUMBER(store), MSG_store_journal_read));
}

static inline void
test_start_reads_all_heads_then_asks_gateways_to_listen(void **state)
{
	struct channel_head first = { "budget", EPOCH, 3, 0 };
	struct channel_head second = { TASKS, EPOCH, 5, 0 };
	struct heard *h;
	struct rig r;

	(void)state;
	hub_rig_cold(&r);
	rig_refuse(&r, RIG_TAKE(&r, store, store_journal_channels),
	    ST_UNAVAILABLE, PROBLEM_UNAVAILABLE, "");
	rig_advance_ms(&r, 1000);
	RIG_ANSWER(&r, RIG_TAKE(&r, store, store_journal_channels),
	    store_channels, .channels = &first, .channels_count = 1,
	    .more = true);
	assert_null(rig_peek(&r, ACTOR_NUMBER(gateway), MSG_hub_restarted));
	h = RIG_TAKE(&r, store, store_journal_channels);
	assert_string_equal(
	    RIG_BODY(h, store_journal_channels)->after, "budget");
	RIG_ANSWER(
	    &r, h, store_channels, .channels = &second, .channels_count = 1);
	(void)RIG_TAKE(&r, gateway, hub_restarted);
	assert_int_equal(listening_at(&r, ask_listen(&r, "budget", 0)), 3);
	assert_int_equal(listening_at(&r, ask_listen(&r, TASKS, 0)), 5);
	assert_journal_is_left_alone(&r);
	rig_fini(&r);
}

#endif
