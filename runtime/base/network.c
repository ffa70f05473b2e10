#include "runtime/base/network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/decimal.h"

#define BITS_IN_IP4 32
#define BITS_IN_IP6 128
#define OCTETS_BEFORE_IP4 12
#define BITS_BEFORE_IP4 96
#define OCTETS_OF_CLIENT 8 /* of IPv6: a /64 */

/* One to three digits and nothing else; false if past max. */
static bool
prefix_parse(const char *text, unsigned max, unsigned *ret_prefix)
{
	uint64_t n;

	if (strlen(text) > 3 || !decimal_parse(text, max, &n))
		return false;
	*ret_prefix = (unsigned)n;
	return true;
}

/* The first octets of an IPv4 address in an IPv6 one (RFC 4291, 2.5.5.2). */
static const uint8_t mapped[OCTETS_BEFORE_IP4] = { [10] = 0xff, [11] = 0xff };

static bool
octets_are_ip4(const uint8_t octets[16])
{
	return memcmp(octets, mapped, sizeof(mapped)) == 0;
}

/* Octets of the address; the bits of its family in *ret_bits. */
static bool
address_parse(const char *text, uint8_t octets[16], unsigned *ret_bits)
{
	if (inet_pton(AF_INET6, text, octets) == 1) {
		*ret_bits = BITS_IN_IP6;
		return true;
	}
	memcpy(octets, mapped, sizeof(mapped));
	*ret_bits = BITS_IN_IP4;
	return inet_pton(AF_INET, text, octets + OCTETS_BEFORE_IP4) == 1;
}

static void
network_clear_host(struct network *n)
{
	for (unsigned bit = n->prefix; bit < BITS_IN_IP6; bit++)
		n->octets[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
}

enum status
network_parse(const char *text, struct network *ret_network)
{
	char address[NETWORK_TEXT_MAX + 1];
	const char *slash = strchr(text, '/');
	size_t size = slash ? (size_t)(slash - text) : strlen(text);
	struct network n;
	unsigned bits;

	if (size >= sizeof(address))
		return ST_MALFORMED;
	memcpy(address, text, size);
	address[size] = '\0';
	if (!address_parse(address, n.octets, &bits))
		return ST_MALFORMED;
	n.prefix = bits;
	if (slash != NULL && !prefix_parse(slash + 1, bits, &n.prefix))
		return ST_MALFORMED;
	if (n.prefix == 0)
		return ST_INVALID;
	n.prefix += BITS_IN_IP6 - bits;
	network_clear_host(&n);
	if (octets_are_ip4(n.octets) && n.prefix == BITS_BEFORE_IP4)
		return ST_INVALID;
	*ret_network = n;
	return ST_OK;
}

bool
network_holds(const struct network *n, const struct network *address)
{
	size_t whole = n->prefix / 8;
	unsigned rest = n->prefix % 8;
	uint8_t mask = (uint8_t)(0xff00u >> rest);

	if (octets_are_ip4(address->octets) && n->prefix <= BITS_BEFORE_IP4)
		return false;
	if (memcmp(n->octets, address->octets, whole) != 0)
		return false;
	return rest == 0 || (address->octets[whole] & mask) == n->octets[whole];
}

const struct network network_all_ip4 = {
	.octets = { [10] = 0xff, [11] = 0xff },
	.prefix = BITS_BEFORE_IP4,
};

/* The part of it that is in use, 2000::/3 (RFC 4291). */
const struct network network_all_ip6 = { .octets = { 0x20 }, .prefix = 3 };

/* All of IPv4 is a block of IPv6 too, which network_holds does not let pass. */
static bool
network_is_within(const struct network *inner, const struct network *outer)
{
	if (outer->prefix == BITS_BEFORE_IP4 && octets_are_ip4(outer->octets))
		return octets_are_ip4(inner->octets);
	return inner->prefix >= outer->prefix && network_holds(outer, inner);
}

bool
network_covers(
    const struct network *list, size_t count, const struct network *block)
{
	struct network low = *block, high;
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		if (network_is_within(block, &list[i]))
			return true;
		any = any || network_is_within(&list[i], block);
	}
	if (!any || block->prefix >= BITS_IN_IP6)
		return false;
	high = low;
	high.octets[low.prefix / 8] |= (uint8_t)(0x80u >> low.prefix % 8);
	low.prefix++;
	high.prefix++;
	return network_covers(list, count, &low) &&
	       network_covers(list, count, &high);
}

void
network_of_client(const char *address, char ret_text[NETWORK_OF_CLIENT_SIZE])
{
	char text[INET6_ADDRSTRLEN];
	uint8_t octets[16];
	unsigned bits;

	if (!address_parse(address, octets, &bits)) {
		snprintf(ret_text, NETWORK_OF_CLIENT_SIZE, "%s", address);
	} else if (octets_are_ip4(octets)) {
		(void)inet_ntop(AF_INET, octets + OCTETS_BEFORE_IP4, ret_text,
		    NETWORK_OF_CLIENT_SIZE);
	} else {
		memset(octets + OCTETS_OF_CLIENT, 0,
		    sizeof(octets) - OCTETS_OF_CLIENT);
		(void)inet_ntop(AF_INET6, octets, text, sizeof(text));
		snprintf(ret_text, NETWORK_OF_CLIENT_SIZE, "%s/64", text);
	}
}
