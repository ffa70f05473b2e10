#include "runtime/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/base/log.h"
#include "runtime/topology_url.h"

#define FILE_NAME "t.yaml"
#define ALL_BUT_GATEWAY                                                       \
	"store, settings, session-registry, ticket-store, event-hub, tasks, " \
	"scheduler, cost-aggregator, backup"
#define ALL                                                                   \
	"store, settings, session-registry, ticket-store, event-hub, tasks, " \
	"scheduler, cost-aggregator, gateway, backup"

/* The numbers of actors.def that these tests speak of. */
#define STORE 1
#define SETTINGS 2
#define EVENT_HUB 5
#define GATEWAY 8
#define ACTORS 10

static struct mistakes told;

static void
sink(void *ctx, enum event_id event, const char *line, size_t size)
{
	(void)ctx;
	(void)event;
	(void)line;
	(void)size;
}

static enum status
load_in(const char *yaml, const char *data, struct topology **ret_topology)
{
	struct topology_input in = { .file = FILE_NAME, .data_dir = data };

	in.text.at = (const uint8_t *)yaml;
	in.text.size = strlen(yaml);
	mistakes_init(&told);
	return topology_load(&in, &told, ret_topology);
}

static struct topology *
load(const char *yaml)
{
	struct topology *t = NULL;
	enum status st = load_in(yaml, "data", &t);

	mistakes_print(&told, stderr);
	assert_int_equal(st, ST_OK);
	return t;
}

static void
refused(const char *yaml, unsigned line, const char *key, const char *text)
{
	struct topology *t = NULL;

	assert_int_equal(load_in(yaml, "data", &t), ST_INVALID);
	assert_null(t);
	assert_int_equal(told.errors, 1);
	assert_string_equal(told.list[0].file, FILE_NAME);
	assert_int_equal(told.list[0].line, line);
	assert_string_equal(told.list[0].key, key);
	if (strstr(told.list[0].text, text) == NULL)
		fail_msg("'%s' lacks '%s'", told.list[0].text, text);
}

static uint64_t
digest_of(const char *yaml, const char *data)
{
	struct topology *t = NULL;
	uint64_t digest;

	assert_int_equal(load_in(yaml, data, &t), ST_OK);
	digest = topology_digest(t);
	topology_destroy(t);
	return digest;
}

static void
test_with_no_file_everything_is_on_one_loop(void **state)
{
	struct topology_input in = { .data_dir = "data" };
	struct topology *t = NULL;

	(void)state;
	mistakes_init(&told);
	assert_int_equal(topology_load(&in, &told, &t), ST_OK);
	assert_int_equal(topology_node_count(t), 1);
	assert_string_equal(topology_node(t, 0)->name, "all");
	assert_string_equal(topology_node(t, 0)->listen, "");
	assert_int_equal(topology_node(t, 0)->loops, 1);
	assert_null(topology_node(t, 1));
	assert_non_null(topology_place(t, ACTORS - 1));
	assert_null(topology_place(t, ACTORS));
	assert_int_equal(topology_shards(t, GATEWAY), 1);
	assert_int_equal(topology_digest(t),
	    digest_of("nodes: { all: { actors: [" ALL "] } }", "data"));
	topology_destroy(t);
}

static void
test_nodes_are_numbered_as_the_file_orders_them(void **state)
{
	unsigned node = 99;
	struct topology *t =
	    load("nodes:\n"
		 "  b: {listen: \"ipc://b\", actors: [" ALL "]}\n"
		 "  a: {actors: [gateway], listen: "
		 "\"tls+tcp://10.0.0.1:1\", loops: 2}\n");

	(void)state;
	assert_int_equal(topology_find_node(t, "a", &node), ST_OK);
	assert_int_equal(node, 1);
	assert_int_equal(topology_find_node(t, "c", &node), ST_NOT_FOUND);
	assert_int_equal(node, 1);
	assert_int_equal(topology_find(t, STORE, 0)->node, 0);
	assert_null(topology_find(t, STORE, 1));
	assert_int_equal(topology_node(t, 1)->line, 3);
	topology_destroy(t);
}

/* By channel; without being asked there is one. */
static void
test_the_hub_may_be_divided_on_its_node(void **state)
{
	struct topology *t =
	    load("nodes: {all: {loops: 2, actors: {event-hub: {shards: 3}, "
		 "gateway: , store: , settings: , session-registry: , "
		 "ticket-store: , tasks: , scheduler: , backup: , "
		 "cost-aggregator: }}}\n");

	(void)state;
	assert_int_equal(topology_shards(t, EVENT_HUB), 3);
	assert_int_equal(topology_shards(t, GATEWAY), 2);
	topology_destroy(t);
}

/* A shard for each loop, counted on over the nodes. */
static void
test_a_gateway_has_a_shard_on_each_loop(void **state)
{
	struct topology *t =
	    load("nodes:\n"
		 "  a: {listen: \"ipc://a\", loops: 2, "
		 "actors: [gateway]}\n"
		 "  b: {listen: \"ipc://b\", loops: 2, "
		 "actors: {gateway: {shards: 3}}}\n"
		 "  c: {listen: \"ipc://c\", loops: 3, "
		 "actors: {gateway: {loop: 1}, store: {loop: "
		 "2}, settings: , session-registry: , "
		 "ticket-store: , event-hub: , tasks: , "
		 "scheduler: {}, cost-aggregator: , backup: {}}}\n");
	const struct topology_place *p;
	static const unsigned loops[] = { 0, 1, 0, 1, 0, 1 };
	static const unsigned nodes[] = { 0, 0, 1, 1, 1, 2 };

	(void)state;
	assert_int_equal(topology_shards(t, GATEWAY), 6);
	for (unsigned i = 0; i < 6; i++) {
		p = topology_find(t, GATEWAY, i);
		assert_int_equal(p->loop, loops[i]);
		assert_int_equal(p->node, nodes[i]);
		assert_string_equal(p->name, "gateway");
	}
	assert_int_equal(topology_find(t, STORE, 0)->loop, 2);
	assert_int_equal(topology_find(t, SETTINGS, 0)->loop, 0);
	topology_destroy(t);
}

static void
test_an_actor_stands_exactly_once(void **state)
{
	(void)state;
	refused("nodes:\n  all:\n    actors: [" ALL ",\n      store]\n", 4,
	    "store", "placed twice; the first is on node all");
	refused("nodes:\n  all:\n    actors: [gateway, " ALL "]\n", 3,
	    "gateway", "write shards: 2");
	refused("nodes:\n  all:\n    actors: [" ALL_BUT_GATEWAY "]\n", 0,
	    "gateway", "placed on no node");
	refused("nodes: {all: {actors: {store: {shards: 2}, settings: , "
		"session-registry: , ticket-store: , event-hub: , tasks: , "
		"scheduler: , cost-aggregator: , backup: , gateway: }}}",
	    1, "store", "cannot be divided");
}

static void
test_unknown_names_come_with_a_suggestion(void **state)
{
	(void)state;
	refused("nodes: {all: {actors: [" ALL ", gatevay]}}", 1, "gatevay",
	    "did you mean gateway?");
	refused("nodes: {all: {actors: [" ALL ", session_registri]}}", 1,
	    "session_registri", "did you mean session-registry?");
	refused("nodes: {all: {actors: [" ALL ", zebra]}}", 1, "zebra",
	    "is no actor");
	refused("nodes: {all: {lissen: x, actors: [" ALL "]}}", 1, "lissen",
	    "did you mean listen?");
	refused("nodes: {all: {actors: [" ALL "]}}\nnode: {}\n", 2, "node",
	    "did you mean nodes?");
	refused("nodes: {all: {actors: {gateway: {shard: 1}, store: , "
		"settings: , session-registry: , ticket-store: , event-hub: , "
		"tasks: , scheduler: , cost-aggregator: , backup: }}}",
	    1, "shard", "did you mean shards?");
}

static void
test_forms_that_are_none_are_told(void **state)
{
	(void)state;
	refused("", 0, "", "a map with nodes");
	refused("[a]", 1, "", "a map with nodes");
	refused("{}", 1, "nodes", "is missing");
	refused("nodes: {all: {actors: [" ALL ", {a: b}]}}", 1, "",
	    "an actor's name");
	refused("nodes: {A: {}, all: {actors: [" ALL "]}}", 1, "A",
	    "a name of a-z");
	refused("nodes: {-: {}, all: {actors: [" ALL "]}}", 1, "-",
	    "a name of a-z");
	refused("nodes: {all: {actors: [" ALL "]}, all: 1}", 1, "all",
	    "is here twice");
}

static void
test_every_mistake_is_told_at_once(void **state)
{
	struct topology *t = NULL;
	const char *yaml = "nodes:\n"
			   "  a: { listen: http://x, actors: 3 }\n"
			   "  b: { loops: 0, actors: [" ALL "] }\n"
			   "  c: 7\n";

	(void)state;
	assert_int_equal(load_in(yaml, "data", &t), ST_INVALID);
	assert_int_equal(told.errors, 6);
	assert_int_equal(told.list[0].line, 2);
	assert_int_equal(told.list[1].line, 2);
	assert_int_equal(told.list[2].line, 3);
	assert_int_equal(told.list[3].line, 4);
	assert_string_equal(told.list[4].key, "b");
	assert_string_equal(told.list[5].key, "c");
}

static void
test_names_and_counts_have_bounds(void **state)
{
	char yaml[512];
	char name[] = "abcdefghijklmnopqrstuvwxyz0123456";

	(void)state;
	assert_int_equal(strlen(name), TOPOLOGY_NAME_MAX + 1);
	snprintf(yaml, sizeof(yaml),
	    "nodes: {all: {actors: [" ALL "]}, %s: {}}", name);
	refused(yaml, 1, name, "at most 32 bytes");
	name[TOPOLOGY_NAME_MAX] = '\0';
	snprintf(yaml, sizeof(yaml), "nodes: {%s: {actors: [" ALL "]}}", name);
	topology_destroy(load(yaml));
	refused("nodes: {all: {loops: 33, actors: [" ALL "]}}", 1, "loops",
	    "from 1 to 32");
	refused("nodes: {all: {loops: 4294967297, actors: [" ALL "]}}", 1,
	    "loops", "from 1 to 32");
	refused("nodes: {all: {loops: 1.5, actors: [" ALL "]}}", 1, "loops",
	    "from 1 to 32");
	topology_destroy(load("nodes: {all: {loops: 32, actors: [" ALL "]}}"));
}

static void
test_a_loop_that_is_not_there_is_told(void **state)
{
	char text[512];
	struct topology *t = NULL;

	(void)state;
	for (int loop = 1; loop <= 2; loop++) {
		snprintf(text, sizeof(text),
		    "nodes: {all: {loops: 2, actors: {gateway: , store: "
		    "{loop: %d}, settings: , session-registry: , "
		    "ticket-store: , event-hub: , tasks: , scheduler: , "
		    "cost-aggregator: , backup: }}}",
		    loop);
		assert_int_equal(
		    load_in(text, "data", &t), loop == 1 ? ST_OK : ST_INVALID);
		if (loop == 1)
			topology_destroy(t);
	}
	assert_non_null(strstr(told.list[0].text, "the node has 2, from 0"));
}

static void
test_nodes_and_shards_have_bounds(void **state)
{
	char yaml[4096];
	struct topology *t = NULL;
	size_t used;

	(void)state;
	for (int extra = 0; extra < 2; extra++) {
		used = (size_t)snprintf(yaml, sizeof(yaml),
		    "nodes:\n  all: {listen: \"ipc://z\", actors: [" ALL
		    "]}\n");
		for (int i = 1; i < TOPOLOGY_NODES_MAX + extra; i++)
			used +=
			    (size_t)snprintf(yaml + used, sizeof(yaml) - used,
				"  n%d: {listen: \"ipc://%d\", actors: "
				"[gateway]}\n",
				i, i);
		assert_int_equal(
		    load_in(yaml, "data", &t), extra ? ST_INVALID : ST_OK);
		if (extra == 0)
			topology_destroy(t);
	}
	assert_int_equal(told.errors, 1);
	assert_non_null(strstr(told.list[0].text, "there may be 32"));
	refused("nodes:\n  a: {listen: \"ipc://a\", actors: [" ALL "]}\n"
		"  b: {listen: \"ipc://b\", actors: {gateway: {shards: "
		"64}}}\n",
	    3, "gateway", "more than 64 shards");
	topology_destroy(load("nodes:\n  a: {listen: \"ipc://a\", actors: "
			      "[" ALL "]}\n"
			      "  b: {listen: \"ipc://b\", actors: {gateway: "
			      "{shards: 63}}}\n"));
}

static void
test_several_nodes_each_need_their_own_address(void **state)
{
	(void)state;
	refused("nodes:\n  a: {actors: [" ALL "]}\n"
		"  b: {listen: \"ipc://b\", actors: [gateway]}\n",
	    2, "a", "needs a listen address");
	refused("nodes:\n  a: {listen: \"ipc://x\", actors: [" ALL "]}\n"
		"  b: {listen: \"ipc://${data}/x\", actors: [gateway]}\n",
	    3, "listen", "address of node a too");
}

static void
resolves(const char *given, const char *expected)
{
	char url[TOPOLOGY_URL_MAX + 1] = "";
	const char *why = NULL;
	enum status st =
	    topology_url_resolve(given, "d", url, sizeof(url), &why);

	if (expected == NULL) {
		assert_int_equal(st, ST_INVALID);
		assert_non_null(why);
		return;
	}
	assert_int_equal(st, ST_OK);
	assert_string_equal(url, expected);
}

static void
test_addresses_are_resolved_in_the_data_folder(void **state)
{
	(void)state;
	resolves("ipc:///run/x.ipc", "ipc:///run/x.ipc");
	resolves("ipc://x.ipc", "ipc://d/x.ipc");
	resolves("ipc://${data}/x.ipc", "ipc://d/x.ipc");
	resolves("tls+tcp://10.0.0.1:1", "tls+tcp://10.0.0.1:1");
	resolves("tcp://127.0.0.2:1", "tcp://127.0.0.2:1");
	resolves("tcp://[::1]:1", "tcp://[::1]:1");
	resolves("tls+tcp://[::1]:65535", "tls+tcp://[::1]:65535");
}

static void
test_what_is_no_address_is_refused(void **state)
{
	static const char *const bad[] = { "", "ipc://", "ipc:/x", "x",
		"tcp://h:1", "tcp://10.0.0.1:1", "tcp://127.1:1",
		"tcp://[::2]:1", "tcp://0.0.0.0:1", "ipc://${home}/x",
		"ipc://a b", "ipc://a\n", "tls+tcp://", "tls+tcp://1.2.3.4",
		"tls+tcp://1.2.3.4:0", "tls+tcp://1.2.3.4:65536",
		"tls+tcp://1.2.3.4:1x", "tls+tcp://:1", "tls+tcp://host:1",
		"tls+tcp://localhost:1",
		"tls+tcp://1111:2222:3333:4444:5555:6666:7777:8888:9999:1",
		"tls+tcp://a/b:1", "tls+tcp://::1:5", "tls+tcp://[x]:1",
		"tls+tcp://[]:1", "inproc://x" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		resolves(bad[i], NULL);
}

static void
test_a_socket_path_has_the_systems_bound(void **state)
{
	char given[TOPOLOGY_IPC_PATH_MAX + 16] = "ipc:///";
	size_t head = strlen(given);
	size_t rest = TOPOLOGY_IPC_PATH_MAX - 1;

	(void)state;
	memset(given + head, 'x', rest);
	given[head + rest] = '\0';
	resolves(given, given);
	given[head + rest] = 'x';
	given[head + rest + 1] = '\0';
	resolves(given, NULL);
}

static void
test_the_digest_is_of_the_meaning(void **state)
{
	uint64_t first = digest_of("nodes: {a: {listen: \"ipc://x\", actors: "
				   "[" ALL "]}}",
	    "data");

	(void)state;
	assert_int_equal(first,
	    digest_of("# other text\nnodes:\n  a:\n    loops: 1\n    listen: "
		      "ipc://x\n    actors: [" ALL "]\n",
		"/elsewhere"));
	assert_int_not_equal(first,
	    digest_of("nodes: {b: {listen: \"ipc://x\", actors: [" ALL "]}}",
		"data"));
	assert_int_not_equal(first,
	    digest_of("nodes: {a: {listen: \"ipc://y\", actors: [" ALL "]}}",
		"data"));
	assert_int_not_equal(first,
	    digest_of("nodes: {a: {listen: \"ipc://x\", loops: 2, actors: "
		      "[" ALL "]}}",
		"data"));
}

static void
test_an_idle_loop_is_a_warning(void **state)
{
	struct topology *t =
	    load("nodes: {all: {loops: 2, actors: {gateway: {loop: 0}, store: "
		 ", settings: , session-registry: , ticket-store: , "
		 "event-hub: , tasks: , scheduler: , cost-aggregator: , "
		 "backup: }}}");

	(void)state;
	assert_int_equal(told.warnings, 1);
	assert_non_null(strstr(told.list[0].text, "loop 1 has no actor"));
	topology_destroy(t);
}

static void
test_the_topologies_that_we_ship_are_valid(void **state)
{
	static const char *const names[] = { "split", "one-loop",
		"loop-per-actor", "process-per-actor" };
	static const size_t nodes[] = { 3, 1, 1, ACTORS };
	char file[256];
	struct topology *t = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct topology_input in = { file, { 0 }, "data" };

		snprintf(file, sizeof(file), "%s/ops/topologies/%s.yaml",
		    TROUPE_SOURCE_DIR, names[i]);
		mistakes_init(&told);
		assert_int_equal(topology_load(&in, &told, &t), ST_OK);
		assert_int_equal(told.warnings, 0);
		assert_int_equal(topology_node_count(t), nodes[i]);
		topology_destroy(t);
	}
}

#define RUN(name) cmocka_unit_test(name)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RUN(test_with_no_file_everything_is_on_one_loop),
		RUN(test_nodes_are_numbered_as_the_file_orders_them),
		RUN(test_the_hub_may_be_divided_on_its_node),
		RUN(test_a_gateway_has_a_shard_on_each_loop),
		RUN(test_an_actor_stands_exactly_once),
		RUN(test_unknown_names_come_with_a_suggestion),
		RUN(test_forms_that_are_none_are_told),
		RUN(test_every_mistake_is_told_at_once),
		RUN(test_names_and_counts_have_bounds),
		RUN(test_a_loop_that_is_not_there_is_told),
		RUN(test_nodes_and_shards_have_bounds),
		RUN(test_several_nodes_each_need_their_own_address),
		RUN(test_addresses_are_resolved_in_the_data_folder),
		RUN(test_what_is_no_address_is_refused),
		RUN(test_a_socket_path_has_the_systems_bound),
		RUN(test_the_digest_is_of_the_meaning),
		RUN(test_an_idle_loop_is_a_warning),
		RUN(test_the_topologies_that_we_ship_are_valid),
	};

	log_set_sink(sink, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
