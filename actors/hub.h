/*
 * hub - the state of the event hub, and what its files share.
 *
 * event_hub.c has its start, ephemeral events and presence; hub_durable.c
 * durable events in their order; hub_listen.c who listens; hub_history.c
 * what was missed.
 */
#ifndef ACTORS_HUB_H
#define ACTORS_HUB_H

#include "actors/channels.h"
#include "actors/presence.h"
#include "runtime/actor.h"
#include "runtime/timing.h"
#include "runtime/watch.h"

#define HUB_AGAIN_US 1000000u /* after the store did not answer */
#define HUB_LATE_US 50000u    /* until a full gateway is told again */
#define HUB_OPS_MAX 8192u
#define HUB_LEASE_US 6000000u /* a gateway that is silent so long is gone */
#define HUB_LEASE_LOOK_US 1000000u

struct metric_page;

struct hub_counts {
#define METRIC(id, name, type, labels, doc) uint64_t id;
#define HISTOGRAM(id, name, scale, labels, doc) struct timing id;
#include "actors/hub_metric.def"
#undef METRIC
#undef HISTOGRAM
};

struct hub_state {
	struct channels channels;
	struct dedup dedup;
	struct presence presence;
	uint64_t incarnations[LISTENERS_MAX]; /* 0: not heard of */
	uint32_t heads;                       /* read at the start */
	char after[CHANNEL_MAX + 1];          /* the last of them */
	uint64_t store_life; /* incarnation of its node; 0: ours, or not met */
	bool is_late[LISTENERS_MAX];   /* it missed something */
	char pruning[CHANNEL_MAX + 1]; /* the last channel that is done */
	uint64_t prune_cancelled;      /* generation */
	struct watch watch;
	struct timer start;
	struct timer fill;
	struct timer late;
	struct timer lease;
	uint64_t beat_us[LISTENERS_MAX]; /* 0: never, or forgotten */
	bool has_lapsed[LISTENERS_MAX];
	struct hub_counts counts;
};

/* What an op keeps that fills a channel's gap, or lets a gateway listen. */
struct hub_op {
	struct channel_entry *channel; /* pinned by its count of questions */
	uint32_t gateway;
	uint64_t epoch; /* what the gateway has seen; 0: nothing */
	uint64_t after;
};

uint64_t hub_store(const struct actor *self);
/* The shard that has a channel, or a user's presence. */
uint64_t hub_of(const struct actor *self, const char *channel);

/* ---- hub_durable.c ---- */

/* False: it could not be told, which is logged. */
bool hub_tell_one(
    struct actor *self, uint32_t gateway, const struct event *event);
/* To how many gateways it went. */
uint32_t hub_tell(
    struct actor *self, struct channel_entry *c, const struct event *event);
/* Reads the journal until all that was heard of has been told. */
void hub_fill(struct actor *self, struct channel_entry *c);
/* Whatever is listened to may have more than was heard of. */
enum status hub_look(struct actor *self);
enum status hub_on_committed(struct actor *self, const struct msg *in);
/* A store that has begun anew may have events that it told nobody. */
enum status hub_on_node_changed(struct actor *self, const struct msg *in);
/* The store says that it has them too. */
enum status hub_on_look(struct actor *self, const struct msg *in);

/* ---- hub_listen.c ---- */

bool hub_is_gateway(const struct msg *in);
/* A signal that cannot be refused is logged.  Always ST_OK. */
enum status hub_ignore(
    const struct msg *in, const char *message, const char *why);
/* The same of what there is no room for, which is counted. */
enum status hub_ignore_for(struct actor *self, const struct msg *in,
    const char *message, enum status st);
/* What an older incarnation of this gateway had is dropped. */
void hub_note_incarnation(
    struct actor *self, uint32_t gateway, uint64_t incarnation);
void hub_forget_gateway(struct actor *self, uint32_t gateway);
enum status hub_on_listen(struct actor *self, const struct msg *in);
enum status hub_on_unlisten(struct actor *self, const struct msg *in);

/* ---- hub_presence.c ---- */

/* ctx: the actor. */
void hub_on_user_gone(void *ctx, const char *user_id, uint32_t count);
void hub_on_moved(
    void *ctx, const char *channel, const char *user_id, bool joined);
enum status hub_on_socket_up(struct actor *self, const struct msg *in);
enum status hub_on_socket_down(struct actor *self, const struct msg *in);
enum status hub_on_socket_channels(struct actor *self, const struct msg *in);
enum status hub_on_beat(struct actor *self, const struct msg *in);
enum status hub_on_presence_list(struct actor *self, const struct msg *in);

/* ---- hub_publish.c, hub_prune.c ---- */

enum status hub_on_event_publish(struct actor *self, const struct msg *in);
enum status hub_on_events_publish(struct actor *self, const struct msg *in);
enum status hub_on_service_run(struct actor *self, const struct msg *in);
enum status hub_on_service_cancel(struct actor *self, const struct msg *in);
enum status hub_on_silent(struct actor *self, const struct msg *in);

/* ---- hub_measure.c ---- */

void hub_measure(struct actor *self, struct metric_page *to);

/* ---- hub_history.c ---- */

enum status hub_on_history(struct actor *self, const struct msg *in);
void hub_call_back(struct actor *self, uint32_t gateway);
void hub_let_fall_behind(
    struct actor *self, struct channel_entry *c, uint32_t gateway);

#endif
