#include <stdio.h>
#include <string.h>

#include "protocols/json.h"
#include "protocols/scalar.h"
#include "runtime/base/base64url.h"
#include "runtime/base/clock.h"
#include "runtime/base/utf8.h"
#include "runtime/base/uuid.h"

#define NUMBER_TEXT_SIZE 24

/* The packer's room and its sticky failure serve for text too. */
static void
put(struct packer *p, const char *text, size_t size)
{
	uint8_t *to = packer_take(p, size);

	if (to != NULL)
		memcpy(to, text, size);
}

static void
puts_text(struct packer *p, const char *text)
{
	put(p, text, strlen(text));
}

/* The escape of a byte that may not stand in a string by itself. */
static void
put_escaped(struct packer *p, uint8_t c)
{
	static const char *const names[] = {
		['\b'] = "\\b",
		['\f'] = "\\f",
		['\n'] = "\\n",
		['\r'] = "\\r",
		['\t'] = "\\t",
		['"'] = "\\\"",
		['\\'] = "\\\\",
	};
	char code[8];

	if (c < sizeof(names) / sizeof(names[0]) && names[c] != NULL) {
		puts_text(p, names[c]);
		return;
	}
	snprintf(code, sizeof(code), "\\u%04x", (unsigned)c);
	puts_text(p, code);
}

static bool
byte_is_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void
put_string(struct packer *p, const char *text, size_t size)
{
	const uint8_t *at = (const uint8_t *)text;
	const uint8_t *end = at + size;

	put(p, "\"", 1);
	while (at < end && p->status == ST_OK) {
		const uint8_t *run = at;
		size_t n;

		while (at < end && byte_is_plain(*at))
			at++;
		put(p, (const char *)run, (size_t)(at - run));
		if (at == end)
			break;
		n = utf8_char_size(at, (size_t)(end - at));
		if (n == 0)
			packer_fail(p, ST_INVALID);
		else if (n == 1)
			put_escaped(p, *at);
		else
			put(p, (const char *)at, n);
		at += n;
	}
	put(p, "\"", 1);
}

static void
put_text(struct packer *p, const char *text)
{
	put_string(
	    p, text == NULL ? "" : text, text == NULL ? 0 : strlen(text));
}

static void
put_uint(struct packer *p, uint64_t n)
{
	char text[NUMBER_TEXT_SIZE];
	size_t at = sizeof(text);

	do
		text[--at] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	put(p, text + at, sizeof(text) - at);
}

static void
put_int(struct packer *p, int64_t n)
{
	if (n < 0)
		put(p, "-", 1);
	put_uint(p, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

static void
put_money(struct packer *p, money amount)
{
	char text[MONEY_TEXT_SIZE];

	put(p, text, money_text(amount, text));
}

static void
put_time(struct packer *p, int64_t us)
{
	char text[CLOCK_TEXT_SIZE];

	clock_text(us, text);
	put_text(p, text);
}

static void
put_uuid(struct packer *p, const struct uuid *u)
{
	char text[UUID_TEXT_SIZE];

	uuid_text(u, text);
	put_text(p, text);
}

static void
put_bytes(struct packer *p, const struct bytes *b)
{
	uint8_t *to;

	put(p, "\"", 1);
	to = packer_take(p, BASE64URL_TEXT_SIZE(b->size));
	if (to != NULL)
		base64url_encode(b->at, b->size, (char *)to);
	put(p, "\"", 1);
}

static void
put_enum(struct packer *p, const struct wire_enum *e, uint32_t value)
{
	if (value < e->count)
		put_text(p, e->texts[value]);
	else
		packer_fail(p, ST_INVALID);
}

static void
put_scalar(struct packer *p, const struct wire_field *f, const void *at)
{
	switch ((int)f->kind) {
	case WIRE_BOOL:
		puts_text(p, *(const bool *)at ? "true" : "false");
		break;
	case WIRE_U32:
		put_uint(p, *(const uint32_t *)at);
		break;
	case WIRE_U64:
		put_uint(p, *(const uint64_t *)at);
		break;
	case WIRE_I64:
		put_int(p, *(const int64_t *)at);
		break;
	case WIRE_MONEY:
		put_money(p, *(const money *)at);
		break;
	case WIRE_TEXT:
		put_text(p, *(const char *const *)at);
		break;
	case WIRE_BYTES:
		put_bytes(p, at);
		break;
	case WIRE_TIME:
		put_time(p, *(const int64_t *)at);
		break;
	case WIRE_UUID:
		put_uuid(p, at);
		break;
	case WIRE_ENUM:
		put_enum(p, f->values(), *(const uint32_t *)at);
		break;
	}
}

struct writer {
	struct packer p;
	unsigned flags;
};

static void object_write(struct writer *w, const struct wire_type *t,
    const char *body, unsigned depth);

static void
list_write(struct writer *w, const struct wire_field *f, const char *body,
    unsigned depth)
{
	const void *list = body + f->offset;
	const void *aside = body + f->aside;
	const char *items = *(const char *const *)list;
	const char *const *texts = *(const char *const *const *)list;
	uint32_t count = *(const uint32_t *)aside;

	put(&w->p, "[", 1);
	for (uint32_t i = 0; i < count && w->p.status == ST_OK; i++) {
		if (i > 0)
			put(&w->p, ",", 1);
		if (f->kind == WIRE_TEXTS)
			put_text(&w->p, texts[i]);
		else
			object_write(
			    w, f->type(), items + i * f->type()->size, depth);
	}
	put(&w->p, "]", 1);
}

static void
value_write(struct writer *w, const struct wire_field *f, const char *body,
    unsigned depth)
{
	const void *at = body + f->offset;

	if (field_absent(f, body)) {
		puts_text(&w->p, "null");
	} else if ((f->flags & WIRE_OBJECT) != 0) {
		const char *json = *(const char *const *)at;

		puts_text(&w->p, json == NULL || *json == '\0' ? "{}" : json);
	} else if (f->kind == WIRE_RECORD) {
		if ((f->flags & WIRE_OPTIONAL) != 0)
			at = *(const void *const *)at;
		object_write(w, f->type(), at, depth);
	} else if (f->kind == WIRE_LIST || f->kind == WIRE_TEXTS) {
		list_write(w, f, body, depth);
	} else {
		put_scalar(&w->p, f, at);
	}
}

static bool
field_is_printed(const struct writer *w, const struct wire_field *f)
{
	if ((f->flags & WIRE_SECRET) != 0 && (w->flags & JSON_SECRETS) == 0)
		return false;
	return (f->flags & WIRE_CALLER) == 0;
}

static void
object_write(struct writer *w, const struct wire_type *t, const char *body,
    unsigned depth)
{
	const char *before = "{";

	if (depth == WIRE_DEPTH_MAX) {
		packer_fail(&w->p, ST_FULL);
		return;
	}
	for (size_t i = 0; i < t->nfields && w->p.status == ST_OK; i++) {
		const struct wire_field *f = &t->fields[i];

		if (!field_is_printed(w, f))
			continue;
		puts_text(&w->p, before);
		put_text(&w->p, f->name);
		put(&w->p, ":", 1);
		value_write(w, f, body, depth + 1);
		before = ",";
	}
	puts_text(&w->p, *before == '{' ? "{}" : "}");
}

enum status
json_encode(const struct wire_type *t, unsigned flags, const void *body,
    struct wire_out *out)
{
	struct writer w = { packer_of(out), flags };

	object_write(&w, t, body, 0);
	return packer_done(&w.p, out);
}

enum status
json_encode_field(const struct wire_field *f, unsigned flags, const void *body,
    struct wire_out *out)
{
	struct writer w = { packer_of(out), flags };

	value_write(&w, f, body, 0);
	return packer_done(&w.p, out);
}

enum status
json_encode_uint(uint64_t n, struct wire_out *out)
{
	struct packer p = packer_of(out);

	put_uint(&p, n);
	return packer_done(&p, out);
}

enum status
json_encode_text(const char *text, struct wire_out *out)
{
	struct packer p = packer_of(out);

	put_text(&p, text);
	return packer_done(&p, out);
}
