#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>

#include "ops/loaded.h"
#include "runtime/base/log.h"

/* Descriptors that are neither sockets of clients nor links. */
#define FILES_BASE 16    /* standard streams, logs, LMDB, entropy */
#define FILES_PER_LOOP 8 /* epoll, wake-up, signals, timers */
#define FILES_PER_LINK 4 /* two sockets a side, twice while re-dialling */
#define FILES_LISTENERS 2

/* A place of the gateway is found by this name. */
#define GATEWAY "gateway"

/* The worst that the bounds allow, for one node. */
struct need {
	uint64_t shards; /* of the gateway, on this node */
	uint64_t files;
	uint64_t client_bytes; /* heads, bodies and what clients are owed */
	uint64_t map_bytes;    /* address space of the store */
};

static uint64_t
check_shards(const struct topology *t, unsigned node)
{
	const struct topology_place *p;
	uint64_t n = 0;

	for (size_t i = 0; (p = topology_place(t, i)) != NULL; i++)
		n += p->node == node && strcmp(p->name, GATEWAY) == 0;
	return n;
}

static bool
check_has_store(const struct topology *t, unsigned node)
{
	const struct topology_place *p;

	for (size_t i = 0; (p = topology_place(t, i)) != NULL; i++)
		if (p->node == node && strcmp(p->name, "store") == 0)
			return true;
	return false;
}

static struct need
check_need(const struct loaded *l, unsigned node)
{
	const struct config *c = l->config;
	const struct topology *t = l->topology;
	uint64_t clients = config_u64(c, SETTING_api_server_connections_max);
	uint64_t each = config_u64(c, SETTING_api_server_header_bytes_max) +
			config_u64(c, SETTING_api_server_body_bytes_max) +
			config_u64(c, SETTING_api_server_owed_bytes_max);
	struct need n = { .shards = check_shards(t, node) };

	n.files = FILES_BASE + topology_node(t, node)->loops * FILES_PER_LOOP +
		  (topology_node_count(t) - 1) * FILES_PER_LINK +
		  n.shards * (clients + FILES_LISTENERS);
	n.client_bytes = n.shards * clients * each;
	if (check_has_store(t, node))
		n.map_bytes = config_u64(c, SETTING_persistence_lmdb_map_size);
	return n;
}

static uint64_t
check_files_allowed(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	return limit.rlim_max;
}

/* More sockets than the system gives is worth a word before the start. */
static void
check_warn(struct loaded *l)
{
	uint64_t allowed = check_files_allowed();
	const struct topology_node *node;

	for (unsigned i = 0; (node = topology_node(l->topology, i)); i++) {
		struct need n = check_need(l, i);

		if (n.files <= allowed)
			continue;
		mistakes_warn(&l->mistakes,
		    (struct place){ "limits", 0, node->name },
		    "may need %" PRIu64 " open files, and may have %" PRIu64,
		    n.files, allowed);
	}
}

static void
check_print_text(const struct loaded *l, FILE *to)
{
	const struct topology_node *node;

	for (unsigned i = 0; (node = topology_node(l->topology, i)); i++) {
		struct need n = check_need(l, i);

		fprintf(to,
		    "node %s: %u loops, %" PRIu64 " gateway shards, at most "
		    "%" PRIu64 " open files, %" PRIu64 " MiB for clients, "
		    "%" PRIu64 " MiB of store mapped\n",
		    node->name, node->loops, n.shards, n.files,
		    n.client_bytes >> 20, n.map_bytes >> 20);
	}
	if (config_is_exposed(l->config))
		fprintf(to, "warning: the server listens on all interfaces "
			    "with neither TLS nor a trusted proxy\n");
	fprintf(
	    to, "ok: topology %016" PRIx64 "\n", topology_digest(l->topology));
}

static void
check_json_mistakes(const struct loaded *l, FILE *to)
{
	fprintf(to, "\"mistakes\":[");
	for (size_t i = 0; i < l->mistakes.count; i++) {
		const struct mistake *m = &l->mistakes.list[i];

		fprintf(to, "%s{\"file\":", i > 0 ? "," : "");
		cmd_json_text(to, m->file);
		fprintf(to, ",\"line\":%u,\"key\":", m->line);
		cmd_json_text(to, m->key);
		fprintf(to,
		    ",\"warning\":%s,\"text\":", m->warning ? "true" : "false");
		cmd_json_text(to, m->text);
		fprintf(to, "}");
	}
	fprintf(to, "]");
}

static void
check_json_nodes(const struct loaded *l, FILE *to)
{
	const struct topology_node *node;

	fprintf(to, ",\"exposed\":%s,\"topology\":\"%016" PRIx64 "\"",
	    config_is_exposed(l->config) ? "true" : "false",
	    topology_digest(l->topology));
	fprintf(to, ",\"nodes\":[");
	for (unsigned i = 0; (node = topology_node(l->topology, i)); i++) {
		struct need n = check_need(l, i);

		fprintf(to,
		    "%s{\"name\":\"%s\",\"loops\":%u,\"gateway_shards\":"
		    "%" PRIu64 ",\"files_max\":%" PRIu64
		    ",\"client_bytes_max\":%" PRIu64 ",\"map_bytes\":%" PRIu64
		    "}",
		    i > 0 ? "," : "", node->name, node->loops, n.shards,
		    n.files, n.client_bytes, n.map_bytes);
	}
	fprintf(to, "]");
}

static void
check_print_json(const struct loaded *l, bool ok, FILE *to)
{
	fprintf(to, "{\"ok\":%s,", ok ? "true" : "false");
	check_json_mistakes(l, to);
	if (ok)
		check_json_nodes(l, to);
	fprintf(to, "}\n");
}

/* The mistakes are printed here, so the log need not tell them too. */
static void
check_no_log(void *ctx, enum event_id event, const char *line, size_t size)
{
	(void)ctx;
	(void)event;
	(void)line;
	(void)size;
}

static enum cmd_exit
check_run(const struct cmd_args *args)
{
	struct loaded l;
	bool ok;

	log_set_sink(check_no_log, NULL);
	ok = loaded_init(&l, args) == ST_OK;
	if (ok)
		check_warn(&l);
	log_set_sink(NULL, NULL);
	if (args->json)
		check_print_json(&l, ok, args->out);
	else
		mistakes_print(&l.mistakes, args->err);
	if (ok && !args->json)
		check_print_text(&l, args->out);
	loaded_fini(&l);
	return ok ? CMD_OK : CMD_USAGE;
}

static const struct cmd_option check_options[] = {
	LOADED_OPTIONS,
	{ 0 },
};

const struct cmd check_cmd = {
	.name = "check",
	.usage = LOADED_USAGE " [--json]",
	.summary = "Tell every mistake in the configuration and the nodes.",
	.options = check_options,
	.run = check_run,
};
