/*
 * compat - can a node of the last release talk to one of this?
 *
 * Takes the dump (describe.h) of the old catalogue and holds it against the
 * one compiled in.  Breaking: a message, record, enum, field or value that is
 * gone; an id or a place that means something else; another kind, record or
 * optionality; a bound that got narrower.  Not breaking: whatever is appended,
 * wider, or only meant for people.  protocols/released.txt is the dump of the
 * last release.
 */
#ifndef PROTOCOLS_COMPAT_H
#define PROTOCOLS_COMPAT_H

#include <stddef.h>

#define COMPAT_REPORT_SIZE 8192

struct compat_report {
	size_t breaks;                 /* all of them, told or not */
	char text[COMPAT_REPORT_SIZE]; /* a line each, while there is room */
};

/* Returns the number of breaks; a line it cannot read is one. */
size_t compat_check(const char *old_dump, struct compat_report *ret_report);

#endif
