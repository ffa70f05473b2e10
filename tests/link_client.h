/*
 * link_client - whoever dials an end of link_hosts and is none of ours: plain
 * bytes, or a handshake by OpenSSL itself.  The ends are in the same thread,
 * so while it waits it lets them work, by step.
 */
#ifndef TESTS_LINK_CLIENT_H
#define TESTS_LINK_CLIENT_H

#include "tests/link_hosts.h"

typedef void (*link_client_step_fn)(void);

/* A socket that dials the end; it may not be connected yet. */
int link_client_connect(const struct link_hosts *h, uint16_t end);
void link_client_send(
    int fd, const void *bytes, size_t size, link_client_step_fn step);
/* Until the end has closed it; then so do we. */
void link_client_await_end(int fd, link_client_step_fn step);

/*
 * A client of OpenSSL's own, of a version up to this, without a certificate:
 * until it hears that it is refused.
 */
void link_client_be_refused(const struct link_hosts *h, uint16_t end,
    int version, link_client_step_fn step);

#endif
