#include "gateway/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/text.h"

#define VERSION_00_SIZE 55u
#define AT_ID 3
#define AT_PARENT 36
#define AT_FLAGS 53

/* Lower-case digits only, as the recommendation wants; else 16. */
static unsigned
trace_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10u : 16;
}

static bool
trace_hex(const uint8_t *at, size_t size, uint8_t *ret_bytes)
{
	for (size_t i = 0; i < size; i++) {
		unsigned high = trace_digit(at[2 * i]);
		unsigned low = trace_digit(at[2 * i + 1]);

		if (high > 15 || low > 15)
			return false;
		ret_bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool
trace_is_zero(const uint8_t *at, size_t size)
{
	uint8_t any = 0;

	for (size_t i = 0; i < size; i++)
		any |= at[i];
	return any == 0;
}

/* Later versions may have more behind, after a dash. */
static bool
trace_has_form(struct bytes v)
{
	uint8_t version;

	if (v.size < VERSION_00_SIZE || !trace_hex(v.at, 1, &version) ||
	    version == 0xff || v.at[2] != '-' || v.at[AT_PARENT - 1] != '-' ||
	    v.at[AT_FLAGS - 1] != '-')
		return false;
	return v.size == VERSION_00_SIZE ||
	       (version > 0 && v.at[VERSION_00_SIZE] == '-');
}

bool
trace_parse(struct bytes v, struct trace *ret_trace)
{
	struct trace t = *ret_trace;
	uint8_t parent[8];

	if (!trace_has_form(v) ||
	    !trace_hex(v.at + AT_ID, sizeof(t.id), t.id) ||
	    !trace_hex(v.at + AT_PARENT, sizeof(parent), parent) ||
	    !trace_hex(v.at + AT_FLAGS, 1, &t.flags) ||
	    trace_is_zero(t.id, sizeof(t.id)) ||
	    trace_is_zero(parent, sizeof(parent)))
		return false;
	t.parent = 0;
	for (size_t i = 0; i < sizeof(parent); i++)
		t.parent = t.parent << 8 | parent[i];
	t.flags &= 1;
	*ret_trace = t;
	return true;
}

void
trace_print(const struct trace *t, char ret_text[TRACE_TEXT_SIZE])
{
	char id[2 * TRACE_ID_SIZE + 1];

	text_hex(t->id, sizeof(t->id), id);
	snprintf(ret_text, TRACE_TEXT_SIZE, "00-%s-%016" PRIx64 "-%02x", id,
	    t->span, t->flags);
}
