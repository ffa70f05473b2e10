/*
 * bind - a request's message, of everything that its client sent.
 *
 * Body, path, query and headers fill the struct of the route's message, each
 * field once; a method that takes a body takes no query (route_takes_body).
 * What the catalogue does not know is refused by name.  Who asks and the
 * Idempotency-Key are filled in here, and a page's cursor is opened
 * (bookmark.h).  All of it lies in the turn's arena.
 */
#ifndef GATEWAY_BIND_H
#define GATEWAY_BIND_H

#include "gateway/bookmark.h"
#include "gateway/inside.h"

/*
 * INVALID: a field is not what it may be; MALFORMED; NO_MEMORY: too large.
 * at: the request's head.
 */
MUST_CHECK enum status bind_request(struct conn *c, const uint8_t *at,
    struct bytes body, void **ret_message, struct json_result *why);

bool bind_is_json(const struct exchange *x, const uint8_t *at);

/* Whose cursors of which list the exchange's are. */
struct bookmark bind_bookmark(const struct conn *c);

#endif
