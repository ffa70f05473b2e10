/* net_owner - an owner of streams for the tests of net. */
#ifndef TESTS_RUNTIME_NET_OWNER_H
#define TESTS_RUNTIME_NET_OWNER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/net.h"

#define RUN(name) cmocka_unit_test(name)
#define OWED_MAX 200000

/* An owner that writes down what it is told. */
struct owner {
	struct net_stream *s;
	char data[4096];
	size_t size;
	size_t pieces;
	int accepted;
	int ended;
	int drained;
	enum status why;
	bool close_on_data;
};

static inline void
owner_on_data(void *ctx, struct net_stream *s, uint8_t *at, size_t size)
{
	struct owner *o = ctx;

	assert_true(size <= sizeof(o->data) - o->size);
	memcpy(o->data + o->size, at, size);
	o->size += size;
	o->pieces++;
	if (o->close_on_data)
		net_close(s);
}

static inline void
owner_on_end(void *ctx, struct net_stream *s, enum status why)
{
	struct owner *o = ctx;

	(void)s;
	o->ended++;
	o->why = why;
}

static inline void
owner_on_drained(void *ctx, struct net_stream *s)
{
	struct owner *o = ctx;

	assert_int_equal(net_owed(s), 0);
	o->drained++;
}

static const struct net_events owner_on = {
	.on_data = owner_on_data,
	.on_end = owner_on_end,
	.on_drained = owner_on_drained,
};

static inline void
owner_on_accept(void *ctx, struct net_stream *s)
{
	struct owner *o = ctx;

	o->accepted++;
	o->s = s;
	net_own(s, &owner_on, o);
}

static inline struct net_listen
how(const char *address, struct owner *o)
{
	return (struct net_listen){
		.address = address,
		.streams_max = 2,
		.owed_max = OWED_MAX,
		.on_accept = owner_on_accept,
		.ctx = o,
	};
}

static inline enum status
write_text(struct net_stream *s, const char *t)
{
	struct net_part part = { { (const uint8_t *)t, strlen(t) }, NULL };

	return net_write(s, &part, 1);
}

/* A hold on static bytes that counts how often it was released. */
struct counted {
	struct net_hold hold;
	int released;
};

static inline void
counted_release(struct net_hold *h)
{
	((struct counted *)(void *)h)->released++;
}

#endif
