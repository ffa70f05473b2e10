#include "runtime/base/status.h"

struct status_entry {
	const char *name;
	const char *text;
};

static const struct status_entry status_entries[] = {
/* clang-format off */
#define STATUS(name, text) [ST_##name] = { #name, text },
#include "runtime/base/status.def"
#undef STATUS
	/* clang-format on */
};

static const struct status_entry *
status_find(enum status st)
{
	static const struct status_entry unknown = { "UNKNOWN",
		"unknown status" };
	size_t n = sizeof(status_entries) / sizeof(status_entries[0]);

	return (size_t)st < n ? &status_entries[st] : &unknown;
}

const char *
status_text(enum status st)
{
	return status_find(st)->text;
}

const char *
status_name(enum status st)
{
	return status_find(st)->name;
}
