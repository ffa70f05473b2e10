/*
 * lookup - a hash table from a text key to a fixed-size value.
 *
 * Open addressing with linear probing and backward-shift deletion (D. Knuth,
 * TAOCP vol. 3, 6.4, algorithm R); keys are hashed with a secret, so that
 * nobody can choose colliding ones.  Doubles at 3/4, up to its bound.
 * Values move: a pointer is good until the next put or remove.
 */
#ifndef GATEWAY_LOOKUP_H
#define GATEWAY_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/status.h"

struct lookup;

/* NULL without memory.  The key is the first member of a value: char[]. */
struct lookup *lookup_create(
    size_t value_size, uint32_t max, const uint64_t secret[2]);
void lookup_destroy(struct lookup *t); /* NULL is fine */

void *lookup_find(const struct lookup *t, const char *key);
/* Copies value in, replacing one with its key.  FULL, NO_MEMORY. */
MUST_CHECK enum status lookup_put(struct lookup *t, const void *value);
void lookup_remove(struct lookup *t, const char *key);
void lookup_clear(struct lookup *t);
uint32_t lookup_count(const struct lookup *t);

#endif
