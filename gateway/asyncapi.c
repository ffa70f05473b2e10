/*
 * The program is the one that "receives" actions and "sends" the rest, as
 * AsyncAPI looks at it.  One channel is the socket itself; the others are what
 * a client subscribes to on it, and are served by "events": the same socket,
 * with the subprotocol as its protocol.
 */
#include "gateway/asyncapi.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gateway/control.h"
#include "gateway/inside.h"
#include "gateway/openapi_schema.h"
#include "gateway/route.h"
#include "gateway/websocket.h"
#include "protocols/catalogue.h"
#include "protocols/channel.h"
#include "protocols/event_type.h"

#define NAME_SIZE 128

/* clang-format off */
#define JSON(...) #__VA_ARGS__

static const struct asyncapi_key {
	uint32_t bit;
	const char *name, *schema, *doc;
} asyncapi_keys[] = {
#define KEY(id, name, schema, doc) { KEY_##id, name, schema, doc },
#include "gateway/control.def"
};

static const struct asyncapi_action {
	const char *text;
	uint32_t may, must;
	const char *doc;
} asyncapi_actions[] = {
#define ACTION(id, text, may, must, doc) { text, may, must, doc },
#include "gateway/control.def"
};

static const struct asyncapi_says {
	const char *text, *members, *required, *doc;
} asyncapi_says[] = {
#define SAYS(id, text, members, required, doc) \
	{ text, members, required, doc },
#include "gateway/control.def"
};

static const struct asyncapi_close {
	uint32_t code;
	const char *doc;
} asyncapi_closes[] = {
	{ WEBSOCKET_GOING_AWAY, "The server ends." },
	{ WEBSOCKET_PROTOCOL, "A frame broke the protocol." },
	{ WEBSOCKET_UNSUPPORTED, "Text and binary were mixed up." },
	{ WEBSOCKET_BAD_TEXT, "A text was not UTF-8." },
	{ WEBSOCKET_POLICY, "Silent for too long, too many messages, too slow." },
	{ WEBSOCKET_TOO_BIG, "A message was far too big." },
	{ WEBSOCKET_INTERNAL, "Something broke inside." },
#define CLOSES(id, code, doc) { code, doc },
#include "gateway/control.def"
};
#undef JSON
/* clang-format on */

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct asyncapi_family {
	const char *id, *address, *parameter, *doc;
} asyncapi_families[] = {
	{ "user", CHANNEL_PRIVATE_PREFIX "{user_id}", "user_id",
	    "A user's own: nobody else hears it, and its sockets do unasked." },
	{ "session", CHANNEL_SESSION_PREFIX "{session_id}", "session_id",
	    "A log-in's own." },
	{ "project", CHANNEL_PROJECT_PREFIX "{project}", "project",
	    "A project's, for the roles of event_stream.project_read." },
};

static const struct wire_enum *
shared_channels(void)
{
	const struct wire_enum *e = catalogue_find_enum("channel");

	assert(e != NULL);
	return e;
}

/* A key of an object may not hold what a reference could not: #dissent. */
static const char *
channel_id(const char *name)
{
	return name + (name[0] == '#');
}

/* To a thing of a kind, or to a message within it. */
static void
reference_write(struct document *d, const char *name, const char *kind,
    const char *which, const char *message)
{
	char ref[2 * NAME_SIZE];

	snprintf(ref, sizeof(ref), "#/%s/%s%s%s", kind, which,
	    message == NULL ? "" : "/messages/",
	    message == NULL ? "" : message);
	document_object(d, name);
	document_text(d, "$ref", ref);
	document_end(d);
}

/* ---- channels ---- */

static void
message_refer(struct document *d, const char *name)
{
	reference_write(d, name, "components/messages", name, NULL);
}

/* As routes.def has it. */
static const char *
socket_path(void)
{
	const struct route *r;
	size_t n = 0;

	while ((r = route_nth(n++)) != NULL && r->local != local_socket)
		;
	assert(r != NULL);
	return r->path;
}

static void
socket_write(struct document *d)
{
	document_object(d, "socket");
	document_text(d, "address", socket_path());
	document_text(d, "description",
	    "One socket: control messages both ways, and events.");
	document_list(d, "servers");
	reference_write(d, NULL, "servers", "gateway", NULL);
	document_end(d);
	document_object(d, "messages");
	for (size_t i = 0; i < COUNT(asyncapi_actions); i++)
		message_refer(d, asyncapi_actions[i].text);
	for (size_t i = 0; i < COUNT(asyncapi_says); i++)
		message_refer(d, asyncapi_says[i].text);
	message_refer(d, "error");
	document_end(d);
	document_raw(d, "bindings",
	    "{\"ws\": {\"method\": \"GET\", \"query\": {\"type\": \"object\", "
	    "\"properties\": {\"ticket\": {\"type\": \"string\"}}}}}");
	document_object(d, "x-close-codes");
	for (size_t i = 0; i < COUNT(asyncapi_closes); i++) {
		char code[16];

		snprintf(code, sizeof(code), "%u",
		    (unsigned)asyncapi_closes[i].code);
		document_text(d, code, asyncapi_closes[i].doc);
	}
	document_end(d);
	document_end(d);
}

static void
channel_begin(
    struct document *d, const char *id, const char *address, const char *doc)
{
	document_object(d, id);
	document_text(d, "address", address);
	document_text(d, "description", doc);
	document_list(d, "servers");
	reference_write(d, NULL, "servers", "events", NULL);
	document_end(d);
}

static void
channel_write_messages(struct document *d, const char *address)
{
	const struct event_type *e;

	document_object(d, "messages");
	for (size_t n = 0; (e = event_type_nth(n)) != NULL; n++)
		if (strcmp(e->channel, address) == 0)
			message_refer(d, e->name);
	message_refer(d, "event");
	document_end(d);
}

static void
channels_write(struct document *d)
{
	const struct wire_enum *shared = shared_channels();

	document_object(d, "channels");
	socket_write(d);
	for (uint32_t i = 0; i < shared->count; i++) {
		const char *name = shared->texts[i];

		channel_begin(d, channel_id(name), name, shared->docs[i]);
		channel_write_messages(d, name);
		document_end(d);
	}
	for (size_t i = 0; i < COUNT(asyncapi_families); i++) {
		const struct asyncapi_family *f = &asyncapi_families[i];

		channel_begin(d, f->id, f->address, f->doc);
		document_object(d, "parameters");
		document_object(d, f->parameter);
		document_text(d, "description", "An id.");
		document_end(d);
		document_end(d);
		channel_write_messages(d, f->address);
		document_end(d);
	}
	document_end(d);
}

/* ---- operations ---- */

static void
operation_begin(struct document *d, const char *verb, const char *what,
    const char *action, const char *channel)
{
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "%s_%s", verb, what);
	document_object(d, name);
	document_text(d, "action", action);
	reference_write(d, "channel", "channels", channel, NULL);
	document_list(d, "messages");
}

static void
operation_end(struct document *d)
{
	document_end(d);
	document_end(d);
}

static void
operation_write_hear(struct document *d, const char *id, const char *address)
{
	const struct event_type *e;

	operation_begin(d, "tell", id, "send", id);
	for (size_t n = 0; (e = event_type_nth(n)) != NULL; n++)
		if (strcmp(e->channel, address) == 0)
			reference_write(d, NULL, "channels", id, e->name);
	reference_write(d, NULL, "channels", id, "event");
	operation_end(d);
}

static void
operations_write(struct document *d)
{
	const struct wire_enum *shared = shared_channels();

	document_object(d, "operations");
	for (size_t i = 0; i < COUNT(asyncapi_actions); i++) {
		const char *text = asyncapi_actions[i].text;

		operation_begin(d, "hear", text, "receive", "socket");
		reference_write(d, NULL, "channels", "socket", text);
		operation_end(d);
	}
	operation_begin(d, "say", "control", "send", "socket");
	for (size_t i = 0; i < COUNT(asyncapi_says); i++)
		reference_write(
		    d, NULL, "channels", "socket", asyncapi_says[i].text);
	reference_write(d, NULL, "channels", "socket", "error");
	operation_end(d);
	for (uint32_t i = 0; i < shared->count; i++)
		operation_write_hear(
		    d, channel_id(shared->texts[i]), shared->texts[i]);
	for (size_t i = 0; i < COUNT(asyncapi_families); i++)
		operation_write_hear(
		    d, asyncapi_families[i].id, asyncapi_families[i].address);
	document_end(d);
}

/* ---- messages ---- */

static void
message_begin(struct document *d, const char *name, const char *doc)
{
	document_object(d, name);
	document_text(d, "name", name);
	document_text(d, "summary", doc);
	document_object(d, "payload");
}

static void
message_end(struct document *d)
{
	document_end(d);
	document_end(d);
}

static void
key_write(struct document *d, const struct asyncapi_key *k)
{
	document_object(d, k->name);
	document_text(d, "description", k->doc);
	document_list(d, "allOf");
	document_raw(d, NULL, k->schema);
	document_end(d);
	document_end(d);
}

static void
action_write(struct document *d, const struct asyncapi_action *a)
{
	message_begin(d, a->text, a->doc);
	document_text(d, "type", "object");
	document_list(d, "required");
	document_text(d, NULL, "action");
	for (size_t i = 0; i < COUNT(asyncapi_keys); i++)
		if ((a->must & asyncapi_keys[i].bit) != 0)
			document_text(d, NULL, asyncapi_keys[i].name);
	document_end(d);
	document_object(d, "properties");
	document_object(d, "action");
	document_text(d, "const", a->text);
	document_end(d);
	for (size_t i = 0; i < COUNT(asyncapi_keys); i++)
		if ((a->may & asyncapi_keys[i].bit) != 0)
			key_write(d, &asyncapi_keys[i]);
	document_end(d);
	document_bool(d, "additionalProperties", false);
	message_end(d);
}

static void
says_write(struct document *d, const struct asyncapi_says *s)
{
	message_begin(d, s->text, s->doc);
	document_list(d, "allOf");
	document_object(d, NULL);
	document_text(d, "type", "object");
	document_raw(d, "required", "[\"action\"]");
	document_object(d, "properties");
	document_object(d, "action");
	document_text(d, "const", s->text);
	document_end(d);
	document_end(d);
	document_end(d);
	document_object(d, NULL);
	document_text(d, "type", "object");
	document_raw(d, "required", s->required);
	document_raw(d, "properties", s->members);
	document_end(d);
	document_end(d);
	message_end(d);
}

static void
event_message_write(struct document *d, const struct event_type *e)
{
	message_begin(d, e->name, e->doc);
	document_list(d, "allOf");
	openapi_ref_write(d, NULL, "schemas", "event");
	document_object(d, NULL);
	document_text(d, "type", "object");
	document_object(d, "properties");
	document_object(d, "event_type");
	document_text(d, "const", e->name);
	document_end(d);
	if (e->payload[0] == '{')
		document_raw(d, "payload", e->payload);
	else
		openapi_ref_write(d, "payload", "schemas", e->payload);
	document_end(d);
	document_end(d);
	document_end(d);
	message_end(d);
}

static void
messages_write(struct document *d)
{
	const struct event_type *e;

	document_object(d, "messages");
	for (size_t i = 0; i < COUNT(asyncapi_actions); i++)
		action_write(d, &asyncapi_actions[i]);
	for (size_t i = 0; i < COUNT(asyncapi_says); i++)
		says_write(d, &asyncapi_says[i]);
	message_begin(d, "error", "A message was refused; the socket stays.");
	document_raw(d, "type", "\"object\"");
	document_raw(d, "required", "[\"error\"]");
	document_raw(d, "properties", "{\"error\": {\"type\": \"string\"}}");
	message_end(d);
	message_begin(d, "event", "Whatever is told on a channel.");
	document_text(d, "$ref", "#/components/schemas/event");
	message_end(d);
	for (size_t n = 0; (e = event_type_nth(n)) != NULL; n++)
		event_message_write(d, e);
	document_end(d);
}

/* ---- schemas ---- */

/* As event_frame.c writes it: the payload is an object, and a version. */
static void
event_schema_write(struct document *d)
{
	const struct wire_type *t = CATALOGUE_TYPE(event);

	document_object(d, "event");
	document_text(d, "type", "object");
	document_text(d, "description", t->doc);
	document_list(d, "required");
	for (size_t i = 0; i < t->nfields; i++)
		document_text(d, NULL, t->fields[i].name);
	document_text(d, NULL, "version");
	document_end(d);
	document_object(d, "properties");
	for (size_t i = 0; i < t->nfields; i++) {
		const struct wire_field *f = &t->fields[i];

		if (strcmp(f->name, "payload") == 0)
			document_raw(d, f->name, "{\"type\": \"object\"}");
		else
			openapi_field_write(d, f->name, f);
	}
	document_raw(d, "version", "{\"const\": 1}");
	document_end(d);
	document_end(d);
}

static bool
record_is_told(const char *name)
{
	const struct event_type *e;

	for (size_t n = 0; (e = event_type_nth(n)) != NULL; n++)
		if (strcmp(name, e->payload) == 0)
			return true;
	return false;
}

static void
records_write(struct document *d)
{
	const struct wire_type *told[EVENT_TYPES_COUNT];
	const struct wire_type *t;
	size_t count = 0;

	for (size_t n = 0; (t = catalogue_nth_record(n)) != NULL; n++)
		if (record_is_told(t->name))
			told[count++] = t;
	openapi_told_write(d, told, count);
}

static void
schemas_write(struct document *d)
{
	document_object(d, "schemas");
	document_raw(d, "place",
	    "{\"type\": \"object\", \"required\": [\"epoch\", \"offset\"], "
	    "\"properties\": {\"epoch\": {\"type\": \"integer\"}, "
	    "\"offset\": {\"type\": \"integer\"}}}");
	document_raw(d, "position",
	    "{\"type\": \"object\", \"required\": [\"epoch\", \"offset\", "
	    "\"recovered\"], \"properties\": {\"epoch\": {\"type\": "
	    "\"integer\"}, \"offset\": {\"type\": \"integer\"}, "
	    "\"recovered\": {\"type\": \"boolean\"}}}");
	event_schema_write(d);
	records_write(d);
	document_end(d);
}

static void
info_write(struct document *d)
{
	document_object(d, "info");
	document_text(d, "title", "Troupe");
	document_text(d, "version", TROUPE_VERSION);
	document_text(d, "description",
	    "Live events.  docs/GUIDE.md tells how to get a ticket.");
	document_raw(d, "license", "{\"name\": \"Apache 2.0\"}");
	document_end(d);
	document_text(d, "defaultContentType", "application/json");
	document_object(d, "servers");
	document_object(d, "gateway");
	document_text(d, "host", "localhost:3001");
	document_text(d, "protocol", "ws");
	document_end(d);
	document_object(d, "events");
	document_text(d, "host", "localhost:3001");
	document_text(d, "pathname", socket_path());
	document_text(
	    d, "protocol", websocket_subprotocol_name(WEBSOCKET_JSON));
	document_end(d);
	document_end(d);
}

enum status
asyncapi_write(struct wire_out *out)
{
	struct document d;

	document_init(&d, out);
	document_object(&d, NULL);
	document_text(&d, "asyncapi", "3.0.0");
	info_write(&d);
	channels_write(&d);
	operations_write(&d);
	document_object(&d, "components");
	messages_write(&d);
	schemas_write(&d);
	document_end(&d);
	document_end(&d);
	return document_done(&d);
}
