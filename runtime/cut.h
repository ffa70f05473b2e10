/* cut - the consistent cut of runtime/edge.h; for runtime/ alone. */
#ifndef RUNTIME_CUT_H
#define RUNTIME_CUT_H

#include "runtime/edge_table.h"
#include "runtime/parcel.h"

struct cut;
struct node;

MUST_CHECK enum status cut_create(struct node *n, struct cut **ret_cut);
void cut_destroy(struct cut *a);

#endif
