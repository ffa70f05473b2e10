#include "runtime/link_put.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define OWED_MAX 8 /* batches; more are acknowledged at once */

static struct link_batch *
batch_of(struct list *node)
{
	return LIST_OF(node, struct link_batch, node);
}

static struct link_batch *
flow_take_batch(struct link_flow *f, uint32_t need)
{
	uint32_t size = need > LINK_BATCH_BYTES ? need : LINK_BATCH_BYTES;
	struct list *spare = list_first(&f->spares);
	struct link_batch *b;

	if (spare != NULL && size == LINK_BATCH_BYTES) {
		b = batch_of(spare);
		list_remove(spare);
		f->nspares--;
	} else {
		b = malloc(sizeof(*b) + size);
	}
	if (b == NULL)
		return NULL;
	memset(b, 0, sizeof(*b));
	list_init(&b->node);
	b->size = size;
	return b;
}

static void
flow_put_batch(struct link_flow *f, struct link_batch *b)
{
	for (int lane = 0; lane < LINK_LANES; lane++) {
		assert(f->frames[lane] >= b->frames[lane]);
		assert(f->bytes[lane] >= b->bytes[lane]);
		f->frames[lane] -= b->frames[lane];
		f->bytes[lane] -= b->bytes[lane];
	}
	if (b->size == LINK_BATCH_BYTES && f->nspares < FLOW_SPARES_MAX) {
		list_append(&f->spares, &b->node);
		f->nspares++;
	} else {
		free(b);
	}
}

void
link_flow_init(struct link_flow *f)
{
	memset(f, 0, sizeof(*f));
	list_init(&f->unacked);
	list_init(&f->spares);
	f->next = &f->unacked;
	f->most[LINK_CONTROL].frames = LINK_CONTROL_FRAMES_MAX;
	f->most[LINK_CONTROL].bytes = LINK_CONTROL_BYTES_MAX;
	f->grant.frames = LINK_CREDIT_FRAMES;
	f->grant.bytes = LINK_CREDIT_BYTES;
	f->resend_us = FLOW_RESEND_MIN_US;
	f->rewound = UINT64_MAX;
}

void
link_flow_fini(struct link_flow *f)
{
	struct list *node;

	(void)link_flow_reset(f);
	while ((node = list_first(&f->spares)) != NULL) {
		list_remove(node);
		free(batch_of(node));
	}
	f->nspares = 0;
}

static void
flow_drop_first(struct link_flow *f)
{
	struct list *node = list_first(&f->unacked);

	if (f->next == node)
		f->next = node->next;
	list_remove(node);
	f->nunacked--;
	flow_put_batch(f, batch_of(node));
}

uint64_t
link_flow_queued(const struct link_flow *f)
{
	return (uint64_t)f->frames[LINK_NORMAL] + f->frames[LINK_CONTROL];
}

uint64_t
link_flow_reset(struct link_flow *f)
{
	uint64_t lost = link_flow_queued(f);

	while (!list_empty(&f->unacked))
		flow_drop_first(f);
	if (f->open != NULL)
		flow_put_batch(f, f->open);
	f->open = NULL;
	f->sequence = f->acked = f->delivered = 0;
	f->rewound = UINT64_MAX;
	f->most[LINK_NORMAL] = (struct link_credit){ 0, 0 };
	f->resend_us = FLOW_RESEND_MIN_US;
	f->owed = 0;
	f->gap = false;
	return lost;
}

static void
flow_close(struct link_flow *f)
{
	struct link_batch *b = f->open;

	b->sequence = ++f->sequence;
	list_append(&f->unacked, &b->node);
	if (f->next == &f->unacked)
		f->next = &b->node;
	f->nunacked++;
	f->open = NULL;
}

enum status
link_flow_push(
    struct link_flow *f, enum link_lane lane, const void *bytes, uint32_t size)
{
	uint32_t need = LINK_LENGTH_SIZE + size;
	struct link_batch *b = f->open;

	if (!link_has_room(f, lane, size))
		return ST_FULL;
	if (b != NULL && need > b->size - b->used) {
		flow_close(f);
		b = NULL;
	}
	if (b == NULL) {
		b = f->open = flow_take_batch(f, need);
		if (b == NULL)
			return ST_NO_MEMORY;
	}
	link_put(f, b, lane, bytes, size);
	return ST_OK;
}

void
link_flow_close_open(struct link_flow *f)
{
	if (f->open != NULL && f->nunacked < FLOW_UNACKED_MAX)
		flow_close(f);
}

struct link_batch *
link_flow_next(struct link_flow *f)
{
	return f->next == &f->unacked ? NULL : batch_of(f->next);
}

void
link_flow_sent(struct link_flow *f, uint64_t now_us)
{
	struct link_batch *b = link_flow_next(f);

	assert(b != NULL);
	if (&b->node == f->unacked.next)
		f->progress_us = now_us;
	b->sent = true;
	f->next = b->node.next;
	link_flow_acknowledged(f);
}

void
link_flow_acknowledged(struct link_flow *f)
{
	f->owed = 0;
	f->gap = false;
}

void
link_flow_grant(struct link_flow *f, uint32_t frames, uint32_t bytes)
{
	f->grant.frames = frames;
	f->grant.bytes = bytes;
	f->owed += OWED_MAX;
}

enum status
link_flow_ack(struct link_flow *f, const struct link_head *h, uint64_t now_us)
{
	if (h->ack > f->sequence)
		return ST_MALFORMED;
	f->most[LINK_NORMAL] = h->credit;
	if (h->ack > f->acked) {
		uint64_t before = link_flow_queued(f);

		while (f->acked < h->ack) {
			flow_drop_first(f);
			f->acked++;
		}
		f->carried += before - link_flow_queued(f);
		f->progress_us = now_us;
		f->resend_us = FLOW_RESEND_MIN_US;
	}
	if (h->gap && h->ack == f->acked && f->rewound != f->acked) {
		f->rewound = f->acked;
		link_flow_rewind(f, now_us);
	}
	return ST_OK;
}

void
link_flow_rewind(struct link_flow *f, uint64_t now_us)
{
	f->next = f->unacked.next;
	f->progress_us = now_us;
}

void
link_flow_tick(struct link_flow *f, uint64_t now_us)
{
	if (list_empty(&f->unacked) || f->next == f->unacked.next ||
	    now_us < f->progress_us + f->resend_us)
		return;
	link_flow_rewind(f, now_us);
	f->rewound = UINT64_MAX;
	f->resend_us = f->resend_us * 2 > FLOW_RESEND_MAX_US
			   ? FLOW_RESEND_MAX_US
			   : f->resend_us * 2;
}

enum flow_verdict
link_flow_take(struct link_flow *f, uint64_t sequence, uint64_t now_us)
{
	if (f->owed++ == 0)
		f->owed_us = now_us;
	if (sequence == f->delivered + 1) {
		f->delivered++;
		f->gap = false;
		return FLOW_NEXT;
	}
	f->owed += OWED_MAX;
	if (sequence <= f->delivered)
		return FLOW_SEEN;
	f->gap = true;
	return FLOW_GAP;
}

bool
link_flow_owes(const struct link_flow *f, uint64_t now_us)
{
	return f->owed >= OWED_MAX ||
	       (f->owed > 0 && now_us >= f->owed_us + LINK_ACK_US);
}

uint64_t
link_flow_next_us(const struct link_flow *f)
{
	uint64_t at = UINT64_MAX;

	if (f->owed > 0)
		at = f->owed_us + LINK_ACK_US;
	if (f->next != f->unacked.next && f->progress_us + f->resend_us < at)
		at = f->progress_us + f->resend_us;
	return at;
}

bool
link_flow_idle(const struct link_flow *f)
{
	return f->open == NULL && list_empty(&f->unacked) && f->owed == 0;
}
