/*
 * table - a hash table from a text key to a fixed-size value.
 *
 * Open addressing with linear probing and backward-shift deletion (D. Knuth,
 * TAOCP vol. 3, 6.4, algorithm R); keys are hashed with a secret, so that
 * nobody can choose colliding ones.  Doubles at 3/4, up to its bound.
 * Values move: a pointer is good until the next put or remove.
 */
#ifndef GATEWAY_TABLE_H
#define GATEWAY_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/status.h"

struct replica_table;

/* NULL without memory.  The key is the first member of a value: char[]. */
struct replica_table *table_create(
    size_t value_size, uint32_t max, const uint64_t secret[2]);
void table_destroy(struct replica_table *t); /* NULL is fine */

void *table_find(const struct replica_table *t, const char *key);
/* Copies value in, replacing one with its key.  FULL, NO_MEMORY. */
MUST_CHECK enum status table_put(struct replica_table *t, const void *value);
void table_remove(struct replica_table *t, const char *key);
void table_clear(struct replica_table *t);
uint32_t table_count(const struct replica_table *t);

#endif
