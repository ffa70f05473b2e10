#include "runtime/topology_url.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define IPC_SCHEME "ipc://"
#define TLS_SCHEME "tls+tcp://"
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

static enum status
tls_resolve(const char *host, const char *given, char *ret_url, size_t size,
    const char **ret_why)
{
	const char *colon = strrchr(host, ':');
	size_t length = colon != NULL ? (size_t)(colon - host) : 0;
	bool six = length > 2 && host[0] == '[' && host[length - 1] == ']';
	int n;

	*ret_why = "expected tls+tcp://host:port, a port from 1 to 65535";
	if (length == 0 || !port_is_valid(colon + 1))
		return ST_INVALID;
	if (!six && strcspn(host, ":/[]@") < length)
		return ST_INVALID;
	if (six && strspn(host + 1, "0123456789abcdefABCDEF:.") != length - 2)
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
		return tls_resolve(rest, given, ret_url, size, ret_why);
	*ret_why = "expected ipc://path or tls+tcp://host:port";
	return ST_INVALID;
}
