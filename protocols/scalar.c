#include "protocols/scalar.h"

void
money_pack(struct packer *p, money amount)
{
	money_magnitude m = (money_magnitude)amount;
	uint64_t wide[2] = { htobe64((uint64_t)(m >> 64)),
		htobe64((uint64_t)m) };

	packer_bytes(p, wide, sizeof(wide));
}

/* Exactly 16 bytes, or NULL. */
static const uint8_t *
wide_unpack(struct unpacker *u)
{
	if (cursor_want(&u->c, CURSOR_BYTES) != SCALAR_WIDE)
		cursor_fail(&u->c);
	return cursor_take(&u->c, SCALAR_WIDE);
}

money
money_unpack(struct unpacker *u)
{
	const uint8_t *bytes = wide_unpack(u);
	uint64_t wide[2] = { 0, 0 };

	if (bytes != NULL)
		memcpy(wide, bytes, sizeof(wide));
	return (
	    money)((money_magnitude)be64toh(wide[0]) << 64 | be64toh(wide[1]));
}

void
uuid_unpack(struct unpacker *u, struct uuid *ret_uuid)
{
	const uint8_t *bytes = wide_unpack(u);

	if (bytes != NULL)
		memcpy(ret_uuid->octets, bytes, sizeof(ret_uuid->octets));
}

void
texts_pack(struct packer *p, const struct wire_field *f, const char *body)
{
	const void *list = body + f->offset;
	const void *aside = body + f->aside;
	const char *const *texts = *(const char *const *const *)list;
	uint32_t count = *(const uint32_t *)aside;

	if (count > f->list_max) {
		packer_fail(p, ST_FULL);
		return;
	}
	packer_array(p, count);
	for (uint32_t i = 0; i < count && p->status == ST_OK; i++)
		text_pack(p, texts[i], f->max);
}

uint32_t
list_unpack_count(struct unpacker *u, const struct wire_field *f)
{
	uint64_t count = cursor_want(&u->c, CURSOR_ARRAY);

	if (count <= f->list_max && count <= cursor_left(&u->c))
		return (uint32_t)count;
	cursor_fail(&u->c);
	return 0;
}

void
texts_unpack(struct unpacker *u, const struct wire_field *f, char *body)
{
	uint32_t count = list_unpack_count(u, f);
	void *list = body + f->offset;
	void *aside = body + f->aside;
	const char **texts;

	if (count == 0)
		return;
	texts = unpacker_need(u, arena_take(u->arena, count * sizeof(*texts)));
	if (texts == NULL)
		return;
	for (uint32_t i = 0; i < count; i++)
		texts[i] = text_unpack(u, f->max);
	*(const char *const **)list = texts;
	*(uint32_t *)aside = count;
}

/* The struct is zeroed: only a text that must be there is not nothing. */
void
field_default(const struct wire_field *f, char *body)
{
	void *at = body + f->offset;
	const struct wire_type *t;

	if ((f->flags & WIRE_OPTIONAL) != 0)
		return;
	if (f->kind == WIRE_TEXT)
		*(const char **)at = "";
	if (f->kind != WIRE_RECORD)
		return;
	t = f->type();
	for (size_t i = 0; i < t->nfields; i++)
		field_default(&t->fields[i], at);
}

bool
field_absent(const struct wire_field *f, const char *body)
{
	const void *at = body + f->offset;
	const void *aside = body + f->aside;

	if ((f->flags & WIRE_OPTIONAL) == 0)
		return false;
	if (f->kind == WIRE_TEXT || f->kind == WIRE_RECORD)
		return *(const void *const *)at == NULL;
	return !*(const bool *)aside;
}
