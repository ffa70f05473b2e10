#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocols/channel.h"
#include "protocols/setting.h"
#include "runtime/base/decimal.h"
#include "runtime/base/network.h"

/* What a path of nothing on disk is called; it passes as it is. */
#define SETTING_MEMORY_PATH ":memory:"

struct check {
	const struct setting *setting;
	const char *text;
	uint64_t number;
	char *why;
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
is_blank(const char *text)
{
	while (is_space(*text))
		text++;
	return *text == '\0';
}

static const char *
skip_space(const char *text)
{
	while (is_space(*text))
		text++;
	return text;
}

/* "4096", "16KiB": false if it is no number or does not fit. */
static bool
number_parse(const char *text, bool units, uint64_t *ret_number)
{
	static const char *const names[] = { "KiB", "MiB", "GiB", "TiB" };
	uint64_t n = 0;
	const char *c = text;

	if (!decimal_take(&c, UINT64_MAX, &n))
		return false;
	for (unsigned i = 0; units && *c != '\0' && i < 4; i++) {
		unsigned shift = 10 * (i + 1);

		if (strcmp(c, names[i]) != 0)
			continue;
		if (n > UINT64_MAX >> shift)
			return false;
		n <<= shift;
		c += strlen(names[i]);
	}
	*ret_number = n;
	return *c == '\0';
}

static bool
check_bool(struct check *c)
{
	c->number = strcmp(c->text, "true") == 0;
	if (c->number == 1 || strcmp(c->text, "false") == 0)
		return true;
	snprintf(c->why, SETTING_WHY_SIZE, "expected true or false");
	return false;
}

static bool
check_number(struct check *c)
{
	const struct setting *s = c->setting;
	bool bytes = s->kind == SETTING_BYTES;

	if (number_parse(c->text, bytes, &c->number) && c->number >= s->min &&
	    c->number <= s->max)
		return true;
	snprintf(c->why, SETTING_WHY_SIZE,
	    "expected a whole number%s from %" PRIu64 " to %" PRIu64,
	    bytes ? " of bytes (KiB, MiB, GiB, TiB allowed)" : "", s->min,
	    s->max);
	return false;
}

static bool
check_enum(struct check *c)
{
	size_t used;
	size_t size;
	const char *word;

	for (size_t i = 0; (word = setting_word(c->setting, i, &size)); i++) {
		c->number = i;
		if (strlen(c->text) == size && !memcmp(word, c->text, size))
			return true;
	}
	used = (size_t)snprintf(c->why, SETTING_WHY_SIZE, "expected one of");
	for (size_t i = 0; (word = setting_word(c->setting, i, &size)); i++)
		if (used < SETTING_WHY_SIZE)
			used += (size_t)snprintf(c->why + used,
			    SETTING_WHY_SIZE - used, "%s %.*s",
			    i > 0 ? "," : "", (int)size, word);
	return false;
}

static bool
check_text(struct check *c)
{
	const struct setting *s = c->setting;
	size_t size = strlen(c->text);

	for (const char *t = c->text; *t != '\0'; t++) {
		if ((unsigned char)*t >= 0x20 && *t != 0x7f)
			continue;
		snprintf(
		    c->why, SETTING_WHY_SIZE, "expected no control characters");
		return false;
	}
	if (s->min > 0 && is_blank(c->text)) {
		snprintf(c->why, SETTING_WHY_SIZE, "may not be blank");
		return false;
	}
	if (size <= s->max)
		return true;
	snprintf(c->why, SETTING_WHY_SIZE, "expected at most %" PRIu64 " bytes",
	    s->max);
	return false;
}

/* By component, not by substring: my..db is a name like any other. */
static bool
path_climbs(const char *path)
{
	while (*path != '\0') {
		size_t size = strcspn(path, "/\\");

		if (size == 2 && path[0] == '.' && path[1] == '.')
			return true;
		path += size;
		path += *path != '\0';
	}
	return false;
}

static bool
check_path(struct check *c)
{
	if (!check_text(c))
		return false;
	if (c->setting->flags & SETTING_CONFINED && path_climbs(c->text)) {
		snprintf(c->why, SETTING_WHY_SIZE,
		    "expected a path without a '..' component");
		return false;
	}
	return true;
}

static bool
check_network(struct check *c, const char *item)
{
	struct network n;
	enum status st = network_parse(item, &n);

	if (st == ST_OK)
		return true;
	snprintf(c->why, SETTING_WHY_SIZE, "'%.*s' is %s", NETWORK_TEXT_MAX,
	    item,
	    st == ST_INVALID ? "every address; a prefix is at least 1"
			     : "neither an IP address nor a CIDR block");
	return false;
}

static bool
check_channel(struct check *c, const char *item)
{
	if (channel_is_valid(item))
		return true;
	snprintf(
	    c->why, SETTING_WHY_SIZE, "'%s': there is no such channel", item);
	return false;
}

static bool
check_list(struct check *c, bool (*check_item)(struct check *, const char *))
{
	char item[SETTING_ITEM_MAX + 1];
	struct setting_items it;
	enum status st;

	setting_items_init(&it, c->text);
	while ((st = setting_items_next(&it, item)) == ST_OK) {
		if (!check_item(c, item))
			return false;
		c->number++;
	}
	if (st != ST_NOT_FOUND) {
		snprintf(c->why, SETTING_WHY_SIZE,
		    "expected a list: [\"a\", \"b\"] or a, b");
		return false;
	}
	if (c->number <= c->setting->max)
		return true;
	snprintf(c->why, SETTING_WHY_SIZE, "expected at most %" PRIu64 " items",
	    c->setting->max);
	return false;
}

static bool
check_networks(struct check *c)
{
	return check_list(c, check_network);
}

static bool
check_channels(struct check *c)
{
	return check_list(c, check_channel);
}

enum status
setting_check(const struct setting *s, const char *text, uint64_t *ret_number,
    char ret_why[SETTING_WHY_SIZE])
{
	static bool (*const checks[])(struct check *) = {
		[SETTING_BOOL] = check_bool,
		[SETTING_U64] = check_number,
		[SETTING_BYTES] = check_number,
		[SETTING_TEXT] = check_text,
		[SETTING_PATH] = check_path,
		[SETTING_NETWORKS] = check_networks,
		[SETTING_CHANNELS] = check_channels,
		[SETTING_ENUM] = check_enum,
	};
	struct check c = { .setting = s, .text = text, .why = ret_why };

	if (strnlen(text, SETTING_VALUE_MAX + 1) > SETTING_VALUE_MAX) {
		snprintf(ret_why, SETTING_WHY_SIZE, "expected at most %d bytes",
		    SETTING_VALUE_MAX);
		return ST_INVALID;
	}
	if (!checks[s->kind](&c))
		return ST_INVALID;
	*ret_number = c.number;
	return ST_OK;
}

/* Copies a path without its empty and '.' components. */
static void
path_clean(const char *text, char *to)
{
	char *start = to;
	size_t size;

	if (*text == '/')
		*to++ = '/';
	for (; *text != '\0'; text += size) {
		text += strspn(text, "/");
		size = strcspn(text, "/");
		if (size == 0 || (size == 1 && *text == '.'))
			continue;
		if (to > start && to[-1] != '/')
			*to++ = '/';
		memmove(to, text, size);
		to += size;
	}
	if (to == start)
		*to++ = '.';
	*to = '\0';
}

void
setting_clean(const struct setting *s, const char *text, char *ret_text)
{
	if (s->kind != SETTING_PATH || strcmp(text, SETTING_MEMORY_PATH) == 0)
		memcpy(ret_text, text, strlen(text) + 1);
	else if (is_blank(text))
		*ret_text = '\0';
	else
		path_clean(text, ret_text);
}

/* After an opening quote: up to and past the closing one. */
static bool
item_quoted(struct setting_items *it, char item[SETTING_ITEM_MAX + 1])
{
	size_t n = 0;
	const char *c = it->at;

	for (; *c != '"'; c++) {
		if (*c == '\\' && (c[1] == '"' || c[1] == '\\' || c[1] == '/'))
			c++;
		else if ((unsigned char)*c < 0x20 || *c == '\\')
			return false;
		if (n == SETTING_ITEM_MAX)
			return false;
		item[n++] = *c;
	}
	item[n] = '\0';
	it->at = skip_space(c + 1);
	return true;
}

/* In an array: a quoted item and what parts it from the next. */
static enum status
item_of_array(struct setting_items *it, char item[SETTING_ITEM_MAX + 1])
{
	if (*it->at == ']')
		return is_blank(it->at + 1) ? ST_NOT_FOUND : ST_INVALID;
	if (*it->at++ != '"' || !item_quoted(it, item))
		return ST_INVALID;
	if (*it->at == ']')
		return ST_OK;
	if (*it->at != ',')
		return ST_INVALID;
	it->at = skip_space(it->at + 1);
	return *it->at == '"' ? ST_OK : ST_INVALID;
}

/* Up to the next comma or the end, without spaces around. */
static enum status
item_plain(struct setting_items *it, char item[SETTING_ITEM_MAX + 1])
{
	size_t size = strcspn(it->at, ",");
	size_t kept = size;
	bool more = it->at[size] == ',';

	while (kept > 0 && is_space(it->at[kept - 1]))
		kept--;
	if (kept == 0 || kept > SETTING_ITEM_MAX)
		return ST_INVALID;
	memcpy(item, it->at, kept);
	item[kept] = '\0';
	it->at = skip_space(it->at + size + more);
	return more && *it->at == '\0' ? ST_INVALID : ST_OK;
}

/* An address such as [::1]:443, which no array begins with. */
static bool
is_bracketed(const char *text)
{
	size_t size = strspn(text, "[0123456789abcdefABCDEF:.%");

	return size > 1 && strncmp(text + size, "]:", 2) == 0;
}

void
setting_items_init(struct setting_items *it, const char *text)
{
	it->at = skip_space(text);
	it->array = *it->at == '[' && !is_bracketed(it->at);
	if (it->array)
		it->at = skip_space(it->at + 1);
}

enum status
setting_items_next(
    struct setting_items *it, char ret_item[SETTING_ITEM_MAX + 1])
{
	if (it->array)
		return item_of_array(it, ret_item);
	if (*it->at == '\0')
		return ST_NOT_FOUND;
	return item_plain(it, ret_item);
}
