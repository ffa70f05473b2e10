#include "runtime/timer.h"

#include <assert.h>

#define SLOT_BITS 6
#define SLOT_MASK (TIMER_SLOTS - 1)

void
wheel_init(struct wheel *w, uint64_t now_us)
{
	for (int level = 0; level < TIMER_LEVELS; level++) {
		w->used[level] = 0;
		for (int slot = 0; slot < TIMER_SLOTS; slot++)
			list_init(&w->slots[level][slot]);
	}
	list_init(&w->soon);
	w->now_ms = now_us / 1000;
	w->count = 0;
}

void
timer_node_init(struct timer_node *t, timer_node_fn fn)
{
	list_init(&t->link);
	t->fn = fn;
}

bool
timer_node_is_running(const struct timer_node *t)
{
	return !list_empty(&t->link);
}

/* The lowest level whose span holds the distance; the slot is by due time. */
static void
wheel_place(struct wheel *w, struct timer_node *t)
{
	uint64_t due = t->due_ms <= w->now_ms ? w->now_ms + 1 : t->due_ms;
	uint64_t away = due - w->now_ms;
	int level = 0;
	unsigned slot;

	if (away >= TIMER_SPAN_MS)
		due = w->now_ms + TIMER_SPAN_MS - 1;
	while (level < TIMER_LEVELS - 1 &&
	       away >= UINT64_C(1) << (SLOT_BITS * (level + 1)))
		level++;
	slot = (unsigned)(due >> (SLOT_BITS * level)) & SLOT_MASK;
	list_append(&w->slots[level][slot], &t->link);
	w->used[level] |= UINT64_C(1) << slot;
}

void
wheel_start(struct wheel *w, struct timer_node *t, uint64_t due_us)
{
	if (timer_node_is_running(t))
		wheel_stop(w, t);
	t->due_ms = due_us / 1000 + (due_us % 1000 != 0);
	w->count++;
	wheel_place(w, t);
}

void
wheel_start_soon(struct wheel *w, struct timer_node *t)
{
	if (timer_node_is_running(t))
		wheel_stop(w, t);
	t->due_ms = 0;
	w->count++;
	list_append(&w->soon, &t->link);
}

void
wheel_stop(struct wheel *w, struct timer_node *t)
{
	if (!timer_node_is_running(t))
		return;
	list_remove(&t->link);
	w->count--;
}

/* Moves one slot's timers down, or fires those whose time has come. */
static void
wheel_empty(struct wheel *w, int level, unsigned slot)
{
	struct list due;
	struct list *link;

	w->used[level] &= ~(UINT64_C(1) << slot);
	list_init(&due);
	list_take_all(&due, &w->slots[level][slot]);
	while ((link = list_first(&due)) != NULL) {
		struct timer_node *t = LIST_OF(link, struct timer_node, link);

		list_remove(link);
		if (t->due_ms <= w->now_ms) {
			w->count--;
			t->fn(t);
		} else {
			wheel_place(w, t);
		}
	}
}

/* One millisecond: coarse slots first, so that theirs can still fire. */
static void
wheel_step(struct wheel *w)
{
	w->now_ms++;
	for (int level = TIMER_LEVELS - 1; level >= 0; level--) {
		unsigned shift = (unsigned)(SLOT_BITS * level);
		uint64_t below = (UINT64_C(1) << shift) - 1;

		if ((w->now_ms & below) == 0)
			wheel_empty(w, level,
			    (unsigned)(w->now_ms >> shift) & SLOT_MASK);
	}
}

/* The next millisecond in which a used slot of this level comes up. */
static uint64_t
wheel_next_of_level(const struct wheel *w, int level)
{
	unsigned shift = (unsigned)(SLOT_BITS * level);
	uint64_t at = w->now_ms >> shift;
	unsigned from = (unsigned)(at + 1) & SLOT_MASK;
	uint64_t turned = w->used[level];

	if (turned == 0)
		return UINT64_MAX;
	if (from != 0)
		turned = turned >> from | turned << (TIMER_SLOTS - from);
	return (at + 1 + (uint64_t)__builtin_ctzll(turned)) << shift;
}

static uint64_t
wheel_next_ms(const struct wheel *w)
{
	uint64_t next = UINT64_MAX;

	for (int level = 0; level < TIMER_LEVELS; level++) {
		uint64_t of_level = wheel_next_of_level(w, level);

		if (of_level < next)
			next = of_level;
	}
	return next;
}

/* One that starts itself again is for the turn after this one. */
static void
wheel_fire_soon(struct wheel *w)
{
	struct list due;
	struct list *link;

	list_init(&due);
	list_take_all(&due, &w->soon);
	while ((link = list_first(&due)) != NULL) {
		struct timer_node *t = LIST_OF(link, struct timer_node, link);

		list_remove(link);
		w->count--;
		t->fn(t);
	}
}

void
wheel_turn(struct wheel *w, uint64_t now_us)
{
	uint64_t until_ms = now_us / 1000;

	wheel_fire_soon(w);

	while (w->now_ms < until_ms) {
		uint64_t next = w->count == 0 ? UINT64_MAX : wheel_next_ms(w);

		if (next > until_ms) {
			w->now_ms = until_ms;
			return;
		}
		assert(next > w->now_ms);
		w->now_ms = next - 1;
		wheel_step(w);
	}
}

uint64_t
wheel_next_us(const struct wheel *w)
{
	uint64_t next = w->count == 0 ? UINT64_MAX : wheel_next_ms(w);

	if (!list_empty(&w->soon))
		return 0;
	return next == UINT64_MAX ? UINT64_MAX : next * 1000;
}
