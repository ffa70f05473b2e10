/*
 * proxy2 - the PROXY protocol, version 2: whom a proxy speaks for.
 *
 * The binary header a TCP proxy writes before anything else.  Version 1 and
 * other transports than a stream are refused.  A LOCAL header, and one of an
 * unspecified family, say nothing about anybody.  A checksum that is there
 * must be right.  Stateless; no allocation.
 * Bounds: PROXY2_SIZE_MAX bytes of a header.
 */
#ifndef GATEWAY_PROXY2_H
#define GATEWAY_PROXY2_H

#include "runtime/net.h"

#define PROXY2_HEAD_SIZE 16u
#define PROXY2_SIZE_MAX 2048u

struct proxy2 {
	bool has_peer;        /* false: the proxy speaks for itself */
	struct net_peer peer; /* of a unix socket: "unix", and not is_local */
	size_t size;          /* bytes of the header */
};

/*
 * OK; BUSY: so far so good, more must come; MALFORMED, with why in a few
 * words.  Whatever the cut, the same outcome.
 */
MUST_CHECK enum status proxy2_parse(const uint8_t *at, size_t size,
    struct proxy2 *ret_proxy, const char **ret_why);

#endif
