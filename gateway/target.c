#include "gateway/target.h"

#include <stdbool.h>

#include "gateway/chars.h"

#define ESCAPE_SIZE 3 /* %41 */
#define ESCAPE_BAD (-1)

/* The byte that the escape at the front stands for, or ESCAPE_BAD. */
static int
target_escape(struct bytes b)
{
	int high, low;

	if (b.size < ESCAPE_SIZE || b.at[0] != '%')
		return ESCAPE_BAD;
	high = chars_hex_value(b.at[1]);
	low = chars_hex_value(b.at[2]);
	return high < 0 || low < 0 ? ESCAPE_BAD : high * 16 + low;
}

static const char *
target_path_escape_fault(int c)
{
	if (c == ESCAPE_BAD)
		return "bad escape in the path";
	if (c == '/' || c == '\\')
		return "escaped slash in the path";
	if (c < 0x20 || c == 0x7f)
		return "escaped control byte in the path";
	return NULL;
}

/*
 * Counts the bytes of the segment that ends here; dots is kept only while
 * everything in it was a dot.
 */
struct target_segment {
	size_t size;
	size_t dots;
};

static void
target_segment_add(struct target_segment *s, int c)
{
	s->size++;
	if (c == '.')
		s->dots++;
}

static bool
target_segment_is_dots(const struct target_segment *s)
{
	return s->size == s->dots && (s->dots == 1 || s->dots == 2);
}

const char *
target_path_fault(struct bytes path)
{
	struct target_segment s = { 0, 0 };
	size_t i = 0;

	if (path.size == 0 || path.at[0] != '/')
		return "the target is not a path";
	while (i < path.size) {
		int c = path.at[i];
		struct bytes rest = { path.at + i, path.size - i };
		const char *fault = NULL;

		if (c == '%') {
			c = target_escape(rest);
			fault = target_path_escape_fault(c);
			i += ESCAPE_SIZE - 1;
		} else if (!chars_is((uint8_t)c, CHAR_PATH)) {
			fault = "bad byte in the path";
		}
		if (fault != NULL)
			return fault;
		i++;
		if (c != '/') {
			target_segment_add(&s, c);
			if (i < path.size)
				continue;
		}
		if (target_segment_is_dots(&s))
			return "dot segment in the path";
		s = (struct target_segment){ 0, 0 };
	}
	return NULL;
}

const char *
target_query_fault(struct bytes query)
{
	for (size_t i = 0; i < query.size; i++) {
		struct bytes rest = { query.at + i, query.size - i };

		if (query.at[i] == '%') {
			if (target_escape(rest) <= 0)
				return "bad escape in the query";
			i += ESCAPE_SIZE - 1;
		} else if (!chars_is(query.at[i], CHAR_QUERY)) {
			return "bad byte in the query";
		}
	}
	return NULL;
}

enum status
target_decode(
    struct bytes in, bool plus_is_space, uint8_t *out, size_t *ret_size)
{
	size_t used = 0;

	for (size_t i = 0; i < in.size; i++) {
		struct bytes rest = { in.at + i, in.size - i };
		int c = in.at[i];

		if (c == '%') {
			c = target_escape(rest);
			i += ESCAPE_SIZE - 1;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		if (c <= 0)
			return ST_MALFORMED;
		out[used++] = (uint8_t)c;
	}
	*ret_size = used;
	return ST_OK;
}
