/*
 * node_keys - the keys by which nodes know one another, in a data folder:
 *   keys/NODE.key  a node's secret key, 0600; keys/NODE.pub  its public key
 *
 * Nodes of one data folder find each other's by themselves; those of several
 * hosts have them from troupe certify.
 */
#ifndef OPS_NODE_KEYS_H
#define OPS_NODE_KEYS_H

#include <stdbool.h>

#include "runtime/seal.h"

#define NODE_KEYS_PATH_SIZE 4352
#define NODE_KEYS_WHY_SIZE 256

/* Each folder on the way, for the owner alone.  IO with a reason in why. */
MUST_CHECK enum status node_keys_folder(
    const char *path, char ret_why[NODE_KEYS_WHY_SIZE]);

/* A node's own, made if there are none, and published.  IO. */
MUST_CHECK enum status node_keys_load(const char *dir, const char *node,
    struct seal_keypair **ret_keys, char ret_why[NODE_KEYS_WHY_SIZE]);

/* Writes the public half.  IO. */
MUST_CHECK enum status node_keys_publish(const char *dir, const char *node,
    const struct seal_keypair *keys, char ret_why[NODE_KEYS_WHY_SIZE]);

/* False: it is not there. */
bool node_keys_find(
    const char *dir, const char *node, uint8_t ret_public[SEAL_PUBLIC_SIZE]);

/* IO, after the sentence "what path: reason". */
MUST_CHECK enum status node_keys_failed(char ret_why[NODE_KEYS_WHY_SIZE],
    const char *what, const char *path, const char *reason);

#endif
