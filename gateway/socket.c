#include "gateway/socket.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/fanout.h"
#include "gateway/socket_parts.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"
#include "runtime/config.h"

#define SECOND_US UINT64_C(1000000)

static const char *const socket_state_names[] = {
#define X(s) #s,
	SOCKET_STATES(X)
#undef X
};

void
socket_become(struct socket *s, enum socket_state state)
{
	LOG(API_WS_AUTH_STAGE, KV("client", s->client),
	    KV("was", socket_state_names[s->state]),
	    KV("now", socket_state_names[state]));
	s->state = (uint8_t)state;
	s->since_us = actor_now_us(s->all->gateway->self);
	socket_arm(s);
}

struct socket *
socket_create(
    struct conn *c, enum websocket_subprotocol syntax, const char *client)
{
	struct sockets *k = c->gateway->sockets;
	struct socket *s;

	if (k->count >= k->limits.total_max || !address_take(k, client)) {
		c->gateway->counts.sockets_refused++;
		return NULL;
	}
	s = pool_take(&k->pool);
	if (s == NULL) {
		address_drop(k, client);
		return NULL;
	}
	s->all = k;
	s->conn = c;
	s->number = k->next_number++;
	s->index = (uint32_t)(pool_handle(&k->pool, s) >> 32);
	s->code = SOCKET_BROKEN;
	s->syntax = (uint8_t)syntax;
	s->since_us = actor_now_us(c->gateway->self);
	(void)text_fit(s->client, sizeof(s->client), client);
	list_init(&s->of_person);
	list_init(&s->due);
	websocket_reader_init(
	    &s->reader, WEBSOCKET_SERVER, SOCKET_KEEP_MAX, SOCKET_REFUSE_MAX);
	k->count++;
	k->speaking[syntax]++;
	c->gateway->counts.sockets++;
	c->socket = s;
	socket_arm(s);
	return s;
}

void
socket_set_window(struct socket *s, uint8_t window)
{
	s->window = window;
	s->reader.may_deflate = window != 0;
	s->all->inflating[s->syntax] += window != 0;
}

uint64_t
sockets_hub(struct sockets *k, const char *channel)
{
	struct actor *self = k->gateway->self;
	uint32_t shards = actor_shards(self, ACTOR_NUMBER(event_hub));

	return actor_find(
	    self, ACTOR_NUMBER(event_hub), channel_shard(channel, shards));
}

uint64_t
sockets_presence_hub(struct sockets *k)
{
	return actor_find(k->gateway->self, ACTOR_NUMBER(event_hub), 0);
}

void
socket_leave(struct socket *s)
{
	struct sockets *k = s->all;

	if (s->person == NULL || s->left)
		return;
	s->left = true;
	change_drop(s);
	socket_set_filter(s, UINT64_MAX, NULL);
	recoveries_drop(s, UINT64_MAX);
	socket_set_live(s, 0, 0);
	socket_release(s, s->held);
	slots_drop(s);
	session_remove(s);
	list_remove(&s->of_person);
	s->person->count--;
	if (s->present && !socket_send_down(s))
		LOG(API_WS_TRANSPORT_ERROR, KV("reason", "presence"),
		    KV("user_id", s->person->user_id), KV("client", s->client));
	interests_settle(k);
}

/* It never came in; what is our own fault is no refusal. */
static void
socket_note_refused(struct socket *s, uint16_t code, const char *reason)
{
	LOG(API_WS_AUTH_FAILED, KU("code", code), KV("reason", reason),
	    KV("client", s->client));
	if (code == SOCKET_UNAUTHORIZED || code == SOCKET_FORBIDDEN ||
	    code == SOCKET_TOO_MANY)
		refusals_note_socket(s->all->gateway, s->client, reason);
}

void
socket_close(struct socket *s, uint16_t code, const char *reason)
{
	uint8_t frame[WEBSOCKET_HEAD_MAX + WEBSOCKET_CONTROL_MAX];
	struct net_part part = { { frame, 0 }, NULL };
	struct conn *c = s->conn;

	if (s->state == SOCKET_CLOSING || c->state == CONN_CLOSING)
		return;
	if (!s->connected)
		socket_note_refused(s, code, reason);
	s->code = code;
	socket_leave(s);
	socket_become(s, SOCKET_CLOSING);
	if (s->sse != NULL)
		sse_close(s, code, reason);
	else if (websocket_close_write(frame, sizeof(frame), code, reason,
		     &part.bytes.size) != ST_OK ||
		 net_write(c->stream, &part, 1) != ST_OK)
		conn_close(c);
	else
		net_read(c->stream, true);
}

/* A record whose presence the hub still counts waits until it can be told. */
static void
socket_retire(struct socket *s)
{
	struct sockets *k = s->all;

	if (s->present) {
		list_append(&k->leaving, &s->due);
		return;
	}
	if (s->person != NULL)
		person_unpin(k, s->person);
	pool_put(&k->pool, s);
}

void
socket_end(struct conn *c)
{
	struct socket *s = c->socket;
	struct sockets *k = s->all;
	uint8_t *buffer = websocket_reader_take_back(&s->reader);

	c->socket = NULL;
	s->conn = NULL;
	socket_leave(s);
	list_remove(&s->due);
	backlog_drop(s);
	if (s->sse != NULL)
		pool_put(&k->sses, s->sse);
	s->sse = NULL;
	if (buffer != NULL)
		pool_put(&k->buffers, buffer);
	if (s->connected)
		LOG(API_WS_DISCONNECTED, KV("client", s->client),
		    KV("user_id", s->person->user_id), KU("code", s->code));
	assert(k->count > 0);
	k->count--;
	k->speaking[s->syntax]--;
	k->inflating[s->syntax] -= s->window != 0;
	address_drop(k, s->client);
	socket_retire(s);
}

static void
sockets_retry_leaving(struct sockets *k)
{
	struct list *link;

	while ((link = list_first(&k->leaving)) != NULL) {
		struct socket *s = LIST_OF(link, struct socket, due);

		if (!socket_send_down(s))
			return;
		list_remove(link);
		socket_retire(s);
	}
}

/* The next slice of those to be told that we go; true: there are more. */
static bool
sockets_drain_some(struct sockets *k)
{
	struct socket *s;

	for (int n = 0; n < SOCKET_SLICE; n++) {
		s = pool_next(&k->pool, &k->drain_at);
		if (s == NULL)
			return false;
		if (s->conn != NULL)
			socket_close(s, WEBSOCKET_GOING_AWAY, "Going away");
	}
	return true;
}

/* The next slice of those a new hub does not know; true: there are more. */
static bool
sockets_rise_some(struct sockets *k)
{
	struct socket *s;

	for (int n = 0; n < SOCKET_SLICE; n++) {
		uint32_t at = k->rise_at;

		s = pool_next(&k->pool, &k->rise_at);
		k->rising = s != NULL;
		if (s == NULL)
			return false;
		if (!s->present || s->left || socket_send_up(s))
			continue;
		k->rise_at = at; /* it has no room: at the next tick */
		return false;
	}
	return true;
}

static enum status
sockets_on_work(struct actor *self, struct timer *t)
{
	struct sockets *k = ((struct gateway *)actor_state(self))->sockets;
	bool more = fanout_run(k, SOCKET_SLICE);

	(void)t;
	if (k->draining && sockets_drain_some(k))
		more = true;
	if (k->rising && sockets_rise_some(k))
		more = true;
	if (more)
		sockets_work_soon(k);
	return ST_OK;
}

void
sockets_work_soon(struct sockets *k)
{
	if (!timer_is_running(&k->work))
		timer_start_soon(k->gateway->self, &k->work, sockets_on_work);
}

void
sockets_retry(struct sockets *k)
{
	interests_tick(k);
	recoveries_retry(k);
	sockets_retry_channels(k);
	sockets_retry_leaving(k);
	if (k->rising)
		sockets_work_soon(k);
}

void
sockets_on_hub_restarted(struct gateway *g)
{
	struct sockets *k = g->sockets;

	k->rise_at = 0;
	k->rising = true;
	sockets_work_soon(k);
	interests_renew(k);
}

void
sockets_drain(struct gateway *g)
{
	struct sockets *k = g->sockets;

	k->drain_at = 0;
	k->draining = true;
	sockets_work_soon(k);
}

size_t
sockets_count(const struct gateway *g)
{
	return g->sockets->count;
}

static void
sockets_read_limits(struct socket_limits *l, const struct config *c)
{
	l->auth_us =
	    config_u64(c, SETTING_api_ws_auth_timeout_seconds) * SECOND_US;
	l->frame_us =
	    config_u64(c, SETTING_api_ws_frame_timeout_seconds) * SECOND_US;
	l->ping_us =
	    config_u64(c, SETTING_api_server_ws_ping_interval) * SECOND_US;
	l->pong_us =
	    config_u64(c, SETTING_api_server_ws_ping_timeout) * SECOND_US;
	l->revise_us =
	    config_u64(c, SETTING_api_ws_revalidation_period_seconds) *
	    SECOND_US;
	l->stale_max =
	    (uint32_t)config_u64(c, SETTING_api_ws_revalidation_max_failures);
	l->look_us = config_u64(c, SETTING_api_ws_revalidation_window_seconds) *
		     SECOND_US / l->stale_max;
	l->queue_bytes_max = config_u64(c, SETTING_api_ws_queue_bytes_max);
	l->channels_max = (uint32_t)config_u64(c, SETTING_api_ws_channels_max);
	l->control_max =
	    (uint32_t)config_u64(c, SETTING_api_ws_control_per_second);
	l->per_address_max =
	    (uint32_t)config_u64(c, SETTING_api_ws_max_connections_per_address);
	l->deflates = config_bool(c, SETTING_api_ws_deflate);
	l->projects =
	    channel_roles_of(config_text(c, SETTING_event_stream_project_read));
	l->drops_durable =
	    strcmp(config_text(c, SETTING_event_stream_slow_durable), "drop") ==
	    0;
	l->total_max =
	    (uint32_t)config_u64(c, SETTING_api_ws_max_connections_total);
	l->per_user_max =
	    (uint32_t)config_u64(c, SETTING_api_ws_max_connections_per_user);
}

/* Records that go on living for a while do not keep new sockets out. */
static void
sockets_init_pools(struct sockets *k)
{
	uint32_t max = k->limits.total_max;

	pool_init(&k->pool, sizeof(struct socket), 2 * max, 0);
	pool_init(&k->changes, sizeof(struct change), max, 0);
	pool_init(&k->buffers, SOCKET_KEEP_MAX + WEBSOCKET_CONTROL_MAX, max, 0);
	pool_init(&k->backlogs, sizeof(struct backlog), max, 0);
	pool_init(&k->recoveries, sizeof(struct recovery), RECOVERIES_MAX, 0);
	pool_init(&k->sinces, sizeof(struct sinces), max, 0);
	pool_init(&k->sses, sizeof(struct sse), max, 0);
	pool_init(&k->slots, sizeof(struct slots), 2 * max, 0);
}

static void
sockets_init_lists(struct sockets *k)
{
	list_init(&k->wanted);
	list_init(&k->later);
	list_init(&k->changing);
	list_init(&k->leaving);
	wheel_init_slots(k);
	for (uint32_t c = 0; c < CHANNELS_SHARED; c++)
		interest_init(&k->shared[c], c);
}

enum status
sockets_init(struct gateway *g)
{
	struct sockets *k = calloc(1, sizeof(*k));
	enum status st;

	if (k == NULL)
		return ST_NO_MEMORY;
	g->sockets = k;
	k->gateway = g;
	actor_random(g->self, &k->next_number, sizeof(k->next_number));
	actor_random(g->self, &k->incarnation, sizeof(k->incarnation));
	sockets_read_limits(&k->limits, actor_config(g->self));
	sockets_init_pools(k);
	sockets_init_lists(k);
	if (k->limits.deflates && (k->deflater = deflater_create()) == NULL)
		return ST_NO_MEMORY;
	st = people_init(k);
	return st == ST_OK ? fanout_init(k) : st;
}

void
sockets_fini(struct gateway *g)
{
	struct sockets *k = g->sockets;

	if (k == NULL)
		return;
	g->sockets = NULL;
	assert(k->count == 0);
	timer_stop(&k->work);
	fanout_fini(k);
	people_fini(k);
	deflater_destroy(k->deflater);
	pool_fini(&k->pool);
	pool_fini(&k->changes);
	pool_fini(&k->buffers);
	pool_fini(&k->backlogs);
	pool_fini(&k->recoveries);
	pool_fini(&k->sinces);
	pool_fini(&k->slots);
	pool_fini(&k->sses);
	free(k);
}
