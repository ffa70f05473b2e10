#include "gateway/sse.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/event_frame.h"
#include "gateway/query.h"
#include "gateway/socket_parts.h"
#include "gateway/stream.h"
#include "protocols/event_type.h"
#include "runtime/base/arena_text.h"
#include "runtime/base/crc32c.h"
#include "runtime/base/decimal.h"
#include "runtime/base/items.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

/* ---- what goes out ---- */

static size_t
sse_write_id(const struct sse *e, char ret_line[SSE_LINE_MAX])
{
	size_t used = (size_t)snprintf(ret_line, SSE_LINE_MAX, "id: ");

	for (uint32_t i = 0; i < e->count; i++)
		used += (size_t)snprintf(ret_line + used, SSE_LINE_MAX - used,
		    "%s%" PRIu64 ".%" PRIu64, i == 0 ? "" : "-", e->epochs[i],
		    e->offsets[i]);
	used += (size_t)snprintf(
	    ret_line + used, SSE_LINE_MAX - used, "-%" PRIu32 "\n", e->sum);
	return used;
}

size_t
sse_id_line(struct socket *s, uint32_t channel, uint64_t epoch, uint64_t offset,
    char ret_line[SSE_LINE_MAX])
{
	struct sse *e = s->sse;

	if (offset == 0)
		return 0;
	for (uint32_t i = 0; i < e->count; i++) {
		if (e->channels[i] != channel)
			continue;
		e->epochs[i] = epoch;
		e->offsets[i] = offset;
	}
	return sse_write_id(e, ret_line);
}

enum status
sse_push_event(struct socket *s, uint32_t channel, uint64_t epoch,
    uint64_t offset, const struct net_part *part)
{
	struct sse before = *s->sse;
	char line[SSE_LINE_MAX];
	size_t size = sse_id_line(s, channel, epoch, offset, line);
	const struct net_part parts[] = {
		{ { (const uint8_t *)line, size }, NULL }, *part
	};
	enum status st =
	    size == 0 ? socket_push(s, part, 1) : socket_push(s, parts, 2);

	if (st == ST_FULL)
		*s->sse = before;
	return st;
}

enum status
sse_push_json(struct socket *s, const char *type, struct bytes json)
{
	char head[SSE_LINE_MAX + 32];
	size_t used = sse_write_id(s->sse, head);
	const struct net_part parts[] = { { { (const uint8_t *)head, 0 },
					      NULL },
		{ json, NULL }, { { (const uint8_t *)"\n\n", 2 }, NULL } };
	struct net_part all[3];

	if (s->sse->count == 0)
		used = 0;
	used += (size_t)snprintf(
	    head + used, sizeof(head) - used, "event: %s\ndata: ", type);
	memcpy(all, parts, sizeof(all));
	all[0].bytes.size = used;
	return socket_push(s, all, 3);
}

void
sse_close(struct socket *s, uint16_t code, const char *reason)
{
	char json[192];
	int size = snprintf(json, sizeof(json),
	    "{\"code\":%u,\"reason\":\"%s\"}", (unsigned)code, reason);

	if (sse_push_json(s, event_reserved_name(EVENT_RESERVED_CLOSE),
		(struct bytes){ (const uint8_t *)json, (size_t)size }) !=
	    ST_CLOSED)
		stream_end(s->conn);
}

/* ---- where a client stands ---- */

void
sse_place(struct socket *s, uint64_t channels, const struct sinces *from)
{
	struct sse *e = s->sse;

	e->count = 0;
	while (channels != 0 && e->count < SSE_CHANNELS_MAX) {
		uint32_t c = channels_pop(&channels);

		e->channels[e->count] = (uint8_t)c;
		e->epochs[e->count] = from->each[c].epoch;
		e->offsets[e->count++] = from->each[c].offset;
	}
}

/* Digits and what ends them; false: it is no such number. */
static bool
sse_read_number(const char **at, char end, uint64_t *ret_number)
{
	return decimal_take(at, UINT64_MAX, ret_number) &&
	       (end == '\0' || *(*at)++ == end);
}

/* What a request asks for. */
struct sse_ask {
	struct bytes names[SSE_CHANNELS_MAX];
	struct control_since sinces[SSE_CHANNELS_MAX];
	uint32_t count;
	uint32_t sum;
	bool has_since;
};

/*
 * "E.O-E.O-SUM"; false: it is none of ours, or of other channels.  Without a
 * sum only the beginnings, "0.0-0.0", are places in any.
 */
static bool
sse_read_id(struct bytes id, struct sse_ask *ask)
{
	struct control_since *list = ask->sinces;
	bool is_beginning = true;
	char text[SSE_ID_MAX + 1];
	const char *at = text;
	uint64_t sum;

	if (id.size > SSE_ID_MAX)
		return false;
	memcpy(text, id.at, id.size);
	text[id.size] = '\0';
	for (uint32_t i = 0; i < ask->count; i++) {
		if (i > 0 && *at++ != '-')
			return false;
		if (!sse_read_number(&at, '.', &list[i].epoch) ||
		    !sse_read_number(&at, '\0', &list[i].offset))
			return false;
		is_beginning &= list[i].epoch == 0 && list[i].offset == 0;
	}
	if (*at == '\0')
		return is_beginning;
	return *at++ == '-' && sse_read_number(&at, '\0', &sum) &&
	       *at == '\0' && sum == ask->sum;
}

/* The order in which a socket will have them. */
static uint32_t
sse_rank(struct bytes name)
{
	struct channel_ref ref = channel_parse(name);

	if (ref.kind == CHANNEL_SHARED)
		return (uint32_t)ref.shared;
	return ref.kind == CHANNEL_PRIVATE ? CHANNEL_OWN : CHANNEL_SLOT;
}

/* Whatever order they were asked for in. */
static bool
sse_is_after(struct bytes a, struct bytes b)
{
	size_t size = a.size < b.size ? a.size : b.size;
	uint32_t rank_a = sse_rank(a), rank_b = sse_rank(b);
	int order = memcmp(a.at, b.at, size);

	if (rank_a != rank_b)
		return rank_a > rank_b;
	return order != 0 ? order > 0 : a.size > b.size;
}

static bool
sse_add(struct sse_ask *ask, struct bytes name)
{
	uint32_t at = ask->count;

	for (uint32_t i = 0; i < ask->count; i++)
		if (ask->names[i].size == name.size &&
		    memcmp(ask->names[i].at, name.at, name.size) == 0)
			return true;
	if (ask->count == SSE_CHANNELS_MAX)
		return false;
	ask->count++;
	for (; at > 0 && sse_is_after(ask->names[at - 1], name); at--)
		ask->names[at] = ask->names[at - 1];
	ask->names[at] = name;
	return true;
}

/* INVALID: none, too many, or an empty name; DENIED: one may not be heard. */
static enum status
sse_read_channels(
    struct sse_ask *ask, struct bytes list, const struct hearer *who)
{
	struct bytes name;

	if (list.size > 0 && list.at[list.size - 1] == ',')
		return ST_INVALID; /* an empty name at the end */
	while (items_next(&list, ',', &name)) {
		struct channel_ref ref = channel_parse(name);

		if (name.size == 0)
			return ST_INVALID;
		if (!channel_allows(&ref, who))
			return ST_DENIED;
		if (!sse_add(ask, name))
			return ST_INVALID;
	}
	return ask->count > 0 ? ST_OK : ST_INVALID;
}

/* INVALID: another parameter, or the same one again. */
static enum status
sse_find_channels(struct conn *c, const uint8_t *at, struct bytes *ret_list)
{
	static const char name[] = "channels";
	struct query_parameter p;
	struct query q;
	enum status st;

	query_init(&q, http1_bytes(at, c->exchange->head.query));
	while (
	    (st = query_next(&q, actor_arena(c->gateway->self), &p)) == ST_OK) {
		if (ret_list->at != NULL || p.name.size != sizeof(name) - 1 ||
		    memcmp(p.name.at, name, p.name.size) != 0)
			return ST_INVALID;
		*ret_list = p.value;
	}
	return st == ST_NOT_FOUND ? ST_OK : st;
}

static uint32_t
sse_sum(const struct sse_ask *ask)
{
	char all[SSE_CHANNELS_MAX * (CHANNEL_MAX + 1)];
	size_t used = 0;

	for (uint32_t i = 0; i < ask->count; i++) {
		memcpy(all + used, ask->names[i].at, ask->names[i].size);
		used += ask->names[i].size;
		all[used++] = '\0';
	}
	return crc32c(all, used);
}

/* The header outlives the exchange: the numbers are read at once. */
static void
sse_read_since(struct conn *c, const uint8_t *at, struct sse_ask *ask)
{
	struct bytes id;

	for (uint32_t i = 0; i < ask->count; i++)
		ask->sinces[i].channel = ask->names[i];
	ask->sum = sse_sum(ask);
	ask->has_since = http1_head_find(&c->exchange->head, at,
			     "Last-Event-ID", &id) == ST_OK &&
			 sse_read_id(id, ask);
}

/* True: it may come in; else it was answered. */
static bool
sse_is_possible(struct conn *c, const char *user_id)
{
	struct gateway *g = c->gateway;
	struct sockets *k = g->sockets;
	const struct person *p = person_find(k, user_id);

	if (g->draining) {
		respond_problem(
		    c, PROBLEM_UNAVAILABLE, "streams cannot be opened now");
		return false;
	}
	if (k->count >= k->limits.total_max ||
	    (p != NULL && k->limits.per_user_max > 0 &&
		p->count >= k->limits.per_user_max)) {
		g->counts.sockets_refused++;
		respond_problem(
		    c, PROBLEM_CONNECTION_LIMIT, "too many live sockets");
		return false;
	}
	return true;
}

static void
sse_on_nothing(void *ctx)
{
	(void)ctx; /* conn.c tells the socket itself */
}

static const struct stream_events sse_events = { sse_on_nothing,
	sse_on_nothing };

/* What the channels' names are in must outlive the request: the arena. */
static void
sse_subscribe(struct socket *s, const struct sse_ask *ask)
{
	const struct control control = { .form = CONTROL_OBJECT,
		.action = CONTROL_SUBSCRIBE,
		.has_channels = true,
		.channels = ask->names,
		.channels_count = ask->count,
		.has_since = true,
		.sinces = ask->sinces,
		.sinces_count = ask->has_since ? ask->count : 0 };

	socket_subscribe(s, &control);
}

static void
sse_open(struct conn *c, const struct sse_ask *ask, const struct principal *who)
{
	struct sockets *k = c->gateway->sockets;
	char client[NET_PEER_TEXT_SIZE];
	struct socket *s;

	(void)text_fit(client, sizeof(client), c->exchange->context.client);
	s = socket_create(c, SYNTAX_SSE, client);
	if (s == NULL) {
		respond_problem(
		    c, PROBLEM_CONNECTION_LIMIT, "too many live sockets");
		return;
	}
	s->sse = pool_take(&k->sses);
	if (!stream_begin(c, 200, "text/event-stream", &sse_events, NULL))
		return;
	(void)text_fit(s->session_id, sizeof(s->session_id), who->session_id);
	if (s->sse != NULL)
		s->sse->sum = ask->sum;
	if (s->sse == NULL || !socket_come_in(s, who->user_id))
		socket_close(s, WEBSOCKET_INTERNAL, "Internal error");
	else
		sse_subscribe(s, ask);
}

/* Beyond the exchange it lies in. */
static const char *
sse_keep(struct arena *a, const char *text)
{
	return arena_text(
	    a, (struct bytes){ (const uint8_t *)text, strlen(text) });
}

static void
sse_refuse(struct conn *c, enum status why)
{
	if (why == ST_DENIED)
		respond_problem(c, PROBLEM_FORBIDDEN,
		    "query.channels: one of them may not be heard");
	else if (why == ST_INVALID)
		respond_problem(c, PROBLEM_VALIDATION,
		    "query: `channels` alone and once, 1 to 16 of them");
	else
		respond_problem(
		    c, PROBLEM_BAD_REQUEST, "the query does not decode");
}

void
local_events(struct conn *c)
{
	struct gateway *g = c->gateway;
	const uint8_t *at = g->head_at;
	const struct auth_result *from = &c->exchange->who;
	struct principal who = { 0 };
	char session[SESSION_ID_MAX + 1];
	struct sse_ask *ask = arena_take(actor_arena(g->self), sizeof(*ask));
	struct hearer hearer;
	struct bytes list = { NULL, 0 };
	enum status st = sse_find_channels(c, at, &list);

	who.user_id = sse_keep(actor_arena(g->self), from->user_id);
	auth_session(from, session);
	who.session_id = sse_keep(actor_arena(g->self), session);
	if (ask == NULL || who.user_id == NULL || who.session_id == NULL) {
		respond_problem(c, PROBLEM_OVERLOADED, "out of memory");
		return;
	}
	hearer = (struct hearer){ from->account->role, who.user_id,
		who.session_id, g->sockets->limits.projects };
	if (st == ST_OK)
		st = sse_read_channels(ask, list, &hearer);
	if (st == ST_OK && sse_is_possible(c, who.user_id)) {
		sse_read_since(c, at, ask);
		sse_open(c, ask, &who);
	} else if (st != ST_OK) {
		sse_refuse(c, st);
	}
}
