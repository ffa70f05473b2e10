#include "runtime/watch.h"

#include "runtime/base/log.h"
#include "runtime/config.h"
#include "runtime/live.h"
#include "runtime/overlay.h"

#define WATCH_AGAIN_US 1000000u

static enum status watch_on_again(struct actor *self, struct timer *t);

uint64_t
watch_number(
    const struct watch *w, const struct actor *self, enum setting_id id)
{
	return live_number(&w->live, self, id);
}

static void
watch_drop(void *nothing, const struct config_override *row, const char *why)
{
	(void)nothing;
	LOG(SERVICE_SETTING_IGNORED, KV("namespace", row->space),
	    KV("key", row->key), KV("why", why));
}

/*
 * What needs a restart counts from now, since this is the start: from the
 * first answer on the actor reads its node's configuration with the overrides
 * on top, but for those that do not go with it.
 */
static void
watch_overlay(struct actor *self, const struct setting_overrides *all)
{
	struct config_override rows[SETTINGS_PAGE_MAX];
	const struct config *base = actor_config(self);
	struct config *mine = NULL;
	struct mistakes m;
	size_t count = 0;
	enum status st;

	for (uint32_t i = 0; i < all->rows_count; i++) {
		const struct setting *s =
		    setting_find(all->rows[i].namespace, all->rows[i].key);

		if (s != NULL && (s->flags & SETTING_RESTART) != 0 &&
		    count < SETTING_COUNT)
			rows[count++] = (struct config_override){ s->space,
				s->key, all->rows[i].value };
	}
	if (base == NULL || count == 0)
		return;
	count = overlay_choose(base, rows, count, watch_drop, NULL);
	mistakes_init(&m);
	st = config_overlay(base, rows, count, &m, &mine);
	if (st == ST_OK)
		actor_use_config(self, mine);
	else
		LOG(SERVICE_SETTING_IGNORED, KV("namespace", "all"),
		    KV("key", ""), KV("why", status_text(st)));
}

/* The log is the process's: whoever hears of it first sets its level. */
static void
watch_set_log(struct actor *self, const char *value)
{
	const struct config *c = actor_config(self);
	enum log_level level;

	if (value == NULL && c != NULL)
		value = config_text(c, SETTING_runtime_log_level);
	if (value != NULL && log_level_parse(value, &level))
		log_set_level(level);
}

static void
watch_take_all(
    struct actor *self, struct watch *w, const struct setting_overrides *all)
{
	live_replace(&w->live, all);
	if (!w->has_heard)
		watch_overlay(self, all);
	w->has_heard = true;
	for (uint32_t i = 0; i < all->rows_count; i++)
		if (setting_find(all->rows[i].namespace, all->rows[i].key) ==
		    setting_nth(SETTING_runtime_log_level))
			watch_set_log(self, all->rows[i].value);
}

static void
watch_tell(struct actor *self, const struct watch *w)
{
	if (w->on_change != NULL)
		w->on_change(self);
}

static enum status
watch_on_all(struct actor *self, struct op *op, const struct msg *reply)
{
	struct watch *w = *(struct watch **)op_data(op);
	bool is_news = true;

	if (reply->id != MSG_setting_overrides) {
		timer_start(self, &w->again, WATCH_AGAIN_US, watch_on_again);
		is_news = !w->has_answer;
	} else {
		watch_take_all(self, w, reply->body);
	}
	w->has_answer = true;
	(void)op_close(op);
	if (is_news)
		watch_tell(self, w);
	return ST_OK;
}

static enum status
watch_ask(struct actor *self, struct watch *w)
{
	struct op *op = op_open(self, NULL);

	if (op == NULL) {
		timer_start(self, &w->again, WATCH_AGAIN_US, watch_on_again);
		return ST_OK;
	}
	*(struct watch **)op_data(op) = w;
	return OP_ASK(op, actor_find(self, ACTOR_NUMBER(settings), 0),
	    setting_watch, watch_on_all, 0);
}

static enum status
watch_on_again(struct actor *self, struct timer *t)
{
	return watch_ask(self, LIST_OF(t, struct watch, again));
}

enum status
watch_start(
    struct actor *self, struct watch *w, void (*on_change)(struct actor *self))
{
	w->on_change = on_change;
	return watch_ask(self, w);
}

enum status
watch_on_changed(struct actor *self, struct watch *w, const struct msg *in)
{
	const struct setting_changed *news = in->body;

	live_change(&w->live, news->namespace, news->key, news->value);
	if (setting_find(news->namespace, news->key) ==
	    setting_nth(SETTING_runtime_log_level))
		watch_set_log(self, news->value);
	watch_tell(self, w);
	return ST_OK;
}

enum status
watch_on_restarted(struct actor *self, struct watch *w)
{
	return watch_ask(self, w);
}
