#include "runtime/config_read.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/suggest.h"
#include "runtime/yaml.h"

#define CONFIG_ENV_PREFIX "TROUPE_"
#define CONFIG_ENV_FILE "environment"
#define CONFIG_SET_FILE "--set"

/* The nearest known word, kept because offers are made in a buffer. */
struct near {
	struct suggest suggest;
	char best[SETTING_NAME_SIZE];
};

static void
near_offer(struct near *n, const char *known)
{
	suggest_offer(&n->suggest, known);
	if (n->suggest.best != known)
		return;
	snprintf(n->best, sizeof(n->best), "%s", known);
	n->suggest.best = n->best;
}

/* Cuts place after as many words as like has. */
static void
place_cut(char *place, const char *like)
{
	for (; *place != '\0'; place++) {
		if (*place != '.')
			continue;
		like = strchr(like, '.');
		if (like == NULL)
			break;
		like++;
	}
	*place = '\0';
}

/* Near is a setting's place, or a section as deep as the unknown one. */
static void
near_places(struct near *n, const char *word)
{
	char known[SETTING_NAME_SIZE];
	const struct setting *s;

	suggest_init(&n->suggest, word);
	for (size_t i = 0; (s = setting_nth(i)) != NULL; i++) {
		setting_place(s, known);
		near_offer(n, known);
		place_cut(known, word);
		near_offer(n, known);
	}
}

static void
near_env_names(struct near *n, const char *word)
{
	char known[SETTING_NAME_SIZE];
	const struct setting *s;

	suggest_init(&n->suggest, word);
	for (size_t i = 0; (s = setting_nth(i)) != NULL; i++) {
		setting_env_name(s, known);
		near_offer(n, known);
	}
}

static void
tell_unknown(const struct config_reader *r, struct place at)
{
	struct near n;

	near_places(&n, at.key);
	if (n.suggest.best != NULL)
		mistakes_add(r->mistakes, at, "is no setting; did you mean %s?",
		    n.suggest.best);
	else
		mistakes_add(r->mistakes, at, "is no setting");
}

/* Whether some setting stands below place in a file. */
static bool
place_is_section(const char *place)
{
	char known[SETTING_NAME_SIZE];
	const struct setting *s;
	size_t size = strlen(place);

	for (size_t i = 0; (s = setting_nth(i)) != NULL; i++) {
		setting_place(s, known);
		if (strncmp(known, place, size) == 0 && known[size] == '.')
			return true;
	}
	return false;
}

/* Appends an item to a JSON array; false when it is too long. */
static bool
array_put(char *to, size_t *used, const char *item)
{
	if (strlen(item) * 2 + *used + 4 > SETTING_VALUE_MAX)
		return false;
	to[*used] = *used == 0 ? '[' : ',';
	*used += 1;
	to[(*used)++] = '"';
	for (; *item != '\0'; item++) {
		if (*item == '"' || *item == '\\')
			to[(*used)++] = '\\';
		to[(*used)++] = *item;
	}
	to[(*used)++] = '"';
	return true;
}

/* A YAML list as the JSON array that setting_check reads. */
static void
read_list(const struct config_reader *r, const struct yaml_node *n,
    const struct setting *s, struct place at)
{
	char *text = arena_take(r->scratch, SETTING_VALUE_MAX + 1);
	size_t used = 0;

	if (text == NULL) {
		mistakes_add(r->mistakes, at, "is too long a list");
		return;
	}
	for (const struct yaml_node *i = n->first; i != NULL; i = i->next) {
		const char *item = i->kind == YAML_NONE ? "" : i->text;

		if (item == NULL || !array_put(text, &used, item)) {
			at.line = i->line;
			mistakes_add(r->mistakes, at,
			    "expected a short text, found %s",
			    yaml_kind_text(i->kind));
			return;
		}
	}
	memcpy(text + used, used == 0 ? "[]" : "]", used == 0 ? 3 : 2);
	r->put(r->ctx, s, text, at);
}

static void
read_setting(const struct config_reader *r, const struct yaml_node *n,
    const struct setting *s, struct place at)
{
	if (n->kind == YAML_NONE)
		return;
	if (n->kind == YAML_TEXT)
		r->put(r->ctx, s, n->text, at);
	else if (n->kind == YAML_LIST && setting_is_list(s))
		read_list(r, n, s, at);
	else
		mistakes_add(r->mistakes, at, "expected %s, found %s",
		    setting_is_list(s) ? "a list" : "a value",
		    yaml_kind_text(n->kind));
}

/* Members of a section; its own place is prefix, "" at the top. */
static void
read_section(const struct config_reader *r, const struct yaml_node *section,
    const char *file, const char *prefix)
{
	char name[SETTING_NAME_SIZE];

	for (const struct yaml_node *n = section->first; n; n = n->next) {
		struct place at = { file, n->key_line, name };
		const struct setting *s;

		snprintf(name, sizeof(name), "%s%s%.64s", prefix,
		    prefix[0] != '\0' ? "." : "", n->key);
		s = setting_find_place(name);
		if (s != NULL)
			read_setting(r, n, s, at);
		else if (!place_is_section(name))
			tell_unknown(r, at);
		else if (n->kind == YAML_MAP)
			read_section(r, n, file, name);
		else if (n->kind != YAML_NONE)
			mistakes_add(r->mistakes, at,
			    "expected a section of settings, found %s",
			    yaml_kind_text(n->kind));
	}
}

void
config_read_file(
    const struct config_reader *r, const char *file, struct bytes text)
{
	struct place at = { file, 0, NULL };
	struct yaml_node *root;

	if (text.at == NULL &&
	    yaml_read(file, r->scratch, r->mistakes, &text) != ST_OK)
		return;
	if (yaml_parse(text, file, r->scratch, r->mistakes, &root) != ST_OK)
		return;
	at.line = root->line;
	if (root->kind == YAML_MAP)
		read_section(r, root, file, "");
	else if (root->kind != YAML_NONE)
		mistakes_add(r->mistakes, at,
		    "expected sections of settings, found %s",
		    yaml_kind_text(root->kind));
}

static const struct setting *
env_find(const char *name)
{
	char known[SETTING_NAME_SIZE];
	const struct setting *s;

	for (size_t i = 0; (s = setting_nth(i)) != NULL; i++) {
		setting_env_name(s, known);
		if (strcmp(known, name) == 0)
			return s;
	}
	return NULL;
}

static void
read_variable(
    const struct config_reader *r, const char *name, const char *value)
{
	struct place at = { CONFIG_ENV_FILE, 0, name };
	const struct setting *s = env_find(name);
	struct near n;

	if (s != NULL) {
		r->put(r->ctx, s, value, at);
		return;
	}
	near_env_names(&n, name);
	if (n.suggest.best != NULL)
		mistakes_warn(r->mistakes, at,
		    "is no setting; did you mean %s?", n.suggest.best);
	else
		mistakes_warn(r->mistakes, at, "is no setting");
}

/* The part of text before its '='; false if there is none or too much. */
static bool
split(const char *text, char ret_name[SETTING_NAME_SIZE])
{
	const char *equals = strchr(text, '=');
	size_t size = equals != NULL ? (size_t)(equals - text) : 0;

	if (size == 0 || size >= SETTING_NAME_SIZE)
		return false;
	memcpy(ret_name, text, size);
	ret_name[size] = '\0';
	return true;
}

void
config_read_env(const struct config_reader *r, char *const *env)
{
	char name[SETTING_NAME_SIZE];

	for (; *env != NULL; env++) {
		size_t size = strlen(CONFIG_ENV_PREFIX);

		if (strncmp(*env, CONFIG_ENV_PREFIX, size) != 0)
			continue;
		if (split(*env, name))
			read_variable(r, name, strchr(*env, '=') + 1);
	}
}

void
config_read_sets(
    const struct config_reader *r, const char *const *sets, size_t nsets)
{
	char name[SETTING_NAME_SIZE];

	for (size_t i = 0; i < nsets; i++) {
		struct place at = { CONFIG_SET_FILE, 0, name };
		const struct setting *s;

		if (!split(sets[i], name)) {
			at.key = sets[i];
			mistakes_add(
			    r->mistakes, at, "expected namespace.key=value");
			continue;
		}
		s = setting_find_place(name);
		if (s != NULL)
			r->put(r->ctx, s, strchr(sets[i], '=') + 1, at);
		else
			tell_unknown(r, at);
	}
}
