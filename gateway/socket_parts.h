/*
 * socket_parts - what the parts of socket.h do for one another.
 *
 * Whatever writes to a socket may find its connection broken; connection and
 * socket are gone then.  Such functions say so in their result, or their
 * caller must not look at the socket again.
 */
#ifndef GATEWAY_SOCKET_PARTS_H
#define GATEWAY_SOCKET_PARTS_H

#include "gateway/socket_inside.h"

/* ---- socket.c ---- */
/* The connection's from now on; NULL: there are too many. */
struct socket *socket_create(
    struct conn *c, enum websocket_subprotocol syntax, const char *client);
/* permessage-deflate was agreed on, with so many bits; 0: it was not. */
void socket_set_window(struct socket *s, uint8_t window);
void socket_become(struct socket *s, enum socket_state state);
/* Says why and waits for the client's answer; its subscriptions end now. */
void socket_close(struct socket *s, uint16_t code, const char *reason);
/* Out of all channels, its user and its session. */
void socket_leave(struct socket *s);
/* The hub that has the channel. */
uint64_t sockets_hub(struct sockets *k, const char *channel);
/* The one that counts who is online. */
uint64_t sockets_presence_hub(struct sockets *k);
/* Whatever is unfinished goes on soon, after others had their turn. */
void sockets_work_soon(struct sockets *k);
/* Of every tick: tells the hub what it could not be told before. */
void sockets_retry(struct sockets *k);

/* Between a message and its answer: nothing more is read. */
static inline bool
socket_waits(const struct socket *s)
{
	return s->state == SOCKET_CHECKING || s->state == SOCKET_LISTENING ||
	       s->change != NULL;
}

/* ---- socket_auth.c ---- */
/* Why somebody is not let in; code 0: come in. */
struct verdict {
	uint16_t code;
	const char *reason;
};

extern const struct verdict verdict_bad_ticket;

struct verdict socket_judge(struct gateway *g, const struct msg *reply);
/* As text in the arena; NULL: nobody could have issued it. */
const char *socket_ticket_text(struct gateway *g, struct bytes ticket);
void socket_on_first(struct socket *s, const struct websocket_event *e);
/* The ticket was good. */
void socket_admit(struct socket *s, const struct principal *who);
/* Without a ticket: the request has proved who it is.  False: no room. */
bool socket_come_in(struct socket *s, const char *user_id);
/* The hub sends its own channel now. */
void socket_greet(struct socket *s);

/* ---- socket_change.c ---- */
void socket_subscribe(struct socket *s, const struct control *ask);
void socket_unsubscribe(struct socket *s, const struct control *ask);
/* The hub sends this channel now, or cannot. */
void sockets_on_interest(struct sockets *k, struct interest *i, bool ok);
void change_drop(struct socket *s);
/* In the members of those that it has, but for those it recovers. */
void socket_set_live(
    struct socket *s, uint64_t subscribed, uint64_t recovering);
/* By the one function that says who may hear what, as things are now. */
bool socket_may_hear(const struct socket *s, uint32_t channel);
/* Events of this channel are gone for good. */
void sockets_on_gap(struct sockets *k, struct interest *i);
/* Its role has changed. */
void socket_reconsider(struct socket *s);

/* ---- socket_filter.c ---- */
/* NULL: all filters together pass their bound. */
struct filter *filter_create(struct sockets *k, const struct fields *wanted);
void filter_free(struct sockets *k, struct filter *f); /* NULL is fine */
/* In place of what was there; f may be NULL. */
void socket_set_filter(struct socket *s, uint64_t channels, struct filter *f);
/* True without a filter on the channel. */
bool socket_filter_passes(
    const struct socket *s, uint32_t channel, const struct fields *there);

/* ---- socket_send.c ---- */
/*
 * OK; FULL: too much waits already, and this was dropped; CLOSED: the
 * connection broke, and is gone.
 */
enum status socket_push(
    struct socket *s, const struct net_part *parts, size_t count);
enum status socket_push_frame(
    struct socket *s, enum websocket_opcode opcode, struct bytes payload);
/* All of them if nothing waits, else as many as there is room for. */
enum status socket_push_many(struct socket *s, const struct net_part *parts,
    size_t count, size_t *ret_pushed);
/* Frames of these sizes in one piece; FULL, and none, if something waits. */
enum status socket_push_whole(struct socket *s, const struct net_part *whole,
    const uint32_t *sizes, size_t count);
/* {"key":"text"} */
enum status socket_reply(struct socket *s, const char *key, const char *text);
/* The acknowledgement that names these channels; sinces of some, or NULL. */
enum status socket_reply_channels(struct socket *s, const char *action,
    uint64_t channels, uint64_t asked, const struct sinces *sinces);
/* {"action":"lost","channel":...,"epoch":...,"offset":...} */
enum status socket_reply_lost(struct socket *s, const struct position *now);
void backlog_drop(struct socket *s);
/* An event too long, or no object: told to none of so many sockets. */
void event_log_lost(const struct event *e, enum status st, uint32_t sockets);
/* Counts and logs what a client did not get since it reads too slowly. */
void socket_note_dropped(struct socket *s, const char *what);

/* ---- socket_present.c ---- */
/* It is up, and on these channels.  False: the hub could not be told. */
bool socket_send_up(struct socket *s);
/* False: the hub could not be told. */
bool socket_send_down(struct socket *s);
/* The hub hears now, or at a later tick, what it is subscribed to. */
void socket_tell_channels(struct socket *s);
void sockets_retry_channels(struct sockets *k);

/* ---- socket_revise.c ---- */
void sockets_revise_tick(struct sockets *k, uint64_t now_us);

/* ---- socket_time.c ---- */
void wheel_init_slots(struct sockets *k);
/* Looks at it again when the next thing can be due. */
void socket_arm(struct socket *s);

#endif
