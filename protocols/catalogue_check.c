#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "protocols/catalogue.h"
#include "protocols/describe.h"
#include "protocols/json.h"
#include "protocols/record.h"

#define SPACE_SIZE 32768 /* for one message with nothing in it */

__attribute__((format(printf, 2, 3))) static enum status
check_fail(char ret_why[CATALOGUE_WHY_SIZE], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ret_why, CATALOGUE_WHY_SIZE, format, args);
	va_end(args);
	return ST_INVALID;
}

/* What a member takes in its struct. */
static size_t
member_size(const struct wire_field *f)
{
	static const size_t sizes[] = {
		[WIRE_BOOL] = sizeof(bool),
		[WIRE_U32] = sizeof(uint32_t),
		[WIRE_U64] = sizeof(uint64_t),
		[WIRE_I64] = sizeof(int64_t),
		[WIRE_MONEY] = sizeof(money),
		[WIRE_TEXT] = sizeof(char *),
		[WIRE_BYTES] = sizeof(struct bytes),
		[WIRE_TIME] = sizeof(int64_t),
		[WIRE_UUID] = sizeof(struct uuid),
		[WIRE_ENUM] = sizeof(uint32_t),
		[WIRE_RECORD] = sizeof(void *),
		[WIRE_LIST] = sizeof(void *),
		[WIRE_TEXTS] = sizeof(void *),
	};

	if (f->kind == WIRE_RECORD && (f->flags & WIRE_OPTIONAL) == 0)
		return f->type()->size;
	return sizes[f->kind];
}

static bool
kind_is_list(enum wire_kind kind)
{
	return kind == WIRE_LIST || kind == WIRE_TEXTS;
}

/* What its kind needs to be read and written; NULL if all is there. */
static const char *
field_lack(const struct wire_field *f)
{
	bool holds = f->kind == WIRE_RECORD || f->kind == WIRE_LIST;
	bool text = f->kind == WIRE_TEXT || f->kind == WIRE_TEXTS;

	if (f->kind > WIRE_TEXTS)
		return "a kind without codec";
	if (holds != (f->type != NULL))
		return "no record, or one too many";
	if ((f->kind == WIRE_ENUM) != (f->values != NULL))
		return "no enum, or one too many";
	if (kind_is_list(f->kind) != (f->list_max > 0))
		return "no bound of items, or one too many";
	if ((text || f->kind == WIRE_BYTES) && f->max == 0)
		return "no bound of bytes";
	if (f->kind == WIRE_U32 && f->max > UINT32_MAX)
		return "a bound past its width";
	if ((f->flags & WIRE_OPTIONAL) != 0 &&
	    (kind_is_list(f->kind) || f->kind == WIRE_BYTES))
		return "a kind that cannot be optional";
	if (strcmp(f->name, RECORD_VERSION_KEY) == 0)
		return "the name of the record version";
	return NULL;
}

static enum status
enum_check(const struct wire_enum *e, char ret_why[CATALOGUE_WHY_SIZE])
{
	if (e->count == 0)
		return check_fail(ret_why, "enum %s: no values", e->name);
	for (uint32_t i = 0; i < e->count; i++) {
		if (e->texts[i][0] == '\0' || strchr(e->texts[i], ' ') != NULL)
			return check_fail(
			    ret_why, "enum %s: an odd text", e->name);
		for (uint32_t k = 0; k < i; k++)
			if (strcmp(e->texts[i], e->texts[k]) == 0)
				return check_fail(ret_why, "enum %s: %s twice",
				    e->name, e->texts[i]);
	}
	return ST_OK;
}

static enum status
field_check(
    const struct wire_type *t, size_t i, char ret_why[CATALOGUE_WHY_SIZE])
{
	const struct wire_field *f = &t->fields[i];
	const char *lack = field_lack(f);

	if (lack == NULL && f->offset + member_size(f) > t->size)
		lack = "past the end of its struct";
	if (lack == NULL && f->aside >= t->size)
		lack = "its count or presence is past the end of its struct";
	for (size_t k = 0; k < i && lack == NULL; k++)
		if (strcmp(f->name, t->fields[k].name) == 0)
			lack = "its name twice";
	if (lack != NULL)
		return check_fail(ret_why, "%s.%s: %s", t->name, f->name, lack);
	return f->values == NULL ? ST_OK : enum_check(f->values(), ret_why);
}

static enum status
type_check(
    const struct wire_type *t, unsigned depth, char ret_why[CATALOGUE_WHY_SIZE])
{
	enum status st = ST_OK;

	if (depth == WIRE_DEPTH_MAX)
		return check_fail(ret_why, "%s: nested deeper than %d", t->name,
		    WIRE_DEPTH_MAX);
	if (t->nfields > JSON_FIELDS_MAX)
		return check_fail(ret_why, "%s: more than %d fields", t->name,
		    JSON_FIELDS_MAX);
	for (size_t i = 0; i < t->nfields && st == ST_OK; i++) {
		st = field_check(t, i, ret_why);
		if (st == ST_OK && t->fields[i].type != NULL)
			st =
			    type_check(t->fields[i].type(), depth + 1, ret_why);
	}
	return st;
}

/* A sender that knows no field at all: read it, write it in every form. */
static enum status
default_check(const struct wire_type *t, char ret_why[CATALOGUE_WHY_SIZE])
{
	static const uint8_t nothing[] = { 0x90 };
	_Alignas(max_align_t) unsigned char space[SPACE_SIZE];
	unsigned char bytes[SPACE_SIZE];
	struct arena a = { space, sizeof(space), 0 };
	struct wire_out out = { bytes, sizeof(bytes), 0 };
	const void *body;
	enum status st = wire_decode(t, &a, nothing, sizeof(nothing), &body);

	if (st == ST_OK)
		st = wire_encode(t, body, &out);
	if (st == ST_OK)
		st = record_encode(t, 1, body, &out);
	if (st == ST_OK)
		st = json_encode(t, JSON_SECRETS, body, &out);
	if (st != ST_OK)
		return check_fail(ret_why, "%s: its default does not pass: %s",
		    t->name, status_text(st));
	return ST_OK;
}

enum status
catalogue_check_type(
    const struct wire_type *t, char ret_why[CATALOGUE_WHY_SIZE])
{
	enum status st = type_check(t, 0, ret_why);

	return st == ST_OK ? default_check(t, ret_why) : st;
}

static enum status
ids_check(size_t n, char ret_why[CATALOGUE_WHY_SIZE])
{
	const struct wire_type *t = catalogue_nth(n);

	if (t->id == 0 || catalogue_find(t->id) != t)
		return check_fail(
		    ret_why, "%s: id 0x%04x is another's", t->name, t->id);
	if (catalogue_find_name(t->name) != t)
		return check_fail(ret_why, "%s: two messages", t->name);
	return ST_OK;
}

enum status
catalogue_check(char ret_why[CATALOGUE_WHY_SIZE])
{
	const struct wire_type *t;
	enum status st = ST_OK;

	for (size_t n = 0; st == ST_OK && (t = catalogue_nth(n)) != NULL; n++) {
		st = ids_check(n, ret_why);
		if (st == ST_OK)
			st = catalogue_check_type(t, ret_why);
	}
	for (size_t n = 0; st == ST_OK && (t = catalogue_nth_record(n)) != NULL;
	     n++)
		st = catalogue_check_type(t, ret_why);
	return st;
}
