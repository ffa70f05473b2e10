/*
 * trace_fuzz - any bytes as a traceparent header.  What is taken is printed
 * as version 00 and taken again as the same; what is not leaves no trace.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/trace.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* On the heap and no longer: reading past it is caught. */
	uint8_t *copy = malloc(size > 0 ? size : 1);
	struct trace before = { .id = { 7 }, .span = 1, .parent = 2 };
	struct trace t = before, again = before;
	char text[TRACE_TEXT_SIZE];

	CHECK(copy != NULL);
	memcpy(copy, data, size);
	if (trace_parse((struct bytes){ copy, size }, &t)) {
		CHECK(t.span == before.span && t.parent != 0 && t.flags <= 1);
		CHECK(size >= 55 && copy[2] == '-');
		trace_print(&t, text);
		CHECK(strlen(text) == TRACE_TEXT_SIZE - 1);
		CHECK(memcmp(text + 3, copy + 3, 2 * TRACE_ID_SIZE) == 0);
		CHECK(trace_parse((struct bytes){ (const uint8_t *)text,
				      TRACE_TEXT_SIZE - 1 },
		    &again));
		CHECK(memcmp(again.id, t.id, TRACE_ID_SIZE) == 0);
		CHECK(again.parent == t.span && again.flags == t.flags);
	} else {
		CHECK(memcmp(t.id, before.id, TRACE_ID_SIZE) == 0 &&
		      t.parent == before.parent);
	}
	free(copy);
	return 0;
}
