/*
 * watch - an actor that hears what settings are, now and whenever they change.
 *
 * It asks the settings actor for all there are, again until it answers, and
 * again when it has started anew.  Until then, and for what is not
 * overridden, the node's own configuration counts.  With the first answer
 * actor_config becomes the configuration with the overrides on top, so that
 * what needs a restart counts from this start.  Belongs to one actor.
 */
#ifndef RUNTIME_WATCH_H
#define RUNTIME_WATCH_H

#include "runtime/live.h"

struct watch {
	struct live live;
	struct timer again;
	bool has_heard;  /* all there is, at least once */
	bool has_answer; /* or it is known that there is none now */
	/* After each change, and the first answer of any kind; may be NULL. */
	void (*on_change)(struct actor *self);
};

/* w is zeroed, and a member of the state. */
enum status watch_start(
    struct actor *self, struct watch *w, void (*on_change)(struct actor *self));

/* For ON(setting_changed) and ON(setting_restarted). */
enum status watch_on_changed(
    struct actor *self, struct watch *w, const struct msg *in);
enum status watch_on_restarted(struct actor *self, struct watch *w);

/* The number a setting has now; of what is not overridden, as configured. */
uint64_t watch_number(
    const struct watch *w, const struct actor *self, enum setting_id id);

#endif
