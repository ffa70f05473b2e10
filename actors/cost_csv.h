/*
 * cost_csv - points of a report as RFC 4180: a head, then a line each.
 *
 * Exact amounts, times of ISO 8601, CRLF.  A key that a spreadsheet would
 * take for a formula is given with an apostrophe before it.  Any thread.
 */
#ifndef ACTORS_COST_CSV_H
#define ACTORS_COST_CSV_H

#include "protocols/messages.h"

/* How many of the points fit, each whole; ends in a NUL. */
uint32_t cost_csv_write(
    const struct cost_points *points, char *ret_text, size_t size);

#endif
