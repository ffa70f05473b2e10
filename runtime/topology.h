/*
 * topology - which actor lives on which loop of which node.
 *
 *   nodes:
 *     edge:                      # its number is its order, from 0
 *       listen: ipc://edge.ipc   # or tls+tcp://10.0.0.1:7100
 *       loops: 2                 # threads; 1 when absent
 *       actors: [gateway]        # or a map: gateway: {shards: 2, loop: 1}
 *
 * Every actor of actors.def stands exactly once, but the gateway as often as
 * one likes: it has a shard per loop of its node unless told otherwise, dealt
 * out over the loops.  Others live on loop 0 unless told otherwise.  One node
 * needs no listen.  A relative ipc path, and one that begins with ${data}/,
 * stands in the data folder.  Every mistake is told at once (mistake.h).
 *
 * Immutable after the load; any thread may read.
 */
#ifndef RUNTIME_TOPOLOGY_H
#define RUNTIME_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"
#include "runtime/mistake.h"

#define TOPOLOGY_NODES_MAX 32
#define TOPOLOGY_LOOPS_MAX 32  /* of one node */
#define TOPOLOGY_SHARDS_MAX 64 /* of one actor, on all nodes */
#define TOPOLOGY_NAME_MAX 32
#define TOPOLOGY_URL_MAX 255

struct topology_node {
	char name[TOPOLOGY_NAME_MAX + 1];
	char listen[TOPOLOGY_URL_MAX + 1]; /* resolved; "" when it has none */
	char given[TOPOLOGY_URL_MAX + 1];  /* as the file has it */
	unsigned line;
	unsigned loops;
};

struct topology_place {
	const char *name; /* of the actor, as in actors.def */
	unsigned actor;   /* its number there */
	unsigned shard;   /* from 0, over all nodes */
	unsigned node;
	unsigned loop;
};

struct topology;

struct topology_input {
	const char *file;  /* NULL: one node, "all", with everything */
	struct bytes text; /* if at is set, the bytes of file */
	const char *data_dir;
};

/* INVALID after at least one error in m. */
MUST_CHECK enum status topology_load(const struct topology_input *in,
    struct mistakes *m, struct topology **ret_topology);
void topology_destroy(struct topology *t); /* NULL is fine */

/* n from 0 until NULL. */
const struct topology_node *topology_node(const struct topology *t, size_t n);
const struct topology_place *topology_place(const struct topology *t, size_t n);

size_t topology_node_count(const struct topology *t);

/* NOT_FOUND if no node has that name. */
MUST_CHECK enum status topology_find_node(
    const struct topology *t, const char *name, unsigned *ret_node);

/* Where a shard of an actor lives; NULL when there is none such. */
const struct topology_place *topology_find(
    const struct topology *t, unsigned actor, unsigned shard);

/* Shards of an actor on all nodes. */
size_t topology_shards(const struct topology *t, unsigned actor);

/*
 * Equal when two nodes read the same topology: FNV-1a, 64 bits, over what the
 * file means, with addresses as given, so that data folders may differ.
 */
uint64_t topology_digest(const struct topology *t);

#endif
