#include "gateway/query.h"

#include <string.h>

#include "gateway/target.h"

void
query_init(struct query *q, struct bytes text)
{
	*q = (struct query){ text, 0 };
}

/* What stands before the mark; rest is what follows it, or nothing. */
static struct bytes
query_cut(struct bytes *rest, uint8_t mark)
{
	struct bytes front = *rest;
	const uint8_t *end = NULL;

	if (rest->size > 0)
		end = memchr(rest->at, mark, rest->size);
	if (end == NULL) {
		*rest = (struct bytes){ NULL, 0 };
		return front;
	}
	front.size = (size_t)(end - front.at);
	rest->at = end + 1;
	rest->size -= front.size + 1;
	return front;
}

static enum status
query_decode(struct bytes in, struct arena *a, struct bytes *ret_text)
{
	uint8_t *out = arena_take(a, in.size);
	enum status st;
	size_t size;

	if (out == NULL)
		return ST_FULL;
	st = target_decode(in, true, out, &size);
	if (st == ST_OK)
		*ret_text = (struct bytes){ out, size };
	return st;
}

enum status
query_next(
    struct query *q, struct arena *a, struct query_parameter *ret_parameter)
{
	struct query_parameter p;
	struct bytes name, value;
	enum status st;

	do {
		if (q->rest.size == 0)
			return ST_NOT_FOUND;
		value = query_cut(&q->rest, '&');
	} while (value.size == 0);
	if (q->count == QUERY_PARAMETERS_MAX)
		return ST_FULL;
	q->count++;
	name = query_cut(&value, '=');
	st = query_decode(name, a, &p.name);
	if (st == ST_OK)
		st = query_decode(value, a, &p.value);
	if (st == ST_OK)
		*ret_parameter = p;
	return st;
}
