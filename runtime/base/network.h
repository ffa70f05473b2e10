/*
 * network - an IP address or CIDR block, as an operator writes it.
 *
 * IPv4 is kept as its IPv4-mapped IPv6 form, so one comparison serves both; a
 * block of IPv6 never holds an IPv4 address for that.  Host bits are tolerated
 * and cleared.  Stateless; any thread.
 */
#ifndef RUNTIME_BASE_NETWORK_H
#define RUNTIME_BASE_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/status.h"

#define NETWORK_TEXT_MAX 49 /* the longest IPv6 text and "/128" */

struct network {
	uint8_t octets[16];
	unsigned prefix; /* bits of octets that count, 0 to 128 */
};

/*
 * MALFORMED if text is neither; INVALID for a prefix of 0 of either family,
 * which would name everybody.  An address alone is a block of one.
 */
MUST_CHECK enum status network_parse(
    const char *text, struct network *ret_network);

/*
 * Whether the list holds all of block, be it by one of them or by several
 * together, as 0.0.0.0/1 and 128.0.0.0/1 do.
 */
bool network_covers(
    const struct network *list, size_t count, const struct network *block);

/* Every address of a family. */
extern const struct network network_all_ip4;
extern const struct network network_all_ip6;

/* Whether address, of which only the octets count, is in n. */
bool network_holds(const struct network *n, const struct network *address);

/*
 * Whom a client's address stands for, so that one who has many counts once:
 * an IPv4 address for itself, mapped into IPv6 or not; one of IPv6 for its
 * /64, whose holder has all of it.  Other text is taken as it is.
 */
#define NETWORK_OF_CLIENT_SIZE 66
void network_of_client(
    const char *address, char ret_text[NETWORK_OF_CLIENT_SIZE]);

#endif
