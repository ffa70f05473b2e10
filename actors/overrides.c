#include "actors/overrides.h"

#include <string.h>

#include "actors/settings.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

static void
override_ignore(const struct setting_row *row, const char *why)
{
	LOG(SETTINGS_OVERRIDE_IGNORED, KV("namespace", row->namespace),
	    KV("key", row->key), KV("why", why));
}

bool
overrides_put(struct overrides *o, const struct setting_row *row)
{
	const struct setting *s = setting_find(row->namespace, row->key);
	char why[SETTING_WHY_SIZE];
	struct override *mine;
	uint64_t number;

	if (s == NULL) {
		override_ignore(row, "there is no such setting");
		return false;
	}
	mine = &o->rows[setting_id(s)];
	if (mine->is_stored && strcmp(row->updated_at, mine->updated_at) < 0)
		return false;
	mine->is_stored = true;
	mine->is_locked = false;
	mine->revision = row->revision;
	mine->is_valid = setting_check(s, row->value, &number, why) == ST_OK;
	if (!mine->is_valid)
		override_ignore(row, why);
	(void)text_fit(mine->value, sizeof(mine->value), row->value);
	(void)text_fit(
	    mine->updated_at, sizeof(mine->updated_at), row->updated_at);
	return true;
}

void
overrides_remove(struct overrides *o, enum setting_id id)
{
	o->rows[id].is_stored = false;
	o->rows[id].is_valid = false;
	o->rows[id].is_locked = false;
}

void
overrides_lock(struct overrides *o, const struct setting_row *row)
{
	const struct setting *s = setting_find(row->namespace, row->key);
	struct override *mine;

	if (s == NULL)
		return;
	mine = &o->rows[setting_id(s)];
	*mine = (struct override){
		.is_stored = true, .is_locked = true, .revision = row->revision
	};
	(void)text_fit(
	    mine->updated_at, sizeof(mine->updated_at), row->updated_at);
}

/* Half a pair whose other half cannot be known is of no use. */
static bool
override_is_whole(const struct overrides *o, enum setting_id id)
{
	enum setting_id other = overlay_partner(id);

	return o->rows[id].is_valid &&
	       (other == SETTING_COUNT || !o->rows[other].is_stored ||
		   o->rows[other].is_valid);
}

/* Those that need a restart; ret_rows of SETTING_COUNT. */
static size_t
overrides_rows(const struct overrides *o, struct config_override *ret_rows)
{
	size_t count = 0;

	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct setting *s = setting_nth(i);

		if ((s->flags & SETTING_RESTART) != 0 &&
		    override_is_whole(o, (enum setting_id)i))
			ret_rows[count++] = (struct config_override){ s->space,
				s->key, o->rows[i].value };
	}
	return count;
}

static void
override_drop(void *ctx, const struct config_override *row, const char *why)
{
	struct overrides *o = ctx;
	const struct setting *s = setting_find(row->space, row->key);

	(void)text_fit(o->rows[setting_id(s)].ignored, OVERLAY_WHY_SIZE, why);
	LOG(SETTINGS_OVERRIDE_IGNORED, KV("namespace", row->space),
	    KV("key", row->key), KV("why", why));
}

void
overrides_judge(struct overrides *o)
{
	struct config_override rows[SETTING_COUNT];

	for (size_t i = 0; i < SETTING_COUNT; i++)
		o->rows[i].ignored[0] = '\0';
	if (o->config == NULL)
		return;
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (o->rows[i].is_valid &&
		    !override_is_whole(o, (enum setting_id)i))
			(void)text_fit(o->rows[i].ignored, OVERLAY_WHY_SIZE,
			    "what goes with it cannot be read");
	(void)overlay_choose(
	    o->config, rows, overrides_rows(o, rows), override_drop, o);
}

enum status
overrides_allow(const struct overrides *o, enum setting_id id,
    const char *value, char *ret_why)
{
	const struct setting *s = setting_nth(id);
	struct config_override rows[SETTING_COUNT];
	struct config_override change = { s->space, s->key, value };

	if (o->config == NULL || (s->flags & SETTING_RESTART) == 0)
		return ST_OK;
	return overlay_allows(
	    o->config, rows, overrides_rows(o, rows), &change, ret_why);
}

const char *
overrides_value(const struct overrides *o, enum setting_id id)
{
	if (o->rows[id].is_valid)
		return o->rows[id].value;
	if (o->config != NULL)
		return config_text(o->config, id);
	return setting_nth(id)->value;
}

enum setting_source
overrides_source(const struct overrides *o, enum setting_id id)
{
	static const enum setting_source sources[] = {
		[CONFIG_DEFAULT] = SOURCE_DEFAULT,
		[CONFIG_FILE] = SOURCE_FILE,
		[CONFIG_ENV] = SOURCE_ENVIRONMENT,
		[CONFIG_FLAG] = SOURCE_FLAG,
		[CONFIG_STORED] = SOURCE_OVERRIDE,
	};

	if (o->rows[id].is_valid)
		return SOURCE_OVERRIDE;
	if (o->config == NULL)
		return SOURCE_DEFAULT;
	return sources[config_origin(o->config, id)];
}

const char *
overrides_version(const struct overrides *o, enum setting_id id)
{
	return o->rows[id].is_stored ? o->rows[id].updated_at : "";
}

static const char *
overrides_shown(const struct overrides *o, enum setting_id id)
{
	if ((setting_nth(id)->flags & SETTING_SENSITIVE) != 0)
		return SETTINGS_MASK;
	return overrides_value(o, id);
}

void
overrides_view(const struct overrides *o, enum setting_id id,
    struct setting_view *ret_view)
{
	const struct setting *s = setting_nth(id);
	const char *updated_at = overrides_version(o, id);

	*ret_view = (struct setting_view){
		.namespace = s->space,
		.key = s->key,
		.value = overrides_shown(o, id),
		.updated_at = updated_at[0] == '\0' ? NULL : updated_at,
		.source = overrides_source(o, id),
		.restart_required = (s->flags & SETTING_RESTART) != 0,
		.sensitive = (s->flags & SETTING_SENSITIVE) != 0,
		.description = s->doc,
		.revision = o->rows[id].revision,
		.has_revision = o->rows[id].is_stored,
		.read_only = (s->flags & SETTING_BOOT) != 0,
		.guarded = (s->flags & SETTING_GUARDED) != 0,
		.ignored =
		    o->rows[id].is_stored && o->rows[id].ignored[0] != '\0'
			? o->rows[id].ignored
			: NULL,
	};
}

void
overrides_etag(
    const struct overrides *o, enum setting_id id, char ret_etag[ETAG_SIZE])
{
	etag_of(overrides_shown(o, id), overrides_version(o, id), ret_etag);
}
