/* Bytes as a journey file: mistakes or a journey in its bounds, no crash. */
#include <assert.h>
#include <stdlib.h>

#include "ops/journey.h"
#include "runtime/base/log.h"

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
	static struct journey j;
	enum status st;

	log_set_sink(sink, NULL);
	mistakes_init(&m);
	st = journey_read((struct bytes){ size > 0 ? bytes : none, size },
	    "fuzz.yaml", &m, &j);
	assert((st == ST_OK) == (m.errors == 0));
	if (st != ST_OK)
		return 0;
	assert(j.first.count <= JOURNEY_STEPS_MAX);
	assert(j.prepare.count <= JOURNEY_STEPS_MAX);
	assert(j.round.count > 0 && j.round.count <= JOURNEY_STEPS_MAX);
	assert(j.plan.actors <= JOURNEY_CLIENTS_MAX);
	assert(j.starters <= JOURNEY_CLIENTS_MAX);
	return 0;
}
