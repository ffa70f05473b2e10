/*
 * topology_table - the topology in memory; for topology.c and its reader.
 */
#ifndef RUNTIME_TOPOLOGY_TABLE_H
#define RUNTIME_TOPOLOGY_TABLE_H

#include "runtime/topology.h"
#include "runtime/yaml.h"

struct topology_actor {
	unsigned number;
	const char *name;
};

enum topology_actor_index {
#define ACTOR(id, number, name, hears, purpose) TOPOLOGY_INDEX_##id,
#include "protocols/actors.def"
#undef ACTOR
	TOPOLOGY_ACTORS
};

#define TOPOLOGY_PLACES_MAX (TOPOLOGY_ACTORS + TOPOLOGY_SHARDS_MAX)

struct topology {
	struct topology_node nodes[TOPOLOGY_NODES_MAX];
	size_t node_count;
	struct topology_place places[TOPOLOGY_PLACES_MAX];
	size_t place_count;
};

/* One load. */
struct topology_build {
	struct topology *topology; /* zeroed */
	struct mistakes *mistakes;
	const char *file;
	const char *data_dir;
	bool named[TOPOLOGY_ACTORS]; /* somewhere, rightly or wrongly */
};

/* The actors of actors.def, in its order; NULL past its end. */
const struct topology_actor *topology_actor_nth(size_t n);

/* Fills the topology from a file's tree and tells every mistake in it. */
void topology_read(struct topology_build *b, const struct yaml_node *root);

#endif
