#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/base/text.h"
#include "runtime/node_inside.h"

/* Something to be done on an actor's own loop, and waited for. */
struct errand {
	struct parcel parcel;
	struct actor *actor;
	void (*run)(struct actor *a);
	struct node *node;
	bool done;
};

static void
errand_on_loop(struct loop *l, struct parcel *p)
{
	struct errand *e = LIST_OF(p, struct errand, parcel);
	struct node *n = e->node;

	(void)l;
	e->run(e->actor);
	pthread_mutex_lock(&n->lock);
	e->done = true;
	pthread_cond_broadcast(&n->changed);
	pthread_mutex_unlock(&n->lock);
}

/* Runs fn on a's loop; returns when it has run. */
static void
node_run_errand(struct node *n, struct actor *a, void (*run)(struct actor *))
{
	struct errand e = {
		.parcel.fn = errand_on_loop, .actor = a, .run = run, .node = n
	};

	if (!n->driven) {
		run(a);
		return;
	}
	loop_give(a->loop, &e.parcel);
	pthread_mutex_lock(&n->lock);
	while (!e.done)
		pthread_cond_wait(&n->changed, &n->lock);
	pthread_mutex_unlock(&n->lock);
}

void
node_reconfigure(struct node *n, const struct config *c)
{
	atomic_store(&n->settings, c);
}

const struct config *
node_config(struct node *n)
{
	return atomic_load_explicit(&n->settings, memory_order_acquire);
}

static int
node_thread_create(pthread_t *thread, void *(*run)(void *arg), void *arg)
{
	return pthread_create(thread, NULL, run, arg);
}

static void
node_config_defaults(struct node_config *c)
{
	if (c->clock == NULL)
		c->clock = &clock_system;
	if (c->random == NULL)
		c->random = random_system;
	if (c->loops == 0)
		c->loops = 1;
	if (c->thread_create == NULL)
		c->thread_create = node_thread_create;
	if (c->supervisor.intensity == 0)
		c->supervisor = supervisor_default;
}

static enum status
node_init_loops(struct node *n)
{
	for (uint32_t i = 0; i < n->config.loops; i++) {
		enum status st = loop_init(&n->loops[i], n, (uint16_t)i);

		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

static enum status
node_init_work(struct node *n)
{
	for (int i = 0; i < WORK_POOLS; i++) {
		enum status st = work_init(&n->work[i],
		    i == WORK_CPU ? "work-cpu" : "work-disk",
		    n->config.work_threads[i], WORK_QUEUE_MAX,
		    i == WORK_CPU ? WORK_CPU_YIELD : 0);

		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

/* Zeroed. */
static void *
node_alloc(size_t align, size_t size)
{
	void *p = aligned_alloc(align, size);

	return p == NULL ? NULL : memset(p, 0, size);
}

enum status
node_create(const struct node_config *c, struct node **ret_node)
{
	struct node *n = calloc(1, sizeof(*n));
	enum status st;

	if (n == NULL)
		return ST_NO_MEMORY;
	n->config = *c;
	atomic_init(&n->settings, c->config);
	node_config_defaults(&n->config);
	assert(n->config.loops <= LOOPS_MAX);
	pthread_mutex_init(&n->lock, NULL);
	pthread_cond_init(&n->changed, NULL);
	n->loops = node_alloc(
	    alignof(struct loop), n->config.loops * sizeof(n->loops[0]));
	n->spawned = calloc(NODE_SPAWNED_MAX, sizeof(n->spawned[0]));
	st = n->loops == NULL || n->spawned == NULL ? ST_NO_MEMORY
						    : node_init_loops(n);
	if (st == ST_OK)
		st = node_init_work(n);
	if (st == ST_OK)
		st = cut_create(n, &n->cut);
	if (st == ST_OK && n->config.threaded)
		st = drivers_create(n);
	if (st != ST_OK) {
		node_destroy(n);
		return st;
	}
	*ret_node = n;
	return ST_OK;
}

static void
actor_destroy(struct actor *a)
{
	pool_fini(&a->ops);
	actor_use_config(a, NULL);
	free(a->state);
	free(a);
}

static void
actor_free_mail(struct actor *a)
{
	struct mail *m;

	while ((m = mail_list_pop(&a->urgent)) != NULL ||
	       (m = mail_list_pop(&a->held)) != NULL ||
	       (m = mail_list_pop(&a->box)) != NULL)
		mail_free(m);
}

/* Mails that never reached a loop: it stood still already. */
static void
loop_free_inbox(struct loop *l)
{
	struct parcel *p = inbox_take(&l->shared->inbox);

	while (p != NULL) {
		struct parcel *next = p->next;

		p->fn(l, p);
		p = next;
	}
}

void
node_destroy(struct node *n)
{
	if (n == NULL)
		return;
	for (int i = 0; i < WORK_POOLS; i++)
		if (n->work[i].max > 0)
			work_fini(&n->work[i]);
	metric_reading_fini(&n->reading);
	for (uint32_t i = 0; n->loops != NULL && i < n->config.loops; i++)
		if (n->loops[i].shared != NULL)
			loop_free_inbox(&n->loops[i]);
	while (n->actors != NULL) {
		struct actor *a = n->actors;

		n->actors = a->prev_of_node;
		actor_free_mail(a);
		actor_destroy(a);
	}
	drivers_destroy(n);
	for (uint32_t i = 0; n->loops != NULL && i < n->config.loops; i++)
		loop_fini(&n->loops[i]);
	for (uint32_t i = 0; i < ADDRESS_LISTED_MAX; i++)
		free(n->listed[i]);
	cut_destroy(n->cut);
	free(n->spawned);
	free(n->loops);
	pthread_cond_destroy(&n->changed);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

/* Where an actor of actors.def goes: its shards' table, made when first. */
static struct place *
node_listed_place(struct node *n, uint32_t number, uint32_t shard)
{
	uint32_t shards = n->config.shards == NULL
			      ? 1
			      : n->config.shards(n->config.topology, number);

	if (number >= ADDRESS_LISTED_MAX || shard >= shards)
		return NULL;
	if (n->listed[number] == NULL) {
		n->listed[number] = calloc(shards, sizeof(struct place));
		if (n->listed[number] == NULL)
			return NULL;
		n->listed_shards[number] = shards;
	}
	return &n->listed[number][shard];
}

static struct place *
node_take_place(
    struct node *n, uint32_t number, uint32_t shard, uint64_t *ret_address)
{
	uint32_t i;

	if (number != 0) {
		*ret_address = address_make(n->config.number, number, shard, 0);
		return node_listed_place(n, number, shard);
	}
	i = atomic_fetch_add(&n->spawned_count, 1);
	if (i >= NODE_SPAWNED_MAX)
		return NULL;
	*ret_address =
	    address_make(n->config.number, ADDRESS_SPAWNED + i, 0, 1);
	return &n->spawned[i];
}

static uint32_t
or_default(uint32_t n, uint32_t otherwise)
{
	return n == 0 ? otherwise : n;
}

static struct actor *
actor_create(struct loop *l, const struct actor_class *class)
{
	struct actor *a = node_alloc(alignof(struct actor), sizeof(*a));
	uint32_t salt;

	if (a == NULL)
		return NULL;
	a->info = class_info_of(class);
	a->state = calloc(1, class->state_size == 0 ? 1 : class->state_size);
	if (a->info == NULL || a->state == NULL) {
		free(a->state);
		free(a);
		return NULL;
	}
	a->loop = l;
	a->slot = &class_no_slot;
	for (uint32_t i = 0; i < ACTOR_EDGES; i++)
		a->edges[i] = &edge_none;
	a->box_max = or_default(class->mailbox_max, ACTOR_MAILBOX_MAX);
	a->box_bytes_max =
	    or_default(class->mailbox_bytes_max, ACTOR_MAILBOX_BYTES_MAX);
	a->warn_at = a->box_max / 8 + 1;
	actor_become(a, ACTOR_WAITING);
	list_init(&a->timers);
	supervised_init(&a->supervised);
	l->node->config.random(l->node->config.random_ctx, &salt, sizeof(salt));
	pool_init(&a->ops, sizeof(struct op),
	    or_default(class->ops_max, ACTOR_OPS_MAX), salt);
	return a;
}

void
node_supervise(struct node *n, const struct supervisor_config *c)
{
	n->config.supervisor = *c;
}

enum status
node_spawn(struct node *n, const struct actor_class *class, uint32_t number,
    uint32_t shard, uint32_t loop, uint64_t *ret_address)
{
	uint64_t address;
	struct place *place = node_take_place(n, number, shard, &address);
	struct actor *a;

	if (place == NULL || loop >= n->config.loops)
		return ST_FULL;
	if (atomic_load(&place->loop_plus_1) != 0)
		return ST_EXISTS;
	a = actor_create(&n->loops[loop], class);
	if (a == NULL)
		return ST_NO_MEMORY;
	a->address = address;
	if (shard == 0)
		text_fit(a->name, sizeof(a->name), class->name);
	else
		snprintf(a->name, sizeof(a->name), "%.19s/%u", class->name,
		    (unsigned)shard);
	a->prev_of_node = n->actors;
	n->actors = a;
	place->actor = a;
	atomic_store_explicit(
	    &place->loop_plus_1, loop + 1, memory_order_release);
	if (ret_address != NULL)
		*ret_address = address;
	return ST_OK;
}

/* The actors in the order they were spawned: the list is the other way. */
static void
node_for_each_in_order(
    struct node *n, struct actor *a, void (*run)(struct actor *))
{
	if (a == NULL)
		return;
	node_for_each_in_order(n, a->prev_of_node, run);
	node_run_errand(n, a, run);
}

struct timespec
node_time_after(uint64_t us)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += (time_t)(us / 1000000);
	t.tv_nsec += (long)(us % 1000000) * 1000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

static bool
node_is_wanted(const struct node *n)
{
	return n->config.is_wanted == NULL ||
	       n->config.is_wanted(n->config.calls_ctx);
}

static enum status
node_wait_ready(struct node *n)
{
	enum status st = ST_OK;

	pthread_mutex_lock(&n->lock);
	while (n->starting > 0 && !n->failed && st == ST_OK) {
		struct timespec until = node_time_after(NODE_LOOK_US);

		(void)pthread_cond_timedwait(&n->changed, &n->lock, &until);
		st = node_is_wanted(n) ? ST_OK : ST_CLOSED;
	}
	if (n->failed)
		st = ST_UNAVAILABLE;
	pthread_mutex_unlock(&n->lock);
	return st;
}

enum status
node_start(struct node *n)
{
	enum status st;

	for (struct actor *a = n->actors; a != NULL; a = a->prev_of_node) {
		a->wants_ready = true;
		n->starting++;
	}
	if (n->config.threaded) {
		st = drivers_start(n);
		if (st != ST_OK)
			return st;
	}
	node_for_each_in_order(n, n->actors, actor_begin);
	if (n->config.threaded)
		return node_wait_ready(n);
	node_settle(n);
	return n->failed ? ST_UNAVAILABLE : ST_OK;
}

void
node_actor_ready(struct node *n)
{
	pthread_mutex_lock(&n->lock);
	n->starting--;
	pthread_cond_broadcast(&n->changed);
	pthread_mutex_unlock(&n->lock);
}

void
node_failed(struct node *n, const char *actor, const char *why)
{
	bool first;

	pthread_mutex_lock(&n->lock);
	first = !n->failed;
	n->failed = true;
	if (first)
		snprintf(n->failed_why, sizeof(n->failed_why), "%.*s: %.*s",
		    ACTOR_NAME_MAX, actor, ACTOR_WHY_MAX, why);
	pthread_cond_broadcast(&n->changed);
	pthread_mutex_unlock(&n->lock);
	if (first && n->config.on_failed != NULL)
		n->config.on_failed(n->config.calls_ctx, actor, why);
}

struct outside {
	struct parcel parcel;
	struct frame frame;
	uint32_t size;
	unsigned char body[];
};

static void
outside_on_loop(struct loop *l, struct parcel *p)
{
	struct outside *o = LIST_OF(p, struct outside, parcel);
	struct mail *m = mail_take(&l->pool, FRAME_HEAD + o->size);

	if (m != NULL) {
		frame_write(m->at, &o->frame);
		memcpy(m->at + FRAME_HEAD, o->body, o->size);
		m->size = FRAME_HEAD + o->size;
		(void)loop_post(l, m);
	}
	free(o);
}

enum status
node_signal(struct node *n, uint64_t to, uint16_t id, const void *body)
{
	struct outside *o = malloc(sizeof(*o) + MAIL_ROOM_SMALL);
	struct wire_out out = { o == NULL ? NULL : o->body, MAIL_ROOM_SMALL,
		0 };

	if (o == NULL)
		return ST_NO_MEMORY;
	if (wire_encode(catalogue_find(id), body, &out) != ST_OK) {
		free(o);
		return ST_FULL;
	}
	o->parcel.fn = outside_on_loop;
	o->size = (uint32_t)out.used;
	o->frame = (struct frame){ .kind = FRAME_SIGNAL,
		.id = id,
		.from = address_make(n->config.number, ADDRESS_OUTSIDE, 0, 0),
		.to = to,
		.deadline_us = FRAME_DEADLINE_NONE };
	loop_give(&n->loops[0], &o->parcel);
	return ST_OK;
}

static void
actor_begin_drain(struct actor *a)
{
	if (a->info->class->drain == NULL || a->phase != ACTOR_RUNNING)
		node_actor_drained(a->loop->node);
	else
		a->info->class->drain(a);
}

void
actor_drained(struct actor *self)
{
	node_actor_drained(self->loop->node);
}

void
node_actor_drained(struct node *n)
{
	pthread_mutex_lock(&n->lock);
	if (n->draining > 0)
		n->draining--;
	pthread_cond_broadcast(&n->changed);
	pthread_mutex_unlock(&n->lock);
}

void
node_drain(struct node *n, uint64_t within_us)
{
	struct timespec until;

	LOG(NODE_DRAIN, KV("node", n->config.name));
	pthread_mutex_lock(&n->lock);
	for (struct actor *a = n->actors; a != NULL; a = a->prev_of_node)
		n->draining++;
	pthread_mutex_unlock(&n->lock);
	node_for_each_in_order(n, n->actors, actor_begin_drain);
	if (!n->driven) {
		node_settle(n);
		return;
	}
	until = node_time_after(within_us);
	pthread_mutex_lock(&n->lock);
	while (n->draining > 0 &&
	       pthread_cond_timedwait(&n->changed, &n->lock, &until) == 0)
		;
	pthread_mutex_unlock(&n->lock);
}

/* A worker wakes the loop it reports to, so the loops must outlive it. */
static void
node_stop_work(struct node *n)
{
	for (int i = 0; i < WORK_POOLS; i++)
		if (n->work[i].threads > 0)
			work_fini(&n->work[i]);
}

/* Actors end in reverse order, so that nobody outlives whom it needs. */
void
node_stop(struct node *n)
{
	for (struct actor *a = n->actors; a != NULL; a = a->prev_of_node)
		node_run_errand(n, a, actor_end);
	node_stop_work(n);
	if (n->driven)
		drivers_stop(n);
	else
		node_settle(n);
}

bool
node_turn(struct node *n)
{
	bool busy = false;

	for (uint32_t i = 0; i < n->config.loops; i++)
		busy |=
		    loop_turn(&n->loops[i]) || loop_next_us(&n->loops[i]) == 0;
	for (int i = 0; i < WORK_POOLS; i++)
		if (n->work[i].threads == 0)
			busy |= work_run_one(&n->work[i]);
	return busy;
}

void
node_settle(struct node *n)
{
	bool busy;

	do {
		busy = node_turn(n);
		for (uint32_t i = 0; i < n->config.loops; i++)
			busy |= !inbox_is_empty(&n->loops[i].shared->inbox);
	} while (busy);
}

uint64_t
node_next_us(const struct node *n)
{
	uint64_t next = UINT64_MAX;

	for (uint32_t i = 0; i < n->config.loops; i++) {
		uint64_t of_loop = loop_next_us(&n->loops[i]);

		if (of_loop < next)
			next = of_loop;
	}
	return next;
}

struct loop *
node_loop(struct node *n, uint32_t index)
{
	return index < n->config.loops ? &n->loops[index] : NULL;
}
