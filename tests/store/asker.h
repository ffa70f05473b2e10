/* asker - sends requests of store.def straight to their repositories. */
#ifndef TESTS_STORE_ASKER_H
#define TESTS_STORE_ASKER_H

#include "protocols/messages.h"
#include "runtime/base/log.h"
#include "store/migrate.h"
#include "store/requests.h"
#include "store/row.h"
#include "tests/store/fixture.h"

#define EPOCH 42

/* The last request's; its memory lasts until the next. */
struct asker {
	struct fixture *f;
	struct txn_room *room;
	struct store_reply reply;
	char why[TXN_WHY_SIZE];
};

static struct asker asker;

static inline int
asker_setup(void **state)
{
	const struct migrate_world world = { .now_us = 1, .epoch = EPOCH };
	struct migrate_result r;

	log_set_level(LOG_ERROR);
	fixture_bare(state);
	asker.f = *state;
	asker.room = txn_room_create();
	assert_non_null(asker.room);
	OK(migrate_run(asker.f->b, &migrate_plan, &world, &r));
	return 0;
}

/* Room for thousands of rows, at once. */
static inline void
asker_make_room(void)
{
	asker.f->options.map_bytes = asker.f->options.map_bytes_max;
	fixture_reopen(asker.f);
}

static inline int
asker_teardown(void **state)
{
	txn_room_destroy(asker.room);
	return fixture_teardown(state);
}

/* As a group of one would: nothing stays of a request that fails. */
static inline enum status
asker_ask(uint16_t id, const void *body)
{
	const struct request *r = request_find(id);
	struct backend_txn *inner;
	enum status st;
	struct txn t;

	assert_non_null(r);
	OK(r->writes ? backend_write(asker.f->b, &inner)
		     : backend_read(asker.f->b, &inner));
	txn_init(&t, inner, asker.room);
	asker.reply = (struct store_reply){ 0 };
	st = r->run(&t, body, &asker.reply);
	snprintf(asker.why, sizeof(asker.why), "%s", t.why);
	assert_int_equal(st, txn_status(&t));
	if (st != ST_OK || !t.dirty) {
		backend_abort(inner);
		return st;
	}
	assert_true(r->writes);
	return backend_commit(inner);
}

#define ASK(type, ...) asker_ask(MSG_##type, &(struct type){ __VA_ARGS__ })
#define REPLY_IS(type)                                 \
	(assert_int_equal(asker.reply.id, MSG_##type), \
	    (const struct type *)asker.reply.body)

/* Overwrites a row with bytes that do not decode. */
static inline void
asker_damage(enum table table, const char *key)
{
	fixture_put(asker.f, table, key, "not a record");
}

static inline uint64_t
asker_count(enum table table)
{
	struct backend_txn *txn;
	uint64_t count;

	OK(backend_read(asker.f->b, &txn));
	OK(backend_count(txn, table, &count));
	backend_abort(txn);
	return count;
}

#define ASKED(test)                                                   \
	{ #test " (lmdb)", test, asker_setup, asker_teardown,         \
		(void *)(uintptr_t)&backend_lmdb },                   \
	{                                                             \
#test " (memory)", test, asker_setup, asker_teardown, \
		    (void *)(uintptr_t)&backend_memory                \
	}

#endif
