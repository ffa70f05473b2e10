/* conn_inside - what the two kinds of connection share. */
#ifndef GATEWAY_CONN_INSIDE_H
#define GATEWAY_CONN_INSIDE_H

#include "gateway/inside.h"

/* NULL at the bound of all connections. */
struct conn *conn_create(const struct listen_door *d, struct net_stream *s);

/* The one it has, or a fresh one; NULL at the bound of these. */
struct exchange *conn_take_exchange(struct conn *c);

/* The parser's bounds are fixed; the settings' may be narrower. */
enum http1_step conn_feed_head(struct conn *c, const uint8_t *at, size_t size);

/* Keeps a piece of a body; false: there is no room. */
bool exchange_hold(struct gateway *g, struct exchange *x, struct bytes data);

/* It owes nothing any more. */
void conn_tell_drained(struct conn *c);

#endif
