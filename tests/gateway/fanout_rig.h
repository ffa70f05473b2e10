/* fanout_rig - clients on the channel of tasks, and numbered events there. */
#ifndef TESTS_GATEWAY_FANOUT_RIG_H
#define TESTS_GATEWAY_FANOUT_RIG_H

#include "gateway/fanout.h"
#include "tests/gateway/live.h"

#define MANY 300
#define SUBSCRIBED                    \
	"{\"action\":\"subscribed\"," \
	"\"channels\":[\"tasks\",\"user:u1\"]}"

static const char *const live_many[] = { "api.ws_max_connections_total=1000",
	"api.ws_max_connections_per_user=0", NULL };

static const char *const live_drops[] = { "event_stream.slow_durable=drop",
	NULL };

static inline struct client
client_on_tasks(struct live_rig *l)
{
	struct client c = client_of(l, "u1");

	client_subscribe(&c, "\"tasks\"", "");
	client_expect(&c, SUBSCRIBED);
	return c;
}

static inline void
live_tell_number(struct live_rig *l, uint64_t n)
{
	char payload[64];

	snprintf(payload, sizeof(payload), "{\"n\":%u}", (unsigned)n);
	live_tell(l, "tasks", payload);
}

static inline void
client_expect_number(struct client *c, uint64_t n)
{
	char payload[64];

	snprintf(payload, sizeof(payload), "{\"n\":%u}", (unsigned)n);
	client_expect_event(c, "tasks", payload);
}

/* A JSON object of exactly that many bytes. */
static inline char *
payload_of(size_t size)
{
	char *text = malloc(size + 1);

	assert_non_null(text);
	memset(text, 'x', size);
	memcpy(text, "{\"k\":\"", 6);
	text[size - 2] = '"';
	text[size - 1] = '}';
	text[size] = '\0';
	return text;
}

#endif
