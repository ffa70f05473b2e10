/*
 * forwarded - who the client is when proxies stand between (sessions.md 2.6).
 *
 * Each proxy adds the address it was called from at the right.  So the list
 * is walked from the right, past the addresses of proxies that are trusted;
 * the first other one is the client, and what stands left of it was written
 * by the client and means nothing.  An element that is no address stops the
 * walk at the last good one.  X-Forwarded-For and RFC 7239's Forwarded are
 * read; when both are there, Forwarded is not.
 * Bounds: FORWARDED_HOPS_MAX elements from the right.  Stateless.
 */
#ifndef GATEWAY_FORWARDED_H
#define GATEWAY_FORWARDED_H

#include <stdbool.h>

#include "runtime/base/bytes.h"
#include "runtime/base/network.h"

#define FORWARDED_HOPS_MAX 32u
#define FORWARDED_TEXT_SIZE 64u

/* One walk; the elements are offered from the right. */
struct forwarded {
	bool (*is_trusted)(void *ctx, const struct network *address);
	void *ctx;
	char client[FORWARDED_TEXT_SIZE]; /* the peer at first */
	uint32_t hops;
	bool done;
};

/*
 * One element of X-Forwarded-For: an address, perhaps with a port, IPv6
 * perhaps in brackets.  It is printed as the system prints addresses.
 * MALFORMED if it is none.
 */
MUST_CHECK enum status forwarded_address(struct bytes element,
    char ret_text[FORWARDED_TEXT_SIZE], struct network *ret_address);

/* The value of `for` or `proto` in one element of Forwarded, unquoted. */
MUST_CHECK enum status forwarded_pair(
    struct bytes element, const char *name, char *ret_text, size_t size);

/* The peer is a trusted proxy: walk a line of the header from the right. */
void forwarded_walk(struct forwarded *f, struct bytes line, bool is_rfc7239);

#endif
