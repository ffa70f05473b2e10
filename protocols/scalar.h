/*
 * scalar - one field that holds no other fields, to msgpack and back.
 *
 * What wire.c (arrays, enums by index) and record.c (maps, enums by text)
 * have in common, inline because the first of them is the hottest code there
 * is.  at points to the member of the struct.
 */
#ifndef PROTOCOLS_SCALAR_H
#define PROTOCOLS_SCALAR_H

#include "protocols/cursor.h"
#include "protocols/packer.h"
#include "protocols/wire.h"
#include "runtime/base/utf8.h"

#define SCALAR_WIDE 16 /* bytes of a money or a uuid */

struct unpacker {
	struct cursor c;
	struct arena *arena;
	bool full; /* the arena was too small, whatever the bytes say */
};

/* How a reading ended, asked once. */
static inline enum status
unpacker_status(const struct unpacker *u)
{
	return u->full ? ST_NO_MEMORY : u->c.bad ? ST_MALFORMED : ST_OK;
}

/* What an arena gave, or the end of the reading. */
static inline void *
unpacker_need(struct unpacker *u, void *memory)
{
	if (memory == NULL) {
		u->full = true;
		cursor_fail(&u->c);
	}
	return memory;
}

static inline void
text_pack(struct packer *p, const char *text, uint64_t max)
{
	size_t size = text == NULL ? 0 : strlen(text);

	if (size > max)
		packer_fail(p, ST_FULL);
	else
		packer_text(p, text, size);
}

static inline const char *
text_unpack(struct unpacker *u, uint64_t max)
{
	uint64_t size = cursor_want(&u->c, CURSOR_TEXT);
	const uint8_t *bytes = cursor_take(&u->c, size);
	char *text;

	if (size > max || bytes == NULL) {
		cursor_fail(&u->c);
		return "";
	}
	text = unpacker_need(u, arena_take_bytes(u->arena, size + 1));
	if (text == NULL)
		return "";
	text[size] = '\0';
	if (!utf8_copy_ascii(text, bytes, size) && !utf8_valid(bytes, size))
		cursor_fail(&u->c);
	return text;
}

/* 16 bytes, two's complement, big-endian. */
void money_pack(struct packer *p, money amount);
money money_unpack(struct unpacker *u);
void uuid_unpack(struct unpacker *u, struct uuid *ret_uuid);

static inline void
bytes_unpack(struct unpacker *u, uint64_t max, struct bytes *ret_bytes)
{
	uint64_t size = cursor_want(&u->c, CURSOR_BYTES);
	const uint8_t *bytes = cursor_take(&u->c, size);
	uint8_t *copy;

	if (size > max || bytes == NULL) {
		cursor_fail(&u->c);
		return;
	}
	copy = unpacker_need(u, arena_take_bytes(u->arena, size));
	if (copy == NULL || size == 0)
		return;
	memcpy(copy, bytes, size);
	*ret_bytes = (struct bytes){ copy, size };
}

static inline void
bytes_pack(struct packer *p, const struct bytes *bytes, uint64_t max)
{
	if (bytes->size > max)
		packer_fail(p, ST_FULL);
	else
		packer_bytes(p, bytes->at, bytes->size);
}

static inline void
uint_pack(struct packer *p, uint64_t n, uint64_t max)
{
	if (n > max)
		packer_fail(p, ST_FULL);
	else
		packer_uint(p, n);
}

static inline uint64_t
uint_unpack(struct unpacker *u, uint64_t max)
{
	uint64_t n = cursor_want(&u->c, CURSOR_UINT);

	if (n > max)
		cursor_fail(&u->c);
	return n;
}

/* Any kind before WIRE_ENUM, which is present. */
static inline void
scalar_pack(struct packer *p, const struct wire_field *f, const void *at)
{
	switch ((int)f->kind) {
	case WIRE_BOOL:
		packer_bool(p, *(const bool *)at);
		break;
	case WIRE_U32:
		uint_pack(p, *(const uint32_t *)at, f->max);
		break;
	case WIRE_U64:
		uint_pack(p, *(const uint64_t *)at, f->max);
		break;
	case WIRE_I64:
	case WIRE_TIME:
		packer_int(p, *(const int64_t *)at);
		break;
	case WIRE_TEXT:
		text_pack(p, *(const char *const *)at, f->max);
		break;
	case WIRE_BYTES:
		bytes_pack(p, at, f->max);
		break;
	case WIRE_MONEY:
		money_pack(p, *(const money *)at);
		break;
	case WIRE_UUID:
		packer_bytes(p, at, SCALAR_WIDE);
		break;
	}
}

static inline void
scalar_unpack(struct unpacker *u, const struct wire_field *f, void *at)
{
	switch ((int)f->kind) {
	case WIRE_BOOL:
		*(bool *)at = cursor_want(&u->c, CURSOR_BOOL) != 0;
		break;
	case WIRE_U32:
		*(uint32_t *)at = (uint32_t)uint_unpack(u, f->max);
		break;
	case WIRE_U64:
		*(uint64_t *)at = uint_unpack(u, f->max);
		break;
	case WIRE_I64:
	case WIRE_TIME:
		*(int64_t *)at = cursor_int(&u->c);
		break;
	case WIRE_TEXT:
		*(const char **)at = text_unpack(u, f->max);
		break;
	case WIRE_BYTES:
		bytes_unpack(u, f->max, at);
		break;
	case WIRE_MONEY:
		*(money *)at = money_unpack(u);
		break;
	case WIRE_UUID:
		uuid_unpack(u, at);
		break;
	}
}

/* The lists of texts, and what a record is before anything is read. */
void texts_pack(struct packer *p, const struct wire_field *f, const char *body);
void texts_unpack(struct unpacker *u, const struct wire_field *f, char *body);
void field_default(const struct wire_field *f, char *body);

/* Items that a list claims: within its bound and within what is left. */
uint32_t list_unpack_count(struct unpacker *u, const struct wire_field *f);

/* Absent, as the struct says it. */
bool field_absent(const struct wire_field *f, const char *body);

#endif
