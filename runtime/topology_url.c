#include "runtime/topology_url.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define IPC_SCHEME "ipc://"
#define TLS_SCHEME "tls+tcp://"
#define TCP_SCHEME "tcp://"
#define DATA_WORD "${data}/"
#define PORT_MAX 65535

_Static_assert(
    sizeof(((struct sockaddr_un *)0)->sun_path) == TOPOLOGY_IPC_PATH_MAX + 1,
    "the bound of a socket's path is the system's");

static const char *
after(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

static bool
text_is_plain(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text <= 0x20 || *text == 0x7f)
			return false;
	return true;
}

static enum status
ipc_resolve(const char *path, const char *data_dir, char *ret_url, size_t size,
    const char **ret_why)
{
	char full[TOPOLOGY_IPC_PATH_MAX + 1];
	const char *inside = after(path, DATA_WORD);
	int n;

	if (inside != NULL)
		path = inside;
	*ret_why = "expected ipc:// and a path";
	if (*path == '\0' || strstr(path, "${") != NULL)
		return ST_INVALID;
	if (*path == '/' && inside == NULL)
		n = snprintf(full, sizeof(full), "%s", path);
	else
		n = snprintf(full, sizeof(full), "%s/%s", data_dir, path);
	*ret_why = "the socket's path is over 107 bytes once resolved";
	if (n < 0 || (size_t)n >= sizeof(full))
		return ST_INVALID;
	n = snprintf(ret_url, size, IPC_SCHEME "%s", full);
	return n > 0 && (size_t)n < size ? ST_OK : ST_INVALID;
}

/* One to five digits from 1 to 65535. */
static bool
port_is_valid(const char *text)
{
	unsigned port = 0;

	if (*text == '\0' || strlen(text) > 5)
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		port = port * 10 + (unsigned)(*text - '0');
	}
	return port >= 1 && port <= PORT_MAX;
}

/* "10.0.0.1:80", "[fe80::1]:80". */
static bool
address_is_valid(const char *text, bool *ret_loopback)
{
	const char *colon = strrchr(text, ':');
	size_t size = colon != NULL ? (size_t)(colon - text) : 0;
	struct in6_addr six;
	struct in_addr four;
	char host[INET6_ADDRSTRLEN];

	if (size == 0 || size > sizeof(host) || !port_is_valid(colon + 1))
		return false;
	if (text[0] == '[' && text[size - 1] == ']') {
		snprintf(host, sizeof(host), "%.*s", (int)size - 2, text + 1);
		*ret_loopback = strcmp(host, "::1") == 0;
		return inet_pton(AF_INET6, host, &six) == 1;
	}
	snprintf(host, sizeof(host), "%.*s", (int)size, text);
	*ret_loopback = strncmp(host, "127.", 4) == 0;
	return inet_pton(AF_INET, host, &four) == 1;
}

static enum status
tcp_resolve(const char *address, bool secured, const char *given, char *ret_url,
    size_t size, const char **ret_why)
{
	bool loopback = false;
	int n;

	*ret_why = "expected an address in digits and a port from 1 to 65535, "
		   "as 10.0.0.1:7100 or [fd00::1]:7100";
	if (!address_is_valid(address, &loopback))
		return ST_INVALID;
	*ret_why = "tcp:// is for loopback alone, as anybody on the way could "
		   "read it; expected tls+tcp://";
	if (!secured && !loopback)
		return ST_INVALID;
	n = snprintf(ret_url, size, "%s", given);
	return n > 0 && (size_t)n < size ? ST_OK : ST_INVALID;
}

enum status
topology_url_resolve(const char *given, const char *data_dir, char *ret_url,
    size_t size, const char **ret_why)
{
	const char *rest;

	*ret_why = "expected no spaces or control characters";
	if (!text_is_plain(given))
		return ST_INVALID;
	rest = after(given, IPC_SCHEME);
	if (rest != NULL)
		return ipc_resolve(rest, data_dir, ret_url, size, ret_why);
	rest = after(given, TLS_SCHEME);
	if (rest != NULL)
		return tcp_resolve(rest, true, given, ret_url, size, ret_why);
	rest = after(given, TCP_SCHEME);
	if (rest != NULL)
		return tcp_resolve(rest, false, given, ret_url, size, ret_why);
	*ret_why = "expected ipc://path or tls+tcp://address:port";
	return ST_INVALID;
}
