/* Bytes as a topology file: mistakes or a topology, never a crash. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/log.h"
#include "runtime/topology.h"

static void
sink(void *ctx, enum event_id event, const char *line, size_t size)
{
	(void)ctx;
	(void)event;
	(void)line;
	(void)size;
}

/* libfyaml 0.7.12 loses 512 bytes of its own on some bad anchors. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libfyaml.so";
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const uint8_t none[1];
	static struct mistakes m;
	struct topology_input in = { "fuzz.yaml",
		{ size > 0 ? bytes : none, size }, "data" };
	struct topology *t = NULL;
	const struct topology_place *p;
	enum status st;

	log_set_sink(sink, NULL);
	mistakes_init(&m);
	st = topology_load(&in, &m, &t);
	assert((st == ST_OK) == (m.errors == 0));
	assert((st == ST_OK) == (t != NULL));
	for (size_t i = 0; t && (p = topology_place(t, i)) != NULL; i++)
		assert(p->loop < topology_node(t, p->node)->loops);
	topology_destroy(t);
	return 0;
}
