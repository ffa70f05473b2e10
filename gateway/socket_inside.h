/*
 * socket_inside - what the parts of socket.h share; for gateway/socket*.c,
 * people.c, interest.c and fanout.c alone.  Their functions: socket_parts.h.
 */
#ifndef GATEWAY_SOCKET_INSIDE_H
#define GATEWAY_SOCKET_INSIDE_H

#include "gateway/control.h"
#include "gateway/deflate.h"
#include "gateway/people.h"
#include "gateway/recovery.h"
#include "gateway/shared.h"
#include "gateway/socket.h"
#include "gateway/sse.h"
#include "gateway/topic.h"
#include "gateway/websocket_reader.h"

#define SOCKET_KEEP_MAX 4096u        /* bytes of a client's message */
#define SOCKET_REFUSE_MAX (1u << 20) /* of one that is read to be dropped */
#define SOCKET_QUEUE_MAX 64          /* frames that may wait for a client */
#define SOCKET_SLICE 64              /* sockets between two looks at others */
#define SOCKET_CLOSE_US 5000000u     /* for the client's own close frame */
#define SOCKET_WHEEL_SLOTS 256u      /* of GATEWAY_SWEEP_US each */
#define SOCKET_FILTER_BYTES_MAX (16u << 20) /* of all filters */
#define SOCKET_REPLY_MAX 2048u              /* bytes of one reply */

#define SOCKET_BEAT_US 1000000u
#define SOCKET_SLOW_REASON "Too slow: recover from the last offset"
#define SOCKET_BROKEN 1006 /* never sent: there was no close frame */

#define SOCKET_STATES(X) X(AUTH) X(CHECKING) X(LISTENING) X(OPEN) X(CLOSING)

enum socket_state {
#define X(s) SOCKET_##s,
	SOCKET_STATES(X)
#undef X
};

/* Where a client stood, then where it is to begin. */
struct since {
	uint64_t epoch, offset; /* begins here */
	uint64_t head_epoch, head;
	bool given;
	bool recovered;
};

/* By channel, of a subscription that recovers. */
struct sinces {
	struct since each[CHANNEL_BITS];
};

/* A subscription that waits for the hub. */
struct change {
	struct socket *socket;
	struct list link; /* of sockets.changing */
	uint64_t channels;
	uint64_t missing;
	uint64_t probing;      /* the journal is asked where these stand */
	struct sinces *sinces; /* NULL: none given */
	struct filter *filter; /* NULL: none given, or to be cleared */
	bool has_filters;
};

/* What events on these channels must hold. */
struct filter {
	struct filter *next;
	uint64_t channels;
	struct fields wanted; /* lies behind */
};

/* The sizes of frames that the client has not taken, oldest first. */
struct backlog {
	uint64_t bytes;
	uint32_t sizes[SOCKET_QUEUE_MAX];
	uint8_t head;
	uint8_t count;
};

struct socket {
	struct sockets *all;
	struct conn *conn;
	struct person *person; /* NULL before its ticket was good */
	struct list of_person;
	struct list due; /* of a wheel slot */
	struct socket *session_next;
	struct change *change;
	struct filter *filters;
	struct backlog *backlog;
	struct recovery *recoveries;
	struct slots *slots; /* NULL: no channel of a family */
	struct sse *sse;     /* NULL: a WebSocket */
	struct websocket_reader reader;
	uint64_t number;   /* never used again in this gateway's life */
	uint64_t since_us; /* when its state began */
	uint64_t heard_us; /* the last message */
	uint64_t told_us;  /* see seen.h */
	uint64_t pinged_us;
	uint64_t subscribed;
	uint64_t recovering; /* of these: not live yet */
	uint64_t held;       /* interests it counts in; subscribed and coming */
	uint64_t second;     /* that said counts messages of */
	uint32_t index;      /* its bit in members */
	uint32_t said;       /* messages of this second */
	uint32_t dropped;    /* events lost to backpressure */
	uint32_t untold;     /* of these, since it was last told so */
	uint16_t code;       /* it was closed with */
	uint8_t state;       /* enum socket_state */
	uint8_t syntax;      /* enum websocket_subprotocol, or SYNTAX_SSE */
	uint8_t window;      /* bits of permessage-deflate; 0: not agreed on */
	bool present;        /* the hub was told that it is up */
	bool is_behind;      /* the hub does not know its channels */
	bool connected;      /* auth_ok was sent */
	bool left;           /* it belongs to nothing any more */
	bool awaits_pong;
	char session_id[SESSION_ID_MAX + 1];
	char client[NET_PEER_TEXT_SIZE];
};

struct fanout;

struct socket_limits {
	uint64_t auth_us, frame_us, ping_us, pong_us;
	uint64_t queue_bytes_max;
	uint32_t total_max, per_user_max, per_address_max;
	uint32_t channels_max, control_max;
	enum channel_roles projects;
	bool deflates;
	bool drops_durable; /* rather than to disconnect */
	uint64_t revise_us, look_us;
	uint32_t stale_max;
};

struct sockets {
	struct gateway *gateway;
	struct socket_limits limits;
	struct pool pool, people, changes, buffers, backlogs;
	struct pool recoveries, sinces, slots, sses;
	struct topics *topics;
	struct fanout *fanout;
	struct lookup *users, *sessions, *addresses;
	uint32_t count;            /* without those that have gone */
	uint32_t speaking[3];      /* sockets, by syntax */
	uint32_t inflating[3];     /* of these, with permessage-deflate */
	struct deflater *deflater; /* NULL: api.ws_deflate is off */
	uint64_t next_number;
	uint64_t incarnation; /* tells the hub which life of ours it hears */
	uint64_t *members[CHANNELS_SHARED + 1]; /* a bit per live socket */
	uint32_t members_count[CHANNELS_SHARED + 1];
	uint32_t filtering[CHANNELS_SHARED + 1]; /* filters on the channel */
	size_t filter_bytes;
	uint64_t dropped; /* events and replies, to backpressure */
	struct interest shared[CHANNELS_SHARED];
	struct list wanted; /* interests to be settled */
	struct list later;  /* at the next tick */
	uint32_t asking;
	uint32_t again;     /* recoveries to be tried again */
	uint32_t behind;    /* sockets whose channels the hub does not know */
	uint32_t stale;     /* looks in a row that met a replica out of date */
	uint64_t look_us;   /* when to look again */
	uint64_t revise_us; /* when to look at every account again */
	uint64_t beat_us;   /* when to tell the hub that we live */
	struct list changing;
	struct list leaving; /* records whose hub_socket_down must be sent */
	struct list wheel[SOCKET_WHEEL_SLOTS];
	uint64_t tick; /* of GATEWAY_SWEEP_US, done */
	struct timer work;
	uint32_t drain_at; /* the next record to close, while draining */
	uint32_t rise_at;  /* the next to announce to a new hub */
	bool draining, rising;
};

#endif
