/* net_address - the text of an address and what the system makes of it. */
#ifndef RUNTIME_NET_ADDRESS_H
#define RUNTIME_NET_ADDRESS_H

#include <sys/socket.h>
#include <sys/un.h>

#include "runtime/net.h"

struct net_address {
	union {
		struct sockaddr any;
		struct sockaddr_storage ip;
		struct sockaddr_un local;
	} u;
	socklen_t size;
};

/* 127.0.0.1:80, [::1]:80 or unix:/path; no names.  ST_INVALID otherwise. */
MUST_CHECK enum status net_address_parse(
    const char *text, struct net_address *ret_address);

/* The number alone, and its port; empty if it is not an IP address. */
void net_address_show(const struct net_address *a,
    char ret_text[NET_PEER_TEXT_SIZE], uint16_t *ret_port);

#endif
