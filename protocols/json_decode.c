#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocols/json.h"
#include "protocols/json_lex.h"
#include "protocols/json_value.h"
#include "protocols/scalar.h"
#include "runtime/base/arena_text.h"
#include "runtime/base/text.h"

#define PATH_MAX_STEPS                                        \
	(2 * WIRE_DEPTH_MAX) /* a name and a place per record \
			      */
#define KEY_MAX 64           /* bytes of an unknown key that are told */

/* A part of the path to the value in hand: .name or [place]. */
struct step {
	const char *name;
	uint32_t place;
};

struct reader {
	struct json_lex lex;
	struct arena *arena;
	unsigned flags;
	enum status status; /* the first failure sticks */
	const char *start;
	struct json_result *result;
	struct step steps[PATH_MAX_STEPS + 1];
	size_t depth;
};

/* Appends to what is in why, cut at a whole character. */
static void
why_add(char why[JSON_WHY_SIZE], const char *text)
{
	size_t used = strlen(why);

	text_fit(why + used, JSON_WHY_SIZE - used, text);
}

static void
why_path(const struct reader *r)
{
	char place[16];

	snprintf(r->result->why, JSON_WHY_SIZE, "body");
	for (size_t i = 0; i < r->depth; i++) {
		const struct step *s = &r->steps[i];

		snprintf(place, sizeof(place), "[%" PRIu32 "]", s->place);
		if (s->name != NULL)
			why_add(r->result->why, ".");
		why_add(r->result->why, s->name == NULL ? place : s->name);
	}
	why_add(r->result->why, ": ");
}

static void
reader_fail(struct reader *r, enum status why, const char *reason)
{
	if (r->status != ST_OK)
		return;
	r->status = why;
	json_lex_fail(&r->lex);
	why_path(r);
	why_add(r->result->why, reason);
}

/* What the lexer met; nothing to add if something failed before. */
static void
reader_malformed(struct reader *r)
{
	char reason[48];

	snprintf(reason, sizeof(reason), "not JSON at byte %zu",
	    (size_t)(r->lex.at - r->start));
	reader_fail(r, ST_MALFORMED, reason);
}

static void
reader_unexpected(struct reader *r, const struct wire_field *f, enum status st)
{
	char reason[JSON_WHY_SIZE];

	json_value_expect(f, reason, sizeof(reason));
	if (st == ST_NO_MEMORY)
		reader_fail(r, ST_NO_MEMORY, "too much");
	else
		reader_fail(r, ST_INVALID, reason);
}

static void
reader_enter(struct reader *r, const char *name, uint32_t place)
{
	assert(r->depth <= PATH_MAX_STEPS);
	r->steps[r->depth++] = (struct step){ name, place };
}

static void
reader_leave(struct reader *r)
{
	r->depth--;
}

static void object_read(struct reader *r, const struct wire_type *t, char *body,
    unsigned depth, uint64_t *ret_seen);

/* The items of the array whose bracket was read, if it holds few enough. */
static uint32_t
list_count(struct reader *r, const struct wire_field *f)
{
	struct json_lex probe = r->lex;
	uint32_t count = 0;

	if (json_lex_eat(&probe, ']'))
		return 0;
	do {
		struct json_token t = json_lex_token(&probe);

		json_lex_skip(&probe, &t);
		count++;
	} while (count <= f->list_max && json_lex_eat(&probe, ','));
	if (count > f->list_max) {
		reader_unexpected(r, f, ST_INVALID);
	} else if (!json_lex_eat(&probe, ']')) {
		r->lex.at = probe.at;
		reader_malformed(r);
	}
	return count;
}

static void
text_read(struct reader *r, const struct wire_field *f, const char **ret_text)
{
	struct json_token token = json_lex_token(&r->lex);
	enum status st = json_value_text(&token, f->max, r->arena, ret_text);

	if (st != ST_OK)
		reader_unexpected(r, f, st);
}

static void
record_read(
    struct reader *r, const struct wire_field *f, char *body, unsigned depth)
{
	struct json_token token = json_lex_token(&r->lex);
	uint64_t seen;

	if (token.kind == JSON_OBJECT)
		object_read(r, f->type(), body, depth, &seen);
	else
		reader_fail(r, ST_INVALID, "expected an object");
}

/* Past the bracket; memory for as many items as there are. */
static void
list_read(
    struct reader *r, const struct wire_field *f, char *body, unsigned depth)
{
	uint32_t count = list_count(r, f);
	size_t step = f->kind == WIRE_LIST ? f->type()->size : sizeof(char *);
	void *list = body + f->offset;
	void *aside = body + f->aside;
	char *items = NULL;

	if (r->status == ST_OK && count > 0)
		items = arena_take(r->arena, count * step);
	if (items == NULL && count > 0)
		reader_unexpected(r, f, ST_NO_MEMORY);
	for (uint32_t i = 0; i < count && r->status == ST_OK; i++) {
		void *item = items + i * step;

		reader_enter(r, NULL, i);
		if (f->kind == WIRE_LIST)
			record_read(r, f, item, depth);
		else
			text_read(r, f, item);
		reader_leave(r);
		if (r->status == ST_OK)
			json_lex_eat(&r->lex, i + 1 < count ? ',' : ']');
	}
	if (count == 0)
		json_lex_eat(&r->lex, ']');
	*(void **)list = items;
	*(uint32_t *)aside = count;
}

static void
object_value(
    struct reader *r, const struct wire_field *f, void *at, unsigned depth)
{
	uint64_t seen;

	if ((f->flags & WIRE_OPTIONAL) != 0)
		at = *(void **)at = arena_take(r->arena, f->type()->size);
	if (at == NULL)
		reader_unexpected(r, f, ST_NO_MEMORY);
	else
		object_read(r, f->type(), at, depth, &seen);
}

/* An object as it stands there; its brace has been read. */
static void
raw_read(struct reader *r, const struct wire_field *f,
    const struct json_token *token, char *body)
{
	const char *start = r->lex.at - 1; /* at the brace */
	size_t size;
	char *text;

	json_lex_skip(&r->lex, token);
	if (r->lex.bad) {
		reader_malformed(r);
		return;
	}
	size = (size_t)(r->lex.at - start);
	if (size > f->max) {
		reader_fail(r, ST_INVALID, "too long");
		return;
	}
	text = arena_text(
	    r->arena, (struct bytes){ (const uint8_t *)start, size });
	if (text == NULL) {
		reader_unexpected(r, f, ST_NO_MEMORY);
		return;
	}
	*(const char **)(void *)(body + f->offset) = text;
}

static void
value_read(
    struct reader *r, const struct wire_field *f, char *body, unsigned depth)
{
	struct json_token token = json_lex_token(&r->lex);
	bool list = f->kind == WIRE_LIST || f->kind == WIRE_TEXTS;
	enum status st;

	if (token.kind == JSON_BAD) {
		reader_malformed(r);
		return;
	}
	if (token.kind == JSON_NULL && (f->flags & WIRE_OPTIONAL) != 0)
		return;
	field_make_present(f, body);
	if ((f->flags & WIRE_OBJECT) != 0) {
		if (token.kind == JSON_OBJECT)
			raw_read(r, f, &token, body);
		else
			reader_fail(r, ST_INVALID, "expected an object");
	} else if (f->kind == WIRE_RECORD && token.kind == JSON_OBJECT) {
		object_value(r, f, body + f->offset, depth);
	} else if (list && token.kind == JSON_ARRAY) {
		list_read(r, f, body, depth);
	} else {
		st = json_value_set(f, &token, r->arena, body + f->offset);
		if (st != ST_OK)
			reader_unexpected(r, f, st);
	}
}

/* The place of a field that clients know, or nfields. */
static size_t
field_place(const struct wire_type *t, const char *name, size_t size)
{
	size_t i = 0;

	for (; i < t->nfields; i++)
		if ((t->fields[i].flags & WIRE_CALLER) == 0 &&
		    strlen(t->fields[i].name) == size &&
		    memcmp(t->fields[i].name, name, size) == 0)
			break;
	return i;
}

/* key is at most KEY_MAX bytes of it, for people. */
static void
unknown_read(struct reader *r, const char *key)
{
	struct json_token token;

	if ((r->flags & JSON_IGNORE_UNKNOWN) == 0) {
		reader_enter(r, key, 0);
		reader_fail(r, ST_INVALID, "unknown field");
		reader_leave(r);
		return;
	}
	token = json_lex_token(&r->lex);
	json_lex_skip(&r->lex, &token);
}

/* A key, decoded if it is short enough to be one of ours. */
static size_t
key_read(struct reader *r, char ret_key[KEY_MAX + 1])
{
	struct json_token token = json_lex_string(&r->lex);
	size_t size = 0;

	if (token.kind == JSON_STRING && token.size <= KEY_MAX)
		size = json_token_decode(&token, ret_key);
	else if (token.kind == JSON_STRING)
		size = (size_t)snprintf(
		    ret_key, KEY_MAX, "(a name of %zu bytes)", token.size);
	ret_key[size] = '\0';
	if (!json_lex_eat(&r->lex, ':'))
		reader_malformed(r);
	return size;
}

static void
member_read(struct reader *r, const struct wire_type *t, char *body,
    unsigned depth, uint64_t *seen)
{
	char key[KEY_MAX + 1];
	size_t size = key_read(r, key);
	size_t i = field_place(t, key, size);

	if (r->status != ST_OK)
		return;
	if (i == t->nfields) {
		unknown_read(r, key);
		return;
	}
	reader_enter(r, t->fields[i].name, 0);
	if ((*seen >> i & 1) != 0)
		reader_fail(r, ST_INVALID, "given twice");
	else
		value_read(r, &t->fields[i], body, depth + 1);
	*seen |= UINT64_C(1) << i;
	reader_leave(r);
}

/* The first field that must be given and was not, or nfields. */
static size_t
field_missing(const struct wire_type *t, uint64_t seen)
{
	size_t i = 0;

	for (; i < t->nfields; i++) {
		const struct wire_field *f = &t->fields[i];

		if ((seen >> i & 1) == 0 &&
		    (f->flags & (WIRE_OPTIONAL | WIRE_CALLER)) == 0 &&
		    f->kind != WIRE_LIST && f->kind != WIRE_TEXTS)
			break;
	}
	return i;
}

static void
object_settle(
    struct reader *r, const struct wire_type *t, unsigned depth, uint64_t seen)
{
	size_t missing = field_missing(t, seen);
	bool later = depth == 0 && (r->flags & JSON_LATER) != 0;

	if (missing == t->nfields || later || (r->flags & JSON_DEFAULTS) != 0)
		return;
	reader_enter(r, t->fields[missing].name, 0);
	reader_fail(r, ST_INVALID, "required");
	reader_leave(r);
}

/* Past the brace that was read, up to the one that closes it. */
static void
object_read(struct reader *r, const struct wire_type *t, char *body,
    unsigned depth, uint64_t *ret_seen)
{
	uint64_t seen = 0;

	assert(depth < WIRE_DEPTH_MAX && t->nfields <= JSON_FIELDS_MAX);
	for (size_t i = 0; i < t->nfields; i++)
		field_default(&t->fields[i], body);
	if (!json_lex_eat(&r->lex, '}')) {
		do {
			member_read(r, t, body, depth, &seen);
		} while (json_lex_eat(&r->lex, ','));
		if (!json_lex_eat(&r->lex, '}'))
			reader_malformed(r);
	}
	if (r->status == ST_OK)
		object_settle(r, t, depth, seen);
	*ret_seen = seen;
}

void *
json_blank(const struct wire_type *t, struct arena *a)
{
	char *body = arena_take(a, t->size);

	for (size_t i = 0; body != NULL && i < t->nfields; i++)
		field_default(&t->fields[i], body);
	return body;
}

enum status
json_decode(const struct wire_type *t, unsigned flags, struct arena *a,
    const void *bytes, size_t size, void **ret_body, struct json_result *ret)
{
	const char *text = bytes;
	struct reader r = { .lex = { text, text + size, false },
		.arena = a,
		.flags = flags,
		.start = text,
		.result = ret };
	void *body = json_blank(t, a);
	struct json_token token;

	ret->seen = 0;
	ret->why[0] = '\0';
	token = json_lex_token(&r.lex);
	if (body == NULL)
		reader_fail(&r, ST_NO_MEMORY, "too much");
	else if (token.kind == JSON_OBJECT)
		object_read(&r, t, body, 0, &ret->seen);
	else if (token.kind != JSON_BAD)
		reader_fail(&r, ST_INVALID, "expected an object");
	if (!json_lex_done(&r.lex))
		reader_malformed(&r);
	if (r.status == ST_OK)
		*ret_body = body;
	return r.status;
}

static enum status
result_fail(struct json_result *result, const char *part, const char *name,
    const char *reason)
{
	result->why[0] = '\0';
	why_add(result->why, part);
	why_add(result->why, ".");
	why_add(result->why, name);
	why_add(result->why, ": ");
	why_add(result->why, reason);
	return ST_INVALID;
}

enum status
json_set_text(const struct wire_type *t, void *body, struct arena *a,
    const char *part, const char *name, const char *text,
    struct json_result *so_far)
{
	size_t i = field_place(t, name, strlen(name));
	const struct wire_field *f = &t->fields[i];
	char reason[JSON_WHY_SIZE];
	enum status st;

	if (i == t->nfields)
		return result_fail(so_far, part, name, "unknown field");
	if ((so_far->seen >> i & 1) != 0)
		return result_fail(so_far, part, name, "given twice");
	st = json_value_set_text(f, text, a, (char *)body + f->offset);
	if (st == ST_OK) {
		field_make_present(f, body);
		so_far->seen |= UINT64_C(1) << i;
		return ST_OK;
	}
	json_value_expect(f, reason, sizeof(reason));
	result_fail(
	    so_far, part, name, st == ST_NO_MEMORY ? "too much" : reason);
	return st;
}

enum status
json_require(
    const struct wire_type *t, const char *part, struct json_result *so_far)
{
	size_t missing = field_missing(t, so_far->seen);

	if (missing == t->nfields)
		return ST_OK;
	return result_fail(so_far, part, t->fields[missing].name, "required");
}

bool
json_valid(const void *bytes, size_t size)
{
	const char *text = bytes;
	struct json_lex l = { text, text + size, false };
	struct json_token token = json_lex_token(&l);

	json_lex_skip(&l, &token);
	return json_lex_done(&l);
}
