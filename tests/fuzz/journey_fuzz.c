/* Bytes as a journey file: mistakes or a journey in its bounds, no crash. */
#include <assert.h>
#include <stdlib.h>

#include "ops/journey.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/yaml.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct mistakes m;
	static struct journey j;
	enum status st;

	mistakes_init(&m);
	st = journey_read(yaml_text(bytes, size), "fuzz.yaml", &m, &j);
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
