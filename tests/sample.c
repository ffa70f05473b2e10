#include "tests/sample.h"

#include <assert.h>
#include <string.h>

#include "protocols/catalogue.h"

#define KITCHEN_TEXT_MAX 40
#define KITCHEN_ITEMS_MAX 4

/* clang-format off */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define AT(n) (uint32_t)offsetof(self, n)
#define FIELD(n, kind, flags, aside, max, items, type, values) \
	{ #n, kind, flags, AT(n), aside, max, items, type, values, "doc" }
#define PLAIN(n, kind, max) FIELD(n, kind, 0, 0, max, 0, NULL, NULL)
#define MAYBE(n, kind, max) \
	FIELD(n, kind, WIRE_OPTIONAL, AT(has_##n), max, 0, NULL, NULL)

static const struct wire_enum *
mood_enum(void)
{
	static const char *const texts[] = { "low", "fair", "high" };
	static const struct wire_enum e = { "mood", "doc", texts, texts, 3 };

	return &e;
}

typedef struct pan self_pan;
static const struct wire_field pan_fields[] = {
	{ "name", WIRE_TEXT, 0, offsetof(self_pan, name), 0, 16, 0, NULL, NULL, "doc" },
	{ "size", WIRE_U32, 0, offsetof(self_pan, size), 0, 100, 0, NULL, NULL, "doc" },
};

const struct wire_type sample_pan = {
	0, "pan", "doc", sizeof(struct pan), pan_fields, COUNT(pan_fields) };

static const struct wire_type *
pan_type(void)
{
	return &sample_pan;
}

typedef struct kitchen self;
static const struct wire_field kitchen_fields[] = {
	PLAIN(open, WIRE_BOOL, 1),
	PLAIN(plates, WIRE_U32, 1000),
	PLAIN(crumbs, WIRE_U64, UINT64_MAX),
	PLAIN(warmth, WIRE_I64, 0),
	PLAIN(worth, WIRE_MONEY, 0),
	PLAIN(cook, WIRE_TEXT, KITCHEN_TEXT_MAX),
	PLAIN(salt, WIRE_BYTES, 32),
	PLAIN(built, WIRE_TIME, 0),
	PLAIN(id, WIRE_UUID, 0),
	FIELD(mood, WIRE_ENUM, 0, 0, 0, 0, NULL, mood_enum),
	FIELD(best, WIRE_RECORD, 0, 0, 0, 0, pan_type, NULL),
	FIELD(pans, WIRE_LIST, 0, AT(pans_count), 0, KITCHEN_ITEMS_MAX, pan_type, NULL),
	FIELD(spices, WIRE_TEXTS, 0, AT(spices_count), KITCHEN_TEXT_MAX, KITCHEN_ITEMS_MAX, NULL, NULL),
	FIELD(recipe, WIRE_TEXT, WIRE_SECRET, 0, KITCHEN_TEXT_MAX, 0, NULL, NULL),
	FIELD(caller, WIRE_RECORD, WIRE_CALLER, 0, 0, 0, pan_type, NULL),
	MAYBE(lit, WIRE_BOOL, 1),
	MAYBE(guests, WIRE_U32, 50),
	MAYBE(flies, WIRE_U64, UINT64_MAX),
	MAYBE(drift, WIRE_I64, 0),
	MAYBE(tip, WIRE_MONEY, 0),
	FIELD(note, WIRE_TEXT, WIRE_OPTIONAL, 0, KITCHEN_TEXT_MAX, 0, NULL, NULL),
	MAYBE(closed, WIRE_TIME, 0),
	MAYBE(key, WIRE_UUID, 0),
	FIELD(guest_mood, WIRE_ENUM, WIRE_OPTIONAL, AT(has_guest_mood), 0, 0, NULL, mood_enum),
	FIELD(spare, WIRE_RECORD, WIRE_OPTIONAL, 0, 0, 0, pan_type, NULL),
};

const struct wire_type sample_kitchen = {
	0, "kitchen", "doc", sizeof(struct kitchen), kitchen_fields,
	COUNT(kitchen_fields) };
/* clang-format on */

const struct wire_type *
sample_type(size_t n)
{
	const struct wire_type *t;
	size_t messages = 0;
	size_t records = 0;

	while ((t = catalogue_nth(messages)) != NULL)
		if (messages++ == n)
			return t;
	while ((t = catalogue_nth_record(records)) != NULL)
		if (messages + records++ == n)
			return t;
	n -= messages + records;
	return n == 0 ? &sample_pan : n == 1 ? &sample_kitchen : NULL;
}

static void *
need(struct arena *a, size_t size)
{
	void *memory = arena_take(a, size);

	assert(memory != NULL);
	return memory;
}

/* As long as the bound allows, if that is not long. */
static const char *
sample_text(struct arena *a, uint64_t max, enum sample_shape shape)
{
	static const char usual[] = "text \"\\/\xc3\xa9\xe2\x82\xac\n";
	size_t size = shape == SAMPLE_USUAL ? sizeof(usual) - 1 : 300;
	char *text;

	if (size > max)
		size = (size_t)max;
	text = need(a, size + 1);
	memset(text, 'x', size);
	if (shape == SAMPLE_USUAL && size == sizeof(usual) - 1)
		memcpy(text, usual, size);
	return text;
}

static struct bytes
sample_bytes(struct arena *a, uint64_t max, enum sample_shape shape)
{
	size_t size = max < 40 ? (size_t)max : 40;
	uint8_t *bytes = need(a, size);

	memset(bytes, shape == SAMPLE_USUAL ? 0 : 0xff, size);
	return (struct bytes){ bytes, size };
}

static void
sample_scalar(const struct wire_field *f, struct arena *a, void *at,
    enum sample_shape shape)
{
	bool most = shape == SAMPLE_MOST;

	if (f->kind == WIRE_BOOL)
		*(bool *)at = true;
	else if (f->kind == WIRE_U32)
		*(uint32_t *)at = (uint32_t)(most ? f->max : f->max / 2);
	else if (f->kind == WIRE_U64)
		*(uint64_t *)at = most ? f->max : f->max / 1000;
	else if (f->kind == WIRE_I64)
		*(int64_t *)at = most ? INT64_MIN : -1;
	else if (f->kind == WIRE_MONEY)
		*(money *)at = most ? -((money)1 << 126) : 1234500000000;
	else if ((f->flags & WIRE_OBJECT) != 0)
		*(const char **)at = "{}";
	else if (f->kind == WIRE_TEXT)
		*(const char **)at = sample_text(a, f->max, shape);
	else if (f->kind == WIRE_BYTES)
		*(struct bytes *)at = sample_bytes(a, f->max, shape);
	else if (f->kind == WIRE_TIME)
		*(int64_t *)at = most ? INT64_C(253402300799999999)
				      : INT64_C(1775210400000001);
	else if (f->kind == WIRE_UUID)
		memset(at, most ? 0xff : 0x5a, sizeof(struct uuid));
	else if (f->kind == WIRE_ENUM)
		*(uint32_t *)at = most ? f->values()->count - 1 : 0;
}

static void sample_fill(const struct wire_type *t, struct arena *a, char *body,
    enum sample_shape shape);

static void
sample_list(const struct wire_field *f, struct arena *a, char *body,
    enum sample_shape shape)
{
	uint32_t count = f->list_max < 2 ? f->list_max : 2;
	void *list = body + f->offset;
	void *aside = body + f->aside;
	size_t step = f->kind == WIRE_LIST ? f->type()->size : sizeof(char *);
	char *items = need(a, count * step);

	for (uint32_t i = 0; i < count; i++) {
		void *item = items + i * step;

		if (f->kind == WIRE_LIST)
			sample_fill(f->type(), a, item, shape);
		else
			*(const char **)item = sample_text(a, f->max, shape);
	}
	*(void **)list = items;
	*(uint32_t *)aside = count;
}

static void
sample_member(const struct wire_field *f, struct arena *a, char *body,
    enum sample_shape shape)
{
	bool optional = (f->flags & WIRE_OPTIONAL) != 0;
	void *at = body + f->offset;
	void *aside = body + f->aside;

	if (f->kind == WIRE_LIST || f->kind == WIRE_TEXTS) {
		sample_list(f, a, body, shape);
	} else if (f->kind == WIRE_RECORD) {
		if (optional)
			at = *(void **)at = need(a, f->type()->size);
		sample_fill(f->type(), a, at, shape);
	} else {
		sample_scalar(f, a, at, shape);
		if (optional && f->kind != WIRE_TEXT)
			*(bool *)aside = true;
	}
}

static void
sample_fill(const struct wire_type *t, struct arena *a, char *body,
    enum sample_shape shape)
{
	for (size_t i = 0; shape != SAMPLE_EMPTY && i < t->nfields; i++)
		sample_member(&t->fields[i], a, body, shape);
}

void *
sample_body(const struct wire_type *t, struct arena *a, enum sample_shape shape)
{
	char *body = need(a, t->size);

	sample_fill(t, a, body, shape);
	return body;
}

size_t
sample_field(const struct wire_type *t, const char *name)
{
	size_t i = 0;

	while (i < t->nfields && strcmp(t->fields[i].name, name) != 0)
		i++;
	assert(i < t->nfields);
	return i;
}
