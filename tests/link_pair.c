#include "tests/link_pair.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/log.h"

struct link_pair pair;

static void
pair_on_log(void *ctx, enum event_id event, const char *line, size_t size)
{
	(void)ctx;
	(void)line;
	(void)size;
	pair.refused_lines += event == EV_LINK_REFUSED;
}

void
pair_open(struct link_end *e)
{
	e->config.transport = link_net_transport(&pair.net, e->config.node);
	assert(links_create(&e->config, &e->links) == ST_OK);
}

void
pair_close(struct link_end *e)
{
	links_destroy(e->links);
	e->links = NULL;
}

void
pair_begin(uint64_t seed)
{
	link_net_init(&pair.net, seed);
	log_set_sink(pair_on_log, NULL);
	pair.refused_lines = 0;
	for (uint16_t i = 0; i < 2; i++) {
		link_end_init(pair.ends, i, "/nowhere", 2, &pair.net.clock);
		pair.ends[i].seed ^= seed << 8;
	}
}

void
pair_end(void)
{
	link_end_fini(A);
	link_end_fini(B);
	link_net_fini(&pair.net);
}

int
pair_setup(void **state)
{
	(void)state;
	pair_begin(1);
	return 0;
}

int
pair_teardown(void **state)
{
	(void)state;
	pair_end();
	return 0;
}

void
pair_step(void)
{
	for (size_t i = 0; i < 2; i++)
		while (pair.ends[i].links != NULL &&
		       links_turn(pair.ends[i].links))
			;
	pair.net.now_us += PAIR_STEP_US;
}

void
pair_run_us(uint64_t us)
{
	uint64_t until_us = pair.net.now_us + us;

	while (pair.net.now_us < until_us)
		pair_step();
}

void
pair_run_until_up(void)
{
	for (int i = 0; i < PAIR_STEPS_MAX; i++) {
		if (links_state(A->links, 1) == LINK_UP &&
		    links_state(B->links, 0) == LINK_UP)
			return;
		pair_step();
	}
	fprintf(stderr, "the link does not come up\n");
	abort();
}

void
pair_open_both(void)
{
	pair_open(A);
	pair_open(B);
	pair_run_until_up();
}

const struct link_change *
pair_last(const struct link_end *e)
{
	assert(e->nchanges > 0);
	return &e->changes[e->nchanges - 1];
}
