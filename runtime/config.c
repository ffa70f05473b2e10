#include "runtime/config.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/base/arena.h"
#include "runtime/base/fault.h"
#include "runtime/base/log.h"
#include "runtime/config_read.h"
#include "runtime/door.h"
#include "runtime/yaml.h"

/*
 * Address space, not memory: beside the defaults, a value at its bound fits
 * for every setting and each of its three origins, with the networks it lists.
 */
#define CONFIG_LIST_BYTES ((SETTING_ITEMS_MAX + 1) * sizeof(struct network))
#define CONFIG_SPARE_BYTES 512 /* defaults, alignment, the struct itself */
#define CONFIG_VALUE_BYTES \
	(SETTING_VALUE_MAX + CONFIG_LIST_BYTES + CONFIG_SPARE_BYTES)
#define CONFIG_BYTES ((size_t)SETTING_COUNT * 3 * CONFIG_VALUE_BYTES)

#define SECRET_VARIETY_MIN 8

struct config_value {
	const char *text;
	uint64_t number;
	const struct network *networks;
	enum config_origin origin;
	unsigned line;
};

struct config {
	struct config_value values[SETTING_COUNT];
	struct arena arena; /* behind this struct, in the same mapping */
};

/* One load; origin tells what is being read. */
struct config_load {
	struct config *config;
	struct mistakes *mistakes;
	enum config_origin origin;
	const char *file;
	bool taken[SETTING_COUNT]; /* by this origin */
};

static struct config *
config_create(void)
{
	struct config *c = mmap(NULL, CONFIG_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (c == MAP_FAILED)
		return NULL;
	c->arena.base = (unsigned char *)(c + 1);
	c->arena.size = CONFIG_BYTES - sizeof(*c);
	return c;
}

void
config_destroy(struct config *c)
{
	if (c != NULL) {
		int bad = munmap(c, CONFIG_BYTES);

		assert(bad == 0);
	}
}

static const char *
config_keep(struct config *c, const struct setting *s, const char *text)
{
	char *copy = arena_take(&c->arena, strlen(text) + 2);

	assert(copy != NULL);
	setting_clean(s, text, copy);
	return copy;
}

static const struct network *
config_keep_networks(struct config *c, const char *text, size_t count)
{
	char item[SETTING_ITEM_MAX + 1];
	struct setting_items it;
	struct network *list =
	    arena_take(&c->arena, (count + 1) * sizeof(*list));

	assert(list != NULL);
	setting_items_init(&it, text);
	for (size_t i = 0; i < count; i++) {
		enum status st = setting_items_next(&it, item);

		assert(st == ST_OK);
		st = network_parse(item, &list[i]);
		assert(st == ST_OK);
	}
	return list;
}

static void
config_tell(struct config_load *l, const struct setting *s, const char *text,
    struct place at, const char *why)
{
	if (s->flags & SETTING_SENSITIVE)
		mistakes_add(l->mistakes, at, "%s", why);
	else
		mistakes_add(l->mistakes, at, "%s; it is '%.64s'", why, text);
}

/* Takes text as the value of s, or tells why not. */
static void
config_put(
    void *ctx, const struct setting *s, const char *text, struct place at)
{
	struct config_load *l = ctx;
	enum setting_id id = setting_id(s);
	struct config_value *v = &l->config->values[id];
	char why[SETTING_WHY_SIZE];
	uint64_t number;

	if (l->taken[id]) {
		mistakes_add(l->mistakes, at, "is set twice");
		return;
	}
	if (setting_check(s, text, &number, why) != ST_OK) {
		config_tell(l, s, text, at, why);
		return;
	}
	l->taken[id] = true;
	v->text = config_keep(l->config, s, text);
	v->number = number;
	v->origin = l->origin;
	v->line = at.line;
	if (s->kind == SETTING_NETWORKS)
		v->networks = config_keep_networks(l->config, text, number);
}

/* The next origin may set again what the last one did. */
static void
config_begin(struct config_load *l, enum config_origin origin)
{
	l->origin = origin;
	memset(l->taken, 0, sizeof(l->taken));
}

static void
config_take_defaults(struct config_load *l)
{
	const struct setting *s;

	config_begin(l, CONFIG_DEFAULT);
	for (size_t i = 0; (s = setting_nth(i)) != NULL; i++)
		config_put(l, s, s->value,
		    (struct place){ "settings.def", 0, s->key });
}

static bool
config_varies(const char *text)
{
	bool seen[UCHAR_MAX + 1] = { false };
	int different = 0;

	for (; *text != '\0'; text++) {
		different += !seen[(unsigned char)*text];
		seen[(unsigned char)*text] = true;
	}
	return different >= SECRET_VARIETY_MIN;
}

static void
config_require(
    struct config_load *l, enum setting_id missing, enum setting_id given)
{
	char place[SETTING_NAME_SIZE];
	const struct setting *s = setting_nth(given);
	const struct config_value *v = &l->config->values[given];
	struct place at = { config_origin_text(v->origin), v->line, place };

	if (v->text[0] == '\0' || l->config->values[missing].text[0] != '\0')
		return;
	if (v->origin == CONFIG_FILE)
		at.file = l->file;
	setting_place(s, place);
	mistakes_add(l->mistakes, at, "%s is required when %s is set",
	    setting_nth(missing)->key, s->key);
}

static void
config_tell_at(struct config_load *l, enum setting_id id, const char *item,
    const char *why)
{
	char place[SETTING_NAME_SIZE];
	const struct config_value *v = &l->config->values[id];
	struct place at = { v->origin == CONFIG_FILE
				? l->file
				: config_origin_text(v->origin),
		v->line, place };

	setting_place(setting_nth(id), place);
	mistakes_add(l->mistakes, at, "'%.64s': %s", item, why);
}

/* Without authorities nobody's certificate could be verified. */
static void
config_check_client_auth(struct config_load *l)
{
	if (config_choice(l->config, SETTING_api_ssl_client_auth) != 0 &&
	    *config_text(l->config, SETTING_api_ssl_ca_certs) == '\0')
		config_tell_at(l, SETTING_api_ssl_client_auth,
		    config_text(l->config, SETTING_api_ssl_client_auth),
		    "ssl_ca_certs is required for client certificates");
}

/* Headers of proxies are only believed from those that are named. */
static void
config_check_door(struct config_load *l, const char *item)
{
	bool has_tls =
	    *config_text(l->config, SETTING_api_ssl_certfile) != '\0';
	char why[DOOR_WHY_SIZE];
	struct door_spec d;

	if (door_parse(item, has_tls, &d, why) != ST_OK)
		config_tell_at(l, SETTING_api_server_listen, item, why);
	else if (d.proxy && !d.is_local &&
		 config_network(l->config, SETTING_api_trusted_proxies, 0) ==
		     NULL)
		config_tell_at(l, SETTING_api_server_listen, item,
		    ";proxy needs the proxies in trusted_proxies");
}

static void
config_check_metrics(struct config_load *l)
{
	const char *text = config_text(l->config, SETTING_api_metrics_listen);
	char why[DOOR_WHY_SIZE];
	struct door_spec d;

	if (*text != '\0' &&
	    (strchr(text, ';') != NULL ||
		door_parse(text, false, &d, why) != ST_OK || d.is_local))
		config_tell_at(l, SETTING_api_metrics_listen, text,
		    "expected 127.0.0.1:9464 or [::1]:9464");
}

static void
config_check_doors(struct config_load *l)
{
	char item[SETTING_ITEM_MAX + 1];
	struct setting_items it;
	enum status st;
	size_t count = 0;

	setting_items_init(
	    &it, config_text(l->config, SETTING_api_server_listen));
	while ((st = setting_items_next(&it, item)) == ST_OK) {
		config_check_door(l, item);
		if (++count == DOORS_MAX + 1)
			config_tell_at(l, SETTING_api_server_listen, item,
			    "one address too many");
	}
	config_check_metrics(l);
	if (st != ST_NOT_FOUND)
		config_tell_at(l, SETTING_api_server_listen, it.at,
		    "expected addresses with commas between");
}

/* HMAC takes any secret; one shorter than its hash can be guessed. */
static void
config_check_secret(struct config_load *l)
{
	static const size_t secret_min[] = { 0, 32, 64 };
	const enum setting_id id = SETTING_api_auth_jwt_secret;
	const char *secret = config_text(l->config, id);
	size_t choice =
	    config_choice(l->config, SETTING_api_auth_jwt_algorithm);

	if (secret[0] == '\0' || choice == 0 ||
	    (strlen(secret) >= secret_min[choice] && config_varies(secret)))
		return;
	config_tell_at(l, id, "(not shown)",
	    choice == 1
		? "api.auth.jwt_algorithm HS256 needs at least 32 bytes, "
		  "8 of them different"
		: "api.auth.jwt_algorithm HS512 needs at least 64 "
		  "bytes, 8 of them different");
}

/* Blocks that together are everybody trust everybody. */
static void
config_check_networks(struct config_load *l)
{
	const struct config_value *v =
	    &l->config->values[SETTING_api_trusted_proxies];

	if (v->number > 0 &&
	    (network_covers(v->networks, v->number, &network_all_ip4) ||
		network_covers(v->networks, v->number, &network_all_ip6)))
		config_tell_at(l, SETTING_api_trusted_proxies, v->text,
		    "together these are every address there is");
}

/* The origin of a page: https://host or https://host:port. */
static bool
config_is_origin(const char *item)
{
	size_t scheme = strncmp(item, "https://", 8) == 0  ? 8
			: strncmp(item, "http://", 7) == 0 ? 7
							   : 0;
	size_t rest =
	    strspn(item + scheme, "abcdefghijklmnopqrstuvwxyz0123456789.-:[]");

	return strcmp(item, "*") == 0 ||
	       (scheme > 0 && rest > 0 && item[scheme + rest] == '\0');
}

static void
config_check_origins(struct config_load *l)
{
	const char *text = config_text(l->config, SETTING_api_cors_origins);
	char item[SETTING_ITEM_MAX + 1];
	struct setting_items it;

	setting_items_init(&it, text);
	while (setting_items_next(&it, item) == ST_OK) {
		if (!config_is_origin(item))
			config_tell_at(l, SETTING_api_cors_origins, item,
			    "expected https://host:port, in lower case, "
			    "without a path");
		if (strcmp(item, "*") == 0 &&
		    config_bool(l->config, SETTING_api_cors_credentials))
			config_tell_at(l, SETTING_api_cors_origins, item,
			    "pages of anybody may not send cookies "
			    "(api.cors.credentials)");
	}
}

/* What no setting can say alone. */
static void
config_cross_check(struct config_load *l, bool is_whole)
{
	if (is_whole) {
		config_require(
		    l, SETTING_api_ssl_keyfile, SETTING_api_ssl_certfile);
		config_require(
		    l, SETTING_api_ssl_certfile, SETTING_api_ssl_keyfile);
	}
	config_require(l, SETTING_api_ssl_certfile, SETTING_api_ssl_ca_certs);
	config_require(
	    l, SETTING_runtime_link_keyfile, SETTING_runtime_link_certfile);
	config_require(
	    l, SETTING_runtime_link_certfile, SETTING_runtime_link_keyfile);
	config_require(
	    l, SETTING_runtime_link_ca_certs, SETTING_runtime_link_certfile);
	config_require(
	    l, SETTING_runtime_link_certfile, SETTING_runtime_link_ca_certs);
	config_check_secret(l);
	config_check_client_auth(l);
	config_check_doors(l);
	config_check_networks(l);
	config_check_origins(l);
}

static void
config_take(
    struct config_load *l, const struct config_input *in, struct arena *scratch)
{
	struct config_reader r = { config_put, l, l->mistakes, scratch };

	config_take_defaults(l);
	config_begin(l, CONFIG_FILE);
	if (in->file != NULL)
		config_read_file(&r, in->file, in->text);
	config_begin(l, CONFIG_ENV);
	if (in->env != NULL)
		config_read_env(&r, in->env);
	config_begin(l, CONFIG_FLAG);
	config_read_sets(&r, in->sets, in->nsets);
	config_cross_check(l, true);
}

/* The first address that is open to all, and seen by all. */
static bool
config_find_exposed(const struct config *c, struct door_spec *ret_door)
{
	if (config_network(c, SETTING_api_trusted_proxies, 0) != NULL)
		return false;
	for (size_t i = 0; door_nth(c, i, ret_door) == ST_OK; i++)
		if (!ret_door->tls && door_is_wildcard(ret_door))
			return true;
	return false;
}

bool
config_is_exposed(const struct config *c)
{
	struct door_spec d;

	return config_find_exposed(c, &d);
}

static enum status
config_seal(struct config *c)
{
	struct door_spec d;

	if (config_find_exposed(c, &d))
		LOG(API_NETWORK_EXPOSURE_WARNING, KV("host", d.address),
		    KV("note", "binds to all interfaces without TLS or "
			       "trusted proxy configuration"));
	return mprotect(c, CONFIG_BYTES, PROT_READ) == 0 ? ST_OK : ST_IO;
}

/* NULL: no memory. */
static struct config *
config_lay(const struct config *base, const struct config_override *overrides,
    size_t count, bool is_whole, struct mistakes *m)
{
	struct config_load l = { .mistakes = m };
	struct config *c =
	    fault_fails("config.memory") ? NULL : config_create();

	if (c == NULL)
		return NULL;
	memcpy(c->values, base->values, sizeof(c->values));
	l.config = c;
	config_begin(&l, CONFIG_STORED);
	for (size_t i = 0; i < count; i++) {
		const struct setting *s =
		    setting_find(overrides[i].space, overrides[i].key);

		if (s != NULL && (s->flags & SETTING_BOOT) == 0)
			config_put(&l, s, overrides[i].value,
			    (struct place){ "override", 0, s->key });
	}
	config_cross_check(&l, is_whole);
	return c;
}

enum status
config_overlay(const struct config *base,
    const struct config_override *overrides, size_t count, struct mistakes *m,
    struct config **ret_config)
{
	struct config *c = config_lay(base, overrides, count, true, m);
	enum status st;

	if (c == NULL)
		return ST_NO_MEMORY;
	st = m->errors > 0 ? ST_INVALID : config_seal(c);
	if (st == ST_OK)
		*ret_config = c;
	else
		config_destroy(c);
	return st;
}

enum status
config_check(const struct config *base, const struct config_override *overrides,
    size_t count, bool is_whole, struct mistakes *m)
{
	struct config *c = config_lay(base, overrides, count, is_whole, m);

	if (c == NULL)
		return ST_NO_MEMORY;
	config_destroy(c);
	return ST_OK;
}

enum status
config_load(const struct config_input *in, struct mistakes *m,
    struct config **ret_config)
{
	struct config_load l = { .mistakes = m, .file = in->file };
	struct arena scratch = { malloc(CONFIG_SCRATCH_SIZE),
		CONFIG_SCRATCH_SIZE, 0 };
	size_t before = m->errors;
	enum status st = ST_NO_MEMORY;

	l.config = config_create();
	if (l.config == NULL || scratch.base == NULL)
		goto out;
	config_take(&l, in, &scratch);
	st = m->errors > before ? ST_INVALID : config_seal(l.config);
out:
	free(scratch.base);
	if (st == ST_OK)
		*ret_config = l.config;
	else
		config_destroy(l.config);
	return st;
}

static const struct config_value *
config_value(const struct config *c, enum setting_id id)
{
	assert((size_t)id < SETTING_COUNT);
	return &c->values[id];
}

bool
config_bool(const struct config *c, enum setting_id id)
{
	assert(setting_nth(id)->kind == SETTING_BOOL);
	return config_value(c, id)->number != 0;
}

uint64_t
config_u64(const struct config *c, enum setting_id id)
{
	enum setting_kind kind = setting_nth(id)->kind;

	assert(kind == SETTING_U64 || kind == SETTING_BYTES);
	return config_value(c, id)->number;
}

size_t
config_choice(const struct config *c, enum setting_id id)
{
	assert(setting_nth(id)->kind == SETTING_ENUM);
	return config_value(c, id)->number;
}

const char *
config_text(const struct config *c, enum setting_id id)
{
	return config_value(c, id)->text;
}

const struct network *
config_network(const struct config *c, enum setting_id id, size_t n)
{
	const struct config_value *v = config_value(c, id);

	assert(setting_nth(id)->kind == SETTING_NETWORKS);
	return n < v->number ? &v->networks[n] : NULL;
}

enum status
config_path(
    const struct config *c, enum setting_id id, char *ret_path, size_t size)
{
	const char *path = config_text(c, id);
	const char *base = config_text(c, SETTING_runtime_data_dir);
	bool alone = path[0] == '/' || path[0] == ':' ||
		     !(setting_nth(id)->flags & SETTING_CONFINED);
	size_t need = strlen(path) + (alone ? 0 : strlen(base) + 1);

	assert(setting_nth(id)->kind == SETTING_PATH);
	if (need >= size)
		return ST_FULL;
	snprintf(ret_path, size, "%s%s%s", alone ? "" : base, alone ? "" : "/",
	    path);
	return ST_OK;
}

enum config_origin
config_origin(const struct config *c, enum setting_id id)
{
	return config_value(c, id)->origin;
}

const char *
config_origin_text(enum config_origin origin)
{
	static const char *const texts[] = {
		[CONFIG_DEFAULT] = "default",
		[CONFIG_FILE] = "file",
		[CONFIG_ENV] = "environment",
		[CONFIG_FLAG] = "--set",
		[CONFIG_STORED] = "override",
	};

	return texts[origin];
}

unsigned
config_line(const struct config *c, enum setting_id id)
{
	return config_value(c, id)->line;
}
