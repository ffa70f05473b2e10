#include "protocols/scalar.h"

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
		packer_text_to(p, texts[i], f->max);
}

uint32_t
list_unpack_count(
    struct unpacker *u, const struct wire_field *f, struct cursor_item item)
{
	uint64_t count = cursor_item_is(&u->c, item, CURSOR_ARRAY);

	if (count <= f->list_max && count <= cursor_left(&u->c))
		return (uint32_t)count;
	cursor_fail(&u->c);
	return 0;
}

void
texts_unpack(struct unpacker *u, const struct wire_field *f, char *body,
    struct cursor_item item)
{
	uint32_t count = list_unpack_count(u, f, item);
	void *list = body + f->offset;
	void *aside = body + f->aside;
	const char **texts;

	if (count == 0)
		return;
	texts = unpacker_need(u, arena_take(u->arena, count * sizeof(*texts)));
	if (texts == NULL)
		return;
	for (uint32_t i = 0; i < count; i++)
		texts[i] = unpacker_text(u, cursor_head(&u->c), f->max);
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

/* An optional text or record is a pointer; the others have their has_NAME. */
static bool
field_is_pointer(const struct wire_field *f)
{
	return f->kind == WIRE_TEXT || f->kind == WIRE_RECORD;
}

bool
field_absent(const struct wire_field *f, const char *body)
{
	const void *at = body + f->offset;
	const void *aside = body + f->aside;

	if ((f->flags & WIRE_OPTIONAL) == 0)
		return false;
	if (field_is_pointer(f))
		return *(const void *const *)at == NULL;
	return !*(const bool *)aside;
}

void
field_make_present(const struct wire_field *f, char *body)
{
	void *aside = body + f->aside;

	if ((f->flags & WIRE_OPTIONAL) != 0 && !field_is_pointer(f))
		*(bool *)aside = true;
}
