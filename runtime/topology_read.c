#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/decimal.h"
#include "runtime/base/suggest.h"
#include "runtime/topology_table.h"
#include "runtime/topology_url.h"

/* The only actor that may stand in several places. */
#define REPLICATED_ACTOR "gateway"
#define DIVIDED_ACTOR "event-hub"

/* What the file says of one actor on one node. */
struct actor_wish {
	const struct topology_actor *actor;
	unsigned line;
	unsigned shards;
	unsigned loop;
	bool has_shards;
	bool has_loop;
};

static const struct topology_actor *
actor_find(const char *name)
{
	const struct topology_actor *a;

	for (size_t i = 0; (a = topology_actor_nth(i)) != NULL; i++)
		if (strcmp(a->name, name) == 0)
			return a;
	return NULL;
}

static bool
actor_may_repeat(const struct topology_actor *actor)
{
	return strcmp(actor->name, REPLICATED_ACTOR) == 0;
}

/* Into shards on one node: by connection, or by channel. */
static bool
actor_may_divide(const struct topology_actor *actor)
{
	return actor_may_repeat(actor) ||
	       strcmp(actor->name, DIVIDED_ACTOR) == 0;
}

static struct place
at(const struct topology_build *b, unsigned line, const char *key)
{
	return (struct place){ b->file, line, key };
}

static void
topology_tell_kind(struct topology_build *b, const struct yaml_node *n,
    const char *key, const char *expected)
{
	mistakes_add(b->mistakes, at(b, n->line, key), "expected %s, found %s",
	    expected, yaml_kind_text(n->kind));
}

static void
topology_tell_unknown(struct topology_build *b, const struct yaml_node *n,
    const char *const *known, size_t count)
{
	struct suggest near;

	suggest_init(&near, n->key);
	for (size_t i = 0; i < count; i++)
		suggest_offer(&near, known[i]);
	if (near.best == NULL)
		mistakes_add(b->mistakes, at(b, n->key_line, n->key),
		    "is not known here");
	else
		mistakes_add(b->mistakes, at(b, n->key_line, n->key),
		    "is not known here; did you mean %s?", near.best);
}

/* A whole number from min to max, else told. */
static bool
topology_count(struct topology_build *b, const struct yaml_node *n,
    unsigned min, unsigned max, unsigned *ret_count)
{
	uint64_t count;

	if (n->kind == YAML_TEXT && decimal_parse(n->text, max, &count) &&
	    count >= min) {
		*ret_count = (unsigned)count;
		return true;
	}
	mistakes_add(b->mistakes, at(b, n->line, n->key),
	    "expected a whole number from %u to %u", min, max);
	return false;
}

static void
topology_add(
    struct topology_build *b, const struct actor_wish *w, unsigned loop)
{
	struct topology *t = b->topology;

	assert(t->place_count < TOPOLOGY_PLACES_MAX);
	t->places[t->place_count++] = (struct topology_place){
		.name = w->actor->name,
		.actor = w->actor->number,
		.shard = (unsigned)topology_shards(t, w->actor->number),
		.node = (unsigned)t->node_count - 1,
		.loop = loop,
	};
}

static bool
topology_on_node(const struct topology *t, unsigned actor)
{
	for (size_t i = 0; i < t->place_count; i++)
		if (t->places[i].actor == actor &&
		    t->places[i].node == t->node_count - 1)
			return true;
	return false;
}

/* Whether the wish agrees with what was placed before; else told. */
static bool
topology_may_place(struct topology_build *b, const struct actor_wish *w)
{
	const struct topology *t = b->topology;
	const struct topology_place *had =
	    topology_find(t, w->actor->number, 0);
	struct place where = at(b, w->line, w->actor->name);

	if (had != NULL && !actor_may_repeat(w->actor))
		mistakes_add(b->mistakes, where,
		    "is placed twice; the first is on node %s",
		    t->nodes[had->node].name);
	else if (topology_on_node(t, w->actor->number))
		mistakes_add(b->mistakes, where,
		    "is placed twice on this node; write shards: 2");
	else if (w->has_shards && w->shards > 1 && !actor_may_divide(w->actor))
		mistakes_add(
		    b->mistakes, where, "cannot be divided into shards");
	else if (topology_shards(t, w->actor->number) + w->shards >
		 TOPOLOGY_SHARDS_MAX)
		mistakes_add(b->mistakes, where, "has more than %d shards",
		    TOPOLOGY_SHARDS_MAX);
	else
		return true;
	return false;
}

static void
topology_place_actor(struct topology_build *b, struct actor_wish *w)
{
	const struct topology *t = b->topology;
	unsigned loops = t->nodes[t->node_count - 1].loops;
	bool spread = actor_may_repeat(w->actor) && !w->has_loop;

	if (!w->has_shards)
		w->shards = spread ? loops : 1;
	if (w->has_loop && w->loop >= loops) {
		mistakes_add(b->mistakes, at(b, w->line, w->actor->name),
		    "loop %u is not there; the node has %u, from 0", w->loop,
		    loops);
		return;
	}
	if (!topology_may_place(b, w))
		return;
	for (unsigned i = 0; i < w->shards; i++)
		topology_add(b, w, spread ? i % loops : w->loop);
}

static void
wish_read(
    struct topology_build *b, const struct yaml_node *n, struct actor_wish *w)
{
	static const char *const known[] = { "shards", "loop" };

	for (n = n->first; n != NULL; n = n->next) {
		if (strcmp(n->key, "shards") == 0)
			w->has_shards = topology_count(
			    b, n, 1, TOPOLOGY_SHARDS_MAX, &w->shards);
		else if (strcmp(n->key, "loop") == 0)
			w->has_loop = topology_count(
			    b, n, 0, TOPOLOGY_LOOPS_MAX - 1, &w->loop);
		else
			topology_tell_unknown(b, n, known, 2);
	}
}

static void
topology_read_actor(struct topology_build *b, const struct yaml_node *n,
    const char *name, unsigned line)
{
	struct actor_wish w = { .actor = actor_find(name), .line = line };
	struct suggest near;

	if (w.actor != NULL) {
		b->named[w.actor - topology_actor_nth(0)] = true;
		wish_read(b, n, &w);
		topology_place_actor(b, &w);
		return;
	}
	suggest_init(&near, name);
	for (size_t i = 0; topology_actor_nth(i) != NULL; i++)
		suggest_offer(&near, topology_actor_nth(i)->name);
	if (near.best == NULL)
		mistakes_add(b->mistakes, at(b, line, name), "is no actor");
	else
		mistakes_add(b->mistakes, at(b, line, name),
		    "is no actor; did you mean %s?", near.best);
}

static void
topology_read_actors(struct topology_build *b, const struct yaml_node *actors)
{
	bool map = actors->kind == YAML_MAP;

	if (!map && actors->kind != YAML_LIST) {
		topology_tell_kind(b, actors, "actors", "a list or a map");
		return;
	}
	for (const struct yaml_node *n = actors->first; n; n = n->next) {
		if (map && (n->kind == YAML_NONE || n->kind == YAML_MAP))
			topology_read_actor(b, n, n->key, n->key_line);
		else if (!map && n->kind == YAML_TEXT)
			topology_read_actor(b, n, n->text, n->line);
		else
			topology_tell_kind(b, n, n->key,
			    map ? "shards and loop, or nothing"
				: "an actor's name");
	}
}

static void
topology_read_listen(struct topology_build *b, const struct yaml_node *n,
    struct topology_node *node)
{
	const struct topology *t = b->topology;
	const char *why = "expected an address";
	struct place where = at(b, n->line, "listen");

	snprintf(node->given, sizeof(node->given), "%s",
	    n->kind == YAML_TEXT ? n->text : "?");
	if (n->kind != YAML_TEXT || strlen(n->text) > TOPOLOGY_URL_MAX ||
	    topology_url_resolve(n->text, b->data_dir, node->listen,
		sizeof(node->listen), &why) != ST_OK) {
		node->listen[0] = '\0';
		mistakes_add(b->mistakes, where, "%s", why);
		return;
	}
	for (size_t i = 0; i + 1 < t->node_count; i++)
		if (strcmp(t->nodes[i].listen, node->listen) == 0)
			mistakes_add(b->mistakes, where,
			    "is the address of node %s too", t->nodes[i].name);
}

/* Loops come before actors, whatever their order: placing needs them. */
static void
topology_read_node(struct topology_build *b, const struct yaml_node *from,
    struct topology_node *node)
{
	static const char *const known[] = { "listen", "loops", "actors" };
	const struct yaml_node *actors = NULL;

	for (const struct yaml_node *n = from->first; n; n = n->next) {
		if (strcmp(n->key, "actors") == 0)
			actors = n;
		else if (strcmp(n->key, "listen") == 0)
			topology_read_listen(b, n, node);
		else if (strcmp(n->key, "loops") != 0)
			topology_tell_unknown(b, n, known, 3);
		else if (!topology_count(
			     b, n, 1, TOPOLOGY_LOOPS_MAX, &node->loops))
			node->loops = TOPOLOGY_LOOPS_MAX; /* told once */
	}
	if (actors != NULL)
		topology_read_actors(b, actors);
	else
		mistakes_add(b->mistakes, at(b, from->key_line, node->name),
		    "has no actors");
}

/* Lower-case letters, digits and '-', a letter first. */
static bool
node_name_is_valid(const char *name)
{
	size_t size = strlen(name);

	if (size == 0 || size > TOPOLOGY_NAME_MAX)
		return false;
	if (name[0] < 'a' || name[0] > 'z')
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == size;
}

static void
topology_read_nodes(struct topology_build *b, const struct yaml_node *nodes)
{
	struct topology *t = b->topology;

	for (const struct yaml_node *n = nodes->first; n; n = n->next) {
		struct topology_node *node;

		if (!node_name_is_valid(n->key)) {
			mistakes_add(b->mistakes, at(b, n->key_line, n->key),
			    "expected a name of a-z, 0-9 and '-', at most "
			    "%d bytes",
			    TOPOLOGY_NAME_MAX);
			continue;
		}
		if (t->node_count == TOPOLOGY_NODES_MAX) {
			mistakes_add(b->mistakes, at(b, n->key_line, n->key),
			    "is one node too many; there may be %d",
			    TOPOLOGY_NODES_MAX);
			return;
		}
		node = &t->nodes[t->node_count++];
		snprintf(node->name, sizeof(node->name), "%s", n->key);
		node->line = n->key_line;
		node->loops = 1;
		if (n->kind == YAML_MAP)
			topology_read_node(b, n, node);
		else
			topology_tell_kind(b, n, n->key, "listen and actors");
	}
}

/* A loop with no actor is a thread for nothing. */
static void
topology_warn_idle(struct topology_build *b, size_t node)
{
	const struct topology *t = b->topology;
	bool used[TOPOLOGY_LOOPS_MAX] = { false };
	bool any = false;

	for (size_t i = 0; i < t->place_count; i++)
		if (t->places[i].node == node)
			any = used[t->places[i].loop] = true;
	for (unsigned i = 0; any && i < t->nodes[node].loops; i++)
		if (!used[i])
			mistakes_warn(b->mistakes,
			    at(b, t->nodes[node].line, t->nodes[node].name),
			    "loop %u has no actor", i);
}

/* What no node can say alone. */
static void
topology_cross_check(struct topology_build *b)
{
	const struct topology *t = b->topology;

	const struct topology_actor *a;

	for (size_t i = 0; (a = topology_actor_nth(i)) != NULL; i++)
		if (!b->named[i])
			mistakes_add(b->mistakes, at(b, 0, a->name),
			    "is placed on no node");
	for (size_t i = 0; i < t->node_count; i++) {
		const struct topology_node *n = &t->nodes[i];

		if (t->node_count > 1 && n->given[0] == '\0')
			mistakes_add(b->mistakes, at(b, n->line, n->name),
			    "needs a listen address, as there are others");
		topology_warn_idle(b, i);
	}
}

void
topology_read(struct topology_build *b, const struct yaml_node *root)
{
	static const char *const known[] = { "nodes" };
	bool found = false;

	if (root->kind != YAML_MAP) {
		topology_tell_kind(b, root, NULL, "a map with nodes");
		return;
	}
	for (const struct yaml_node *n = root->first; n; n = n->next) {
		if (strcmp(n->key, "nodes") != 0) {
			topology_tell_unknown(b, n, known, 1);
			continue;
		}
		found = true;
		if (n->kind == YAML_MAP)
			topology_read_nodes(b, n);
		else
			topology_tell_kind(b, n, n->key, "a map of nodes");
	}
	if (!found)
		mistakes_add(
		    b->mistakes, at(b, root->line, "nodes"), "is missing");
	else
		topology_cross_check(b);
}
