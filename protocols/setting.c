#include "protocols/setting.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/network.h"

/* clang-format off */
#define BOOL        SETTING_BOOL, NULL
#define U64         SETTING_U64, NULL
#define BYTES       SETTING_BYTES, NULL
#define TEXT        SETTING_TEXT, NULL
#define PATH        SETTING_PATH, NULL
#define NETWORKS    SETTING_NETWORKS, NULL
#define CHANNELS    SETTING_CHANNELS, NULL
#define ENUM(words) SETTING_ENUM, words
#define LIVE        SETTING_LIVE
#define RESTART     SETTING_RESTART
#define SENSITIVE   SETTING_SENSITIVE
#define GUARDED     SETTING_GUARDED
#define CONFINED    SETTING_CONFINED
#define BOOT        (SETTING_RESTART | SETTING_BOOT)

static const struct setting settings[] = {
#define SETTING_AT(id, ns, key, place, kind, dflt, min, max, flags, doc) \
	{ ns, key, place, kind, dflt, min, max, flags, doc },
#define SETTING(id, ns, key, kind, dflt, min, max, flags, doc) \
	{ ns, key, NULL, kind, dflt, min, max, flags, doc },
#include "protocols/settings.def"
#undef SETTING
#undef SETTING_AT
};
/* clang-format on */

const struct setting *
setting_nth(size_t n)
{
	return n < SETTING_COUNT ? &settings[n] : NULL;
}

const struct setting *
setting_find(const char *space, const char *key)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (strcmp(settings[i].space, space) == 0 &&
		    strcmp(settings[i].key, key) == 0)
			return &settings[i];
	return NULL;
}

static bool
setting_is_address(const struct setting *s, const char *place)
{
	size_t n = strlen(s->space);

	return strncmp(place, s->space, n) == 0 && place[n] == '.' &&
	       strcmp(place + n + 1, s->key) == 0;
}

const struct setting *
setting_find_place(const char *place)
{
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct setting *s = &settings[i];

		if (s->place != NULL && strcmp(s->place, place) == 0)
			return s;
		if (setting_is_address(s, place))
			return s;
	}
	return NULL;
}

bool
setting_has_namespace(const char *space)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (strcmp(settings[i].space, space) == 0)
			return true;
	return false;
}

enum setting_id
setting_id(const struct setting *s)
{
	assert(s >= settings && s < settings + SETTING_COUNT);
	return (enum setting_id)(s - settings);
}

const char *
setting_kind_text(enum setting_kind kind)
{
	static const char *const texts[] = {
		[SETTING_BOOL] = "bool",
		[SETTING_U64] = "integer",
		[SETTING_BYTES] = "bytes",
		[SETTING_TEXT] = "text",
		[SETTING_PATH] = "path",
		[SETTING_NETWORKS] = "networks",
		[SETTING_CHANNELS] = "channels",
		[SETTING_ENUM] = "enum",
	};

	return texts[kind];
}

void
setting_address(const struct setting *s, char ret_address[SETTING_NAME_SIZE])
{
	int n =
	    snprintf(ret_address, SETTING_NAME_SIZE, "%s/%s", s->space, s->key);

	assert(n > 0 && n < SETTING_NAME_SIZE);
}

void
setting_place(const struct setting *s, char ret_place[SETTING_NAME_SIZE])
{
	int n;

	if (s->place != NULL)
		n = snprintf(ret_place, SETTING_NAME_SIZE, "%s", s->place);
	else
		n = snprintf(
		    ret_place, SETTING_NAME_SIZE, "%s.%s", s->space, s->key);
	assert(n > 0 && n < SETTING_NAME_SIZE);
}

void
setting_env_name(const struct setting *s, char ret_name[SETTING_NAME_SIZE])
{
	int n = snprintf(
	    ret_name, SETTING_NAME_SIZE, "TROUPE_%s_%s", s->space, s->key);

	assert(n > 0 && n < SETTING_NAME_SIZE);
	for (char *c = ret_name; *c != '\0'; c++)
		*c = *c == '.' ? '_' : (char)toupper((unsigned char)*c);
}

const char *
setting_word(const struct setting *s, size_t n, size_t *ret_size)
{
	const char *word = s->values;

	while (word != NULL) {
		const char *bar = strchr(word, '|');

		if (n-- == 0) {
			*ret_size = bar ? (size_t)(bar - word) : strlen(word);
			return word;
		}
		word = bar ? bar + 1 : NULL;
	}
	return NULL;
}
