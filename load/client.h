/*
 * client - one connection of a load run to a gateway: HTTP/1.1 requests, one
 * at a time, or a live socket.
 *
 * Only what Troupe's own gateway answers is understood: a reply with its
 * length, frames that are not compressed.  Never blocks but to connect.
 * Bounds: CLIENT_IN_MAX bytes of one reply or frame, CLIENT_OUT_MAX to send.
 */
#ifndef LOAD_CLIENT_H
#define LOAD_CLIENT_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/reply_head.h"
#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

#define CLIENT_IN_MAX (1u << 20)
#define CLIENT_OUT_MAX (64u << 10)

struct client {
	int fd; /* -1: closed */
	bool is_socket;
	char *in; /* CLIENT_IN_MAX; from the first connect on */
	size_t in_used;
	size_t in_taken; /* of what was handed out last */
	char out[CLIENT_OUT_MAX];
	size_t out_used;
};

struct client_reply {
	unsigned status;
	char etag[REPLY_ETAG_SIZE];
	struct bytes body; /* until the next call */
};

/* "host:port"; the caller frees it with freeaddrinfo.  INVALID. */
MUST_CHECK enum status client_resolve(
    const char *address, struct addrinfo **ret_found);

void client_init(struct client *c);
MUST_CHECK enum status client_open(
    struct client *c, const struct addrinfo *where);
void client_close(struct client *c);
void client_fini(struct client *c);

/* Whole bytes, or FULL.  They leave with client_write. */
MUST_CHECK enum status client_put(
    struct client *c, const void *bytes, size_t size);
/* As a text frame. */
MUST_CHECK enum status client_put_frame(struct client *c, const char *text);
/* CLOSED when the connection is broken. */
MUST_CHECK enum status client_write(struct client *c);
MUST_CHECK enum status client_read(struct client *c);

/* True: one has come whole. MALFORMED in *ret_st: it is none. */
bool client_take_reply(
    struct client *c, struct client_reply *ret_reply, enum status *ret_st);
/* Pings are answered by the way; a close frame is CLOSED. */
bool client_take_frame(
    struct client *c, struct bytes *ret_text, enum status *ret_st);

#endif
