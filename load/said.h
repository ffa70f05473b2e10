/* said - what a file of the lab says: topologies and journeys read with it. */
#ifndef LOAD_SAID_H
#define LOAD_SAID_H

#include "load/plan.h"
#include "runtime/yaml.h"

struct said {
	struct mistakes *m; /* where what is wrong is told */
	const char *file;
};

/* That of n's value. */
struct place said_at(const struct said *s, const struct yaml_node *n);

/* A mistake leaves ret_text as it is. */
void said_text(const struct said *s, const struct yaml_node *n, char *ret_text,
    size_t size);

/* otherwise: after a mistake. */
uint64_t said_number(const struct said *s, const struct yaml_node *n,
    uint64_t min, uint64_t max, uint64_t otherwise);

/* Names p as the file, without folder and ending. */
void said_name(const struct said *s, struct plan *p);

#endif
