/*
 * link_uv - inboxes and outboxes on the loop's own libuv handles.
 *
 * An outbox dials the peer's inbox and only sends; an inbox listens and only
 * receives.  Each message follows its size in 32 bits, little endian.  A send
 * is one writev from where the bytes lie; what the kernel does not take waits
 * in the outbox.  Messages are read where they were received, or where TLS has
 * put them (link_tls.h).
 *
 * No thread but the loop's takes part, so a message costs one wake-up a
 * process and no lock (docs/adr/0011-links-on-the-loops-own-handles.md has
 * the figures against NNG's threads).  wake() is never called: what comes in
 * comes in uv_run, after which the loop turns anyway.
 *
 * Bounds:  LINK_UV_INBOUND_MAX connections to the inbox, LINK_UV_WRITE_BYTES
 *          that wait in an outbox, one message's size of a read buffer
 * Threads: made and destroyed while the loop stands still, else the loop's
 */
#ifndef RUNTIME_LINK_UV_H
#define RUNTIME_LINK_UV_H

#include "runtime/link_transport.h"

#define LINK_UV_INBOUND_MAX 256
#define LINK_UV_READ_BYTES (256u << 10)
#define LINK_UV_WRITE_BYTES (1u << 20)

struct link_tls;

/*
 * uv: a uv_loop_t, which must outlive the transport, as tls must.  listen:
 * ipc://PATH, tcp://ADDRESS:PORT, or with a tls, tls+tcp://ADDRESS:PORT; an
 * address in digits.  EXISTS, INVALID, IO, NO_MEMORY.
 */
MUST_CHECK enum status link_uv_create(void *uv, const char *listen,
    struct link_tls *tls, struct link_transport **ret_t);

#endif
