/*
 * scalar - one field that holds no other fields, to msgpack and back.
 *
 * What wire.c (arrays, enums by index) and record.c (maps, enums by text)
 * have in common, inline because the first of them is the hottest code there
 * is.  at points to the member of the struct; item is the head that was read.
 */
#ifndef PROTOCOLS_SCALAR_H
#define PROTOCOLS_SCALAR_H

#include "protocols/cursor.h"
#include "protocols/packer_bound.h"
#include "protocols/unpacker.h"
#include "protocols/wire.h"

/* Any kind before WIRE_ENUM, which is present. */
HOT_INLINE void
scalar_pack(struct packer *p, const struct wire_field *f, const void *at)
{
	switch ((int)f->kind) {
	case WIRE_BOOL:
		packer_bool(p, *(const bool *)at);
		break;
	case WIRE_U32:
		packer_uint_to(p, *(const uint32_t *)at, f->max);
		break;
	case WIRE_U64:
		packer_uint_to(p, *(const uint64_t *)at, f->max);
		break;
	case WIRE_I64:
	case WIRE_TIME:
		packer_int(p, *(const int64_t *)at);
		break;
	case WIRE_TEXT:
		packer_text_to(p, *(const char *const *)at, f->max);
		break;
	case WIRE_BYTES:
		packer_bytes_to(p, at, f->max);
		break;
	case WIRE_MONEY:
		packer_money(p, *(const money *)at);
		break;
	case WIRE_UUID:
		packer_bytes(p, at, sizeof(struct uuid));
		break;
	}
}

HOT_INLINE void
scalar_unpack(struct unpacker *u, const struct wire_field *f, void *at,
    struct cursor_item item)
{
	switch ((int)f->kind) {
	case WIRE_BOOL:
		*(bool *)at = cursor_item_is(&u->c, item, CURSOR_BOOL) != 0;
		break;
	case WIRE_U32:
		*(uint32_t *)at = (uint32_t)unpacker_uint(u, item, f->max);
		break;
	case WIRE_U64:
		*(uint64_t *)at = unpacker_uint(u, item, f->max);
		break;
	case WIRE_I64:
	case WIRE_TIME:
		*(int64_t *)at = cursor_item_int(&u->c, item);
		break;
	case WIRE_TEXT:
		*(const char **)at = unpacker_text(u, item, f->max);
		break;
	case WIRE_BYTES:
		*(struct bytes *)at = unpacker_bytes(u, item, f->max);
		break;
	case WIRE_MONEY:
		*(money *)at = unpacker_money(u, item);
		break;
	case WIRE_UUID:
		unpacker_wide(u, item, at);
		break;
	}
}

/* The lists of texts, and what a field is when nobody sent it. */
void texts_pack(struct packer *p, const struct wire_field *f, const char *body);
void texts_unpack(struct unpacker *u, const struct wire_field *f, char *body,
    struct cursor_item item);
void field_default(const struct wire_field *f, char *body);

/* Items that a list claims: within its bound and within what is left. */
uint32_t list_unpack_count(
    struct unpacker *u, const struct wire_field *f, struct cursor_item item);

/* Absent, as the struct says it; and making it present, before it is set. */
bool field_absent(const struct wire_field *f, const char *body);
void field_make_present(const struct wire_field *f, char *body);

#endif
