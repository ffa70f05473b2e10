#include "ops/stage.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/metrics.h"
#include "ops/cast.h"
#include "ops/node_keys.h"
#include "runtime/base/fault.h"
#include "runtime/link_tls.h"

#define STAGE_CPU_THREADS 2  /* Argon2id takes a core and 64 MiB each */
#define STAGE_DISK_THREADS 4 /* a backup has three at once */

struct stage {
	const struct loaded *loaded;
	unsigned number;
	struct node *node;
	struct bridge *bridge;
	struct seal_keypair *keys;
	struct link_tls *tls; /* NULL: nobody is on another host */
	struct link_peer peers[TOPOLOGY_NODES_MAX];
	size_t npeers;
};

static const char *
stage_dir(const struct loaded *l)
{
	return config_text(l->config, SETTING_runtime_data_dir);
}

enum status
stage_prepare(const struct loaded *l, char why[STAGE_WHY_SIZE])
{
	static const char *const folders[] = { "", "/keys", "/run" };
	char path[STAGE_PATH_SIZE];
	enum status st = ST_OK;

	for (size_t i = 0; st == ST_OK && i < 3; i++) {
		snprintf(
		    path, sizeof(path), "%.4096s%s", stage_dir(l), folders[i]);
		st = node_keys_folder(path, why);
	}
	return st;
}

enum status
stage_make_keys(
    const struct loaded *l, const char *node, char why[STAGE_WHY_SIZE])
{
	struct seal_keypair *keys = NULL;
	enum status st = node_keys_load(stage_dir(l), node, &keys, why);

	seal_keypair_destroy(keys);
	return st;
}

/* A peer's key is read each time: it may have been made after us. */
static bool
stage_key_of(void *ctx, const char *name, uint8_t ret_public[SEAL_PUBLIC_SIZE])
{
	const struct stage *s = ctx;

	return node_keys_find(stage_dir(s->loaded), name, ret_public);
}

static uint32_t
stage_where(void *ctx, uint32_t number, uint32_t shard)
{
	const struct stage *s = ctx;
	const struct topology_place *p =
	    topology_find(s->loaded->topology, number, shard);

	return p == NULL ? s->number : p->node;
}

static uint32_t
stage_shards(void *ctx, uint32_t number)
{
	const struct stage *s = ctx;

	return (uint32_t)topology_shards(s->loaded->topology, number);
}

static enum status
stage_spawn_all(struct stage *s)
{
	const struct topology_place *p;
	enum status st = ST_OK;

	for (size_t i = 0; st == ST_OK &&
			   (p = topology_place(s->loaded->topology, i)) != NULL;
	     i++)
		if (p->node == s->number)
			st = node_spawn(s->node, cast_class(p->actor), p->actor,
			    p->shard, p->loop, NULL);
	return st;
}

/* What Prometheus asks; every process is a target of its own. */
static enum status
stage_spawn_metrics(struct stage *s)
{
	const char *at =
	    config_text(s->loaded->config, SETTING_api_metrics_listen);

	if (*at == '\0')
		return ST_OK;
	return node_spawn(s->node, &metrics_class, 0, 0, 0, NULL);
}

static struct link_tls_config
stage_tls_config(const struct stage *s)
{
	const struct config *c = s->loaded->config;

	return (struct link_tls_config){
		.name = topology_node(s->loaded->topology, s->number)->name,
		.certfile = config_text(c, SETTING_runtime_link_certfile),
		.keyfile = config_text(c, SETTING_runtime_link_keyfile),
		.ca_certs = config_text(c, SETTING_runtime_link_ca_certs),
		.peers = s->peers,
		.npeers = s->npeers,
		.shake_ms =
		    config_u64(c, SETTING_runtime_link_handshake_timeout_ms),
	};
}

static enum status
stage_open_tls(struct stage *s, char why[STAGE_WHY_SIZE])
{
	const struct link_tls_config c = stage_tls_config(s);

	if (*c.certfile == '\0')
		return ST_OK;
	return link_tls_create(&c, &s->tls, why);
}

static void
stage_find_peers(struct stage *s)
{
	const struct topology *t = s->loaded->topology;

	for (unsigned i = 0; i < topology_node_count(t); i++)
		if (i != s->number)
			s->peers[s->npeers++] = (struct link_peer){ (uint16_t)i,
				topology_node(t, i)->name,
				topology_node(t, i)->listen };
}

static enum status
stage_open_links(struct stage *s, char why[STAGE_WHY_SIZE])
{
	const struct topology *t = s->loaded->topology;
	const struct topology_node *me = topology_node(t, s->number);
	struct bridge_config c = { .listen = me->listen,
		.peers = s->peers,
		.topology = topology_digest(t),
		.key_of = stage_key_of,
		.key_ctx = s };
	enum status st;

	if (topology_node_count(t) < 2)
		return ST_OK;
	stage_find_peers(s);
	st = node_keys_load(stage_dir(s->loaded), me->name, &s->keys, why);
	if (st == ST_OK)
		st = stage_open_tls(s, why);
	if (st != ST_OK)
		return st;
	c.npeers = s->npeers;
	c.keys = s->keys;
	c.tls = s->tls;
	st = bridge_create(s->node, &c, &s->bridge);
	if (st != ST_OK)
		return node_keys_failed(
		    why, "cannot listen on", me->listen, status_text(st));
	return ST_OK;
}

enum status
stage_create(const struct loaded *l, unsigned node,
    const struct stage_calls *calls, struct stage **ret_stage,
    char why[STAGE_WHY_SIZE])
{
	struct stage *s = calloc(1, sizeof(*s));
	struct node_config c = { .number = node,
		.name = topology_node(l->topology, node)->name,
		.clock = fault_clock(),
		.config = l->config,
		.loops = topology_node(l->topology, node)->loops,
		.threaded = true,
		.work_threads = { STAGE_CPU_THREADS, STAGE_DISK_THREADS },
		.where = stage_where,
		.shards = stage_shards,
		.topology = s,
		.on_failed = calls->on_failed,
		.is_wanted = calls->is_wanted,
		.calls_ctx = calls->ctx };
	enum status st;

	if (s == NULL)
		return ST_NO_MEMORY;
	s->loaded = l;
	s->number = node;
	snprintf(why, STAGE_WHY_SIZE, "out of memory");
	st = node_create(&c, &s->node);
	if (st == ST_OK)
		st = stage_spawn_all(s);
	if (st == ST_OK)
		st = stage_spawn_metrics(s);
	if (st == ST_OK)
		st = stage_open_links(s, why);
	if (st != ST_OK) {
		stage_destroy(s);
		return st;
	}
	*ret_stage = s;
	return ST_OK;
}

void
stage_destroy(struct stage *s)
{
	if (s == NULL)
		return;
	bridge_destroy(s->bridge);
	node_destroy(s->node);
	link_tls_destroy(s->tls);
	seal_keypair_destroy(s->keys);
	free(s);
}

void
stage_reload(struct stage *s)
{
	const struct link_tls_config c = stage_tls_config(s);
	char why[LINK_TLS_WHY_SIZE];

	/* The log has said why not. */
	if (s->tls != NULL)
		(void)!link_tls_reload(s->tls, &c, why);
}

struct node *
stage_node(struct stage *s)
{
	return s->node;
}

void
stage_tell(const struct loaded *l, const char *node, const char *announced)
{
	char path[STAGE_PATH_SIZE];
	char temporary[STAGE_PATH_SIZE + 8];
	FILE *f;

	snprintf(
	    path, sizeof(path), "%.4096s/run/%.64s.json", stage_dir(l), node);
	if (announced == NULL) {
		(void)unlink(path);
		return;
	}
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	f = fopen(temporary, "we");
	if (f == NULL)
		return;
	fprintf(f, "{\"node\":\"%s\",\"pid\":%ld,\"announced\":", node,
	    (long)getpid());
	cmd_json_text(f, announced);
	fprintf(f, "}\n");
	if (fclose(f) == 0)
		(void)rename(temporary, path);
}
