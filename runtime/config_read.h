/*
 * config_read - finds the settings in a file, the environment and flags.
 *
 * It knows where a setting may stand and what is no setting; whether a value
 * is one is for put to say.  Part of config; one thread.
 */
#ifndef RUNTIME_CONFIG_READ_H
#define RUNTIME_CONFIG_READ_H

#include "protocols/setting.h"
#include "runtime/base/arena.h"
#include "runtime/base/bytes.h"
#include "runtime/mistake.h"

/* text and at are borrowed for the call. */
typedef void (*config_put_fn)(
    void *ctx, const struct setting *s, const char *text, struct place at);

struct config_reader {
	config_put_fn put;
	void *ctx;
	struct mistakes *mistakes;
	struct arena *scratch; /* YAML_ARENA_SIZE and a value more */
};

#define CONFIG_SCRATCH_SIZE (YAML_ARENA_SIZE + 2 * (size_t)YAML_BYTES_MAX)

/* Opens file unless text has its bytes. */
void config_read_file(
    const struct config_reader *r, const char *file, struct bytes text);
void config_read_env(const struct config_reader *r, char *const *env);
void config_read_sets(
    const struct config_reader *r, const char *const *sets, size_t nsets);

#endif
