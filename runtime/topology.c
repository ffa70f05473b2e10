#include "runtime/topology.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/fnv.h"
#include "runtime/topology_table.h"
#include "runtime/yaml.h"

#define TOPOLOGY_DEFAULT_NODE "all"

static const struct topology_actor topology_actors[] = {
#define ACTOR(id, number, name, hears, purpose) { (number), (name) },
#include "protocols/actors.def"
#undef ACTOR
};

const struct topology_actor *
topology_actor_nth(size_t n)
{
	return n < TOPOLOGY_ACTORS ? &topology_actors[n] : NULL;
}

/* What a file with one node, one loop and every actor would give. */
static void
topology_fill_default(struct topology *t)
{
	memcpy(t->nodes[0].name, TOPOLOGY_DEFAULT_NODE,
	    sizeof(TOPOLOGY_DEFAULT_NODE));
	t->nodes[0].loops = 1;
	t->node_count = 1;
	for (size_t i = 0; i < TOPOLOGY_ACTORS; i++)
		t->places[t->place_count++] = (struct topology_place){
			.name = topology_actors[i].name,
			.actor = topology_actors[i].number,
		};
}

static void
topology_take(struct topology_build *b, struct bytes text)
{
	struct arena a = { malloc(YAML_ARENA_SIZE + YAML_BYTES_MAX + 1),
		YAML_ARENA_SIZE + YAML_BYTES_MAX + 1, 0 };
	struct place whole = { b->file, 0, NULL };
	struct yaml_node *root;

	if (a.base == NULL)
		mistakes_add(
		    b->mistakes, whole, "%s", status_text(ST_NO_MEMORY));
	else if ((text.at != NULL ||
		     yaml_read(b->file, &a, b->mistakes, &text) == ST_OK) &&
		 yaml_parse(text, b->file, &a, b->mistakes, &root) == ST_OK)
		topology_read(b, root);
	free(a.base);
}

enum status
topology_load(const struct topology_input *in, struct mistakes *m,
    struct topology **ret_topology)
{
	struct topology *t = calloc(1, sizeof(*t));
	struct topology_build b = { .topology = t,
		.mistakes = m,
		.file = in->file,
		.data_dir = in->data_dir };
	size_t before = m->errors;

	assert(in->data_dir != NULL);
	if (t == NULL)
		return ST_NO_MEMORY;
	if (in->file == NULL)
		topology_fill_default(t);
	else
		topology_take(&b, in->text);
	if (m->errors > before) {
		free(t);
		return ST_INVALID;
	}
	*ret_topology = t;
	return ST_OK;
}

void
topology_destroy(struct topology *t)
{
	free(t);
}

const struct topology_node *
topology_node(const struct topology *t, size_t n)
{
	return n < t->node_count ? &t->nodes[n] : NULL;
}

const struct topology_place *
topology_place(const struct topology *t, size_t n)
{
	return n < t->place_count ? &t->places[n] : NULL;
}

size_t
topology_node_count(const struct topology *t)
{
	return t->node_count;
}

enum status
topology_find_node(
    const struct topology *t, const char *name, unsigned *ret_node)
{
	for (size_t i = 0; i < t->node_count; i++) {
		if (strcmp(t->nodes[i].name, name) == 0) {
			*ret_node = (unsigned)i;
			return ST_OK;
		}
	}
	return ST_NOT_FOUND;
}

const struct topology_place *
topology_find(const struct topology *t, unsigned actor, unsigned shard)
{
	for (size_t i = 0; i < t->place_count; i++)
		if (t->places[i].actor == actor && t->places[i].shard == shard)
			return &t->places[i];
	return NULL;
}

size_t
topology_shards(const struct topology *t, unsigned actor)
{
	size_t n = 0;

	for (size_t i = 0; i < t->place_count; i++)
		n += t->places[i].actor == actor;
	return n;
}

static void
digest_number(uint64_t *digest, unsigned n)
{
	for (unsigned shift = 0; shift < 32; shift += 8)
		*digest = fnv_byte(*digest, (uint8_t)(n >> shift));
}

uint64_t
topology_digest(const struct topology *t)
{
	uint64_t digest = FNV_BASIS;

	for (size_t i = 0; i < t->node_count; i++) {
		digest = fnv_text(digest, t->nodes[i].name);
		digest = fnv_text(digest, t->nodes[i].given);
		digest_number(&digest, t->nodes[i].loops);
	}
	for (size_t i = 0; i < t->place_count; i++) {
		digest_number(&digest, t->places[i].actor);
		digest_number(&digest, t->places[i].shard);
		digest_number(&digest, t->places[i].node);
		digest_number(&digest, t->places[i].loop);
	}
	return digest;
}
