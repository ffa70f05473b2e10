/* audit - the consistent cut of runtime/edge.h; for runtime/ alone. */
#ifndef RUNTIME_AUDIT_H
#define RUNTIME_AUDIT_H

#include "runtime/edge_table.h"
#include "runtime/parcel.h"

struct audit;
struct node;

MUST_CHECK enum status audit_create(struct node *n, struct audit **ret_audit);
void audit_destroy(struct audit *a);

#endif
