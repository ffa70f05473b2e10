/* Bytes as a topology file: mistakes or a topology, never a crash. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/topology.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/yaml.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct mistakes m;
	struct topology_input in = { "fuzz.yaml", yaml_text(bytes, size),
		"data" };
	struct topology *t = NULL;
	const struct topology_place *p;
	enum status st;

	mistakes_init(&m);
	st = topology_load(&in, &m, &t);
	assert((st == ST_OK) == (m.errors == 0));
	assert((st == ST_OK) == (t != NULL));
	for (size_t i = 0; t && (p = topology_place(t, i)) != NULL; i++)
		assert(p->loop < topology_node(t, p->node)->loops);
	topology_destroy(t);
	return 0;
}
