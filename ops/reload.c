#include "ops/reload.h"

#include <string.h>

#include "protocols/messages.h"
#include "runtime/address.h"
#include "runtime/base/log.h"

void
reload_init(struct reload *r, const struct cmd_args *args,
    const struct loaded *l, unsigned number)
{
	*r = (struct reload){
		.args = args, .loaded = l, .number = number, .now = l->config
	};
}

void
reload_fini(struct reload *r)
{
	for (size_t i = 0; i < r->count; i++)
		config_destroy(r->kept[i]);
	r->count = 0;
}

/* Sensitive values are never told, old or new. */
static bool
reload_compare(const struct config *was, const struct config *now)
{
	bool needs_restart = false;

	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct setting *s = setting_nth(i);
		enum setting_id id = (enum setting_id)i;

		if (strcmp(config_text(was, id), config_text(now, id)) == 0)
			continue;
		if ((s->flags & SETTING_LIVE) != 0) {
			LOG(CONFIG_CHANGED, KV("namespace", s->space),
			    KV("key", s->key),
			    KV("source",
				config_origin_text(config_origin(now, id))));
			continue;
		}
		needs_restart = true;
		LOG(CONFIG_NEEDS_RESTART, KV("namespace", s->space),
		    KV("key", s->key));
	}
	return needs_restart;
}

/* The settings actor tells everybody; on its node alone is there one. */
static void
reload_tell(const struct reload *r, struct node *n)
{
	const struct topology_place *p =
	    topology_find(r->loaded->topology, ACTOR_NUMBER(settings), 0);

	if (p != NULL && p->node == r->number)
		(void)node_signal(n,
		    address_make(r->number, ACTOR_NUMBER(settings), 0, 0),
		    MSG_setting_reload, &(struct setting_reload){ 0 });
}

void
reload_run(struct reload *r, struct node *n)
{
	struct config *fresh = NULL;
	bool needs_restart;

	if (r->count == RELOADS_MAX) {
		LOG(CONFIG_RELOAD_FAILED,
		    KV("why", "it was read too often; start again"));
		return;
	}
	if (loaded_config(r->args, &fresh) != ST_OK) {
		LOG(CONFIG_RELOAD_FAILED,
		    KV("why", "it has mistakes; nothing has changed"));
		return;
	}
	r->kept[r->count++] = fresh;
	needs_restart = reload_compare(r->now, fresh);
	r->now = fresh;
	node_reconfigure(n, fresh);
	reload_tell(r, n);
	LOG(CONFIG_RELOADED, KU("needs_restart", needs_restart));
}
