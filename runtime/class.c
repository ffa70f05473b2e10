#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "protocols/straight.h"
#include "runtime/inside.h"

static pthread_mutex_t class_lock = PTHREAD_MUTEX_INITIALIZER;
static struct class_info *class_infos;

const struct class_slot class_no_slot = { .id = UINT32_MAX };

/* For types that have no straight code: the table reads them. */
static bool
class_unpack_nothing(
    const uint8_t *at, const uint8_t *end, struct arena *a, void *body)
{
	(void)at;
	(void)end;
	(void)a;
	(void)body;
	return false;
}

static uint32_t
class_handler_count(const struct actor_class *class)
{
	uint32_t n = 0;

	while (class->on[n].id != 0)
		n++;
	return n;
}

static void
class_info_add(struct class_info *info, const struct handler *h)
{
	uint32_t i = h->id;
	const struct straight *straight;
	const struct wire_type *type;
	struct class_slot *slot;

	while (info->slots[i & info->mask].id != 0) {
		assert(info->slots[i & info->mask].id != h->id);
		i++;
	}
	type = catalogue_find(h->id);
	assert(type != NULL);
	straight = straight_find(type);
	slot = &info->slots[i & info->mask];
	*slot = (struct class_slot){ h->id, (uint32_t)arena_round(type->size),
		h->fn, type, { class_unpack_nothing, class_unpack_nothing } };
	if (straight != NULL) {
		/* An answer would be written over bytes in the mail. */
		slot->unpack[0] = straight->unpack_here;
		slot->unpack[1] = straight->unpack;
	}
}

/* A quarter full at most, so that most look-ups see one slot. */
static struct class_info *
class_info_create(const struct actor_class *class)
{
	uint32_t slots = 8;
	struct class_info *info;

	while (slots < 4 * class_handler_count(class))
		slots *= 2;
	info = calloc(1, sizeof(*info) + slots * sizeof(info->slots[0]));
	if (info == NULL)
		return NULL;
	info->class = class;
	info->mask = slots - 1;
	for (const struct handler *h = class->on; h->id != 0; h++)
		class_info_add(info, h);
	return info;
}

const struct class_info *
class_info_of(const struct actor_class *class)
{
	struct class_info *info;

	pthread_mutex_lock(&class_lock);
	for (info = class_infos; info != NULL; info = info->next)
		if (info->class == class)
			break;
	if (info == NULL && (info = class_info_create(class)) != NULL) {
		info->next = class_infos;
		class_infos = info;
	}
	pthread_mutex_unlock(&class_lock);
	return info;
}

void
class_info_free_all(void)
{
	pthread_mutex_lock(&class_lock);
	while (class_infos != NULL) {
		struct class_info *info = class_infos;

		class_infos = info->next;
		free(info);
	}
	pthread_mutex_unlock(&class_lock);
}
