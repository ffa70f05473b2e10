#include "runtime/config.h"
#include "runtime/inside.h"

/* actor_config - a configuration of an actor's own; apart from actor.c. */

void
actor_use_config(struct actor *self, struct config *c)
{
	config_destroy(self->config);
	self->config = c;
}
