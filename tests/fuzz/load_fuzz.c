/*
 * load_fuzz - what the load lab reads: topologies, placements, faults, and the
 * answers of a server.  The first byte says which.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "load/client.h"
#include "load/fault.h"
#include "load/placement.h"
#include "runtime/base/log.h"
#include "tests/fuzz/fuzz.h"

static struct plan plan;
static char why[PLAN_WHY_SIZE];

static void
fuzz_plan(const uint8_t *data, size_t size)
{
	static struct mistakes m;

	mistakes_init(&m);
	if (plan_read((struct bytes){ data, size }, "fuzz.yaml", &m, &plan) !=
	    ST_OK)
		return;
	if (m.errors > 0 || plan_edges(&plan) > PLAN_EDGES_MAX ||
	    plan_members(&plan) > PLAN_MEMBERS_MAX)
		abort();
	for (uint32_t r = 0; r < plan.nroles; r++)
		for (uint32_t k = 0; k < plan_edges_of(&plan, r, 0); k++)
			if (plan_edge_to(&plan, r, 0, k) >= plan_members(&plan))
				abort();
}

static void
fuzz_options(const char *text)
{
	const struct plan_builtin *b = plan_builtin_find("fan-in");
	static struct faults faults;
	static struct mistakes m;
	struct placement p;
	uint64_t n;

	mistakes_init(&m);
	if (plan_read(b->text, b->name, &m, &plan) != ST_OK)
		abort();
	if (placement_parse(text, 20, &p, why) == ST_OK &&
	    (p.nodes == 0 || p.loops == 0 || p.nodes > 20 ||
		p.nodes * p.loops > LEDGER_LOOPS_MAX))
		abort();
	if (faults_parse(text, &plan, 3, &faults, why) == ST_OK &&
	    faults.count > FAULTS_MAX)
		abort();
	if (plan_number(text, 1000, &n) == ST_OK && n > 1000)
		abort();
	(void)plan_time(text, &n);
}

/* The bytes have room for nothing more, so that one read too far is seen. */
static void
fuzz_client(const uint8_t *data, size_t size, bool frames)
{
	static struct client c;
	struct client_reply reply;
	struct bytes text;
	enum status st = ST_OK;
	volatile uint8_t seen = 0;

	client_init(&c);
	c.in = malloc(size == 0 ? 1 : size);
	if (c.in == NULL)
		return;
	memcpy(c.in, data, size);
	c.in_used = size;
	while (frames ? client_take_frame(&c, &text, &st)
		      : client_take_reply(&c, &reply, &st)) {
		if (!frames)
			text = reply.body;
		for (size_t i = 0; i < text.size; i++)
			seen = (uint8_t)(seen + text.at[i]);
	}
	client_fini(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[256];

	log_set_level(LOG_ERROR + 1);
	if (size == 0)
		return 0;
	switch (data[0] % 4) {
	case 0:
		fuzz_plan(data + 1, size - 1);
		break;
	case 1:
		if (size > sizeof(text))
			return 0;
		memcpy(text, data + 1, size - 1);
		text[size - 1] = '\0';
		fuzz_options(text);
		break;
	default:
		fuzz_client(data + 1, size - 1, data[0] % 4 == 3);
	}
	return 0;
}
