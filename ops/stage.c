#include "ops/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/metrics.h"
#include "ops/cast.h"
#include "runtime/base/fault.h"
#include "runtime/base/text.h"

#define STAGE_CPU_THREADS 2  /* Argon2id takes a core and 64 MiB each */
#define STAGE_DISK_THREADS 4 /* a backup has three at once */

struct stage {
	const struct loaded *loaded;
	unsigned number;
	struct node *node;
	struct bridge *bridge;
	struct seal_keypair *keys;
	struct link_peer peers[TOPOLOGY_NODES_MAX];
};

static const char *
stage_dir(const struct loaded *l)
{
	return config_text(l->config, SETTING_runtime_data_dir);
}

static enum status
stage_failed(char why[STAGE_WHY_SIZE], const char *what, const char *path,
    const char *reason)
{
	snprintf(why, STAGE_WHY_SIZE, "%s %.160s: %.64s", what, path, reason);
	return ST_IO;
}

/* Each folder on the way, for the owner alone. */
static enum status
stage_make_folder(const char *path, char why[STAGE_WHY_SIZE])
{
	char part[STAGE_PATH_SIZE];

	for (const char *at = path; *at != '\0'; at++) {
		at = strchr(at + 1, '/');
		if (at == NULL)
			at = path + strlen(path);
		snprintf(part, sizeof(part), "%.*s", (int)(at - path), path);
		if (mkdir(part, 0700) != 0 && errno != EEXIST)
			return stage_failed(why, "cannot make the folder", part,
			    strerror(errno));
		if (*at == '\0')
			break;
	}
	if (access(path, W_OK | X_OK) != 0)
		return stage_failed(
		    why, "cannot write in", path, strerror(errno));
	return ST_OK;
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
		st = stage_make_folder(path, why);
	}
	return st;
}

static void
stage_key_path(const struct loaded *l, const char *node, const char *ending,
    char ret_path[STAGE_PATH_SIZE])
{
	snprintf(ret_path, STAGE_PATH_SIZE, "%.4096s/keys/%.64s%s",
	    stage_dir(l), node, ending);
}

static enum status
stage_write_public(const struct loaded *l, const char *node,
    const struct seal_keypair *keys, char why[STAGE_WHY_SIZE])
{
	char path[STAGE_PATH_SIZE];
	char temporary[STAGE_PATH_SIZE + 8];
	char hex[2 * SEAL_PUBLIC_SIZE + 1];
	FILE *f;

	stage_key_path(l, node, ".pub", path);
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	text_hex(seal_keypair_public(keys), SEAL_PUBLIC_SIZE, hex);
	f = fopen(temporary, "we");
	if (f == NULL || fprintf(f, "%s\n", hex) < 0 || fclose(f) != 0 ||
	    rename(temporary, path) != 0)
		return stage_failed(
		    why, "cannot write the key", path, strerror(errno));
	return ST_OK;
}

static enum status
stage_load_keys(const struct loaded *l, const char *node,
    struct seal_keypair **ret_keys, char why[STAGE_WHY_SIZE])
{
	char path[STAGE_PATH_SIZE];
	enum status st;

	stage_key_path(l, node, ".key", path);
	st = seal_keypair_load(path, ret_keys);
	if (st == ST_NOT_FOUND) {
		st = seal_keypair_create(NULL, ret_keys);
		if (st == ST_OK)
			st = seal_keypair_store(*ret_keys, path);
	}
	if (st != ST_OK)
		return stage_failed(
		    why, "cannot use the key", path, status_text(st));
	return stage_write_public(l, node, *ret_keys, why);
}

enum status
stage_make_keys(
    const struct loaded *l, const char *node, char why[STAGE_WHY_SIZE])
{
	struct seal_keypair *keys = NULL;
	enum status st = stage_load_keys(l, node, &keys, why);

	seal_keypair_destroy(keys);
	return st;
}

static bool
hex_read(const char *hex, uint8_t *ret_bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		char pair[3] = { hex[2 * i],
			hex[2 * i] == '\0' ? '\0' : hex[2 * i + 1], '\0' };
		char *end;

		ret_bytes[i] = (uint8_t)strtoul(pair, &end, 16);
		if (end != pair + 2)
			return false;
	}
	return true;
}

/* A peer's key is read each time: it may have been made after us. */
static bool
stage_key_of(void *ctx, const char *name, uint8_t ret_public[SEAL_PUBLIC_SIZE])
{
	const struct stage *s = ctx;
	char path[STAGE_PATH_SIZE];
	char hex[2 * SEAL_PUBLIC_SIZE + 2] = "";
	FILE *f;
	bool ok;

	stage_key_path(s->loaded, name, ".pub", path);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	ok = fgets(hex, sizeof(hex), f) != NULL &&
	     hex_read(hex, ret_public, SEAL_PUBLIC_SIZE);
	fclose(f);
	return ok;
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
	st = stage_load_keys(s->loaded, me->name, &s->keys, why);
	if (st != ST_OK)
		return st;
	for (unsigned i = 0; i < topology_node_count(t); i++)
		if (i != s->number)
			s->peers[c.npeers++] = (struct link_peer){ (uint16_t)i,
				topology_node(t, i)->name,
				topology_node(t, i)->listen };
	c.keys = s->keys;
	st = bridge_create(s->node, &c, &s->bridge);
	if (st != ST_OK)
		return stage_failed(
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
	seal_keypair_destroy(s->keys);
	free(s);
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
