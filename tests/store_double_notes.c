#include <stdio.h>
#include <string.h>

#include "tests/store_double.h"

size_t
store_double_noted(const char *note)
{
	size_t n = 0;

	for (size_t i = 0; i < store_double.noted_count; i++)
		n += strcmp(store_double.noted[i], note) == 0;
	return n;
}

uint64_t
store_double_times(const char *note)
{
	uint64_t n = 0;

	for (size_t i = 0; i < store_double.noted_count; i++)
		if (strcmp(store_double.noted[i], note) == 0)
			n += store_double.noted_times[i];
	return n;
}

void
store_double_note(const struct audit_note *note)
{
	static const char *const results[] = { "ok", "refused", "failed" };
	char *to;

	if (note == NULL || store_double.noted_count == DOUBLE_NOTES_MAX)
		return;
	store_double.noted_times[store_double.noted_count] =
	    note->times == 0 ? 1 : note->times;
	to = store_double.noted[store_double.noted_count++];
	snprintf(to, DOUBLE_TEXT_SIZE, "%s/%.32s/%.64s/%s", note->action,
	    note->by.user_id, note->target, results[note->result]);
}
