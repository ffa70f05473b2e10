/*
 * link_tls - links between hosts in TLS 1.3, both ends known by certificates
 * of one authority; OpenSSL 3.
 *
 * `struct link_tls` is what a node shows and whom it believes, read from
 * files.  A `struct link_tls_conn` is one connection and knows no socket: it
 * is given the bytes that came and yields plain ones, takes plain ones and
 * yields the bytes to send.  A certificate names its nodes as DNS names of its
 * alternative names, so one file may serve every node of a host.
 *
 * No older version, no renegotiation, no tickets, no early data, no
 * compression.  Keys are changed every rekey_bytes (RFC 8446, 5.5).  A reload
 * makes new connections use the new files; the old ones live on.
 *
 * Bounds:  LINK_TLS_SHAKES_MAX handshakes that others have begun with us,
 *          each for shake_ms; a line in the log per refusal and LOG_MS
 * Threads: the loop's; link_tls_reload on any
 */
#ifndef RUNTIME_LINK_TLS_H
#define RUNTIME_LINK_TLS_H

#include "runtime/base/bytes.h"
#include "runtime/link.h"

#define LINK_TLS_WHY_SIZE 256
#define LINK_TLS_SHAKES_MAX 64
#define LINK_TLS_SHAKE_MS 5000
#define LINK_TLS_REKEY_BYTES (UINT64_C(16) << 30)
#define LINK_TLS_RECORD_MAX 16384u /* plain bytes of one record */

/* Why a connection is refused; the texts are what the log says. */
#define LINK_TLS_REFUSALS(X)                                     \
	X(NO_CERTIFICATE, "it showed no certificate")            \
	X(AUTHORITY, "its certificate is of another authority")  \
	X(EXPIRED, "its certificate has expired")                \
	X(NOT_YET, "its certificate is not valid yet")           \
	X(UNFIT, "its certificate is not fit for this")          \
	X(NAME, "its certificate names another node")            \
	X(PLAIN, "it does not speak TLS")                        \
	X(VERSION, "it does not speak TLS 1.3")                  \
	X(LATE, "its handshake took too long")                   \
	X(MANY, "too many handshakes at once")                   \
	X(GONE, "it closed the connection before it was proven") \
	X(TOLD, "it refused us")                                 \
	X(BROKEN, "its bytes do not fit the protocol")

enum link_tls_refusal {
#define X(name, text) LINK_TLS_##name,
	LINK_TLS_REFUSALS(X)
#undef X
	    LINK_TLS_REFUSAL_COUNT
};

/* Files are PEM.  Everything is copied. */
struct link_tls_config {
	const char *name; /* of this node; its certificate must have it */
	const char *certfile;
	const char *keyfile;
	const char *ca_certs;
	const struct link_peer *peers;
	size_t npeers;
	uint64_t shake_ms;    /* 0: LINK_TLS_SHAKE_MS */
	uint64_t rekey_bytes; /* 0: LINK_TLS_REKEY_BYTES */
};

struct link_tls_counts {
	uint64_t shaken; /* handshakes done */
	uint64_t refused[LINK_TLS_REFUSAL_COUNT];
};

struct link_tls;
struct link_tls_conn;

/* INVALID and why, which names a file and never shows what is in it. */
MUST_CHECK enum status link_tls_create(const struct link_tls_config *c,
    struct link_tls **ret_tls, char ret_why[LINK_TLS_WHY_SIZE]);
/* Every connection has been closed; NULL is fine. */
void link_tls_destroy(struct link_tls *t);

/* Reads the files again, from these paths; on failure nothing has changed. */
MUST_CHECK enum status link_tls_reload(struct link_tls *t,
    const struct link_tls_config *c, char ret_why[LINK_TLS_WHY_SIZE]);

uint64_t link_tls_shake_ms(const struct link_tls *t);
/* Seconds since 1970 at which our certificate ends.  Any thread. */
int64_t link_tls_not_after(struct link_tls *t);
const struct link_tls_counts *link_tls_counts(const struct link_tls *t);
/* NULL: it is no peer. */
const char *link_tls_peer(const struct link_tls *t, uint16_t node);

/* Counts, and logs now and then: peer is a name or an address. */
void link_tls_refused(struct link_tls *t, const char *peer,
    enum link_tls_refusal why, const char *more, uint64_t now_ms);

/* One that dials a node, and one that was dialled.  NULL: no memory. */
struct link_tls_conn *link_tls_dial(struct link_tls *t, uint16_t peer);
struct link_tls_conn *link_tls_accept(struct link_tls *t);
void link_tls_close(struct link_tls_conn *c); /* NULL is fine */

/* Lends what came; shake and read take from it until they want more. */
void link_tls_give(struct link_tls_conn *c, struct bytes in);

/*
 * OK: both ends are known.  BUSY: more has to come.  DENIED: refused, for
 * link_tls_why.  Whichever it is, there may be something to send.
 */
MUST_CHECK enum status link_tls_shake(struct link_tls_conn *c);
enum link_tls_refusal link_tls_why(const struct link_tls_conn *c);
const char *link_tls_more(const struct link_tls_conn *c);

/* 0 bytes: more has to come.  CLOSED: it said so.  DENIED: see why. */
MUST_CHECK enum status link_tls_read(
    struct link_tls_conn *c, uint8_t *ret_at, size_t room, size_t *ret_size);

/* One behind the other, in as few records as they need. */
MUST_CHECK enum status link_tls_write(
    struct link_tls_conn *c, const struct bytes *parts, size_t count);

/* What is to be sent, of whichever connection was used last; then drop it. */
struct bytes link_tls_out(const struct link_tls_conn *c);
void link_tls_drop(struct link_tls_conn *c);

/* After the handshake: the certificate is of this node, too. */
bool link_tls_is_of(struct link_tls_conn *c, uint16_t node);

#endif
