/*
 * setting - what can be configured, from settings.def.
 *
 * A value is text wherever it comes from: a file, the environment, a flag,
 * the settings actor.  Whoever takes one asks setting_check first.
 * Stateless; any thread.
 */
#ifndef PROTOCOLS_SETTING_H
#define PROTOCOLS_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/status.h"

#define SETTING_VALUE_MAX 65536
#define SETTING_ITEMS_MAX 64 /* of any list in settings.def */
#define SETTING_ITEM_MAX 255 /* bytes of one item */
#define SETTING_NAME_SIZE 128
#define SETTING_WHY_SIZE 384

enum setting_id {
#define SETTING_AT(id, ns, key, place, kind, dflt, min, max, flags, doc) \
	SETTING_##id,
#define SETTING(id, ns, key, kind, dflt, min, max, flags, doc) SETTING_##id,
#include "protocols/settings.def"
#undef SETTING
#undef SETTING_AT
	SETTING_COUNT
};

enum setting_kind {
	SETTING_BOOL,
	SETTING_U64,
	SETTING_BYTES,
	SETTING_TEXT,
	SETTING_PATH,
	SETTING_NETWORKS,
	SETTING_CHANNELS,
	SETTING_ENUM,
};

enum setting_flag {
	SETTING_LIVE = 1,
	SETTING_RESTART = 2,
	SETTING_SENSITIVE = 4,
	SETTING_CONFINED = 8,
	SETTING_BOOT = 16,
	SETTING_GUARDED = 32,
};

struct setting {
	const char *space; /* the namespace */
	const char *key;
	const char *place; /* in a file; NULL: namespace.key */
	enum setting_kind kind;
	const char *values; /* of an ENUM: "a|b|c" */
	const char *value;  /* the default */
	uint64_t min;
	uint64_t max;
	unsigned flags; /* of enum setting_flag */
	const char *doc;
};

/* In the order of the list, which is enum setting_id; NULL past its end. */
const struct setting *setting_nth(size_t n);

/* NULL when there is none of that address. */
const struct setting *setting_find(const char *space, const char *key);

/* By its place in a file, or by namespace.key; NULL when there is none. */
const struct setting *setting_find_place(const char *place);

/* May its value be a list? */
static inline bool
setting_is_list(const struct setting *s)
{
	return s->kind == SETTING_NETWORKS || s->kind == SETTING_CHANNELS;
}

bool setting_has_namespace(const char *space);
enum setting_id setting_id(const struct setting *s);

/* "bool", "integer", ... for people and the settings' schema. */
const char *setting_kind_text(enum setting_kind kind);

/* Never truncate in SETTING_NAME_SIZE bytes.  Address: namespace/key. */
void setting_address(
    const struct setting *s, char ret_address[SETTING_NAME_SIZE]);
void setting_place(const struct setting *s, char ret_place[SETTING_NAME_SIZE]);
void setting_env_name(
    const struct setting *s, char ret_name[SETTING_NAME_SIZE]);

/* The nth word of an ENUM, its length in *ret_size; NULL past its end. */
const char *setting_word(const struct setting *s, size_t n, size_t *ret_size);

/*
 * INVALID and why, a sentence that never repeats the value, if text is no
 * value of s.  Else *ret_number is the number, 0 or 1 of a BOOL, the index of
 * an ENUM's word, the items of a list; 0 for others.
 */
MUST_CHECK enum status setting_check(const struct setting *s, const char *text,
    uint64_t *ret_number, char ret_why[SETTING_WHY_SIZE]);

/*
 * What a checked value means: a PATH without "//" and "." components, or ""
 * when blank; any other value as it is.  Needs strlen(text) + 1 bytes.
 */
void setting_clean(const struct setting *s, const char *text, char *ret_text);

/*
 * Walks a list, written as a JSON array of strings or with commas between
 * its items; borrows text.  next is NOT_FOUND at the end and INVALID if the
 * rest is no list or an item is over its bound.
 */
struct setting_items {
	const char *at;
	bool array;
};

void setting_items_init(struct setting_items *it, const char *text);
MUST_CHECK enum status setting_items_next(
    struct setting_items *it, char ret_item[SETTING_ITEM_MAX + 1]);

#endif
