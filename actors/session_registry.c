#include "actors/session_registry.h"

#include "actors/registry_account.h"

static enum status
session_registry_start(struct actor *self)
{
	return registry_load(self);
}

static void
session_registry_stop(struct actor *self)
{
	registry_unload(actor_state(self));
}

static void
session_registry_drain(struct actor *self)
{
	struct registry *s = actor_state(self);

	auditor_drain(self, &s->auditor);
}

static enum status
session_registry_on_changed(struct actor *self, const struct msg *in)
{
	struct registry *s = actor_state(self);

	return watch_on_changed(self, &s->watch, in);
}

static enum status
session_registry_on_restarted(struct actor *self, const struct msg *in)
{
	struct registry *s = actor_state(self);

	(void)in;
	return watch_on_restarted(self, &s->watch);
}

static const struct handler session_registry_on[] = {
	ON(auth_setup, registry_on_setup),
	ON(auth_login, registry_on_login),
	ON(auth_logout, registry_on_logout),
	ON(auth_sessions, registry_on_sessions),
	ON(auth_session_revoke, registry_on_revoke),
	ON(auth_revoke_user, registry_on_revoke_user),
	ON(auth_clean, registry_on_clean),
	ON(token_keys_list, registry_on_keys_list),
	ON(token_keys_rotate, registry_on_keys_rotate),
	ON(audit_list, registry_on_audit),
	ON(audit_refusals, registry_on_refusals),
	ON(audit_prunable, registry_on_prunable),
	ON(user_create, registry_on_user_create),
	ON(user_list, registry_on_user_list),
	ON(user_get, registry_on_user_get),
	ON(user_change, registry_on_user_change),
	ON(user_delete, registry_on_user_delete),
	ON(user_password, registry_on_user_password),
	ON(auth_change_password, registry_on_change_password),
	ON(auth_reauthenticate, registry_on_reauthenticate),
	ON(auth_revoke_mine, registry_on_revoke_mine),
	ON(api_key_create, registry_on_key_create),
	ON(api_key_list, registry_on_key_list),
	ON(api_key_revoke, registry_on_key_revoke),
	ON(auth_seen, registry_on_seen),
	ON(auth_refresh, registry_on_refresh),
	ON(setting_changed, session_registry_on_changed),
	ON(setting_restarted, session_registry_on_restarted),
	ON(replica_join, replica_on_join),
	ON(replica_read, replica_on_read),
	ON(replica_agree, replica_on_agree),
	ON(service_run, registry_on_service_run),
	ON(service_cancel, registry_on_service_cancel),
	ON(store_restored, actor_on_start_over),
	{ 0 },
};

const struct actor_class session_registry_class = {
	.name = "session-registry",
	.state_size = sizeof(struct registry),
	.ops_max = 4096,
	.restart = RESTART_ON_FAILURE,
	.starts_slowly = true,
	.start = session_registry_start,
	.stop = session_registry_stop,
	.drain = session_registry_drain,
	.measure = registry_measure,
	.on = session_registry_on,
};
