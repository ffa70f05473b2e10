/*
 * yaml - a YAML document as a small tree that remembers its lines.
 *
 * One document of maps, lists and plain or quoted texts.  Anchors, aliases,
 * tags and directives are refused: no value here is made by a reference.  Every
 * mistake of form and every duplicate key is told; libfyaml does the scanning.
 * Bounds: YAML_BYTES_MAX, YAML_NODES_MAX, YAML_DEPTH_MAX, YAML_TEXT_MAX.
 * One thread; the tree lives in the caller's arena.
 */
#ifndef RUNTIME_YAML_H
#define RUNTIME_YAML_H

#include <stdbool.h>

#include "runtime/base/arena.h"
#include "runtime/base/bytes.h"
#include "runtime/base/status.h"
#include "runtime/mistake.h"

#define YAML_BYTES_MAX ((size_t)256 * 1024)
#define YAML_NODES_MAX 4096
#define YAML_DEPTH_MAX 16
#define YAML_TEXT_MAX 65536
/* Enough arena for any document within the bounds. */
#define YAML_ARENA_SIZE ((size_t)1536 * 1024)

enum yaml_kind { YAML_NONE, YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind; /* NONE: nothing, ~ or null stands there */
	unsigned line;       /* from 1 */
	const char *key;     /* of a member of a map, else NULL */
	unsigned key_line;
	const char *text; /* of TEXT; no NUL within */
	struct yaml_node *first;
	struct yaml_node *next;
};

/*
 * Reads all of text, which came from file.  *ret_root is never NULL when OK;
 * an empty document is a NONE.  Mistakes that leave the rest readable, as a
 * duplicate key, are told and left out of the tree; INVALID, with a mistake
 * told, if the form itself is broken.
 */
MUST_CHECK enum status yaml_parse(struct bytes text, const char *file,
    struct arena *a, struct mistakes *m, struct yaml_node **ret_root);

/*
 * Reads a file for yaml_parse into a.  INVALID with a mistake told if it is
 * absent, no file, unreadable or over YAML_BYTES_MAX.
 */
MUST_CHECK enum status yaml_read(const char *file, struct arena *a,
    struct mistakes *m, struct bytes *ret_text);

/* "a list", for messages. */
const char *yaml_kind_text(enum yaml_kind kind);

#endif
