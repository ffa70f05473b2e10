/*
 * tls - streams of a net, decrypted: a net above the net.
 *
 * tls_accept takes a stream of the net below and, once the handshake is done,
 * offers a stream of its own to the listener it was given.  What is owed is
 * counted in plain bytes; at most one record of them lies encrypted below.
 *
 * Keeps:   per stream OpenSSL's SSL and some 100 bytes of ours; no buffer
 *          while it is idle, and none for its BIO at all: it reads what is
 *          being told, and writes to one buffer per net.
 * Bounds:  TLS_STREAMS_MAX; a handshake has TLS_SHAKE_TICKS ticks.
 * Threads: all of it belongs to the thread of its loop.
 */
#ifndef GATEWAY_TLS_H
#define GATEWAY_TLS_H

#include "gateway/tls_context.h"
#include "runtime/net.h"

#define TLS_STREAMS_MAX 32768u
#define TLS_SHAKE_TICKS 40u /* of GATEWAY_SWEEP_US: ten seconds */

struct tls;
struct net_listener;

struct tls_counts {
	uint64_t shaken;  /* handshakes done */
	uint64_t resumed; /* of these, from a ticket */
	uint64_t refused; /* handshakes that failed, or took too long */
	uint64_t reloads;
};

/* How a stream is protected; texts are OpenSSL's own or "". */
struct tls_about {
	const char *version;
	const char *suite;
	bool is_http2;                  /* as ALPN chose */
	char subject[TLS_SUBJECT_SIZE]; /* of the client; "" without one */
};

/* INVALID and why if the files are not fit to be used. */
MUST_CHECK enum status tls_create(
    const struct config *c, struct tls **ret_tls, char ret_why[TLS_WHY_SIZE]);
/* Every stream has been closed; NULL is fine. */
void tls_destroy(struct tls *t);

/*
 * Reads the files again.  On failure everything stays as it was; on success
 * new connections see the new ones, and old ones are not disturbed.
 */
MUST_CHECK enum status tls_reload(
    struct tls *t, const struct config *c, char ret_why[TLS_WHY_SIZE]);

/* A listener for tls_accept; give it back with tls_unlisten. */
struct net_listener *tls_listen(struct tls *t, const struct net_listen *how);
void tls_unlisten(struct net_listener *l);

/* Owns s from now on; it is closed if there is no room. */
void tls_accept(struct tls *t, struct net_listener *l, struct net_stream *s);

/* Every GATEWAY_SWEEP_US: gives up handshakes that take too long. */
void tls_tick(struct tls *t);
/* Gives up all that are not done: nobody will take them any more. */
void tls_stop_shaking(struct tls *t);

/* False: s is no stream of a tls. */
bool tls_about(const struct tls *t, const struct net_stream *s,
    struct tls_about *ret_about);

struct tls_counts tls_counts(const struct tls *t);
const struct tls_identity *tls_identity(const struct tls *t);

#endif
