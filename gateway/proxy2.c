#include "gateway/proxy2.h"

#include <arpa/inet.h>
#include <string.h>

#define TLV_HEAD_SIZE 3u
#define TLV_CRC32C 0x03
#define CRC32C_SIZE 4u

enum { COMMAND_LOCAL = 0x20, COMMAND_PROXY = 0x21 };

/* Family and transport; AF_UNSPEC is any without an address. */
enum {
	FAMILY_UNSPEC = 0x00,
	FAMILY_TCP4 = 0x11,
	FAMILY_TCP6 = 0x21,
	FAMILY_UNIX = 0x31
};

static const uint8_t signature[12] = { '\r', '\n', '\r', '\n', '\0', '\r', '\n',
	'Q', 'U', 'I', 'T', '\n' };

static enum status
proxy2_refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return ST_MALFORMED;
}

/* Bytes of the addresses; SIZE_MAX for a family that is none of ours. */
static size_t
proxy2_addresses_size(uint8_t family)
{
	switch (family) {
	case FAMILY_UNSPEC:
		return 0;
	case FAMILY_TCP4:
		return 12;
	case FAMILY_TCP6:
		return 36;
	case FAMILY_UNIX:
		return 216;
	default:
		return SIZE_MAX;
	}
}

static uint16_t
proxy2_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void
proxy2_take_peer(const uint8_t *at, uint8_t family, struct net_peer *ret_peer)
{
	memset(ret_peer, 0, sizeof(*ret_peer));
	if (family == FAMILY_UNIX) {
		memcpy(ret_peer->text, "unix", sizeof("unix"));
	} else if (family == FAMILY_TCP4) {
		(void)inet_ntop(
		    AF_INET, at, ret_peer->text, sizeof(ret_peer->text));
		ret_peer->port = proxy2_u16(at + 8);
	} else {
		(void)inet_ntop(
		    AF_INET6, at, ret_peer->text, sizeof(ret_peer->text));
		ret_peer->port = proxy2_u16(at + 32);
	}
}

/* CRC-32C of everything, with the four bytes at skip taken as zero. */
static uint32_t
proxy2_crc(const uint8_t *at, size_t size, size_t skip)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < size; i++) {
		bool is_zero = i >= skip && i < skip + CRC32C_SIZE;

		crc ^= is_zero ? 0 : at[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0x82f63b78u & (0u - (crc & 1)));
	}
	return ~crc;
}

static bool
proxy2_crc_is_right(const uint8_t *at, size_t size, size_t place)
{
	uint32_t said =
	    (uint32_t)proxy2_u16(at + place) << 16 | proxy2_u16(at + place + 2);

	return proxy2_crc(at, size, place) == said;
}

/* The extra values behind the addresses must be whole. */
static enum status
proxy2_check_values(
    const uint8_t *at, size_t size, size_t place, const char **ret_why)
{
	while (place < size) {
		size_t length;

		if (size - place < TLV_HEAD_SIZE)
			return proxy2_refuse(ret_why, "a value is cut off");
		length = proxy2_u16(at + place + 1);
		if (length > size - place - TLV_HEAD_SIZE)
			return proxy2_refuse(ret_why, "a value is cut off");
		if (at[place] == TLV_CRC32C &&
		    (length != CRC32C_SIZE ||
			!proxy2_crc_is_right(at, size, place + TLV_HEAD_SIZE)))
			return proxy2_refuse(ret_why, "the checksum is wrong");
		place += TLV_HEAD_SIZE + length;
	}
	return ST_OK;
}

/* What can be said of a header whose first 16 bytes are there. */
static enum status
proxy2_check_head(const uint8_t *at, const char **ret_why)
{
	size_t length = proxy2_u16(at + 14);

	if (at[12] != COMMAND_LOCAL && at[12] != COMMAND_PROXY)
		return proxy2_refuse(ret_why, "an unknown version or command");
	if (length > PROXY2_SIZE_MAX - PROXY2_HEAD_SIZE)
		return proxy2_refuse(ret_why, "the header is too large");
	if (at[12] == COMMAND_LOCAL)
		return ST_OK;
	if (proxy2_addresses_size(at[13]) == SIZE_MAX)
		return proxy2_refuse(ret_why, "an unknown family or transport");
	if (length < proxy2_addresses_size(at[13]))
		return proxy2_refuse(ret_why, "the addresses are cut off");
	return ST_OK;
}

enum status
proxy2_parse(const uint8_t *at, size_t size, struct proxy2 *ret_proxy,
    const char **ret_why)
{
	size_t seen = size < sizeof(signature) ? size : sizeof(signature);
	size_t addresses, whole;
	enum status st;

	if (memcmp(at, signature, seen) != 0)
		return proxy2_refuse(ret_why, "no PROXY v2 header");
	if (size < PROXY2_HEAD_SIZE)
		return ST_BUSY;
	st = proxy2_check_head(at, ret_why);
	if (st != ST_OK)
		return st;
	whole = PROXY2_HEAD_SIZE + proxy2_u16(at + 14);
	if (size < whole)
		return ST_BUSY;
	memset(ret_proxy, 0, sizeof(*ret_proxy));
	ret_proxy->size = whole;
	if (at[12] == COMMAND_LOCAL)
		return ST_OK;
	addresses = proxy2_addresses_size(at[13]);
	st = proxy2_check_values(
	    at, whole, PROXY2_HEAD_SIZE + addresses, ret_why);
	if (st != ST_OK || at[13] == FAMILY_UNSPEC)
		return st;
	ret_proxy->has_peer = true;
	proxy2_take_peer(at + PROXY2_HEAD_SIZE, at[13], &ret_proxy->peer);
	return ST_OK;
}
