#include "runtime/overlay.h"

#include <stdio.h>
#include <string.h>

#define NOT_COUNTED SIZE_MAX /* for want of memory; more than any count */

/* What is of no use, or of another, without its partner. */
static const enum setting_id pairs[][2] = {
	{ SETTING_api_ssl_certfile, SETTING_api_ssl_keyfile },
	{ SETTING_api_auth_jwt_algorithm, SETTING_api_auth_jwt_secret },
};

enum setting_id
overlay_partner(enum setting_id id)
{
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		for (size_t k = 0; k < 2; k++)
			if (pairs[i][k] == id)
				return pairs[i][1 - k];
	return SETTING_COUNT;
}

static enum setting_id
id_of(const struct config_override *row)
{
	return setting_id(setting_find(row->space, row->key));
}

static bool
are_partners(const struct config_override *a, const struct config_override *b)
{
	return overlay_partner(id_of(a)) == id_of(b);
}

/* All but row `without` and its partner, in the same order. */
static size_t
rows_without(const struct config_override *rows, size_t count, size_t without,
    struct config_override *ret_rows)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (i != without && !are_partners(&rows[i], &rows[without]))
			ret_rows[n++] = rows[i];
	return n;
}

static size_t
count_mistakes(const struct config *base, const struct config_override *rows,
    size_t count, struct mistakes *m)
{
	mistakes_init(m);
	m->quiet = true;
	if (config_check(base, rows, count, true, m) != ST_OK)
		return NOT_COUNTED;
	return m->errors;
}

/* The one without which there is least wrong; the last if that is all one. */
static size_t
find_culprit(const struct config *base, const struct config_override *rows,
    size_t count, size_t errors)
{
	struct config_override left[SETTING_COUNT];
	size_t best = count - 1;
	struct mistakes m;

	for (size_t i = 0; i < count; i++) {
		size_t n = rows_without(rows, count, i, left);
		size_t e = count_mistakes(base, left, n, &m);

		if (e < errors) {
			errors = e;
			best = i;
		}
	}
	return best;
}

static void
mistake_say(const struct mistake *one, char *ret_why)
{
	snprintf(ret_why, OVERLAY_WHY_SIZE, "%s: %.300s", one->key, one->text);
}

size_t
overlay_choose(const struct config *base, struct config_override *rows,
    size_t count, overlay_drop_fn drop, void *ctx)
{
	struct config_override left[SETTING_COUNT];
	char why[OVERLAY_WHY_SIZE];
	struct mistakes m;
	size_t errors, culprit, n;

	while (count > 0 &&
	       (errors = count_mistakes(base, rows, count, &m)) > 0 &&
	       errors != NOT_COUNTED) {
		mistake_say(&m.list[0], why);
		culprit = find_culprit(base, rows, count, errors);
		n = rows_without(rows, count, culprit, left);
		for (size_t i = 0; i < count; i++)
			if (i == culprit ||
			    are_partners(&rows[i], &rows[culprit]))
				drop(ctx, &rows[i], why);
		memcpy(rows, left, n * sizeof(*rows));
		count = n;
	}
	return count;
}

static bool
has_mistake(const struct mistakes *m, const struct mistake *one)
{
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->list[i].key, one->key) == 0 &&
		    strcmp(m->list[i].text, one->text) == 0)
			return true;
	return false;
}

enum status
overlay_allows(const struct config *base, const struct config_override *rows,
    size_t count, const struct config_override *change, char *ret_why)
{
	const struct setting *s = setting_find(change->space, change->key);
	struct config_override all[SETTING_COUNT + 1];
	struct mistakes before, after;
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (setting_find(rows[i].space, rows[i].key) != s)
			all[n++] = rows[i];
	if (change->value != NULL)
		all[n++] = *change;
	mistakes_init(&before);
	mistakes_init(&after);
	before.quiet = after.quiet = true;
	if (config_check(base, all, n, false, &after) != ST_OK)
		return ST_NO_MEMORY;
	if (after.errors == 0)
		return ST_OK;
	if (config_check(base, rows, count, false, &before) != ST_OK)
		return ST_NO_MEMORY;
	for (size_t i = 0; i < after.count; i++)
		if (!has_mistake(&before, &after.list[i])) {
			mistake_say(&after.list[i], ret_why);
			return ST_INVALID;
		}
	return ST_OK;
}
