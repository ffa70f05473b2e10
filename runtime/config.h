/*
 * config - the settings a node starts with, and where each came from.
 *
 * A flag (--set api.server.port=80) wins over the environment
 * (TROUPE_API_SERVER_PORT), that over the file, that over the default of
 * settings.def.  Whatever the settings actor has stored comes on top later
 * and is not known here.  Every mistake is told at once (mistake.h); with one
 * there is no config.  An unknown TROUPE_ variable is only a warning: other
 * programs name theirs so.  SYNTHORG_ variables are not read.
 *
 * What config_load gives is sealed: its pages are read-only, so any thread
 * may read it and a write ends the process.
 */
#ifndef RUNTIME_CONFIG_H
#define RUNTIME_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/setting.h"
#include "runtime/base/bytes.h"
#include "runtime/base/network.h"
#include "runtime/base/status.h"
#include "runtime/mistake.h"

#define CONFIG_PATH_SIZE 8192

struct config;

/* Zero is valid: no file, no environment, no flags. */
struct config_input {
	const char *file;        /* NULL: none; else it must exist */
	struct bytes text;       /* if at is set, the bytes of file */
	char *const *env;        /* environ, or NULL */
	const char *const *sets; /* "namespace.key=value" each */
	size_t nsets;
};

enum config_origin {
	CONFIG_DEFAULT,
	CONFIG_FILE,
	CONFIG_ENV,
	CONFIG_FLAG,
	CONFIG_STORED
};

/* INVALID after at least one error in m; warnings alone are OK. */
MUST_CHECK enum status config_load(const struct config_input *in,
    struct mistakes *m, struct config **ret_config);
void config_destroy(struct config *c); /* NULL is fine */

/* An override as the settings actor tells of it. */
struct config_override {
	const char *space;
	const char *key;
	const char *value;
};

/*
 * base, which must live longer, with overrides on top, which win.  INVALID
 * after at least one error in m: together they are no configuration.
 */
MUST_CHECK enum status config_overlay(const struct config *base,
    const struct config_override *overrides, size_t count, struct mistakes *m,
    struct config **ret_config);
/* Only what is wrong with them; not whole: half a pair is no mistake.
 * NO_MEMORY: m may lack some. */
MUST_CHECK enum status config_check(const struct config *base,
    const struct config_override *overrides, size_t count, bool is_whole,
    struct mistakes *m);

bool config_bool(const struct config *c, enum setting_id id);

/* Of U64 and BYTES. */
uint64_t config_u64(const struct config *c, enum setting_id id);

/* The index of an ENUM's word in settings.def. */
size_t config_choice(const struct config *c, enum setting_id id);

/* The value as text; a PATH is cleaned, "" when unset.  Lives with c. */
const char *config_text(const struct config *c, enum setting_id id);

/* The items of NETWORKS; n from 0 until NULL. */
const struct network *config_network(
    const struct config *c, enum setting_id id, size_t n);

/*
 * A PATH as to be opened: relative ones stand under runtime.data_dir, but
 * runtime.data_dir itself and the TLS files do not.  FULL if it is too long.
 */
MUST_CHECK enum status config_path(
    const struct config *c, enum setting_id id, char *ret_path, size_t size);

enum config_origin config_origin(const struct config *c, enum setting_id id);
const char *config_origin_text(enum config_origin origin);

/* The line in the file; 0 when it does not come from one. */
unsigned config_line(const struct config *c, enum setting_id id);

/* The server listens on every interface with neither TLS nor a proxy. */
bool config_is_exposed(const struct config *c);

#endif
