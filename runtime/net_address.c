#include "runtime/net_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "runtime/base/decimal.h"

#define LOCAL_PREFIX "unix:"

static enum status
net_address_parse_local(const char *path, struct net_address *a)
{
	size_t size = strlen(path);

	if (path[0] != '/' || size >= sizeof(a->u.local.sun_path))
		return ST_INVALID;
	a->u.local.sun_family = AF_UNIX;
	memcpy(a->u.local.sun_path, path, size + 1);
	a->size = sizeof(a->u.local);
	return ST_OK;
}

/* Fills in whichever family the number is of. */
static enum status
net_address_parse_number(
    const char *number, bool bracketed, uint16_t port, struct net_address *a)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons(port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(port) };

	if (bracketed && inet_pton(AF_INET6, number, &in6.sin6_addr) == 1) {
		memcpy(&a->u.ip, &in6, sizeof(in6));
		a->size = sizeof(in6);
	} else if (!bracketed &&
		   inet_pton(AF_INET, number, &in.sin_addr) == 1) {
		memcpy(&a->u.ip, &in, sizeof(in));
		a->size = sizeof(in);
	} else {
		return ST_INVALID;
	}
	return ST_OK;
}

enum status
net_address_parse(const char *text, struct net_address *ret_address)
{
	char number[INET6_ADDRSTRLEN];
	const char *colon = strrchr(text, ':');
	bool bracketed = text[0] == '[';
	size_t size;
	uint16_t port;

	memset(ret_address, 0, sizeof(*ret_address));
	if (strncmp(text, LOCAL_PREFIX, strlen(LOCAL_PREFIX)) == 0)
		return net_address_parse_local(
		    text + strlen(LOCAL_PREFIX), ret_address);
	if (colon == NULL || !decimal_port(colon + 1, strlen(colon + 1), &port))
		return ST_INVALID;
	size = (size_t)(colon - text);
	if (bracketed && (size < 2 || colon[-1] != ']'))
		return ST_INVALID;
	text += bracketed;
	size -= bracketed ? 2 : 0;
	if (size >= sizeof(number))
		return ST_INVALID;
	memcpy(number, text, size);
	number[size] = '\0';
	return net_address_parse_number(number, bracketed, port, ret_address);
}

void
net_address_show(const struct net_address *a, char ret_text[NET_PEER_TEXT_SIZE],
    uint16_t *ret_port)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	const char *shown = NULL;

	*ret_port = 0;
	if (a->u.any.sa_family == AF_INET) {
		memcpy(&in, &a->u.ip, sizeof(in));
		*ret_port = ntohs(in.sin_port);
		shown = inet_ntop(
		    AF_INET, &in.sin_addr, ret_text, NET_PEER_TEXT_SIZE);
	} else if (a->u.any.sa_family == AF_INET6) {
		memcpy(&in6, &a->u.ip, sizeof(in6));
		*ret_port = ntohs(in6.sin6_port);
		shown = inet_ntop(
		    AF_INET6, &in6.sin6_addr, ret_text, NET_PEER_TEXT_SIZE);
	}
	if (shown == NULL)
		ret_text[0] = '\0';
}
