/*
 * http1_field - the header fields that decide how a request is framed.
 *
 * Part of http1: http1_head_feed calls these, nobody else does.  Each
 * returns NULL, or the refusal to answer with.
 */
#ifndef GATEWAY_HTTP1_FIELD_H
#define GATEWAY_HTTP1_FIELD_H

#include "gateway/http1.h"

/* Takes note of one field; name and value lie in at. */
const struct http1_refusal *http1_field_note(
    struct http1_head *h, const uint8_t *at, const struct http1_header *field);

/* The empty line has come: what the fields say together. */
const struct http1_refusal *http1_field_settle(struct http1_head *h);

#endif
