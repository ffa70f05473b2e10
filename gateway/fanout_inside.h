/*
 * fanout_inside - what fanout.c (who is told), fanout_write.c (in what
 * bytes) and fanout_sweep.c (one socket after the other) share.
 */
#ifndef GATEWAY_FANOUT_INSIDE_H
#define GATEWAY_FANOUT_INSIDE_H

#include "gateway/event_frame.h"
#include "gateway/fanout.h"
#include "gateway/socket_parts.h"
#include "gateway/transcode.h"

#define WORD_BITS 64u                 /* of members */
#define WEBSOCKET_SYNTAXES SYNTAX_SSE /* those before it */
/* JSON as it is, msgpack as it may grow, and what goes around. */
#define FANOUT_ROOM (TRANSCODE_SIZE(EVENT_JSON_MAX) + 4096)

/* An event on its way to its channel's members. */
struct job {
	struct list link;
	struct shared *holds[SYNTAXES];  /* NULL: nobody speaks it */
	struct net_part parts[SYNTAXES]; /* or bytes of this turn alone */
	struct shared *tight_holds[SYNTAXES];
	struct net_part tight[SYNTAXES]; /* compressed; empty: no gain */
	struct shared *fields; /* of its payload; NULL: nobody filters */
	struct topic *topic;   /* pinned; NULL: of no family */
	char owner[sizeof(((struct person *)0)->user_id)]; /* if private */
	uint64_t epoch, offset;                            /* 0: ephemeral */
	struct uuid id;
	uint32_t taken;  /* by so many sockets */
	uint32_t began;  /* where the sweep stood when it joined */
	bool came_round; /* the sweep has passed the end since */
	uint8_t channel;
};

/* Events of one channel that go to each socket in one write. */
struct sweep {
	struct job *jobs[FANOUT_SWEEP_MAX]; /* in the order they joined */
	struct shared *holds[SYNTAXES];
	struct net_part wholes[SYNTAXES]; /* all of them; empty: no room */
	uint32_t count;
	uint32_t cursor; /* the next bit of members to look at */
};

struct fanout {
	struct pool jobs;
	struct list telling; /* oldest first; without those of the sweep */
	struct sweep sweep;
	struct shareds *shareds;
	struct shareds *wholes;     /* those of sweeps */
	uint32_t words;             /* of one channel's members */
	uint64_t *members;          /* of all of them */
	uint8_t *scratch[SYNTAXES]; /* FANOUT_ROOM */
};

/* ---- fanout_write.c ---- */
/* OK, or why nobody hears of it. */
MUST_CHECK enum status job_write(
    struct sockets *k, struct job *j, const struct event *e);

/* ---- fanout.c ---- */
/* Everybody was told. */
void job_done(struct sockets *k, struct job *j);

/* ---- fanout_sweep.c ---- */
void sweep_drop_bytes(struct sweep *w);

#endif
