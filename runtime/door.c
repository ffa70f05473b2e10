#include "runtime/door.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/net_address.h"

#define UNIX_PREFIX "unix:"
#define MODE_MAX 0777

static enum status
door_refuse(char ret_why[DOOR_WHY_SIZE], const char *why)
{
	snprintf(ret_why, DOOR_WHY_SIZE, "%s", why);
	return ST_INVALID;
}

static bool
door_set_mode(struct door_spec *d, const char *digits)
{
	char *end;
	unsigned long mode = strtoul(digits, &end, 8);

	if (*digits < '0' || *digits > '7' || *end != '\0' || mode > MODE_MAX)
		return false;
	d->mode = (mode_t)mode;
	return true;
}

/* One word behind the address. */
static enum status
door_set(struct door_spec *d, const char *word, char ret_why[DOOR_WHY_SIZE])
{
	if (strcmp(word, "tls") == 0)
		d->tls = true;
	else if (strcmp(word, "plain") == 0)
		d->tls = false;
	else if (strcmp(word, "proxy") == 0)
		d->proxy = true;
	else if (strcmp(word, "trusted") == 0 && d->is_local)
		d->trusted = true;
	else if (strncmp(word, "mode=", 5) != 0 || !d->is_local ||
		 !door_set_mode(d, word + 5))
		return door_refuse(ret_why,
		    "after the address may stand ;tls or ;plain, ;proxy, and "
		    "of unix: ;trusted and ;mode=0660");
	return ST_OK;
}

enum status
door_parse(const char *item, bool has_tls, struct door_spec *ret_door,
    char ret_why[DOOR_WHY_SIZE])
{
	struct door_spec d = { .mode = 0 };
	struct net_address address;
	char words[SETTING_ITEM_MAX + 1];
	char *rest = words, *word;

	snprintf(words, sizeof(words), "%s", item);
	word = strsep(&rest, ";");
	if (strlen(word) >= sizeof(d.address) ||
	    net_address_parse(word, &address) != ST_OK)
		return door_refuse(ret_why,
		    "expected 127.0.0.1:8080, [::1]:8080 or unix:/path");
	memcpy(d.address, word, strlen(word) + 1);
	d.is_local = address.u.any.sa_family == AF_UNIX;
	d.tls = has_tls && !d.is_local;
	while ((word = strsep(&rest, ";")) != NULL)
		if (door_set(&d, word, ret_why) != ST_OK)
			return ST_INVALID;
	if (d.tls && !has_tls)
		return door_refuse(
		    ret_why, ";tls needs api.ssl_certfile and its key");
	*ret_door = d;
	return ST_OK;
}

static bool
door_has_tls(const struct config *c)
{
	return *config_text(c, SETTING_api_ssl_certfile) != '\0';
}

/* A host with colons is IPv6. */
static enum status
door_of_host(const struct config *c, struct door_spec *ret_door)
{
	const char *host = config_text(c, SETTING_api_server_host);
	bool v6 = strchr(host, ':') != NULL && host[0] != '[';
	char address[NET_ADDRESS_TEXT_SIZE];
	char why[DOOR_WHY_SIZE];

	snprintf(address, sizeof(address), "%s%.96s%s:%" PRIu64, v6 ? "[" : "",
	    host, v6 ? "]" : "", config_u64(c, SETTING_api_server_port));
	memcpy(ret_door->address, address, sizeof(address));
	return door_parse(address, door_has_tls(c), ret_door, why);
}

enum status
door_nth(const struct config *c, size_t n, struct door_spec *ret_door)
{
	char item[SETTING_ITEM_MAX + 1];
	char why[DOOR_WHY_SIZE];
	struct setting_items it;
	enum status st;

	setting_items_init(&it, config_text(c, SETTING_api_server_listen));
	st = setting_items_next(&it, item);
	if (st != ST_OK)
		return n == 0 ? door_of_host(c, ret_door) : ST_NOT_FOUND;
	while (st == ST_OK && n-- > 0)
		st = setting_items_next(&it, item);
	if (st != ST_OK)
		return ST_NOT_FOUND;
	return door_parse(item, door_has_tls(c), ret_door, why);
}

bool
door_is_wildcard(const struct door_spec *d)
{
	struct net_address a;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (net_address_parse(d->address, &a) != ST_OK || d->is_local)
		return false;
	if (a.u.any.sa_family == AF_INET) {
		memcpy(&in, &a.u.ip, sizeof(in));
		return in.sin_addr.s_addr == INADDR_ANY;
	}
	memcpy(&in6, &a.u.ip, sizeof(in6));
	/* ::ffff:0.0.0.0 is every interface too. */
	return IN6_IS_ADDR_UNSPECIFIED(&in6.sin6_addr) ||
	       (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr) &&
		   memcmp(in6.sin6_addr.s6_addr + 12, "\0\0\0\0", 4) == 0);
}

enum status
door_control(const struct config *c, char ret_address[NET_ADDRESS_TEXT_SIZE])
{
	char path[CONFIG_PATH_SIZE];
	char here[CONFIG_PATH_SIZE] = "";
	struct net_address parsed;
	enum status st = config_path(
	    c, SETTING_api_server_control_socket, path, sizeof(path));
	int size;

	*ret_address = '\0';
	if (st != ST_OK ||
	    *config_text(c, SETTING_api_server_control_socket) == '\0')
		return st;
	if (path[0] != '/' && getcwd(here, sizeof(here) - 1) == NULL)
		return ST_IO;
	if (*here != '\0')
		strncat(here, "/", 2);
	size = snprintf(
	    ret_address, NET_ADDRESS_TEXT_SIZE, UNIX_PREFIX "%s%s", here, path);
	if (size < 0 || size >= NET_ADDRESS_TEXT_SIZE)
		return ST_INVALID;
	return net_address_parse(ret_address, &parsed);
}
