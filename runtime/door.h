/*
 * door - where the gateway listens, as an operator writes it.
 *
 *   ADDRESS[;tls|;plain][;proxy][;trusted][;mode=0660]
 *
 * ADDRESS is 127.0.0.1:8080, [::1]:8080 or unix:/path.  Without tls or plain
 * a TCP address has TLS if a certificate is configured and a unix socket has
 * none.  proxy: every connection begins with a PROXY v2 header.  trusted: its
 * peers' forwarding headers are believed; only unix sockets can be, for TCP
 * there is api.trusted_proxies.  mode: of a unix socket, 0600 if not given.
 *
 * The doors of a configuration are those of api.server.listen, or the one of
 * api.server.host and api.server.port when it is empty.  Stateless.
 */
#ifndef RUNTIME_DOOR_H
#define RUNTIME_DOOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "runtime/config.h"
#include "runtime/net.h"

#define DOORS_MAX 16
#define DOOR_WHY_SIZE 96

struct door_spec {
	char address[NET_ADDRESS_TEXT_SIZE];
	bool is_local; /* a unix socket */
	bool tls;
	bool proxy;
	bool trusted;
	mode_t mode;
};

/* One item; has_tls: a certificate is configured.  INVALID and why. */
MUST_CHECK enum status door_parse(const char *item, bool has_tls,
    struct door_spec *ret_door, char ret_why[DOOR_WHY_SIZE]);

/*
 * The nth door of a configuration that was loaded; NOT_FOUND past the last.
 * INVALID if api.server.host is no address.
 */
MUST_CHECK enum status door_nth(
    const struct config *c, size_t n, struct door_spec *ret_door);

/* Whether it is on every interface of the machine. */
bool door_is_wildcard(const struct door_spec *d);

/*
 * Where the control socket stands, absolute, as unix:/path; "" if there is
 * none.  INVALID if the path is too long for a unix socket.
 */
MUST_CHECK enum status door_control(
    const struct config *c, char ret_address[NET_ADDRESS_TEXT_SIZE]);

#endif
