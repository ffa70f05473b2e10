/*
 * sse - events for a client that only listens: GET /api/v1/events.
 *
 *	id: 4711.17-4711.3-2913447585
 *	event: task.created
 *	data: {"event_type":"task.created",...}
 *
 * It is a socket (socket.h) that speaks in an answer of stream.h: the same
 * channels, rules, bounds and recovery.  An id is the client's place in each
 * of its channels, epoch and offset, in an order of their own, and a sum over
 * their names: a place is no place in other channels.  Browsers hand the last
 * one back as Last-Event-ID, and go on from there.  Replies, such as the
 * first one that says what was recovered, are events of type `control`; the
 * last one of a socket that we close is of type `close`.
 * Bounds: SSE_CHANNELS_MAX channels.
 */
#ifndef GATEWAY_SSE_H
#define GATEWAY_SSE_H

#include "gateway/inside.h"

#define SSE_CHANNELS_MAX 16u
#define SSE_ID_MAX (SSE_CHANNELS_MAX * 42u + 10u)
#define SSE_LINE_MAX (SSE_ID_MAX + 8u) /* "id: ...\n" */

struct sinces;
struct socket;

/* Where the client stands, by its channels in rising order. */
struct sse {
	uint32_t count;
	uint32_t sum; /* of the names that were asked for */
	uint8_t channels[SSE_CHANNELS_MAX];
	uint64_t epochs[SSE_CHANNELS_MAX];
	uint64_t offsets[SSE_CHANNELS_MAX];
};

/* Of the answer to its one subscription. */
void sse_place(struct socket *s, uint64_t channels, const struct sinces *from);
/* An event of the channel is told now; 0 bytes if it has no place. */
size_t sse_id_line(struct socket *s, uint32_t channel, uint64_t epoch,
    uint64_t offset, char ret_line[SSE_LINE_MAX]);
/* A frame by event_frame_append, behind its id. */
enum status sse_push_event(struct socket *s, uint32_t channel, uint64_t epoch,
    uint64_t offset, const struct net_part *part);
/* JSON as an event of this type. */
enum status sse_push_json(
    struct socket *s, const char *type, struct bytes json);
void sse_close(struct socket *s, uint16_t code, const char *reason);

#endif
