/* The same random walk on both backends gives the same answers (P-33). */
#include "tests/store/fixture.h"

#define STEPS 20000
#define KEYS 300
#define COMMIT_IN 40 /* steps, on average */

struct twin {
	struct fixture *f;
	struct backend_txn *txn;
	struct backend_cursor *cursor;
};

static uint64_t seed = UINT64_C(0x243f6a8885a308d3);

/* xorshift64: Marsaglia, "Xorshift RNGs", 2003. */
static uint32_t
draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % below;
}

static void
same_bytes(struct bytes a, struct bytes b)
{
	assert_int_equal(a.size, b.size);
	if (a.size > 0)
		assert_memory_equal(a.at, b.at, a.size);
}

static void
twins_write(struct twin *a, struct twin *b)
{
	char key[16], value[16];
	uint32_t how = draw(5);
	enum status st[2];
	int i = 0;

	snprintf(key, sizeof(key), "%x", draw(KEYS));
	snprintf(value, sizeof(value), "%x", draw(UINT16_MAX));
	for (struct twin *t = a; t != NULL; t = t == a ? b : NULL) {
		if (how == 0)
			st[i++] =
			    backend_put(t->txn, TABLE_TASKS, B(key), B(value));
		else if (how == 1)
			st[i++] = backend_put_new(
			    t->txn, TABLE_TASKS, B(key), B(value));
		else if (how == 2)
			st[i++] = backend_append(
			    t->txn, TABLE_TASKS, B(key), B(value));
		else
			st[i++] = backend_delete(t->txn, TABLE_TASKS, B(key));
	}
	assert_int_equal(st[0], st[1]);
}

static void
twins_read(struct twin *a, struct twin *b)
{
	enum move how = (enum move)draw(MOVE_PREV + 1);
	struct backend_entry one, two;
	struct bytes x, y;
	char key[16];
	enum status st;

	snprintf(key, sizeof(key), "%x", draw(KEYS));
	st = backend_get(a->txn, TABLE_TASKS, B(key), &x);
	assert_int_equal(backend_get(b->txn, TABLE_TASKS, B(key), &y), st);
	if (st == ST_OK)
		same_bytes(x, y);
	st = backend_move(a->cursor, how, B(key), &one);
	assert_int_equal(backend_move(b->cursor, how, B(key), &two), st);
	if (st != ST_OK)
		return;
	same_bytes(one.key, two.key);
	same_bytes(one.value, two.value);
}

static void
twin_begin(struct twin *t)
{
	OK(backend_write(t->f->b, &t->txn));
	OK(backend_cursor_open(t->txn, TABLE_TASKS, &t->cursor));
}

static void
twin_end(struct twin *t, bool commit)
{
	if (commit)
		OK(backend_commit(t->txn));
	else
		backend_abort(t->txn);
}

static void
twins_compare(struct twin *a, struct twin *b)
{
	uint64_t counts[2], seen = 0;
	struct backend_entry one, two;

	twin_begin(a);
	twin_begin(b);
	OK(backend_count(a->txn, TABLE_TASKS, &counts[0]));
	OK(backend_count(b->txn, TABLE_TASKS, &counts[1]));
	assert_int_equal(counts[0], counts[1]);
	while (backend_move(a->cursor, MOVE_NEXT, ANY, &one) == ST_OK) {
		OK(backend_move(b->cursor, MOVE_NEXT, ANY, &two));
		same_bytes(one.key, two.key);
		same_bytes(one.value, two.value);
		seen++;
	}
	assert_int_equal(seen, counts[0]);
	twin_end(a, false);
	twin_end(b, false);
}

static void
test_twins_agree(void **state)
{
	void *memory = (void *)(uintptr_t)&backend_memory;
	struct twin a = { .f = *state }, b;

	fixture_setup(&memory);
	b.f = memory;
	twin_begin(&a);
	twin_begin(&b);
	for (int i = 0; i < STEPS; i++) {
		if (draw(3) == 0)
			twins_write(&a, &b);
		else
			twins_read(&a, &b);
		if (draw(COMMIT_IN) == 0) {
			bool commit = draw(3) > 0;

			twin_end(&a, commit);
			twin_end(&b, commit);
			twin_begin(&a);
			twin_begin(&b);
		}
	}
	twin_end(&a, true);
	twin_end(&b, true);
	twins_compare(&a, &b);
	fixture_teardown(&memory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ON_LMDB(test_twins_agree, fixture_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
