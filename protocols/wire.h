/*
 * wire - turns message structs into msgpack and back.
 *
 * It knows nothing of any message: it walks the field tables that
 * protocols/catalogue.c builds from the .def files.  A body is a msgpack
 * array in the order of the .def file; a record inside it is an array too.
 * Stateless; any thread.
 */
#ifndef PROTOCOLS_WIRE_H
#define PROTOCOLS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/bytes.h"
#include "runtime/base/money.h"
#include "runtime/base/status.h"

/* Deepest nesting of records in records; deeper catalogues do not start. */
#define WIRE_DEPTH_MAX 8

#define WIRE_KINDS(X) \
	X(BOOL)       \
	X(U32)        \
	X(U64)        \
	X(I64)        \
	X(MONEY)      \
	X(TEXT) X(BYTES) X(TIME) X(UUID) X(ENUM) X(RECORD) X(LIST) X(TEXTS)

enum wire_kind {
#define X(k) WIRE_##k,
	WIRE_KINDS(X)
#undef X
};

enum wire_flag {
	WIRE_OPTIONAL = 1, /* may be absent: nil on the wire, null in JSON */
	WIRE_CALLER = 2,   /* the gateway fills it; a client never may */
	WIRE_SECRET = 4,   /* never in a log, a dump or a JSON answer */
	WIRE_OBJECT = 8,   /* a text that is a JSON object, and stands as one */
};

struct wire_enum {
	const char *name;
	const char *doc;
	const char *const *texts; /* the stable text of each value, from 0 */
	const char *const *docs;
	uint32_t count;
};

struct wire_type;

struct wire_field {
	const char *name;
	enum wire_kind kind;
	unsigned flags;    /* of enum wire_flag */
	uint32_t offset;   /* of the member in its struct */
	uint32_t aside;    /* of has_NAME if optional, of NAME_count in lists */
	uint64_t max;      /* greatest value, or bytes of text without NUL */
	uint32_t list_max; /* items of a list */
	const struct wire_type *(*type)(void);   /* of RECORD and LIST */
	const struct wire_enum *(*values)(void); /* of ENUM */
	const char *doc;
};

struct wire_type {
	uint16_t id; /* 0 for a record */
	const char *name;
	const char *doc;
	size_t size; /* of the struct */
	const struct wire_field *fields;
	size_t nfields;
};

struct wire_out {
	unsigned char *bytes;
	size_t size;
	size_t used;
};

/* Appends body.  FULL if a field or out itself passes its bound. */
MUST_CHECK enum status wire_encode(
    const struct wire_type *t, const void *body, struct wire_out *out);

/*
 * Decodes into a; *ret_body borrows from a alone, never from bytes.  Fields
 * the sender lacks are zero, "" or absent; fields we lack are skipped.  Takes
 * no memory that the bytes do not fill.
 */
MUST_CHECK enum status wire_decode(const struct wire_type *t, struct arena *a,
    const void *bytes, size_t size, const void **ret_body);

#endif
