/*
 * stage - everything one node needs around it: its folder, its keys, its
 * links, its actors in their places.
 *
 * The data folder holds, besides what actors keep there:
 *   keys/NODE.key  the node's secret key, 0600; keys/NODE.pub  its public key
 *   run/NODE.json  who runs as that node now: pid, since, what it announced
 */
#ifndef OPS_STAGE_H
#define OPS_STAGE_H

#include "ops/loaded.h"
#include "ops/node_keys.h"
#include "runtime/bridge.h"
#include "runtime/node.h"

#define STAGE_PATH_SIZE NODE_KEYS_PATH_SIZE
#define STAGE_WHY_SIZE NODE_KEYS_WHY_SIZE

struct stage;

/* Makes folders and keys that are missing. IO with a reason in why. */
MUST_CHECK enum status stage_prepare(
    const struct loaded *l, char why[STAGE_WHY_SIZE]);

/* The keys of one node, made if it has none. */
MUST_CHECK enum status stage_make_keys(
    const struct loaded *l, const char *node, char why[STAGE_WHY_SIZE]);

struct stage_calls {
	void (*on_failed)(void *ctx, const char *actor, const char *why);
	bool (*is_wanted)(void *ctx);
	void *ctx;
};

/* A node with its actors, not started. */
MUST_CHECK enum status stage_create(const struct loaded *l, unsigned node,
    const struct stage_calls *calls, struct stage **ret_stage,
    char why[STAGE_WHY_SIZE]);
void stage_destroy(struct stage *s); /* after node_stop; NULL is fine */
struct node *stage_node(struct stage *s);

/* The certificate of its links is read again; the log tells how it went. */
void stage_reload(struct stage *s);

/* Writes run/NODE.json; takes it away when announced is NULL. */
void stage_tell(
    const struct loaded *l, const char *node, const char *announced);

#endif
