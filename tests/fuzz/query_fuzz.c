/*
 * query_fuzz - any bytes as a query and as a path: bounded, inside the
 * arena, and never longer than what was given.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/query.h"
#include "gateway/target.h"
#include "tests/fuzz/fuzz.h"

static void
check_inside(const struct arena *a, struct bytes b)
{
	CHECK(b.size == 0 ||
	      (b.at >= a->base && b.at + b.size <= a->base + a->used));
	CHECK(b.size == 0 || memchr(b.at, '\0', b.size) == NULL);
}

static void
check_query(struct bytes text)
{
	static unsigned char space[8192];
	struct arena a = { space, sizeof(space), 0 };
	struct query_parameter p;
	struct query q;
	enum status st;
	size_t size = 0;

	query_init(&q, text);
	while ((st = query_next(&q, &a, &p)) == ST_OK) {
		check_inside(&a, p.name);
		check_inside(&a, p.value);
		size += p.name.size + p.value.size;
	}
	CHECK(size <= text.size && q.count <= QUERY_PARAMETERS_MAX);
	CHECK(st == ST_NOT_FOUND || st == ST_MALFORMED || st == ST_FULL);
	if (target_query_fault(text) == NULL)
		CHECK(st != ST_MALFORMED);
}

/* A path that may be routed holds, once decoded, nothing that it forbids. */
static void
check_path(struct bytes path)
{
	static uint8_t out[1 << 16];
	size_t size, start = 0;

	if (path.size > sizeof(out) || target_path_fault(path) != NULL)
		return;
	CHECK(target_decode(path, false, out, &size) == ST_OK);
	CHECK(size <= path.size && out[0] == '/');
	for (size_t i = 0; i <= size; i++) {
		if (i < size && out[i] != '/') {
			CHECK(out[i] >= ' ' && out[i] != '\\');
			continue;
		}
		CHECK(i - start != 1 || out[start] != '.');
		CHECK(i - start != 2 || memcmp(out + start, "..", 2) != 0);
		start = i + 1;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes b = { data, size };

	check_query(b);
	check_path(b);
	return 0;
}
