#include "protocols/catalogue.h"

#include <string.h>

#include "protocols/messages.h"

/*
 * The .def files are read once per view: enums, tables, lists.  A misspelt
 * type or member does not compile; two equal ids stop at by_id.
 */

/* clang-format off */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define AT(n) (uint32_t)offsetof(self, n)

/* Enums: texts and docs in the order of their values. */
#define STRUCTURE(n, doc, fields)
#define MESSAGE(n, id, doc, fields)
#define VALUE(id, text, doc) text,
#define ENUMERATION(n, doc, values) \
	static const char *const texts_##n[] = { values };
#include "protocols/protocols.def"
#undef VALUE
#undef ENUMERATION
#define VALUE(id, text, doc) doc,
#define ENUMERATION(n, doc, values) \
	static const char *const docs_##n[] = { values }; \
	static const struct wire_enum *enum_##n(void) \
	{ \
		static const struct wire_enum e = \
		    { #n, doc, texts_##n, docs_##n, COUNT(texts_##n) }; \
		return &e; \
	}
#include "protocols/protocols.def"
#include "protocols/undef.h"

/* Tables: FIELD(name, kind, flags, aside, max, list max, type, enum, doc) */
#define FIELD(n, kind, flags, aside, max, list_max, type, values, doc) \
	{ #n, kind, flags, AT(n), aside, max, list_max, type, values, doc },
#define SCALAR(n, kind, max, doc) FIELD(n, kind, 0, 0, max, 0, NULL, NULL, doc)
#define MAYBE(n, kind, max, doc) \
	FIELD(n, kind, WIRE_OPTIONAL, AT(has_##n), max, 0, NULL, NULL, doc)
#define BOOL(n, doc)              SCALAR(n, WIRE_BOOL, 1, doc)
#define U32(n, max, doc)          SCALAR(n, WIRE_U32, max, doc)
#define U64(n, max, doc)          SCALAR(n, WIRE_U64, max, doc)
#define I64(n, doc)               SCALAR(n, WIRE_I64, 0, doc)
#define MONEY(n, doc)             SCALAR(n, WIRE_MONEY, 0, doc)
#define TEXT(n, max, doc)         SCALAR(n, WIRE_TEXT, max, doc)
#define SECRET(n, max, doc)       FIELD(n, WIRE_TEXT, WIRE_SECRET, 0, max, 0, NULL, NULL, doc)
#define OBJECT(n, max, doc)       FIELD(n, WIRE_TEXT, WIRE_OBJECT, 0, max, 0, NULL, NULL, doc)
#define BYTES(n, max, doc)        SCALAR(n, WIRE_BYTES, max, doc)
#define TIME(n, doc)              SCALAR(n, WIRE_TIME, 0, doc)
#define UUID(n, doc)              SCALAR(n, WIRE_UUID, 0, doc)
#define ENUM(n, e, doc)           FIELD(n, WIRE_ENUM, 0, 0, 0, 0, NULL, enum_##e, doc)
#define RECORD(n, t, doc)         FIELD(n, WIRE_RECORD, 0, 0, 0, 0, catalogue_type_##t, NULL, doc)
#define CALLER(n, t, doc)         FIELD(n, WIRE_RECORD, WIRE_CALLER, 0, 0, 0, catalogue_type_##t, NULL, doc)
#define LIST(n, t, count, doc)    FIELD(n, WIRE_LIST, 0, AT(n##_count), 0, count, catalogue_type_##t, NULL, doc)
#define TEXTS(n, count, max, doc) FIELD(n, WIRE_TEXTS, 0, AT(n##_count), max, count, NULL, NULL, doc)
#define OPT_BOOL(n, doc)          MAYBE(n, WIRE_BOOL, 1, doc)
#define OPT_U32(n, max, doc)      MAYBE(n, WIRE_U32, max, doc)
#define OPT_U64(n, max, doc)      MAYBE(n, WIRE_U64, max, doc)
#define OPT_I64(n, doc)           MAYBE(n, WIRE_I64, 0, doc)
#define OPT_MONEY(n, doc)         MAYBE(n, WIRE_MONEY, 0, doc)
#define OPT_TEXT(n, max, doc)     FIELD(n, WIRE_TEXT, WIRE_OPTIONAL, 0, max, 0, NULL, NULL, doc)
#define OPT_TIME(n, doc)          MAYBE(n, WIRE_TIME, 0, doc)
#define OPT_UUID(n, doc)          MAYBE(n, WIRE_UUID, 0, doc)
#define OPT_ENUM(n, e, doc)       FIELD(n, WIRE_ENUM, WIRE_OPTIONAL, AT(has_##n), 0, 0, NULL, enum_##e, doc)
#define OPT_RECORD(n, t, doc)     FIELD(n, WIRE_RECORD, WIRE_OPTIONAL, 0, 0, 0, catalogue_type_##t, NULL, doc)
#define NOTHING
#define TABLE(n, id, doc, ...) \
	const struct wire_type *catalogue_type_##n(void) \
	{ \
		typedef struct n self; \
		static const struct wire_field f[] = { __VA_ARGS__ { 0 } }; \
		static const struct wire_type t = \
		    { id, #n, doc, sizeof(self), f, COUNT(f) - 1 }; \
		return &t; \
	}
#define ENUMERATION(n, doc, values)
#define STRUCTURE(n, doc, fields)   TABLE(n, 0, doc, fields)
#define MESSAGE(n, id, doc, fields) TABLE(n, id, doc, fields)
#include "protocols/protocols.def"
#include "protocols/undef.h"

typedef const struct wire_type *(*type_fn)(void);

/* An id given twice does not compile. */
static const type_fn by_id[] = {
#define ENUMERATION(n, doc, values)
#define STRUCTURE(n, doc, fields)
#define MESSAGE(n, id, doc, fields) [id] = catalogue_type_##n,
#include "protocols/protocols.def"
#include "protocols/undef.h"
};

const struct wire_type *
catalogue_find(uint16_t id)
{
	return id < COUNT(by_id) && by_id[id] != NULL ? by_id[id]() : NULL;
}

static const type_fn messages[] = {
#define ENUMERATION(n, doc, values)
#define STRUCTURE(n, doc, fields)
#define MESSAGE(n, id, doc, fields) catalogue_type_##n,
#include "protocols/protocols.def"
#include "protocols/undef.h"
	NULL,
};

static const type_fn records[] = {
#define ENUMERATION(n, doc, values)
#define STRUCTURE(n, doc, fields) catalogue_type_##n,
#define MESSAGE(n, id, doc, fields)
#include "protocols/protocols.def"
#include "protocols/undef.h"
	NULL,
};

static const struct wire_enum *(*const enums[])(void) = {
#define ENUMERATION(n, doc, values) enum_##n,
#define STRUCTURE(n, doc, fields)
#define MESSAGE(n, id, doc, fields)
#include "protocols/protocols.def"
#include "protocols/undef.h"
	NULL,
};
/* clang-format on */

const struct wire_type *
catalogue_nth(size_t n)
{
	return n + 1 < COUNT(messages) ? messages[n]() : NULL;
}

const struct wire_type *
catalogue_nth_record(size_t n)
{
	return n + 1 < COUNT(records) ? records[n]() : NULL;
}

const struct wire_enum *
catalogue_nth_enum(size_t n)
{
	return n + 1 < COUNT(enums) ? enums[n]() : NULL;
}

const struct wire_type *
catalogue_find_name(const char *name)
{
	const struct wire_type *t;

	for (size_t n = 0; (t = catalogue_nth(n)) != NULL; n++)
		if (strcmp(t->name, name) == 0)
			return t;
	return NULL;
}

const struct wire_field *
catalogue_find_field(const struct wire_type *t, const char *name)
{
	for (size_t i = 0; i < t->nfields; i++)
		if (strcmp(t->fields[i].name, name) == 0)
			return &t->fields[i];
	return NULL;
}

const struct wire_enum *
catalogue_find_enum(const char *name)
{
	const struct wire_enum *e;

	for (size_t n = 0; (e = catalogue_nth_enum(n)) != NULL; n++)
		if (strcmp(e->name, name) == 0)
			return e;
	return NULL;
}
