#include "runtime/watch.h"

#define WATCH_AGAIN_US 1000000u

static enum status watch_on_again(struct actor *self, struct timer *t);

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
		live_replace(&w->live, reply->body);
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
	watch_tell(self, w);
	return ST_OK;
}

enum status
watch_on_restarted(struct actor *self, struct watch *w)
{
	return watch_ask(self, w);
}
